"""The clients against a real socket: no response, a dropped connection, a cut response."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from lunas.domain.errors import DeliveryDelayed, GatewayTimeout, GatewayUnavailable
from lunas.gateways.duitku import http as duitku_http
from lunas.gateways.duitku.client import Duitku, DuitkuAccount
from lunas.platforms.thinkific import http as thinkific_http
from lunas.platforms.thinkific.credentials import ApiKey
from lunas.platforms.thinkific.http import ThinkificApi, ThinkificSite
from tests.support.builders import payment
from tests.support.http_stub import StubLimiter

type Behaviour = Callable[[socket.socket], object]

CUT = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"


def handle_then_answer(answer: bytes) -> Behaviour:
    """Read a request, send an answer, close the connection."""

    def behave(line: socket.socket) -> None:
        line.recv(65_536)
        line.sendall(answer)

    return behave


BEHAVIOURS = {
    "dropped": handle_then_answer(b""),
    "cut off": handle_then_answer(CUT),
    "not http": handle_then_answer(b"\x00\x01\x02\r\n\r\n"),
}


@contextmanager
def provider(behave: Behaviour, connections: int = 1) -> Iterator[str]:
    """Serve a number of connections on loopback, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for _ in range(connections):
                line, _ = server.accept()
                with line:
                    behave(line)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)
        assert not thread.is_alive(), "fewer connections than expected"


@contextmanager
def silent_provider() -> Iterator[str]:
    """Accept a connection and never answer it."""
    done = threading.Event()
    with provider(lambda _: done.wait(5)) as url:
        yield url
        done.set()


def direct() -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    return made


def duitku(url: str) -> Duitku:
    return Duitku(lambda: DuitkuAccount("D1", "k", url, url), direct())


def thinkific(url: str) -> ThinkificApi:
    return ThinkificApi(ThinkificSite(url, ApiKey("shop", "key")), StubLimiter(), session=direct())


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_duitku_that_drops_two_connections_is_unavailable(behaviour: str) -> None:
    with provider(BEHAVIOURS[behaviour], connections=2) as url, pytest.raises(GatewayUnavailable):
        duitku(url).status(payment())


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_thinkific_that_drops_a_connection_delays(behaviour: str) -> None:
    with provider(BEHAVIOURS[behaviour]) as url, pytest.raises(DeliveryDelayed):
        thinkific(url).get("/courses")


def test_duitku_that_never_answers_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duitku_http, "TIMEOUT", (1.0, 0.1))
    with silent_provider() as url, pytest.raises(GatewayTimeout):
        duitku(url).status(payment())


def test_thinkific_that_never_answers_delays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(thinkific_http, "TIMEOUT", (1.0, 0.1))
    with silent_provider() as url, pytest.raises(DeliveryDelayed):
        thinkific(url).get("/courses")


def test_a_refused_connection_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(GatewayUnavailable):
        duitku(url).status(payment())

"""Sessions against real servers: trust, retries, and which connections are kept."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import certifi
import pytest
import requests

from lunas import http_sessions
from lunas.domain.errors import GatewayTimeout, GatewayUnavailable
from lunas.domain.gateway_status import GatewayState
from lunas.gateways.duitku import client, http
from lunas.gateways.duitku.client import Duitku, DuitkuAccount
from lunas.http_sessions import IDLE, KeptSession, fresh_session
from tests.support.builders import payment
from tests.support.servers import PAID, Server, certificate, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture(autouse=True)
def _empty_caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    http_sessions._authorities.cache_clear()  # noqa: SLF001
    client._kept.cache_clear()  # noqa: SLF001
    yield
    http_sessions._authorities.cache_clear()  # noqa: SLF001
    client._kept.cache_clear()  # noqa: SLF001


def test_a_server_with_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    context, _ = certificate("127.0.0.1", tmp_path)
    with serving(context) as server, pytest.raises(requests.exceptions.SSLError):
        fresh_session().get(server.url, timeout=5)


def test_a_server_with_a_listed_authority_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, listed = certificate("127.0.0.1", tmp_path)
    monkeypatch.setattr(certifi, "where", lambda: str(listed))
    with serving(context) as server:
        assert fresh_session().get(server.url, timeout=5).content == PAID


def test_a_server_with_a_certificate_of_another_host_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, listed = certificate("127.0.0.2", tmp_path)
    monkeypatch.setattr(certifi, "where", lambda: str(listed))
    with serving(context) as server, pytest.raises(requests.exceptions.SSLError):
        fresh_session().get(server.url, timeout=5)


def test_a_configured_list_replaces_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, listed = certificate("127.0.0.1", tmp_path)
    with serving(context) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(listed))
        assert fresh_session().get(server.url, timeout=5).content == PAID
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(requests.exceptions.SSLError):
            fresh_session().get(server.url, timeout=5)


def test_the_list_is_read_once_for_all_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, listed = certificate("127.0.0.1", tmp_path)
    read = Mock(return_value=str(listed))
    monkeypatch.setattr(certifi, "where", read)
    with serving(context) as server:
        for _ in range(3):
            fresh_session().get(server.url, timeout=5)
        assert len(set(server.callers)) == 3
    read.assert_called_once()


def test_no_cookie_is_sent_back(server: Server) -> None:
    session = fresh_session()
    session.get(server.url, timeout=5)
    assert not session.cookies


def test_no_proxy_and_no_password_is_taken_from_the_machine(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = tmp_path / "netrc"
    passwords.write_text("machine 127.0.0.1 login someone password secret")
    monkeypatch.setenv("NETRC", str(passwords))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    answer = fresh_session().get(server.url, timeout=5)
    assert "Authorization" not in answer.request.headers


@pytest.mark.parametrize(("pause", "kept"), [(0.0, True), (IDLE, True), (IDLE + 1, False)])
def test_a_session_is_kept_until_it_was_idle(
    monkeypatch: pytest.MonkeyPatch, pause: float, *, kept: bool
) -> None:
    moments = [1000.0, 1001.0, 1001.0 + pause]
    monkeypatch.setattr(time, "time", lambda: moments.pop(0))
    session = KeptSession()
    assert (session.current() is session.current()) is kept


def test_a_clock_that_was_set_back_ends_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [1000.0, 1000.0, 900.0]
    monkeypatch.setattr(time, "time", lambda: moments.pop(0))
    session = KeptSession()
    assert session.current() is not session.current()


def duitku(server: Server) -> Duitku:
    return Duitku(lambda: DuitkuAccount("D1", "k", server.url, server.url, "https://h/hook"))


def test_status_requests_share_a_connection(server: Server) -> None:
    for _ in range(3):
        duitku(server).status(payment())
    assert len(server.callers) == 3
    assert len(set(server.callers)) == 1


def test_each_invoice_has_its_own_connection(server: Server) -> None:
    duitku(server).status(payment())
    for _ in range(2):
        duitku(server).create_invoice(payment(), 60, "https://h/back")
    assert len(set(server.callers)) == 3


def test_a_status_request_on_a_dead_connection_is_repeated(server: Server) -> None:
    duitku(server).status(payment())
    server.hang_up_before = {2}
    assert duitku(server).status(payment()).state is GatewayState.PAID
    assert len(server.callers) == 3


def test_a_status_request_whose_response_is_cut_off_is_repeated(server: Server) -> None:
    server.hang_up_within = {1}
    assert duitku(server).status(payment()).state is GatewayState.PAID
    assert len(server.callers) == 2


def test_a_status_request_that_is_cut_off_late_is_not_repeated(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "AT_ONCE", 0.05)
    server.hang_up_before, server.pause = {1}, 0.1
    with pytest.raises(GatewayUnavailable):
        duitku(server).status(payment())
    assert len(server.callers) == 1


def test_a_response_that_stops_half_way_is_a_timeout_and_not_repeated(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (1.0, 0.1))
    server.hang_up_within, server.pause = {1}, 0.5
    with pytest.raises(GatewayTimeout):
        duitku(server).status(payment())
    assert len(server.callers) == 1


def test_an_unreachable_server_is_called_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def count(*args: Any, **kwargs: Any) -> dict[str, Any]:
        tried.append(args[1])
        return http.post_json_once(*args, **kwargs)

    monkeypatch.setattr(client, "post_json_once", count)
    monkeypatch.setattr(client, "post_json", count)
    with serving() as server:
        gone = duitku(server)
    with pytest.raises(GatewayUnavailable):
        gone.status(payment())
    assert len(tried) == 1


def test_a_status_request_that_is_cut_off_twice_is_not_repeated(server: Server) -> None:
    server.hang_up_before = {1, 2}
    with pytest.raises(GatewayUnavailable):
        duitku(server).status(payment())
    assert len(server.callers) == 2


def test_an_invoice_request_that_is_cut_off_is_not_repeated(server: Server) -> None:
    server.hang_up_before = {1}
    with pytest.raises(GatewayUnavailable):
        duitku(server).create_invoice(payment(), 60, "https://h/back")
    assert len(server.callers) == 1

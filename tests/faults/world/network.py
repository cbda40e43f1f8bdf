"""HTTP without sockets: what the product sends reaches the simulators' own applications.

A simulator's request handler is a coroutine that waits for nothing but naps. It is driven by hand,
so that a nap passes the world's time, and a caller that times out goes on while the request is
still on its way.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from starlette.types import ASGIApp, Message
from urllib3.exceptions import ProtocolError

from tests.faults.world.clock import Clock
from tests.faults.world.effects import Effects


@dataclass
class Exchange:
    """One request on its way through a simulator, and what has come back so far."""

    app: ASGIApp
    request: requests.PreparedRequest
    sent: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._course = self.app(_scope(self.request), self._receive, self._send).__await__()

    def go_on(self) -> float | None:
        """Run until the simulator is done, or return for how many seconds it naps first."""
        try:
            return float(next(self._course))
        except StopIteration:
            return None

    def answer(self) -> requests.Response:
        """Return what came back; raises what requests does when it is not complete."""
        if not self.sent or self.sent[-1].get("more_body"):
            cut = ProtocolError("Connection aborted.", RemoteDisconnected("cut"))
            raise requests.ConnectionError(cut, request=self.request)
        start, *bodies = self.sent
        response = requests.Response()
        response.status_code = start["status"]
        response.headers = CaseInsensitiveDict(
            {name.decode(): value.decode() for name, value in start["headers"]}
        )
        response._content = b"".join(each.get("body", b"") for each in bodies)  # noqa: SLF001
        response.encoding = "utf-8"
        response.url = str(self.request.url)
        response.request = self.request
        return response

    async def _receive(self) -> Message:
        body = self.request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        return {"type": "http.request", "body": raw, "more_body": False}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)


class Network:
    """The way from the product to the providers, by host name."""

    def __init__(self, clock: Clock, effects: Effects) -> None:
        self.hosts: dict[str, ASGIApp] = {}
        self.late: list[tuple[datetime, Exchange]] = []
        """Requests whose callers timed out, and when they go on."""
        self._clock = clock
        self._effects = effects

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Take the place of every connection that ``requests`` would make."""

        def send(
            _adapter: HTTPAdapter, request: requests.PreparedRequest, **options: Any
        ) -> requests.Response:
            return self.send(request, options["timeout"][1])

        patch.setattr(HTTPAdapter, "send", send)

    def send(self, request: requests.PreparedRequest, max_wait: float) -> requests.Response:
        """Deliver a request and return the answer, if it comes within ``max_wait`` seconds."""
        url = urlsplit(str(request.url))
        what = f"{url.hostname} {request.method} {url.path}"
        app = self.hosts[str(url.hostname)]
        return self._effects.perform(what, lambda: self._answered(Exchange(app, request), max_wait))

    def _answered(self, exchange: Exchange, max_wait: float) -> requests.Response:
        while (seconds := exchange.go_on()) is not None:
            if seconds > max_wait:
                self._clock.move(max_wait)
                self.late.append(
                    (self._clock.now() + timedelta(seconds=seconds - max_wait), exchange)
                )
                raise requests.ReadTimeout(request=exchange.request)
            self._clock.move(seconds)
            max_wait -= seconds
        return exchange.answer()

    def next_at(self) -> datetime | None:
        """Return when the next request without a waiting caller goes on."""
        return min((moment for moment, _ in self.late), default=None)

    def go_on(self) -> None:
        """Let the earliest of those requests go on."""
        self.late.sort(key=lambda each: each[0])
        moment, exchange = self.late.pop(0)
        if (seconds := exchange.go_on()) is not None:
            self.late.append((moment + timedelta(seconds=seconds), exchange))


def _scope(request: requests.PreparedRequest) -> dict[str, Any]:
    url = urlsplit(str(request.url))
    headers = {"host": str(url.hostname), **request.headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(str(k).lower().encode(), _raw(v)) for k, v in headers.items()],
        "server": (url.hostname, 443),
        "client": ("lunas", 1),
        "state": {},
    }


def _raw(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()

"""Requests that reach a simulator's application in this process, without sockets."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from starlette.types import ASGIApp, Message
from urllib3.exceptions import ProtocolError


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


class InProcess(HTTPAdapter):
    """Sends requests to an application in this process."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        exchange = Exchange(self._app, request)
        assert exchange.go_on() is None
        return exchange.answer()


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

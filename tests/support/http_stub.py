"""A stub of a provider: answers HTTP requests from a list, and keeps them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, request: requests.PreparedRequest) -> requests.Response:
        """Return the answer as requests reads it; a body of str or bytes goes out as it is."""
        made = requests.Response()
        made.status_code, made.url, made.request = self.status, str(request.url), request
        made.headers.update(self.headers)
        made._content = self._bytes()  # noqa: SLF001  (requests offers no other way)
        return made

    def _bytes(self) -> bytes:
        match self.body:
            case None:
                return b""
            case bytes():
                return self.body
            case str():
                return self.body.encode()
            case _:
                return json.dumps(self.body).encode()


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    url: str
    headers: Mapping[str, str]
    body: Any
    timeout: Any


class StubLimiter:
    """Gives every permit at once, except for the refusals that it is given."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.permits = 0
        self.rests: list[float] = []

    def acquire(self) -> None:
        """Count a permit, or raise the next refusal."""
        if self.refusals:
            raise self.refusals.pop(0)
        self.permits += 1

    def rest(self, seconds: float) -> None:
        """Keep the seconds of a rest."""
        self.rests.append(seconds)


class StubProvider(BaseAdapter):
    """Answers requests in turn; an exception in the list is raised."""

    def __init__(self, *answers: Reply | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[Asked] = []

    @property
    def session(self) -> requests.Session:
        """Return a session whose every request ends here."""
        made = requests.Session()
        made.trust_env = False
        made.mount("http://", self)
        made.mount("https://", self)
        return made

    @property
    def calls(self) -> list[str]:
        """Return method and path of each request."""
        return [f"{each.method} {each.path}" for each in self.asked]

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, timeout: object = None, **_options: object
    ) -> requests.Response:
        """Take a request."""
        parts = urlsplit(str(request.url))
        is_json = "json" in request.headers.get("Content-Type", "")
        body = json.loads(request.body or "") if is_json else request.body
        self.asked.append(
            Asked(
                method=str(request.method),
                path=parts.path,
                query=parse_qs(parts.query),
                url=str(request.url),
                headers=request.headers,
                body=body,
                timeout=timeout,
            )
        )
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer.response(request)

    def close(self) -> None:
        """Hold nothing open."""

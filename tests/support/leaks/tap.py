"""Listens to everything that the tests send to a stack."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from local.cloud import Stack

LONGEST = 100_000
"""Bytes of a body or answer that are kept: longer ones were sent to be refused."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer; header names in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: str


@dataclass
class Tap:
    """The exchanges with one stack, without those that control a simulator."""

    stack: Stack
    exchanges: list[Exchange] = field(default_factory=list)

    def handle(self, request: requests.PreparedRequest, answer: requests.Response) -> None:
        """Keep an exchange if it was with the stack."""
        url = request.url or ""
        if url.startswith((self.stack.api_url, self.stack.duitku_webhook_url)):
            sent = request.body or b""
            self.exchanges.append(
                Exchange(
                    method=request.method or "",
                    url=url,
                    headers={name.lower(): _text(value) for name, value in request.headers.items()},
                    body=(sent if isinstance(sent, bytes) else str(sent).encode())[:LONGEST],
                    status=answer.status_code,
                    answer=answer.text[:LONGEST],
                )
            )


@contextmanager
def tapped(stack: Stack) -> Iterator[Tap]:
    """Listen for as long as the block lasts; every test talks to the stack by ``requests``."""
    tap, send = Tap(stack), requests.Session.send

    def received(session: requests.Session, request: Any, **more: Any) -> requests.Response:
        answer = send(session, request, **more)
        tap.handle(request, answer)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", received)
        yield tap


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value

"""Faults that a test asks a simulator for, applied in front of its routes.

One fault is a JSON object ``{"route", "kind", "times", "share", ...}``. ``route`` is the name that
the simulator gave to the route (``*`` matches every one), ``times`` is how many requests it
hits, and ``share``, from 0 to 1, which part of those that come by, by chance.

=============  ==========================================================================
kind           effect
=============  ==========================================================================
answer         answer at once with ``status``, ``body``, ``contentType``, ``headers``
answer_after   do the work, then answer with ``status`` and so on instead of the result
slow           wait ``seconds``, then do the work
drop           cut the connection without doing the work
drop_after     do the work, then cut the connection (the write that timed out)
=============  ==========================================================================
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KINDS = ("answer", "answer_after", "slow", "drop", "drop_after")


@dataclass
class Fault:
    """One fault, waiting for the requests that it is meant for."""

    route: str
    kind: str
    times: int = 1
    share: float = 1.0
    status: int = 500
    body: str = ""
    content_type: str = "text/plain"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def effect(self) -> str:
        """Return what it does, in a few words."""
        if self.kind.startswith("answer"):
            return f"{self.kind} {self.status}"
        return f"slow by {self.seconds:g} s" if self.kind == "slow" else self.kind

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Fault":
        """Read one fault from an admin request; raise ValueError on an unknown kind."""
        if given.get("kind") not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        names = {**given, "content_type": given.get("contentType", "text/plain")}
        names.pop("contentType", None)
        return cls(**names)


class FaultPlan:
    """The faults asked for and not used up yet, and how often each has struck."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._struck: Counter[str] = Counter()

    @property
    def struck(self) -> dict[str, int]:
        """Return how many requests were hit, by route and what happened to them."""
        return dict(sorted(self._struck.items()))

    def add(self, fault: Fault) -> None:
        """Queue one more fault."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Forget every fault, and what they did."""
        self._faults.clear()
        self._struck.clear()

    def take(self, route: str) -> Fault | None:
        """Return the next fault for ``route`` and count it as used, or None."""
        for fault in self._faults:
            if fault.route in {route, "*"} and fault.times > 0 and _strikes(fault.share):
                fault.times -= 1
                self._struck[f"{route} {fault.effect}"] += 1
                return fault
        return None


def _strikes(share: float) -> bool:
    return share >= 1 or random.random() < share  # noqa: S311  (no secret)


def route_name(scope: Scope, routes: Sequence[BaseRoute]) -> str | None:
    """Return the name of the route that a request is for, None if it is for none."""
    if scope["type"] != "http":
        return None
    matching = (route for route in routes if route.matches(scope)[0] is Match.FULL)
    return next((route.name for route in matching if isinstance(route, Route)), None)


class FaultMiddleware:
    """ASGI middleware that applies a :class:`FaultPlan` to the named routes of a simulator."""

    def __init__(self, app: ASGIApp, plan: FaultPlan, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._plan = plan
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, through the fault that waits for its route, if any."""
        name = route_name(scope, self._routes)
        fault = self._plan.take(name) if name else None
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._apply(fault, scope, receive, send)

    async def _apply(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
            return
        if fault.kind.endswith("_after"):
            await self._app(scope, receive, _discard)
        if fault.kind.startswith("drop"):
            await _cut(send)
        else:
            await _answer(fault, send)


async def _discard(_message: Message) -> None:
    """Swallow the answer of a route whose caller shall not see it."""


async def _answer(fault: Fault, send: Send) -> None:
    headers = {"content-type": fault.content_type, **fault.headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": fault.status, "headers": raw})
    await send({"type": "http.response.body", "body": fault.body.encode()})


async def _cut(send: Send) -> None:
    """Promise more than is sent, and return: the server then closes the connection."""
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4096")]}
    )
    await send({"type": "http.response.body", "body": b" ", "more_body": True})

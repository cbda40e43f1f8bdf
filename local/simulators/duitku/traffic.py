"""Counts the calls of the gateway routes, and blocks the status calls when there were too many."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.simulators.duitku.settings import StatusLimit
from local.simulators.faults import route_name


class Traffic:
    """How often each route was called, and every call with the status that it was answered."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.calls: list[dict[str, object]] = []

    def note(self, route: str) -> dict[str, object]:
        """Count one call and return its record, to be completed with the status."""
        call: dict[str, object] = {"route": route, "status": None}
        self.counts[route] += 1
        self.calls.append(call)
        return call

    def clear(self) -> None:
        """Forget every call."""
        self.counts.clear()
        self.calls.clear()


class TrafficMiddleware:
    """ASGI middleware in front of the faults, so that a call hit by a fault counts too."""

    def __init__(self, app: ASGIApp, traffic: Traffic, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._traffic = traffic
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and note it when it is for one of the routes."""
        name = route_name(scope, self._routes)
        if name is None:
            await self._app(scope, receive, send)
            return
        call = self._traffic.note(name)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                call["status"] = message["status"]
            await send(message)

        await self._app(scope, receive, noting)


class StatusBlock:
    """Refuses Check Transaction for a while once the allowed number of calls is used up."""

    def __init__(self) -> None:
        self._calls = 0
        self._until: datetime | None = None

    def refuses(self, limit: StatusLimit, now: datetime) -> bool:
        """Count one call; return whether a block refuses it. After a block the count restarts."""
        if self._until is not None and now < self._until:
            return True
        if self._until is not None:
            self.clear()
        self._calls += 1
        if limit.calls is None or self._calls <= limit.calls:
            return False
        self._until = now + timedelta(seconds=limit.seconds)
        return True

    def clear(self) -> None:
        """End any block and count from zero."""
        self._calls = 0
        self._until = None

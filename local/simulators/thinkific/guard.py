"""What happens to an API call before its route: counting, authentication, limits.

Faults come after it, so a call that a fault spoils has used up its share of the rate limit, and
one that a fault slows down is in flight, as at the real site.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.simulators.faults import route_name
from local.simulators.thinkific.answers import ApiError
from local.simulators.thinkific.auth import Caller
from local.simulators.thinkific.ratelimit import too_many
from local.simulators.thinkific.settings import SimulatorSettings
from local.simulators.thinkific.simulation import Simulation

API_PATH = "/api/"
BEARER_ONLY_PATH = "/api/v2/"
UNKNOWN_ROUTE = "unknown"
SUSPECT_AGENTS = ("", "python-urllib")


class PathMiddleware:
    """ASGI middleware that reads ``//api//v1/courses/`` as ``/api/v1/courses``, as the site does.

    Slashes are dropped before anything asks whether a path is the API's.
    """

    def __init__(self, app: ASGIApp, simulation: Simulation) -> None:
        self._app = app
        self._simulation = simulation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its plain path."""
        if scope["type"] == "http" and not self._simulation.settings.strict_paths:
            plain = "/".join(part for part in str(scope["path"]).split("/") if part)
            scope = {**scope, "path": f"/{plain}"}
        await self._app(scope, receive, send)


class TrafficMiddleware:
    """ASGI middleware that names each call's route and counts the call and its answer.

    Besides the API these are the routes of OAuth, which know no rate limit.
    """

    def __init__(self, app: ASGIApp, simulation: Simulation, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._simulation = simulation
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and keep count of it, also when its connection breaks."""
        name = route_name(scope, self._routes) or (UNKNOWN_ROUTE if _is_api(scope) else None)
        if name is None:
            await self._app(scope, receive, send)
            return
        traffic = self._simulation.traffic
        scope.setdefault("state", {})["route"] = name

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                traffic.answered(name, message["status"])
            await send(message)

        traffic.begin(name, Headers(scope=scope).get("x-correlation-id"))
        try:
            await self._app(scope, receive, counted)
        finally:
            traffic.end()


class GuardMiddleware:
    """ASGI middleware that lets an API call through to its route, or refuses it."""

    def __init__(self, app: ASGIApp, simulation: Simulation) -> None:
        self._app = app
        self._simulation = simulation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; everything outside the API passes untouched."""
        if not _is_api(scope):
            await self._app(scope, receive, send)
            return
        try:
            admitted = self._admit(scope)
        except ApiError as error:
            admitted = error.response
        if isinstance(admitted, Response):
            await admitted(scope, receive, send)
        else:
            await self._serve(admitted, scope, receive, send)

    async def _serve(self, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["caller"] = caller
        caller.site.rate.in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            caller.site.rate.in_flight -= 1

    def _admit(self, scope: Scope) -> Caller | Response:
        simulation, headers = self._simulation, Headers(scope=scope)
        now, settings = simulation.now(), simulation.settings
        edge = refused_at_edge(headers, settings)
        if edge is not None:
            return edge
        bearer_only = str(scope["path"]).startswith(BEARER_ONLY_PATH)
        caller = simulation.credentials.identify(headers, now, bearer_only=bearer_only)
        simulation.traffic.opened("key" if caller.scopes is None else "token")
        if not caller.site.rate.admit(now, settings):
            return too_many(settings, caller.site.rate.left(now))
        caller.require(scope["state"]["route"])
        caller.site.settle(now)
        return caller


def refused_at_edge(headers: Headers, settings: SimulatorSettings) -> Response | None:
    """Return the page for a caller that the edge takes for a robot, None for any other."""
    if settings.require_user_agent and _is_suspect(headers.get("user-agent", "")):
        return HTMLResponse("<html><body><h1>Access denied</h1></body></html>", 403)
    return None


def _is_api(scope: Scope) -> bool:
    return scope["type"] == "http" and str(scope["path"]).startswith(API_PATH)


def _is_suspect(agent: str) -> bool:
    return agent.partition("/")[0].strip().lower() in SUSPECT_AGENTS

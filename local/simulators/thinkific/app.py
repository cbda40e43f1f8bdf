"""The simulator as a web application: guard, faults and routes put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType

import httpx
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from local.simulators.faults import FaultMiddleware
from local.simulators.thinkific import (
    admin,
    admin_oauth,
    admin_webhooks,
    bundle_enrollments,
    consent,
    courses,
    enrollments,
    external_orders,
    token_routes,
    users,
    webhooks,
)
from local.simulators.thinkific.answers import ApiError, show_error
from local.simulators.thinkific.authorization import AuthorizationRefusedError
from local.simulators.thinkific.guard import (
    GuardMiddleware,
    PathMiddleware,
    TrafficMiddleware,
)
from local.simulators.thinkific.settings import Account
from local.simulators.thinkific.simulation import Simulation

API_MODULES: dict[str, tuple[ModuleType, ...]] = {
    "/api/public/v1": (users, courses, bundle_enrollments, enrollments, external_orders),
    "/api/v2": (webhooks,),
}


def create_app(account: Account, transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """Return the application that serves the seeded sites of ``account``.

    ``transport`` replaces the network for webhooks in tests.
    """
    simulation = Simulation(account, transport)
    served = [*api_routes(), *consent.routes, *token_routes.routes]
    app = Starlette(
        routes=[*served, *admin.routes, *admin_oauth.routes, *admin_webhooks.routes],
        middleware=[
            Middleware(PathMiddleware, simulation=simulation),
            Middleware(TrafficMiddleware, simulation=simulation, routes=served),
            Middleware(GuardMiddleware, simulation=simulation),
            Middleware(FaultMiddleware, plan=simulation.faults, routes=served),
        ],
        exception_handlers={
            ApiError: show_error,
            AuthorizationRefusedError: consent.show_refused,
            404: show_error,
            405: show_error,
            ValidationError: admin.show_invalid,
        },
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False
    app.state.simulation = simulation
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    await app.state.simulation.sender.close()


def api_routes() -> list[Route]:
    """Return the routes of the Admin REST API v1 and the Webhooks API under their full paths."""
    return [
        _mounted(prefix, route)
        for prefix, modules in API_MODULES.items()
        for module in modules
        for route in module.routes
    ]


def _mounted(prefix: str, route: Route) -> Route:
    """Return the route below the API's path; flat routes keep the names that faults address."""
    return Route(prefix + route.path, route.endpoint, methods=route.methods, name=route.name)

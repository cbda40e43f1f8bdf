"""The simulator as a web application: guard, faults and routes put together."""

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from local.simulators.faults import FaultMiddleware
from local.simulators.thinkific import (
    admin,
    bundle_enrollments,
    courses,
    enrollments,
    external_orders,
    users,
)
from local.simulators.thinkific.answers import ApiError, show_error
from local.simulators.thinkific.guard import GuardMiddleware, TrafficMiddleware
from local.simulators.thinkific.settings import Settings
from local.simulators.thinkific.simulation import Simulation

ADMIN_API_PATH = "/api/public/v1"


def create_app(settings: Settings) -> Starlette:
    """Return the application that serves the seeded sites of ``settings``."""
    simulation = Simulation(settings)
    api = api_routes()
    app = Starlette(
        routes=[*api, *admin.routes],
        middleware=[
            Middleware(TrafficMiddleware, simulation=simulation, routes=api),
            Middleware(GuardMiddleware, simulation=simulation),
            Middleware(FaultMiddleware, plan=simulation.faults, routes=api),
        ],
        exception_handlers={
            ApiError: show_error,
            404: show_error,
            405: show_error,
            ValidationError: admin.show_invalid,
        },
    )
    app.router.redirect_slashes = False
    app.state.simulation = simulation
    return app


def api_routes() -> list[Route]:
    """Return the routes of the Admin REST API v1 under their full paths."""
    modules = (users, courses, bundle_enrollments, enrollments, external_orders)
    return [_mounted(route) for module in modules for route in module.routes]


def _mounted(route: Route) -> Route:
    """Return the route below the API's path; flat routes keep the names that faults address."""
    path = ADMIN_API_PATH + route.path
    return Route(path, route.endpoint, methods=route.methods, name=route.name)

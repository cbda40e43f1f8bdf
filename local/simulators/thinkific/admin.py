"""The admin routes under ``/_sim/``, by which a test looks into the simulator and steers it.

They need no credentials, count as no traffic and are hit by no fault. Where a site matters, the
parameter or field ``subdomain`` names it; without it the configured site is meant.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.bodies import ClockMove, JsonModel
from local.simulators.faults import Fault
from local.simulators.thinkific import consent, token_routes
from local.simulators.thinkific.answers import Json, found, json_body, refusal
from local.simulators.thinkific.dates import to_text
from local.simulators.thinkific.enrollments import show_enrollment
from local.simulators.thinkific.records import ExternalOrder, User
from local.simulators.thinkific.scopes import SCOPES
from local.simulators.thinkific.simulation import simulation_of
from local.simulators.thinkific.site import Site
from local.simulators.thinkific.users import show_user

OAUTH_ROUTES = {route.name for route in (*consent.routes, *token_routes.routes)}


class Progress(JsonModel):
    """Body of ``/_sim/progress``: ``percentage`` is the finished part from 0 to 100."""

    enrollment_id: int
    percentage: Decimal = Field(ge=0, le=100)
    subdomain: str | None = None


async def health(_request: Request) -> Response:
    """Answer as soon as the simulator serves."""
    return JSONResponse({"status": "ok"})


async def reset(request: Request) -> Response:
    """Return to the seed, the real time and the default behaviour."""
    simulation_of(request).reset()
    return JSONResponse({"status": "reset"})


async def users(request: Request) -> Response:
    """Answer with every user of a site, and what the API does not show of them."""
    site = site_named(request, request.query_params.get("subdomain"))
    return _items(site.users, lambda user: _show_user(site, user))


async def enrollments(request: Request) -> Response:
    """Answer with every enrollment of a site, whatever the read delay."""
    site = site_named(request, request.query_params.get("subdomain"))
    simulation = simulation_of(request)
    return _items(site.enrollments, lambda row: show_enrollment(simulation, site, row))


async def external_orders(request: Request) -> Response:
    """Answer with every external order of a site, which the API itself never shows."""
    site = site_named(request, request.query_params.get("subdomain"))
    return _items(site.external_orders, _show_order)


async def requests(request: Request) -> Response:
    """Answer with the number of API calls and of 429 answers, by route name.

    With the parameter ``correlationId``: with the calls that carried this ``X-Correlation-Id``.
    """
    traffic = simulation_of(request).traffic
    correlation_id = request.query_params.get("correlationId")
    if correlation_id is not None:
        return JSONResponse({"routes": traffic.traced(correlation_id)})
    return JSONResponse(traffic.summary())


async def clock(request: Request) -> Response:
    """Move the clock and answer with the simulated time."""
    move = ClockMove.model_validate(await json_body(request))
    simulation = simulation_of(request)
    simulation.clock.move(move.seconds)
    simulation.settle()
    return JSONResponse({"now": to_text(simulation.now())})


async def faults(request: Request) -> Response:
    """Queue a fault in the form of :mod:`local.simulators.faults`."""
    simulation_of(request).faults.add(_fault(await json_body(request)))
    return JSONResponse({"status": "queued"})


async def struck_faults(request: Request) -> Response:
    """Show how many requests the faults have hit."""
    return JSONResponse({"struck": simulation_of(request).faults.struck})


async def forget_faults(request: Request) -> Response:
    """Forget every fault that has not struck yet, those of webhooks included."""
    simulation = simulation_of(request)
    simulation.faults.clear()
    simulation.webhook_faults.clear()
    return JSONResponse({"status": "ok"})


async def settings(request: Request) -> Response:
    """Change the settings that the body names and answer with all of them."""
    body = await json_body(request)
    simulation = simulation_of(request)
    simulation.settings = simulation.settings.changed(body)
    return JSONResponse(simulation.settings.model_dump(mode="json", by_alias=True))


async def progress(request: Request) -> Response:
    """Let a learner get on in a course and answer with the enrollment."""
    given = Progress.model_validate(await json_body(request))
    simulation, site = simulation_of(request), site_named(request, given.subdomain)
    row = found(site.enrollments.get(given.enrollment_id))
    site.advance(row, given.percentage, simulation.now())
    return JSONResponse(show_enrollment(simulation, site, row))


async def show_invalid(_request: Request, error: Exception) -> Response:
    """Answer 422 to an admin body with unknown names or unusable values."""
    return JSONResponse({"errors": _details(error)}, 422)


def _details(error: Exception) -> list[str]:
    found = error.errors() if isinstance(error, ValidationError) else []
    return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found]


def _fault(body: Json) -> Fault:
    """Read a fault; a route name that does not exist would never hit, so it is refused."""
    try:
        fault = Fault.from_json(body)
    except (TypeError, ValueError) as error:
        raise refusal(422, str(error)) from error
    if fault.route not in {"*", *SCOPES, *OAUTH_ROUTES}:
        raise refusal(422, f"there is no route {fault.route}")
    return fault


def site_named(request: Request, subdomain: str | None) -> Site:
    """Return the site that an admin request means; raise a 404 when there is none."""
    return found(simulation_of(request).site(subdomain))


def _items[Row](rows: Mapping[int, Row], show: Callable[[Row], Json]) -> Response:
    return JSONResponse({"items": [show(row) for row in rows.values()]})


def _show_user(site: Site, user: User) -> Json:
    kept: dict[str, Any] = {
        "welcomeMails": user.welcome_mails,
        "hasPassword": user.has_password,
        "externalIds": user.external_ids,
    }
    return {**show_user(site, user), **kept}


def _show_order(order: ExternalOrder) -> Json:
    return {"id": order.id, **order.order, "transactions": order.transactions}


routes = [
    Route("/_sim/health", health, methods=["GET"]),
    Route("/_sim/reset", reset, methods=["POST"]),
    Route("/_sim/users", users, methods=["GET"]),
    Route("/_sim/enrollments", enrollments, methods=["GET"]),
    Route("/_sim/external-orders", external_orders, methods=["GET"]),
    Route("/_sim/requests", requests, methods=["GET"]),
    Route("/_sim/clock", clock, methods=["POST"]),
    Route("/_sim/faults", faults, methods=["POST"]),
    Route("/_sim/faults", struck_faults, methods=["GET"]),
    Route("/_sim/faults", forget_faults, methods=["DELETE"]),
    Route("/_sim/settings", settings, methods=["POST"]),
    Route("/_sim/progress", progress, methods=["POST"]),
]

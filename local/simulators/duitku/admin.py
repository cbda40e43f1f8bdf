"""The routes under ``/_sim/``, with which tests and developers look inside and intervene.

All bodies are JSON and optional unless noted; a bad one is answered with 400.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.bodies import ClockMove, JsonModel, Waiting
from local.simulators.duitku.checks import open_channel
from local.simulators.duitku.gateway import Gateway, gateway_of, known_order
from local.simulators.duitku.orders import Order, State
from local.simulators.duitku.settings import CallbackPlan, Changes
from local.simulators.duitku.views import order_detail, order_summary
from local.simulators.faults import Fault

type Handler = Callable[[Request], Awaitable[Response]]


class BodyError(Exception):
    """A body that is not the JSON that an admin route takes."""


class OrderChange(JsonModel):
    """What can be set on an order without ending it.

    ``payment_method`` puts it on a channel, as the buyer's choice on the page does. ``answer`` is
    laid over all later answers of Check Transaction for this order.
    """

    payment_method: str | None = None
    answer: Changes | None = None


class OrderAction(OrderChange):
    """What may go with paying or closing an order.

    ``callback`` False sends none, True the usual one, an object the one that it describes.
    """

    callback: bool | CallbackPlan | None = None


async def health(_request: Request) -> Response:
    """Answer that the simulator is up."""
    return JSONResponse({"status": "ok"})


async def reset(request: Request) -> Response:
    """Forget orders, faults, counts, clock and changed settings."""
    await (await gateway_of(request)).reset()
    return JSONResponse({"status": "ok"})


async def list_orders(request: Request) -> Response:
    """List all orders, oldest first."""
    gateway = await gateway_of(request)
    return JSONResponse({"items": [order_summary(order) for order in gateway.orders]})


async def show_order(request: Request) -> Response:
    """Show one order with the request that made it and every callback attempt."""
    _, order = await _order(request)
    return JSONResponse(order_detail(order))


async def change_order(request: Request) -> Response:
    """Put an order on a channel or change what Check Transaction answers for it."""
    gateway, order = await _order(request)
    _prepare(gateway, order, OrderChange.model_validate(await _json(request)))
    return JSONResponse(order_detail(order))


async def pay(request: Request) -> Response:
    """Pay an order in whatever state it is; without a channel it takes a QRIS one."""
    gateway, order = await _order(request)
    action = OrderAction.model_validate(await _json(request))
    _prepare(gateway, order, action)
    await gateway.pay(order, action.callback)
    return JSONResponse(order_detail(order))


def close(state: State) -> Handler:
    """Make the route that ends an order unpaid in ``state``."""

    async def route(request: Request) -> Response:
        gateway, order = await _order(request)
        action = OrderAction.model_validate(await _json(request))
        _prepare(gateway, order, action)
        await gateway.close(order, state, action.callback)
        return JSONResponse(order_detail(order))

    return route


def _prepare(gateway: Gateway, order: Order, action: OrderChange) -> None:
    if action.payment_method is not None:
        gateway.choose(order, open_channel(action.payment_method, gateway.settings))
    if action.answer is not None:
        order.answer = action.answer


async def send_callback(request: Request) -> Response:
    """Send a callback by hand, changed by the body (a callback plan)."""
    gateway, order = await _order(request)
    await gateway.send(order, CallbackPlan.model_validate(await _json(request)))
    return JSONResponse(order_detail(order))


async def move_clock(request: Request) -> Response:
    """Move the simulated clock; orders whose time is over expire at once."""
    gateway = await gateway_of(request)
    gateway.clock.move(ClockMove.model_validate(await _json(request)).seconds)
    await gateway.expire_due()
    return JSONResponse({"now": gateway.clock.now().isoformat()})


async def add_fault(request: Request) -> Response:
    """Queue one fault for a named route."""
    gateway = await gateway_of(request)
    given = await _json(request)
    try:
        gateway.faults.add(Fault.from_json(given))
    except (TypeError, ValueError) as error:
        raise BodyError(str(error)) from error
    return JSONResponse({"status": "ok"})


async def struck_faults(request: Request) -> Response:
    """Show how many requests the faults have hit."""
    return JSONResponse({"struck": (await gateway_of(request)).faults.struck})


async def clear_faults(request: Request) -> Response:
    """Forget every fault that has not struck yet."""
    (await gateway_of(request)).faults.clear()
    return JSONResponse({"status": "ok"})


async def change_settings(request: Request) -> Response:
    """Change any of the settings and show them all."""
    gateway = await gateway_of(request)
    gateway.change(await _json(request))
    return JSONResponse(gateway.settings.model_dump(mode="json", by_alias=True))


async def show_traffic(request: Request) -> Response:
    """Show how often each route was called and how each call was answered."""
    traffic = (await gateway_of(request)).traffic
    return JSONResponse({"counts": traffic.counts, "calls": traffic.calls})


async def wait(request: Request) -> Response:
    """Wait until no callback is under way; ``idle`` is false when the time was too short."""
    gateway = await gateway_of(request)
    seconds = Waiting.model_validate(await _json(request)).seconds
    return JSONResponse({"idle": await gateway.sender.idle(seconds)})


async def bad_request(_request: Request, error: Exception) -> Response:
    """Answer an invalid body with 400 and the reason."""
    return JSONResponse({"message": str(error)}, 400)


async def _order(request: Request) -> tuple[Gateway, Order]:
    gateway = await gateway_of(request)
    return gateway, known_order(gateway, request.path_params["merchant_order_id"])


async def _json(request: Request) -> dict[str, Any]:
    try:
        value = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise BodyError(str(error)) from error
    if not isinstance(value, dict):
        raise BodyError("the body must be a JSON object")
    return value


_ORDER = "/_sim/orders/{merchant_order_id}"

ROUTES = [
    Route("/_sim/health", health),
    Route("/_sim/reset", reset, methods=["POST"]),
    Route("/_sim/orders", list_orders),
    Route(_ORDER, show_order),
    Route(_ORDER, change_order, methods=["POST"]),
    Route(f"{_ORDER}/pay", pay, methods=["POST"]),
    Route(f"{_ORDER}/fail", close(State.FAILED), methods=["POST"]),
    Route(f"{_ORDER}/cancel", close(State.CANCELLED), methods=["POST"]),
    Route(f"{_ORDER}/expire", close(State.EXPIRED), methods=["POST"]),
    Route(f"{_ORDER}/callback", send_callback, methods=["POST"]),
    Route("/_sim/clock", move_clock, methods=["POST"]),
    Route("/_sim/faults", add_fault, methods=["POST"]),
    Route("/_sim/faults", struck_faults),
    Route("/_sim/faults", clear_faults, methods=["DELETE"]),
    Route("/_sim/settings", change_settings, methods=["POST"]),
    Route("/_sim/requests", show_traffic),
    Route("/_sim/wait", wait, methods=["POST"]),
]

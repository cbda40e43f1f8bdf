"""Check Transaction, the same on both hosts except for the orders that each one knows.

Source: ``docs/reference/duitku.md``, Check transaction. A POP order is unknown until it has a
channel.
"""

from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.simulators.duitku import checks
from local.simulators.duitku.checks import Body, RefusedError
from local.simulators.duitku.gateway import Gateway, gateway_of
from local.simulators.duitku.orders import Order, Product
from local.simulators.duitku.settings import Settings, overlay

_MESSAGES = {"00": "SUCCESS", "01": "PROCESS", "02": "CANCELED"}


async def check_transaction(
    request: Request,
    product: Product,
    endpoint: Literal["transactionStatus", "popTransactionStatus"],
) -> Response:
    """Answer what became of an order, or the block when there were too many calls."""
    gateway = await gateway_of(request)
    limit = gateway.settings.status_limit
    if gateway.block.refuses(limit, gateway.clock.now()):
        return Response(limit.body, limit.status, media_type=limit.content_type)
    body = await checks.read_body(request, form=gateway.settings.accept_form)
    _check_request(body, gateway.settings)
    order = _asked_for(gateway, body, product)
    if order is None:
        raise RefusedError(404, "Transaction not found")
    return JSONResponse(gateway.answer(endpoint, _status(gateway, order)))


def _check_request(body: Body, settings: Settings) -> None:
    checks.check_merchant(body.get("merchantCode"), settings)
    parts = (body.get("merchantCode"), body.get(_named_by(body)))
    checks.check_signature("status", settings, parts, body.get("signature"))
    named = body.get(_named_by(body))
    if not isinstance(named, str) or not named:
        raise RefusedError(400, "merchantOrderId is mandatory", "merchantOrderId")


def _named_by(body: Body) -> str:
    """Return the field that names the order: Duitku's reference where the own id is left out."""
    alone = body.get("reference") and not body.get("merchantOrderId")
    return "reference" if alone else "merchantOrderId"


def _asked_for(gateway: Gateway, body: Body, product: Product) -> Order | None:
    if _named_by(body) == "reference":
        return gateway.visible_reference(body["reference"], product)
    return gateway.visible(body["merchantOrderId"], product)


def _status(gateway: Gateway, order: Order) -> dict[str, Any]:
    code = gateway.status_code(order)
    fields = {
        "merchantOrderId": order.merchant_order_id,
        "reference": order.reference,
        "amount": str(order.amount),
        "fee": None if code == "01" else "0.00",
        "statusCode": code,
        "statusMessage": _MESSAGES[code],
    }
    return overlay(fields, order.answer)

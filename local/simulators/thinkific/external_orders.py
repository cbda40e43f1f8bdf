"""The routes of Thinkific Admin API, External Orders: records of sales made elsewhere.

They are stored and nothing more: they enroll no one, have no GET, and take doubles as new.
Amounts are in the smallest unit of the currency.
"""

from collections import defaultdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.thinkific.answers import (
    Json,
    found,
    json_body,
    refusal,
    text,
    unprocessable,
    whole_number,
)
from local.simulators.thinkific.new_users import BLANK, INVALID
from local.simulators.thinkific.records import ExternalOrder
from local.simulators.thinkific.simulation import simulation_of, site_of
from local.simulators.thinkific.site import Site

ORDER_TYPES = frozenset({"one-time", "subscription", "payment-plan"})
REQUIRED = ("payment_provider", "user_id", "product_id", "order_type")
REQUIRED_IN_TRANSACTION = ("amount", "currency")


async def create_external_order(request: Request) -> Response:
    """Store a sale and answer 201 with its id."""
    body = await json_body(request)
    _require_apps_plan(request)
    site = site_of(request)
    order = _stored(site, body)
    return JSONResponse({"id": order.id}, 201)


async def purchase_external_order(request: Request) -> Response:
    """Store one more charge of a sale and answer 200."""
    return await _add_transaction(request, "purchase")


async def refund_external_order(request: Request) -> Response:
    """Store a refund of a sale and answer 200; access stays as it is."""
    return await _add_transaction(request, "refund")


async def _add_transaction(request: Request, action: str) -> Response:
    body = await json_body(request)
    _require_apps_plan(request)
    order = found(site_of(request).external_orders.get(request.path_params["id"]))
    _raise_if_any(_transaction_errors(body))
    order.transactions.append({**body, "action": action})
    return JSONResponse({"id": order.id})


def _require_apps_plan(request: Request) -> None:
    if not simulation_of(request).settings.apps_plan:
        raise refusal(403, "Access to Apps is not available on your plan.")


def _stored(site: Site, body: Json) -> ExternalOrder:
    _raise_if_any({**_order_errors(site, body), **_transaction_errors(body.get("transaction"))})
    order = ExternalOrder(site.next_id(ExternalOrder), {name: body[name] for name in REQUIRED})
    order.transactions.append({"action": "purchase", **body["transaction"]})
    site.external_orders[order.id] = order
    return order


def _order_errors(site: Site, body: Json) -> dict[str, list[str]]:
    errors = defaultdict(list, {name: [BLANK] for name in REQUIRED if not text(body, name)})
    known = {
        "user_id": whole_number(body.get("user_id")) in site.users,
        "product_id": whole_number(body.get("product_id")) in site.products,
        "order_type": text(body, "order_type") in ORDER_TYPES,
    }
    for name, is_known in known.items():
        if not is_known and name not in errors:
            errors[name].append(INVALID)
    return errors


def _transaction_errors(given: object) -> dict[str, list[str]]:
    if not isinstance(given, dict):
        return {"transaction": [BLANK]}
    errors = {name: [BLANK] for name in REQUIRED_IN_TRANSACTION if not text(given, name)}
    amount = given.get("amount")
    if "amount" not in errors and (isinstance(amount, bool) or not isinstance(amount, int)):
        errors["amount"] = [INVALID]
    return errors


def _raise_if_any(errors: dict[str, list[str]]) -> None:
    if errors:
        raise unprocessable(errors)


PATH = "/external_orders/{id:int}/transactions"

routes = [
    Route("/external_orders", create_external_order, methods=["POST"], name="createExternalOrder"),
    Route(
        f"{PATH}/purchase",
        purchase_external_order,
        methods=["POST"],
        name="purchaseExternalOrder",
    ),
    Route(f"{PATH}/refund", refund_external_order, methods=["POST"], name="refundExternalOrder"),
]

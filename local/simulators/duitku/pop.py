"""The POP host: Create Invoice with its three headers, and Check Transaction.

Source: ``docs/reference/duitku.md``, POP createInvoice. The body carries neither merchant code nor
signature.
"""

import asyncio
import re
import time

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.duitku import checks
from local.simulators.duitku.channels import Channel
from local.simulators.duitku.checks import Body, RefusedError
from local.simulators.duitku.gateway import Gateway, gateway_of
from local.simulators.duitku.orders import Order, State
from local.simulators.duitku.settings import Settings
from local.simulators.duitku.status import check_transaction

_MILLISECONDS = re.compile(r"[0-9]{1,15}")
_MANDATORY = (
    "paymentAmount",
    "merchantOrderId",
    "productDetails",
    "email",
    "callbackUrl",
    "returnUrl",
)


async def create_invoice(request: Request) -> Response:
    """Make an invoice whose channel the buyer picks on the page, or return the open one."""
    gateway = await gateway_of(request)
    _check_headers(request.headers, gateway.settings)
    body = await checks.read_body(request)
    channel = _check_body(body, gateway.settings)
    order = _same_id(gateway, body) or await _make(gateway, body, channel, str(request.base_url))
    done = {
        "merchantCode": gateway.settings.merchant_code,
        "reference": order.reference,
        "paymentUrl": order.payment_url,
        "amount": f"{order.amount}.00",
        "statusCode": "00",
        "statusMessage": "SUCCESS",
    }
    return JSONResponse(gateway.answer("createInvoice", done))


def _check_headers(headers: Headers, settings: Settings) -> None:
    merchant = headers.get("x-duitku-merchantcode")
    stamp = headers.get("x-duitku-timestamp", "")
    try:
        checks.check_merchant(merchant, settings)
        checks.check_signature(
            "invoice", settings, (merchant, stamp), headers.get("x-duitku-signature")
        )
    except RefusedError as refused:
        raise _as_pop(refused) from None
    _check_stamp(stamp, settings.timestamp_skew)


def _as_pop(refused: RefusedError) -> RefusedError:
    return RefusedError(401, "Unauthorized") if refused.status == 401 else refused  # noqa: PLR2004


def _check_stamp(stamp: str, skew: float) -> None:
    """Refuse a stamp that is not the epoch in milliseconds, within ``skew`` seconds.

    Real time counts here: a moved clock shall expire orders, not lock the merchant out.
    """
    if not _MILLISECONDS.fullmatch(stamp) or abs(int(stamp) / 1000 - time.time()) > skew:
        raise RefusedError(401, "Unauthorized")


def _check_body(body: Body, settings: Settings) -> Channel | None:
    checks.check_fields(body, _MANDATORY, settings)
    code = body.get("paymentMethod")
    channel = checks.open_channel(str(code), settings) if code else None
    checks.check_items(body, settings)
    return channel


def _same_id(gateway: Gateway, body: Body) -> Order | None:
    """Return the open invoice of the same id and amount; refuse what contradicts it.

    What ended without money, or was made on v2, leaves the id free for another invoice.
    """
    merchant_order_id = body["merchantOrderId"]
    if merchant_order_id in gateway.orders.in_progress:
        raise RefusedError(409, "The transaction is still in progress.")
    order = gateway.orders.find(merchant_order_id)
    if order is None:
        return None
    if order.state is State.PAID:
        text = "Bill already paid. (Parameter 'MerchantOrderId')"
        raise RefusedError(400, text, "merchantOrderId")
    if order.product != "pop" or order.state is not State.PENDING:
        checks.check_unused(order, gateway.settings)
        return None
    if order.amount != body["paymentAmount"]:
        raise RefusedError(400, "Amount is different please try again later.")
    return order


async def _make(gateway: Gateway, body: Body, channel: Channel | None, base_url: str) -> Order:
    """Make the invoice; a second request for the same id meanwhile meets 409."""
    merchant_order_id = body["merchantOrderId"]
    gateway.orders.in_progress.add(merchant_order_id)
    try:
        await asyncio.sleep(gateway.settings.invoice_seconds)
        return gateway.open_order("pop", body, channel, base_url)
    finally:
        gateway.orders.in_progress.discard(merchant_order_id)


async def pop_transaction_status(request: Request) -> Response:
    """Check Transaction for orders of createInvoice."""
    return await check_transaction(request, "pop", "popTransactionStatus")


ROUTES = [
    *(
        Route(f"/api/merchant/{name}", create_invoice, methods=["POST"], name="createInvoice")
        for name in ("createInvoice", "createinvoice", "CreateInvoice")
    ),
    Route(
        "/api/merchant/transactionStatus",
        pop_transaction_status,
        methods=["POST"],
        name="popTransactionStatus",
    ),
]

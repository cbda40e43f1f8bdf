"""The v2 host: Get Payment Method, Request Transaction and Check Transaction.

Source: ``docs/reference/duitku.md``, Calls. Requests carry their signature in the JSON body.
"""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.duitku import checks
from local.simulators.duitku.channels import CHANNELS, Channel, Kind
from local.simulators.duitku.checks import Body, RefusedError
from local.simulators.duitku.gateway import Gateway, gateway_of
from local.simulators.duitku.orders import Order
from local.simulators.duitku.settings import Settings
from local.simulators.duitku.status import check_transaction

_FEES = {Kind.VIRTUAL_ACCOUNT: "3000", Kind.RETAIL: "5000", Kind.CARD: "2500"}
_MANDATORY = (
    "merchantOrderId",
    "paymentAmount",
    "productDetails",
    "email",
    "paymentMethod",
    "returnUrl",
    "callbackUrl",
)
_FAILURES = {
    Kind.VIRTUAL_ACCOUNT: "Failed to generate payment number",
    Kind.RETAIL: "Failed to generate payment number",
    Kind.QRIS: "Failed to generate QR String",
}


async def payment_methods(request: Request) -> Response:
    """List the open channels with their fees, as strings."""
    gateway = await gateway_of(request)
    body = await checks.read_body(request)
    _check_methods_request(body, gateway.settings)
    closed = gateway.settings.closed_channels
    base = str(request.base_url)
    fees = [_fee(channel, base) for code, channel in CHANNELS.items() if code not in closed]
    done = {"paymentFee": fees, "responseCode": "00", "responseMessage": "SUCCESS"}
    return JSONResponse(gateway.answer("paymentMethods", done))


def _check_methods_request(body: Body, settings: Settings) -> None:
    merchant = body.get("merchantcode") or body.get("merchantCode")
    checks.check_merchant(merchant, settings)
    parts = (merchant, body.get("amount"), body.get("datetime"))
    checks.check_signature("methods", settings, parts, body.get("signature"))
    _check_datetime(body.get("datetime"))
    checks.check_amount(body, "amount", settings)


def _check_datetime(value: object) -> None:
    form = "%Y-%m-%d %H:%M:%S"
    try:
        exact = datetime.strptime(str(value), form).strftime(form) == value  # noqa: DTZ007
    except ValueError:
        exact = False
    if not exact:
        raise RefusedError(400, "datetime must be yyyy-MM-dd HH:mm:ss", "datetime")


def _fee(channel: Channel, base_url: str) -> dict[str, str]:
    return {
        "paymentMethod": channel.code,
        "paymentName": channel.name,
        "paymentImage": f"{base_url}images/{channel.code}.svg",
        "totalFee": _FEES.get(channel.kind, "0"),
    }


async def inquiry(request: Request) -> Response:
    """Make an order on one channel; Check Transaction knows it at once as pending."""
    gateway = await gateway_of(request)
    body = await checks.read_body(request)
    channel = _check_inquiry(body, gateway)
    order = gateway.open_order("v2", body, channel, str(request.base_url))
    return JSONResponse(gateway.answer("inquiry", _accepted(order, gateway.settings)))


def _check_inquiry(body: Body, gateway: Gateway) -> Channel:
    settings = gateway.settings
    checks.check_merchant(body.get("merchantCode"), settings)
    parts = [body.get(name) for name in ("merchantCode", "merchantOrderId", "paymentAmount")]
    checks.check_signature("inquiry", settings, parts, body.get("signature"))
    checks.check_fields(body, _MANDATORY, settings)
    checks.check_channel_fields(body)
    channel = checks.open_channel(body["paymentMethod"], settings)
    checks.check_items(body, settings)
    checks.check_unused(gateway.orders.find(body["merchantOrderId"]), settings)
    if channel.code in settings.failing_channels:
        raise RefusedError(500, _FAILURES.get(channel.kind, "Failed to generate payment Url"))
    return channel


def _accepted(order: Order, settings: Settings) -> dict[str, str]:
    """Return the answer; fields of other channels are absent, a card's amount too."""
    shown = {
        "vaNumber": order.va_number,
        "qrString": order.qr_string,
        "AppUrl": _app_url(order),
        "amount": None if _is_card(order) else str(order.amount),
    }
    return {
        "merchantCode": settings.merchant_code,
        "reference": order.reference,
        "paymentUrl": order.payment_url,
        **{name: value for name, value in shown.items() if value is not None},
        "statusCode": "00",
        "statusMessage": "SUCCESS",
    }


def _is_card(order: Order) -> bool:
    return order.channel is not None and order.channel.kind is Kind.CARD


def _app_url(order: Order) -> str | None:
    wallet = order.channel is not None and order.channel.kind is Kind.WALLET
    return f"{order.payment_url}&app=1" if wallet else None


async def transaction_status(request: Request) -> Response:
    """Check Transaction for orders of v2/inquiry."""
    return await check_transaction(request, "v2", "transactionStatus")


ROUTES = [
    Route(
        "/webapi/api/merchant/paymentmethod/getpaymentmethod",
        payment_methods,
        methods=["POST"],
        name="paymentMethods",
    ),
    Route("/webapi/api/merchant/v2/inquiry", inquiry, methods=["POST"], name="inquiry"),
    Route(
        "/webapi/api/merchant/transactionStatus",
        transaction_status,
        methods=["POST"],
        name="transactionStatus",
    ),
]

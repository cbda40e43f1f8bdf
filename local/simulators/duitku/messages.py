"""The form that a callback carries: honest fields, the changes of a test, and the signature.

Source: ``docs/reference/duitku.md``, Callback delivery. Only merchant code, amount and merchant
order id are signed, so a test can alter any other field without touching the signature.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

from local.simulators.duitku import signatures
from local.simulators.duitku.channels import Kind
from local.simulators.duitku.orders import Order, State
from local.simulators.duitku.settings import CallbackPlan, Settings, overlay

_JAKARTA = timezone(timedelta(hours=7))
_SIGNED = ("merchantCode", "amount", "merchantOrderId")


def result_code(order: Order, settings: Settings) -> str:
    """Return the callback's resultCode: 00 when paid, else what the settings say, else 01."""
    if order.state is State.PAID:
        return "00"
    expired = order.state is State.EXPIRED
    return (settings.expiry_callback if expired else settings.failure_callback) or "01"


def callback_form(order: Order, plan: CallbackPlan, settings: Settings, now: datetime) -> str:
    """Return the URL-encoded body of one callback as ``plan`` asks for it."""
    honest = _honest_fields(order, settings, now)
    fields = overlay(honest, plan.fields)
    if "signature" not in plan.fields:
        fields = overlay(fields, {"signature": _signature(plan, settings, honest, fields)})
    return urlencode(fields)


def _honest_fields(order: Order, settings: Settings, now: datetime) -> dict[str, str]:
    settled = (order.paid_at or now).astimezone(_JAKARTA) + timedelta(days=1)
    return {
        "merchantCode": settings.merchant_code,
        "amount": str(order.amount),
        "merchantOrderId": order.merchant_order_id,
        "productDetail": order.text("productDetails"),
        "additionalParam": order.text("additionalParam"),
        "paymentCode": order.channel.code if order.channel else "",
        "resultCode": result_code(order, settings),
        "merchantUserId": order.text("merchantUserInfo"),
        "reference": order.reference,
        "publisherOrderId": f"SIM{order.reference[-14:]}",
        "settlementDate": settled.strftime("%Y-%m-%d"),
        **_channel_fields(order),
    }


def _channel_fields(order: Order) -> dict[str, str]:
    fields = {}
    if order.channel and order.channel.code in {"SP", "SA", "SL"}:
        fields["spUserHash"] = "simulated-shopeepay-user"
    if order.channel and order.channel.kind is Kind.QRIS:
        fields |= {"issuerCode": "93600918", "customerName": "Pem**** Simulasi"}
    if order.va_number is not None:
        fields |= {"vaNumber": order.va_number, "sourceAccount": "8800****0001"}
    return fields


def _signature(
    plan: CallbackPlan, settings: Settings, honest: Mapping[str, str], sent: Mapping[str, object]
) -> str | None:
    if plan.signature in {"missing", "empty"}:
        return None if plan.signature == "missing" else ""
    signed = honest if plan.signature == "original" else sent
    parts = [str(signed.get(name, "")) for name in _SIGNED]
    if plan.signature == "bad":
        return signatures.current(f"not-{settings.api_key}", *parts)
    if plan.signature == "legacy" or settings.signature_mode == "legacy":
        return signatures.legacy("callback", settings.api_key, *parts)
    return signatures.current(settings.api_key, *parts)

"""The checks that Duitku makes on a request, and the refusals that it answers with.

Texts and codes: ``docs/reference/duitku.md``, Errors. The order of the checks is ours: missing
merchant code 401, unknown one 404, wrong signature 401, fields 400, channel 404, sum of the items
409.
"""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from local.simulators.duitku import signatures
from local.simulators.duitku.channels import CHANNELS, Channel, Kind
from local.simulators.duitku.settings import Settings

type Body = dict[str, Any]

_LIMITS = {
    "paymentMethod": 2,
    "merchantOrderId": 50,
    "email": 50,
    "phoneNumber": 50,
    "customerVaName": 20,
    "productDetails": 255,
    "returnUrl": 255,
    "callbackUrl": 255,
    "additionalParam": 255,
    "merchantUserInfo": 255,
}
_DIGITS = re.compile(r"[0-9]{1,15}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class RefusedError(Exception):
    """A request that Duitku refuses: HTTP status, text (None: empty body) and field at fault."""

    def __init__(self, status: int, message: str | None, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field


async def read_body(request: Request, *, form: bool = False) -> Body:
    """Return the JSON object of a request (or its form, when allowed); {} for anything else."""
    kind = request.headers.get("content-type", "")
    raw = await request.body()
    if form and "form-urlencoded" in kind:
        return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
    if "json" not in kind:
        return {}
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def check_unused(known: object, settings: Settings) -> None:
    """Refuse an order id under which an order is ``known``, where the settings say so."""
    if known is not None and settings.reused_ids == "refuse":
        raise RefusedError(400, "merchantOrderId was used before", "merchantOrderId")


def check_merchant(code: object, settings: Settings) -> None:
    """Refuse a missing (401) or unknown (404) merchant code."""
    if not code:
        raise RefusedError(401, "Wrong signature")
    if code != settings.merchant_code:
        raise RefusedError(404, "Merchant not found")


def check_signature(
    use: signatures.Use, settings: Settings, parts: Iterable[object], given: object
) -> None:
    """Refuse a missing or wrong signature over ``parts`` with 401."""
    texts = tuple("" if part is None else str(part) for part in parts)
    mode, key = settings.signature_mode, settings.api_key
    if not isinstance(given, str) or not signatures.accepts(mode, use, key, texts, given):
        raise RefusedError(401, "Wrong signature")


def read_number(body: Body, name: str, settings: Settings) -> None:
    """Turn a whole number that came as text into one, in place, as the real service reads it."""
    given = body.get(name)
    if not settings.strict_numbers and isinstance(given, str) and _DIGITS.fullmatch(given):
        body[name] = int(given)


def check_amount(body: Body, name: str, settings: Settings) -> None:
    """Refuse an amount that is not a whole number between the floor and the ceiling."""
    read_number(body, name, settings)
    amount = body.get(name)
    if type(amount) is not int:
        raise RefusedError(400, f"{name} must be an integer", name)
    if amount < settings.minimum_amount:
        raise RefusedError(400, f"Minimum Payment {settings.minimum_amount} IDR", name)
    if amount > settings.maximum_amount:
        raise RefusedError(400, "Maximum Payment exceeded", name)


def check_fields(body: Body, mandatory: Iterable[str], settings: Settings) -> None:
    """Refuse missing, mistyped or over-long fields of inquiry and createInvoice with 400."""
    for name in mandatory:
        if body.get(name) in (None, ""):
            raise RefusedError(400, f"{name} is mandatory", name)
    for name, limit in _LIMITS.items():
        _check_text(body.get(name), name, limit)
    if not _EMAIL.fullmatch(body["email"]):
        raise RefusedError(400, "Invalid Email Address", "email")
    read_number(body, "expiryPeriod", settings)
    _check_minutes(body.get("expiryPeriod"))
    check_amount(body, "paymentAmount", settings)


def _check_text(value: object, name: str, limit: int) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise RefusedError(400, f"{name} must be a string", name)
    if len(value) > limit:
        raise RefusedError(400, f"length of {name} can't > {limit}", name)


def _check_minutes(value: object) -> None:
    if value is not None and (type(value) is not int or value <= 0):
        raise RefusedError(400, "expiryPeriod must be a number of minutes", "expiryPeriod")


def check_channel_fields(body: Body) -> None:
    """Refuse what one channel asks for on top: a VA name, or the buyer's details for paylater."""
    channel = CHANNELS.get(body.get("paymentMethod") or "")
    if channel is None:
        return
    if channel.kind is Kind.VIRTUAL_ACCOUNT and not body.get("customerVaName"):
        text = "Customer VA Name must not be empty for this payment channel"
        raise RefusedError(400, text, "customerVaName")
    if channel.kind is Kind.PAYLATER and not body.get("customerDetail"):
        raise RefusedError(400, None)


def open_channel(code: str, settings: Settings) -> Channel:
    """Return the channel of ``code``; refuse an unknown or closed one with 404."""
    if code not in CHANNELS or code in settings.closed_channels:
        raise RefusedError(404, "Payment channel not available", "paymentMethod")
    return CHANNELS[code]


def check_items(body: Body, settings: Settings) -> None:
    """Refuse items that are malformed (400) or whose prices do not add up to the amount (409).

    ``price`` is the total of a line, so the quantity does not count into the sum.
    """
    items = body.get("itemDetails")
    if not items:
        return
    if not isinstance(items, list) or not all(_is_item(item, settings) for item in items):
        raise RefusedError(400, "itemDetails need name, quantity and price", "itemDetails")
    if sum(item["price"] for item in items) != body["paymentAmount"]:
        raise RefusedError(409, "Payment amount must be equal to all item price", "itemDetails")


def _is_item(item: object, settings: Settings) -> bool:
    if not isinstance(item, dict):
        return False
    for name in ("quantity", "price"):
        read_number(item, name, settings)
    return (
        isinstance(item.get("name"), str)
        and type(item.get("quantity")) is int
        and type(item.get("price")) is int
    )

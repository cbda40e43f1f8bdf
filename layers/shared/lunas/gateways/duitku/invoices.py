"""The fields and the lifetime of an invoice (duitku.md, Calls, and Channels and expiry).

A channel without an entry, such as a new one, is expected to honour the expiry that an invoice asks
for.
"""

import re
from collections.abc import Mapping
from typing import Any

from lunas.domain.payments import Payment
from lunas.domain.schedule import DAY, Channel
from lunas.domain.users import Customer

DETAILS = 255
ITEM_NAME = 50
VA_NAME = 20
PHONE = 20


def purchase(payment: Payment, callback_url: str, return_url: str, minutes: int) -> dict[str, Any]:
    """Return the fields that a POP invoice and a v2 inquiry share.

    It has one item with the whole amount: Duitku adds up the items and refuses any other sum.
    """
    customer = payment.customer
    body: dict[str, Any] = {
        "merchantOrderId": payment.id,
        "paymentAmount": payment.amount,
        "productDetails": payment.package_name[:DETAILS],
        "email": customer.email,
        "customerVaName": va_name(customer),
        "itemDetails": [
            {"name": payment.package_name[:ITEM_NAME], "price": payment.amount, "quantity": 1}
        ],
        "customerDetail": _customer_detail(customer),
        "callbackUrl": callback_url,
        "returnUrl": return_url,
        "expiryPeriod": minutes,
    }
    if customer.phone:
        body["phoneNumber"] = _phone(customer.phone)
    return body


def va_name(customer: Customer) -> str:
    """Return the name for a virtual account: at most 20 letters, digits, spaces and dots."""
    plain = re.sub(r"[^A-Za-z0-9 .]", " ", f"{customer.first_name} {customer.last_name}")
    return " ".join(plain.split())[:VA_NAME].strip() or "Lunas"


def _customer_detail(customer: Customer) -> dict[str, str]:
    named = {"firstName": customer.first_name[:50], "email": customer.email}
    if customer.last_name:
        named["lastName"] = customer.last_name[:50]
    return named | ({"phoneNumber": _phone(customer.phone)} if customer.phone else {})


def _phone(phone: str) -> str:
    return re.sub(r"[^0-9()-]", "", phone)[:PHONE]


PATIENT = Channel(prompt=False)
"""Virtual accounts and retail, and invoices whose channel the buyer picks at Duitku."""
CHANNELS: Mapping[str, Channel] = {
    "VC": Channel(fixed=30),
    **dict.fromkeys(
        ("BC", "M2", "VA", "I1", "B1", "BT", "A1", "AG", "NC", "BR", "S1", "DM", "BV"), PATIENT
    ),
    **dict.fromkeys(("FT", "IR"), PATIENT),
    "OV": Channel(longest=DAY),
    "SA": Channel(longest=60),
    "LF": Channel(fixed=24),
    "LA": Channel(fixed=24),
    "DA": Channel(longest=DAY),
    "SL": Channel(fixed=30),
    "OL": Channel(fixed=15),
    "SP": Channel(longest=60),
    "SQ": Channel(longest=60),
    "NQ": Channel(longest=DAY),
    "DN": Channel(longest=DAY),
    "AT": Channel(longest=720),
    "JP": Channel(longest=10),
    **dict.fromkeys(("T1", "T2", "T3"), Channel(longest=DAY)),
}


def channel_of(code: str | None) -> Channel:
    """Return the terms of a channel; None if the buyer picks it on Duitku's page."""
    return CHANNELS.get(code, PATIENT) if code else PATIENT

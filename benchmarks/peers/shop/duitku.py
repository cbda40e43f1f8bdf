"""Calls Duitku by requests; a query over a kept connection, an order over one of its own.

A kept connection may be dead by now, and an order must not be sent twice.
"""

import hashlib
import hmac
import os
import time
from collections.abc import Callable
from typing import Any

import requests

MERCHANT, KEY = os.environ["DUITKU_MERCHANT_CODE"], os.environ["DUITKU_API_KEY"]
session = requests.Session()


def sign(message: str) -> str:
    """Sign as Duitku documents it."""
    return hmac.new(KEY.encode(), message.encode(), hashlib.sha256).hexdigest()


def create_invoice(payment: dict[str, Any]) -> dict[str, Any]:
    """Open a payment."""
    timestamp = str(time.time_ns() // 1_000_000)
    headers = {
        "x-duitku-timestamp": timestamp,
        "x-duitku-merchantcode": MERCHANT,
        "x-duitku-signature": sign(f"{MERCHANT}{timestamp}"),
    }
    customer, bought = payment["customer"], payment["purchase"]
    item = {"name": bought["packageName"], "price": bought["amount"], "quantity": 1}
    body = {
        "merchantOrderId": payment["pk"].partition("#")[2],
        "paymentAmount": bought["amount"],
        "productDetails": bought["packageName"],
        "email": customer["email"],
        "customerVaName": f"{customer['firstName']} {customer['lastName']}".strip()[:20],
        "itemDetails": [item],
        "callbackUrl": os.environ["DUITKU_CALLBACK_URL"],
        "returnUrl": os.environ["RETURN_URL"],
        "expiryPeriod": 60,
    }
    return _post(requests.post, "createInvoice", body, headers)


def status(order_id: str) -> dict[str, Any]:
    """Ask for the status of an order."""
    body = {
        "merchantCode": MERCHANT,
        "merchantOrderId": order_id,
        "signature": sign(f"{MERCHANT}{order_id}"),
    }
    return _post(session.post, "transactionStatus", body)


def _post(
    post: Callable[..., requests.Response],
    call: str,
    body: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    url = f"{os.environ['DUITKU_POP_URL']}/api/merchant/{call}"
    answer = post(url, json=body, headers=headers, timeout=(3, 8), allow_redirects=False)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found

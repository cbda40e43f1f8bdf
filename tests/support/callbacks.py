"""Callbacks of Duitku as the Function URL passes them on."""

import base64
from typing import Any
from urllib.parse import urlencode

from lunas.gateways.duitku import signatures
from tests.support.duitku_vectors import B
from tests.support.functions import invoke

FORM = "application/x-www-form-urlencoded"


def fields(order: str, amount: str = "49000", **changes: str) -> dict[str, str]:
    """Return the fields of a correctly signed callback; ``changes`` are made after signing."""
    signature = signatures.callback_signature(B.merchant, amount, order, B.key)
    right = {
        "merchantCode": B.merchant,
        "amount": amount,
        "merchantOrderId": order,
        "signature": signature,
        "resultCode": "00",
        "reference": "R1",
        "customerName": "Budi Santoso",
    }
    return {**right, **changes}


def event(body: bytes, media_type: str = FORM) -> dict[str, Any]:
    """Return the event of a callback."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "headers": {"content-type": media_type},
        "requestContext": {"http": {"method": "POST", "path": "/"}, "requestId": "rq1"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def post(order: str, amount: str = "49000", **changes: str) -> int:
    """Send a callback and return the status of the answer."""
    body = urlencode(fields(order, amount, **changes)).encode()
    status: int = invoke("duitku_webhook", event(body))["statusCode"]
    return status

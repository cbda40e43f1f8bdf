"""Makes one call by ``paynesia`` of PyPI; run by the interpreter of the environment that holds it.

Takes ``{"url", "merchantCode", "apiKey", "call", "given"}`` as its argument and prints the result,
both as JSON; an error of the client is ``{"error", "message"}``.
"""

import json
import sys
from typing import Any

from paynesia.exceptions import (  # type: ignore[import-not-found]
    ConfigurationError,
    GatewayError,
    SignatureError,
)
from paynesia.manager import PaymentManager  # type: ignore[import-not-found]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SHOP = "https://shop.example"


def opened(url: str, merchant_code: str, api_key: str) -> Any:
    """Return the client's gateway to Duitku, whose host is at ``url``."""
    account = {
        "merchant_code": merchant_code,
        "merchant_key": api_key,
        "callback_url": f"{SHOP}/callback",
        "return_url": f"{SHOP}/return",
    }
    gateway = PaymentManager({"default": "duitku", "gateways": {"duitku": account}}).driver()
    gateway.base_url = f"{url}/webapi"
    return gateway


def result(gateway: Any, call: str, given: Any) -> Any:
    """Open a payment, or have the client verify and read the form of a callback."""
    if call == "payment":
        return gateway.create_payment(given)
    read = gateway.handle_webhook(FORM, given)
    return {"orderId": read.order_id, "status": read.status, "amount": read.amount}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    made = opened(asked["url"], asked["merchantCode"], asked["apiKey"])
    try:
        done = result(made, asked["call"], asked["given"])
    except (ConfigurationError, GatewayError, SignatureError) as error:
        done = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(done))  # noqa: T201

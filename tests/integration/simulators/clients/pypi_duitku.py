"""Makes one call by ``Duitku`` of PyPI; run by the interpreter of the environment that holds it.

Takes ``{"url", "merchantCode", "apiKey", "call", "given"}`` as its argument and prints the result,
both as JSON.
"""

import json
import sys
from typing import Any

from Duitku import Duitku  # type: ignore[import-not-found]


def opened(url: str, merchant_code: str, api_key: str) -> Any:
    """Return a client of the account whose hosts are all at ``url``."""
    client = Duitku()
    client.client.merchant_code, client.client.api_key = merchant_code, api_key
    client.invoice.base_url = f"{url}/api"
    client.payment.base_url = client.transaction.base_url = f"{url}/webapi/api"
    return client


def signatures(client: Any, signed: str) -> dict[str, str]:
    """Sign a text behind the merchant code by each of the client's two formulas."""
    return {
        "hmac": client.invoice._generate_invoice_signature(signed),  # noqa: SLF001
        "md5": client.transaction._generate_transaction_signature(signed),  # noqa: SLF001
    }


def result(client: Any, call: str, given: Any) -> Any:
    """Make a call."""
    if call == "sign":
        return signatures(client, given)
    calls = {
        "invoice": client.invoice.create,
        "methods": client.payment.get_methods,
        "inquiry": client.transaction.create,
        "status": client.transaction.get_status,
    }
    answer = calls[call](given)
    return {"status": answer.status_code, "body": answer.message}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    made = opened(asked["url"], asked["merchantCode"], asked["apiKey"])
    print(json.dumps(result(made, asked["call"], asked["given"])))  # noqa: T201

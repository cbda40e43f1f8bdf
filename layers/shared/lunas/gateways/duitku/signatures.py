"""Duitku's signatures: HMAC-SHA256 in lower-case hex, keyed with the API key.

Each message consists of fields without a separator (docs/reference/duitku.md, Signatures). The MD5
form, which Duitku declared obsolete in April 2026, is accepted for callbacks only, and only if a
setting allows it.
"""

import hashlib
import hmac


def _sign(message: str, api_key: str) -> str:
    return hmac.new(api_key.encode(), message.encode(), hashlib.sha256).hexdigest()


def methods_signature(merchant_code: str, amount: int, moment: str, api_key: str) -> str:
    """Sign a request for payment methods; ``moment`` is its ``datetime`` field."""
    return _sign(f"{merchant_code}{amount}{moment}", api_key)


def inquiry_signature(merchant_code: str, order_id: str, amount: int, api_key: str) -> str:
    """Sign a v2 inquiry, with the order id before the amount."""
    return _sign(f"{merchant_code}{order_id}{amount}", api_key)


def status_signature(merchant_code: str, order_id: str, api_key: str) -> str:
    """Sign a query for the status of an order, on either host."""
    return _sign(f"{merchant_code}{order_id}", api_key)


def invoice_signature(merchant_code: str, timestamp: str, api_key: str) -> str:
    """Sign the headers of a POP invoice; ``timestamp`` is the exact text of the header."""
    return _sign(f"{merchant_code}{timestamp}", api_key)


def callback_signature(merchant_code: str, amount: str, order_id: str, api_key: str) -> str:
    """Sign a callback, with the amount exactly as received before the order id."""
    return _sign(f"{merchant_code}{amount}{order_id}", api_key)


def legacy_callback_signature(merchant_code: str, amount: str, order_id: str, api_key: str) -> str:
    """Sign a callback by the obsolete MD5 scheme."""
    message = f"{merchant_code}{amount}{order_id}{api_key}"
    return hashlib.md5(message.encode(), usedforsecurity=False).hexdigest()


def same_signature(given: str, expected: str) -> bool:
    """Compare in constant time; an empty signature never matches."""
    return bool(given) and hmac.compare_digest(given.encode(), expected.encode())

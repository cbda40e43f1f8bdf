"""How the simulator signs webhooks, in code of its own: the client's check is not to be trusted.

A signature is the lower-case hex HMAC-SHA256 of the exact bytes of the body. A test can ask for
one that Thinkific would never send.
"""

import base64
import hashlib
import hmac
from typing import Literal

type SignatureChoice = Literal["valid", "bad", "base64", "upper", "missing"]


def signature(body: bytes, key: str, choice: SignatureChoice) -> str | None:
    """Return the value of ``X-Thinkific-Hmac-Sha256``, None when the header is to be missing."""
    digest = hmac.digest(key.encode(), body, hashlib.sha256)
    match choice:
        case "valid":
            return digest.hex()
        case "bad":
            return hmac.digest(f"not {key}".encode(), body, hashlib.sha256).hex()
        case "base64":
            return base64.b64encode(digest).decode()
        case "upper":
            return digest.hex().upper()
        case "missing":
            return None

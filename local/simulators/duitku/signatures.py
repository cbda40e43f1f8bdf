"""The signature formulas of Duitku, written for the simulator alone.

They share no code with the client, so that a mistake in one of them shows as a refused call.
Formulas and test vectors: ``docs/reference/duitku.md``, Signatures.
"""

import hashlib
import hmac
from typing import Literal

type Use = Literal["methods", "inquiry", "status", "callback", "invoice"]
type Mode = Literal["hmac", "legacy", "both"]

_LEGACY_DIGEST: dict[Use, str] = {
    "methods": "sha256",
    "inquiry": "md5",
    "status": "md5",
    "callback": "md5",
    "invoice": "sha256",
}


def current(api_key: str, *parts: str) -> str:
    """Return the HMAC-SHA256 of the joined parts, as lower-case hex."""
    return hmac.new(api_key.encode(), "".join(parts).encode(), hashlib.sha256).hexdigest()


def legacy(use: Use, api_key: str, *parts: str) -> str:
    """Return the plain digest that Duitku used before April 2026 (MD5 or SHA-256, by use)."""
    message = "".join((*parts, api_key)).encode()
    return hashlib.new(_LEGACY_DIGEST[use], message, usedforsecurity=False).hexdigest()


def accepts(mode: Mode, use: Use, api_key: str, parts: tuple[str, ...], given: str) -> bool:
    """Say whether ``given`` is a signature that an account in ``mode`` takes for ``parts``."""
    known = []
    if mode != "legacy":
        known.append(current(api_key, *parts))
    if mode != "hmac":
        known.append(legacy(use, api_key, *parts))
    return any(hmac.compare_digest(one.encode(), given.encode()) for one in known)

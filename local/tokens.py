"""Makes the tokens that the platform's login service would make."""

import hashlib
import re
import time

import jwt

from local.cloud.stack import Stack

_LIFE_SECONDS = 3600
_LONGEST_LOCAL = 64
"""Characters before the @ of an address."""


def user_token(
    stack: Stack,
    user: str,
    *,
    role: str = "USER",
    kind: str = "UMUM",
    email: str = "",
    name: str = "",
) -> str:
    """Give a user's token, good for an hour; e-mail and name follow from the user id by default.

    ``role`` is USER or ADMIN and ``kind``, the payment type, DIKE or UMUM, in any case of letters.
    """
    now = int(time.time())
    claims = {
        "sub": user,
        "role": role.upper(),
        "type": kind.upper(),
        "email": email or _address_of(user),
        "name": name or user.replace("-", " ").replace(".", " ").title(),
        "iat": now,
        "exp": now + _LIFE_SECONDS,
    }
    return jwt.encode(claims, stack.jwt_secret, algorithm="HS256", headers={"kid": "local"})


def _address_of(user: str) -> str:
    """Give the address of a user; of an id that cannot stand in one, by its digest."""
    if len(user) <= _LONGEST_LOCAL and re.fullmatch(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*", user):
        return f"{user}@example.com"
    return f"user-{hashlib.sha256(user.encode()).hexdigest()[:12]}@example.com"

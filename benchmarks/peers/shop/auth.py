"""Tokens of the login service."""

import os
from typing import Any

import jwt

from shop.errors import Refused
from shop.telemetry import logger


def caller(authorization: str) -> dict[str, Any]:
    """Return the claims of a bearer token."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Refused(401, "a bearer token is required")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            os.environ["JWT_SECRET"],
            algorithms=["HS256"],
            leeway=10,
            options={"require": ["exp", "sub"]},
        )
    except jwt.InvalidTokenError:
        raise Refused(401, "a valid token is required") from None
    if claims.get("role") not in {"USER", "ADMIN"}:
        raise Refused(401, "the token has no role")
    logger.append_keys(caller=f"{claims['role'].lower()}:{claims['sub']}")
    return claims


def admin(authorization: str) -> dict[str, Any]:
    """Return the claims of an admin's bearer token."""
    claims = caller(authorization)
    if claims["role"] != "ADMIN":
        raise Refused(403, "your role does not allow this")
    return claims

"""The tokens with which Lunas calls the owner's other services."""

import time
from collections.abc import Mapping
from typing import Any

import jwt

from lunas.domain.errors import ConfigurationError

NAME = "lunas"
"""Subject of the tokens: the service's name."""
LIFETIME = 300
"""Seconds."""


def service_headers(keys: Mapping[str, Any], scope: str) -> dict[str, str]:
    """Return the headers of a call as a service, with a new token of the services' trust domain.

    ``keys`` is the auth secret, ``scope`` a space-separated list. Raises ConfigurationError.
    """
    domain, api_key = keys.get("service") or {}, keys.get("serviceApiKey")
    if not domain.get("secret") or not api_key:
        raise ConfigurationError("service.secret or serviceApiKey is missing in the auth secret")
    now = int(time.time())
    claims = {
        "sub": NAME,
        "role": "SERVICE",
        "scope": scope,
        "iss": domain.get("issuer"),
        "aud": domain.get("audience"),
        "iat": now,
        "exp": now + LIFETIME,
    }
    token = jwt.encode(claims, domain["secret"], algorithm="HS256")
    return {"Authorization": f"Bearer {token}", "x-api-key": api_key}

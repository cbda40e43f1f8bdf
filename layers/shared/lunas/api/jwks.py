"""Public keys of the login service from its JWKS (RFC 7517), cached for five minutes."""

from functools import cache

import jwt

from lunas.domain.errors import KeysUnavailable, Unauthenticated

PUBLIC_KEY_ALGORITHMS = ["RS256", "ES256"]
LIFETIME = 300
"""Seconds for which a key set is cached."""
COOLDOWN = 5
"""Seconds until the set is fetched again for an unknown key: short enough after a change of the
login service's key, and too long for forged tokens to cause a request each."""
TIMEOUT = 3
"""Seconds to fetch the key set."""


@cache
def _client(url: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(url, lifespan=LIFETIME, timeout=TIMEOUT, cooldown_duration=COOLDOWN)


def signing_key(url: str, token: str) -> jwt.PyJWK | None:
    """Return the key that a token names, or None if it names none that may sign tokens.

    Raises Unauthenticated if the token cannot be read, KeysUnavailable if the set cannot be
    fetched.
    """
    try:
        algorithm = jwt.get_unverified_header(token).get("alg")
    except jwt.InvalidTokenError:
        raise Unauthenticated("the token cannot be read") from None
    if algorithm not in PUBLIC_KEY_ALGORITHMS:
        return None
    try:
        return _client(url).get_signing_key_from_jwt(token)
    except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, ValueError, OSError):
        raise KeysUnavailable("the login service's keys cannot be fetched; try again") from None
    except (jwt.PyJWKClientError, jwt.InvalidTokenError):
        return None

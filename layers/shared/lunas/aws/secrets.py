"""Secrets from Secrets Manager, cached for five minutes so that a rotation is noticed."""

import json
from collections.abc import Callable
from functools import cache
from time import monotonic
from typing import Any

from lunas.aws import clients
from lunas.aws.settings import setting
from lunas.domain.errors import ConfigurationError

MAX_AGE = 300
"""Seconds for which a value is cached."""


class SecretCache:
    """Fetches the texts of secrets and caches each of them.

    Powertools has such a cache too, but its other providers take a twentieth of a start.
    """

    def __init__(self, fetch: Callable[[str], str]) -> None:
        self._fetch = fetch
        self._known: dict[str, tuple[float, str]] = {}

    def get(self, secret_id: str) -> str:
        """Return the text of a secret, which is at most MAX_AGE seconds old."""
        until, text = self._known.get(secret_id, (0.0, ""))
        if monotonic() >= until:
            text = self._fetch(secret_id)
            self._known[secret_id] = (monotonic() + MAX_AGE, text)
        return text

    def clear_cache(self) -> None:
        """Remove all cached secrets."""
        self._known.clear()


def _fetch(secret_id: str) -> str:
    """Read a secret, or an empty object if it has no version because no value was set yet."""
    client = clients.secrets_manager()
    try:
        return client.get_secret_value(SecretId=secret_id)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        return "{}"


@cache
def _provider() -> SecretCache:
    return SecretCache(_fetch)


def secret(variable: str) -> dict[str, Any]:
    """Return the JSON object of the secret whose id is in the environment ``variable``.

    Raises ConfigurationError if the secret is not a JSON object.
    """
    text = _provider().get(setting(variable))
    try:
        value = json.loads(text)
    except ValueError:
        # The original error quotes the secret.
        raise ConfigurationError(f"the secret of {variable} is not JSON") from None
    if not isinstance(value, dict):
        raise ConfigurationError(f"the secret of {variable} is not a JSON object")
    return value


def secret_text(variable: str, key: str) -> str:
    """Return a text from a secret; raises ConfigurationError if it is missing or empty."""
    value = secret(variable).get(key)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(
            f"{key} is missing in the secret of {variable}: see docs/deploy.md"
        )
    return value

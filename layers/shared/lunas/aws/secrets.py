"""Secrets from Secrets Manager, kept for five minutes so that a rotation is picked up."""

import json
from collections.abc import Callable
from functools import cache
from time import monotonic
from typing import Any

from lunas.aws import clients
from lunas.aws.settings import setting
from lunas.domain.errors import ConfigurationError

MAX_AGE = 300
"""Seconds for which a value is used again before it is read anew."""


class SecretCache:
    """Fetches the texts of secrets, and remembers each of them for a while.

    Powertools has the same, with providers of every kind that take a twentieth of a start.
    """

    def __init__(self, fetch: Callable[[str], str]) -> None:
        self._fetch = fetch
        self._known: dict[str, tuple[float, str]] = {}

    def get(self, secret_id: str) -> str:
        """Return the text of a secret, at most MAX_AGE seconds old."""
        until, text = self._known.get(secret_id, (0.0, ""))
        if monotonic() >= until:
            text = self._fetch(secret_id)
            self._known[secret_id] = (monotonic() + MAX_AGE, text)
        return text

    def clear_cache(self) -> None:
        """Forget everything."""
        self._known.clear()


def _fetch(secret_id: str) -> str:
    """Read a secret; one that nobody has filled in yet has no version, and is an empty object."""
    client = clients.secrets_manager()
    try:
        return client.get_secret_value(SecretId=secret_id)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        return "{}"


@cache
def _provider() -> SecretCache:
    return SecretCache(_fetch)


def secret(variable: str) -> dict[str, Any]:
    """Return the JSON object of the secret whose id stands in the environment ``variable``.

    Raises ConfigurationError when the secret is not a JSON object.
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
    """Return one non-empty text out of a secret; ConfigurationError names what is missing."""
    value = secret(variable).get(key)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(
            f"{key} is missing in the secret of {variable}: see docs/deploy.md"
        )
    return value

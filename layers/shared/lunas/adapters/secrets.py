"""Secrets from Secrets Manager, kept for five minutes so that a rotation is picked up."""

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import TransformParameterError

from lunas.adapters.aws import CONFIG
from lunas.adapters.settings import setting
from lunas.rules.errors import Misconfigured

MAX_AGE = 300
"""Seconds for which a value is used again before it is read anew."""


@cache
def _provider() -> SecretsProvider:
    return SecretsProvider(boto_config=CONFIG)


def secret(variable: str) -> dict[str, Any]:
    """Return the JSON object of the secret whose id stands in the environment ``variable``.

    Raises Misconfigured when the secret is not a JSON object.
    """
    try:
        value = _provider().get(setting(variable), transform="json", max_age=MAX_AGE)
    except TransformParameterError:
        # The original error may quote the secret.
        raise Misconfigured(f"the secret of {variable} is not JSON") from None
    if not isinstance(value, dict):
        raise Misconfigured(f"the secret of {variable} is not a JSON object")
    return value


def secret_text(variable: str, key: str) -> str:
    """Return one non-empty text out of a secret; Misconfigured names what is missing."""
    value = secret(variable).get(key)
    if not isinstance(value, str) or not value:
        raise Misconfigured(f"{key} is missing in the secret of {variable}: see docs/deploy.md")
    return value

"""Checks of the stack's settings. None prints a secret, only the names of missing fields."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lunas.cli.stacks import DeployedStack
from lunas.cli.time_zones import unknown_zone

KEY_LENGTH = 32
"""Characters that a key of user tokens has at least."""
CREDENTIALS = {
    "api-key": ("apiKey",),
    "access-token": ("accessToken",),
    "oauth": ("clientId", "clientSecret"),
}
"""The fields of the Thinkific secret, by the way to authenticate."""
SECRETS = "docs/deploy.md, Fill in the secrets"


def callback_address(stack: DeployedStack) -> Iterator[str]:
    """Check that invoices carry the address at which Duitku reaches the stack."""
    address = stack.environment_of("InitiatePaymentFunction").get("DUITKU_CALLBACK_URL", "")
    if not address:
        yield "no callback address is set: leave DuitkuCallbackUrl empty or give an address"
    elif not stack.is_local and not address.startswith("https://"):
        yield f"the callback address {address} is no https address: correct DuitkuCallbackUrl"
    elif "example.com" in address:
        yield f"the callback address {address} is an example: correct DuitkuCallbackUrl"


def return_address(stack: DeployedStack) -> Iterator[str]:
    """Check that buyers come back from Duitku's page to the shop."""
    address = stack.environment_of("InitiatePaymentFunction").get("RETURN_URL", "")
    if not stack.is_local and "example.com" in address:
        yield "buyers come back to example.com: set ReturnUrl in samconfig.toml"


def time_zone(stack: DeployedStack) -> Iterator[str]:
    """Check that the shop's time zone exists."""
    problem = unknown_zone(stack.environment_of("PaymentsFunction").get("TIME_ZONE", ""))
    if problem:
        yield problem


def secrets(stack: DeployedStack) -> Iterator[str]:
    """Check that the secrets of Duitku, Thinkific and the API are filled in."""
    yield from _missing_of_auth(_secret(stack, "AuthSecretId"), stack)
    yield from _missing("Duitku", _secret(stack, "DuitkuSecretId"), ("merchantCode", "apiKey"))
    way = stack.environment_of("DeliverEnrollmentFunction").get("THINKIFIC_AUTHENTICATION", "")
    yield from _missing(
        "Thinkific",
        _secret(stack, "ThinkificSecretId"),
        CREDENTIALS.get(way, CREDENTIALS["api-key"]),
    )


def thinkific(stack: DeployedStack) -> Iterator[str]:
    """Check that a site is named, and connected where OAuth is used."""
    settings = stack.environment_of("DeliverEnrollmentFunction")
    if not settings.get("THINKIFIC_SUBDOMAIN"):
        yield "no Thinkific site is named: set ThinkificSubdomain in samconfig.toml and deploy"
    if settings.get("THINKIFIC_AUTHENTICATION") == "oauth":
        item = stack.client("dynamodb").get_item(
            TableName=stack.outputs["TableName"],
            Key={"pk": {"S": "OAUTH"}, "sk": {"S": "SITE"}},
        )
        grant = item.get("Item", {})
        if "encrypted" not in grant or grant.get("refused", {}).get("BOOL", False):
            yield "no Thinkific site is connected: docs/guides/thinkific-oauth.md, Connecting"


def _missing_of_auth(secret: Mapping[str, Any], stack: DeployedStack) -> Iterator[str]:
    settings = stack.environment_of("PaymentsFunction")
    keys = secret.get("userKeys") or {}
    if not keys and not settings.get("JWKS_URL"):
        yield f"the auth secret has no userKeys, so every caller is refused: {SECRETS}"
    for name, key in keys.items():
        if len(str(key)) < KEY_LENGTH:
            yield f"the user key {name} is shorter than {KEY_LENGTH} characters: {SECRETS}"
    yield from _missing("auth", secret, ("serviceApiKey",))
    service = secret.get("service") or {}
    yield from _missing("auth (service)", service, ("secret", "issuer", "audience"))


def _missing(name: str, secret: Mapping[str, Any], fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        if not secret.get(field):
            yield f"the {name} secret has no {field}: {SECRETS}"


def _secret(stack: DeployedStack, output: str) -> Mapping[str, Any]:
    client = stack.client("secretsmanager")
    try:
        found = client.get_secret_value(SecretId=stack.outputs[output])
        value = json.loads(found["SecretString"])
    except (client.exceptions.ResourceNotFoundException, ValueError):
        # Not filled in yet, or not JSON.
        return {}
    return value if isinstance(value, dict) else {}

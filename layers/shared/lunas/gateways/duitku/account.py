"""The Duitku project of this deployment, from environment and secret."""

from lunas.aws.secrets import secret_text
from lunas.aws.settings import enabled, optional, setting
from lunas.gateways.duitku.client import Duitku, DuitkuAccount

SECRET = "DUITKU_SECRET_ID"  # noqa: S105
"""Environment variable with the id of the secret."""


def duitku() -> Duitku:
    """Return the gateway; it reads its secret when it calls Duitku."""
    return Duitku(duitku_account)


def duitku_account() -> DuitkuAccount:
    """Return the account; raises ConfigurationError, which names a missing setting."""
    return DuitkuAccount(
        merchant_code=secret_text(SECRET, "merchantCode"),
        api_key=secret_text(SECRET, "apiKey"),
        api_url=setting("DUITKU_API_URL").rstrip("/"),
        pop_url=setting("DUITKU_POP_URL").rstrip("/"),
        callback_url=optional("DUITKU_CALLBACK_URL"),
        legacy_callbacks=enabled("DUITKU_LEGACY_CALLBACKS"),
        senders=optional("DUITKU_ADDRESSES"),
    )

"""Recognises refusals of an invoice that are due to the buyer's choice (duitku.md, Errors)."""

from lunas.domain.errors import (
    AmountRefused,
    ChannelRefused,
    FieldError,
    GatewayRefused,
    PurchaseRefused,
)
from lunas.gateways.duitku.http import UnknownOrder

LIMITS = {
    "Minimum Payment": "below its minimum",
    "Maximum Payment": "above its maximum",
}
"""Duitku's text about an amount, and the message for the buyer."""


def choice_refused(
    refused: GatewayRefused, payment_method: str | None, amount: int
) -> PurchaseRefused | None:
    """Return a refusal of the buyer's choice, with the field; None for any other refusal.

    ``amount`` is in whole rupiah. Without a named channel, the field is the package.
    """
    text = str(refused)
    for known, meaning in LIMITS.items():
        if known in text:
            return AmountRefused(text, _limit(payment_method, amount, meaning))
    if "Invalid Email Address" in text:
        return PurchaseRefused(text, FieldError("customer.email", "Duitku does not accept it"))
    if payment_method and _is_about_channel(refused):
        message = (
            f"Duitku does not offer {payment_method} to this merchant; name another one, or none"
        )
        return ChannelRefused(text, FieldError("paymentMethod", message))
    return None


def _limit(payment_method: str | None, amount: int, meaning: str) -> FieldError:
    if payment_method is None:
        return FieldError("packageId", f"Duitku cannot take {amount} rupiah: {meaning}")
    message = f"{payment_method} cannot take {amount} rupiah: {meaning}; name another one, or none"
    return FieldError("paymentMethod", message)


def _is_about_channel(refused: GatewayRefused) -> bool:
    """Return whether Duitku refused the channel.

    An inquiry creates its order, so a 404 cannot mean an unknown order: it means the channel,
    unless its text names the merchant, which means a wrong account or host in the settings.
    """
    if "Merchant not found" in str(refused):
        return False
    return isinstance(refused, UnknownOrder) or "channel" in str(refused)

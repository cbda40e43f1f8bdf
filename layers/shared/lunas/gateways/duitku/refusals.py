"""Which refusals of an invoice are about what the buyer chose (duitku.md, Errors)."""

from lunas.domain.errors import (
    AmountRefused,
    ChannelRefused,
    FieldError,
    GatewayRefused,
    PurchaseRefused,
)
from lunas.gateways.duitku.http import UnknownOrder

LIMITS = {
    "Minimum Payment": "less than it takes",
    "Maximum Payment": "more than it takes",
}
"""Duitku's text on an amount, and what the buyer is told."""


def choice_refused(
    refused: GatewayRefused, payment_method: str | None, amount: int
) -> PurchaseRefused | None:
    """Return the refusal as one of the buyer's choice, by field; None if it is about us.

    ``amount`` in whole rupiah. Without a channel named, the amount is that of the package.
    """
    text = str(refused)
    for known, meaning in LIMITS.items():
        if known in text:
            return AmountRefused(text, _limit(payment_method, amount, meaning))
    if "Invalid Email Address" in text:
        return PurchaseRefused(text, FieldError("customer.email", "Duitku does not take it"))
    if payment_method and _is_about_channel(refused):
        message = f"Duitku does not offer {payment_method} here; name another one, or none"
        return ChannelRefused(text, FieldError("paymentMethod", message))
    return None


def _limit(payment_method: str | None, amount: int, meaning: str) -> FieldError:
    if payment_method is None:
        return FieldError("packageId", f"Duitku cannot take {amount} rupiah: {meaning}")
    message = f"{payment_method} cannot take {amount} rupiah: {meaning}; name another one, or none"
    return FieldError("paymentMethod", message)


def _is_about_channel(refused: GatewayRefused) -> bool:
    """Tell whether the channel is at fault.

    An inquiry has no order to be unknown, so its 404 is about the channel unless it names the
    merchant: that is a wrong account or host, and ours to repair.
    """
    if "Merchant not found" in str(refused):
        return False
    return isinstance(refused, UnknownOrder) or "channel" in str(refused)

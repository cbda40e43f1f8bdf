"""The payment gateways by name. A new vendor needs a folder and an entry in ``VENDORS``."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lunas.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from lunas.domain.payments import Payment
    from lunas.gateways.base import PaymentGateway


def _duitku() -> "PaymentGateway":
    # Only requests that may call the gateway pay for the import.
    from lunas.gateways.duitku.account import duitku  # noqa: PLC0415

    return duitku()


VENDORS: dict[str, Callable[[], "PaymentGateway"]] = {"duitku": _duitku}
OPENS_BY = "duitku"
"""The gateway of new payments."""


def gateway(name: str) -> "PaymentGateway":
    """Return the gateway with a name; raises ConfigurationError if there is none."""
    if name not in VENDORS:
        raise ConfigurationError(f"there is no payment gateway {name:.40}")
    return VENDORS[name]()


def gateway_of(payment: "Payment") -> "PaymentGateway":
    """Return the gateway of a payment."""
    return gateway(payment.gateway_name or "")

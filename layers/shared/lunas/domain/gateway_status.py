"""The status of an order at the payment gateway, and whether it matches the payment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lunas.domain.payments import Payment


class GatewayState(StrEnum):
    """How far an order is at the gateway."""

    PAID = "PAID"
    OPEN = "OPEN"
    NOT_STARTED = "NOT_STARTED"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """The status of an order at the gateway.

    ``rupiah`` is None when its amount is not a whole number. ``code`` is the gateway's own.
    """

    state: GatewayState
    order_id: str = ""
    reference: str = ""
    rupiah: int | None = None
    code: str = ""
    fee: str | None = None

    @property
    def evidence(self) -> Mapping[str, str]:
        """Return what the history stores of it."""
        found = {
            "state": self.state,
            "statusCode": self.code,
            "orderId": self.order_id,
            "reference": self.reference,
            "amount": "" if self.rupiah is None else str(self.rupiah),
            "fee": self.fee or "",
        }
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class PaymentChannel:
    """A channel that the gateway offers; the fee in whole rupiah."""

    code: str
    name: str
    image_url: str
    fee: int


def whole_rupiah(given: object) -> int | None:
    """Read an amount ("40000", "40000.00", 40000) in whole rupiah; None if it is not whole."""
    whole = re.fullmatch(r"([0-9]{1,15})(?:\.0{1,4})?", str(given))
    return int(whole[1]) if whole else None


def matches(payment: Payment, status: GatewayStatus) -> bool:
    """Return whether order, amount and reference of a status match the payment.

    The reference must be one that the gateway gave for the payment, once all are known: a response
    with one may have been lost.
    """
    known = payment.known_references
    return (
        status.order_id == payment.id
        and status.rupiah == payment.amount
        and bool(status.reference)
        and (known is None or status.reference in known)
    )

"""What Lunas needs from a payment gateway; each vendor has a folder beside this module.

A gateway raises GatewayError: GatewayRefused for a no that repeating cannot change,
GatewayUnavailable when the outcome is unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.channels import Channel
from lunas.domain.gateway_status import GatewayStatus, PaymentChannel
from lunas.domain.payments import GatewayInvoice, Payment


@dataclass
class ReceivedCallback:
    """A request that claims to be a callback: raw body, address of its sender, and what is kept.

    The gateway writes into ``evidence`` what it finds the signature to be, before it refuses.
    """

    body: bytes
    sender: str
    evidence: CallbackEvidence


@dataclass(frozen=True, slots=True)
class Reading:
    """An order and its amount as text."""

    order_id: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCallback:
    """The signed fields of a callback, and the unsigned ones as ``hints``.

    ``rupiah`` is None when the amount is not a whole number. ``code`` is the gateway's result and
    ``claims_success`` whether it says that money came: no signature covers either.
    ``shifted`` is another order and amount that the same signature covers, if there is one.
    """

    order_id: str
    amount: str
    rupiah: int | None
    hints: Mapping[str, str]
    evidence: CallbackEvidence
    code: str = ""
    claims_success: bool = False
    shifted: Reading | None = None

    @property
    def named(self) -> dict[str, str]:
        """Return by what a history event or an anomaly names the callback."""
        return {"callbackDigest": self.evidence.short}


class PaymentGateway(Protocol):
    """A payment gateway; ``name`` is stored on each payment that goes by it."""

    @property
    def name(self) -> str: ...

    def channel(self, code: str | None) -> Channel:
        """Return the terms of a channel; None is the buyer's choice on the gateway's page."""

    def methods(self, amount: int, moment: datetime) -> list[PaymentChannel]:
        """Return the channels that can pay ``amount`` rupiah, with their fees."""

    def create_invoice(self, payment: Payment, minutes: int, return_url: str) -> GatewayInvoice:
        """Open an invoice that can be paid for ``minutes``, by the payment's channel if it has one.

        Raises PurchaseRefused for what the buyer chose.
        """

    def repeats_invoice(self, payment: Payment) -> bool:
        """Return whether asking again for the invoice of a payment gives the same one."""

    def status(self, payment: Payment) -> GatewayStatus:
        """Return the gateway's status of a payment."""

    def parse_callback(self, received: ReceivedCallback) -> VerifiedCallback:
        """Read a callback and check its signature and its sender.

        Raises MalformedInput, Forbidden.
        """


type Gateways = Callable[[Payment], PaymentGateway]
"""Returns the gateway that a payment goes by. Secrets are read when it is asked, not before."""

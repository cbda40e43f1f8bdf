"""The interface of a payment gateway; each vendor has a folder beside this file.

A gateway raises GatewayError: GatewayRefused for a refusal that no retry can change,
GatewayUnavailable if the outcome is unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.gateway_status import GatewayStatus, PaymentChannel
from lunas.domain.payments import GatewayInvoice, Payment
from lunas.domain.schedule import Channel


@dataclass
class ReceivedCallback:
    """A request that claims to be a callback: raw body, address of its sender, and evidence.

    The gateway notes in ``evidence`` whether the signature is valid, before it refuses a callback.
    """

    body: bytes
    sender: str
    evidence: CallbackEvidence


@dataclass(frozen=True, slots=True)
class Reading:
    """An order id and an amount, as a callback's text can be split."""

    order_id: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCallback:
    """The signed fields of a callback, and the unsigned ones as ``hints``.

    ``rupiah`` is None if the amount is not a whole number. ``code`` is the gateway's result and
    ``claims_success`` whether it means a payment; no signature covers either.
    ``shifted`` is another order id and amount that the same signature covers, if there is one.
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
        """Return the evidence by which a history event or an anomaly names the callback."""
        return {"callbackDigest": self.evidence.short}


class PaymentGateway(Protocol):
    """A payment gateway; ``name`` is stored on each of its payments."""

    @property
    def name(self) -> str: ...

    def channel(self, code: str | None) -> Channel:
        """Return the terms of a channel; None if the buyer picks it on the gateway's page."""

    def methods(self, amount: int, moment: datetime) -> list[PaymentChannel]:
        """Return the channels that can pay ``amount`` rupiah, with their fees."""

    def create_invoice(self, payment: Payment, minutes: int, return_url: str) -> GatewayInvoice:
        """Create an invoice that can be paid for ``minutes``, for the payment's channel if any.

        Raises PurchaseRefused if the gateway refuses the buyer's choice.
        """

    def repeats_invoice(self, payment: Payment) -> bool:
        """Return whether a second request for a payment's invoice returns the same invoice."""

    def status(self, payment: Payment) -> GatewayStatus:
        """Return the gateway's status of a payment."""

    def parse_callback(self, received: ReceivedCallback) -> VerifiedCallback:
        """Read a callback and check its signature and its sender.

        Raises MalformedInput, Forbidden.
        """


type Gateways = Callable[[Payment], PaymentGateway]
"""Returns the gateway of a payment. It reads its secrets at the first call, not before."""

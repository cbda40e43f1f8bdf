"""What follows from a callback of Duitku that carries a right signature.

A callback is a hint, never evidence: it makes Lunas ask Duitku, and only Duitku's answer moves
a payment (docs/reference/duitku.md, Callback).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.domain.anomalies import Anomaly, AnomalyKind, anomaly, paid_again
from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.errors import Forbidden, GatewayError
from lunas.domain.gateway_status import GatewayState
from lunas.domain.payments import AuditContext, Payment, denied_since, is_settled, sooner
from lunas.domain.schedule import SOON
from lunas.services.settlement import Outcome, Result, settle_by_gateway

if TYPE_CHECKING:
    from lunas.services.repositories import AnomalyKeeper, Clock, PaymentScheduler, StatusGateway

ACTOR = "duitku:callback"
SUCCESS = "00"
"""resultCode of a callback that tells of money."""
MAX_ORDER_ID = 50
"""Characters of an order id at Duitku."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCallback:
    """The signed fields of a callback, the unsigned ones as evidence, and what is kept of it."""

    order_id: str
    amount: str
    rupiah: int | None
    evidence: Mapping[str, str]
    callback: CallbackEvidence

    @property
    def claims_success(self) -> bool:
        """Tell whether it says that money came. Nobody signs that: it moves nothing by itself."""
        return self.evidence.get("resultCode") == SUCCESS

    @property
    def named(self) -> dict[str, str]:
        """Return by what a history event or an anomaly names the callback."""
        return {"callbackDigest": self.callback.short}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackDesk:
    """Everything that hearing a callback needs."""

    payments: PaymentScheduler
    anomalies: AnomalyKeeper
    status: StatusGateway
    now: Clock


@dataclass(frozen=True, slots=True)
class CallbackResult:
    """What became of a callback: an outcome, or an anomaly if it fits no payment of ours."""

    outcome: Outcome | None = None
    anomaly: Anomaly | None = None

    def keeps(self, callback: CallbackEvidence) -> bool:
        """Tell whether the evidence is kept already: its payment was moved by this callback."""
        return self.outcome is not None and callback.short in self.outcome.payment.callbacks


def handle_callback(desk: CallbackDesk, hint: VerifiedCallback) -> CallbackResult:
    """Deal with a callback: one read if it is a repetition, one read and one write if not.

    What Duitku does not confirm yet, or cannot be asked about, is due for reconcile in a minute.
    The evidence is kept together with the step that the callback causes; without a step it is
    left to the caller, see CallbackResult.keeps.

    Raises GatewayError when Duitku cannot be asked, StorageContention when the table refuses: then
    no state has changed, and Duitku sends the callback again.
    """
    payment = desk.payments.get(hint.order_id)
    if payment is None or payment.gateway_product is None:
        _refuse_shifted(desk, hint)
        return _keep(desk, hint, AnomalyKind.UNKNOWN_ORDER, None)
    if hint.rupiah != payment.amount:
        return _keep(desk, hint, AnomalyKind.AMOUNT_DIFFERS, payment)
    if is_settled(payment.status):
        return _heard_again(desk, hint, payment)
    outcome = _ask(desk, hint, payment)
    if outcome.result is Result.ALREADY_SETTLED:
        return _heard_again(desk, hint, outcome.payment)
    return CallbackResult(outcome)


def _ask(desk: CallbackDesk, hint: VerifiedCallback, payment: Payment) -> Outcome:
    """Ask Duitku and settle by its answer; what stays open is due for another question soon."""
    told = {"callback": hint.evidence.get("resultCode", ""), **hint.named}
    audit_context = AuditContext(ACTOR, desk.now(), told, callback=hint.callback)
    try:
        status = desk.status(payment)
    except GatewayError:
        # Duitku sends the callback five times at most; asking by schedule has no such end.
        desk.payments.check_at(payment, sooner(payment, audit_context.at + SOON), audit_context.at)
        raise
    since = denied_since(payment, audit_context.at) if hint.claims_success else None
    if status.state is GatewayState.ENDED and hint.claims_success:
        # One of the two is wrong for the moment: the next run of reconcile asks again.
        desk.payments.check_at(payment, sooner(payment, audit_context.at), audit_context.at, since)
        return Outcome(Result.CONTRADICTED, payment)
    outcome = settle_by_gateway(desk.payments, desk.anomalies, payment, status, audit_context)
    if outcome.result is Result.STILL_OPEN:
        desk.payments.check_at(
            payment, sooner(payment, audit_context.at + SOON), audit_context.at, since
        )
    if outcome.result is Result.MISMATCH:
        desk.payments.note_answer(payment.id, audit_context.at)
    return outcome


def _heard_again(desk: CallbackDesk, hint: VerifiedCallback, payment: Payment) -> CallbackResult:
    return CallbackResult(
        Outcome(Result.ALREADY_SETTLED, payment, _paid_again(desk, hint, payment))
    )


def _paid_again(desk: CallbackDesk, hint: VerifiedCallback, payment: Payment) -> Anomaly | None:
    """Keep an anomaly if a settled payment was paid by a second transfer, as a bank account can be.

    Nobody signs the number of a transfer, so it moves nothing: a person compares.
    """
    told = hint.callback.transaction
    if told is None or hint.callback.short in payment.callbacks:
        return None
    first = payment.transaction or desk.payments.first_transaction(payment.id, told)
    if first == told:
        return None
    found = paid_again(payment, first, told, desk.now(), {**hint.evidence, **hint.named})
    desk.anomalies.keep(found)
    return found


def _refuse_shifted(desk: CallbackDesk, hint: VerifiedCallback) -> None:
    """Raise Forbidden for a callback whose amount lost its last digits to the order id.

    The signature covers both without a separator, so it still fits; no id of ours starts with
    a digit, so the digits can be told and moved back.
    """
    ours = hint.order_id.lstrip("0123456789")
    digits = hint.order_id.removesuffix(ours)
    meant = desk.payments.get(ours) if digits and ours else None
    if meant is not None and hint.amount + digits == str(meant.amount):
        raise Forbidden("the amount was shortened and the order id lengthened")


def _keep(
    desk: CallbackDesk, hint: VerifiedCallback, kind: AnomalyKind, payment: Payment | None
) -> CallbackResult:
    certain = {"amount": hint.amount}
    if payment is not None:
        certain["expectedAmount"] = str(payment.amount)
    found = anomaly(
        kind,
        hint.order_id[:MAX_ORDER_ID],
        certain,
        desk.now(),
        hints={**hint.evidence, **hint.named},
        payment_id=payment.id if payment else None,
    )
    desk.anomalies.keep(found)
    return CallbackResult(anomaly=found)

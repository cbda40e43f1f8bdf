"""Handles callbacks of a payment gateway whose signature is valid.

A callback proves nothing: it makes Lunas ask the gateway, and only the gateway's status changes a
payment (docs/decisions/0003-callback-is-a-hint.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.domain.anomalies import Anomaly, AnomalyKind, anomaly, paid_again
from lunas.domain.errors import Forbidden, GatewayError, GatewayUnavailable
from lunas.domain.gateway_status import GatewayState
from lunas.domain.payment_steps import denied_since, sooner
from lunas.domain.payments import AuditContext, Payment, is_settled
from lunas.domain.schedule import SOON
from lunas.domain.settlement import Result, decide
from lunas.services.settlement import Outcome

if TYPE_CHECKING:
    from lunas.domain.callback_evidence import CallbackEvidence
    from lunas.domain.gateway_status import GatewayStatus
    from lunas.gateways.base import Gateways, VerifiedCallback
    from lunas.services.repositories import (
        AnomalyRepository,
        Clock,
        PaymentRepository,
        ScheduleRepository,
    )
    from lunas.services.settlement import SettlementService

MAX_ORDER_ID = 50
"""Characters of an unknown order id that an anomaly stores."""


@dataclass(frozen=True, slots=True)
class CallbackResult:
    """The outcome of a callback, or an anomaly if it matches no payment of ours."""

    outcome: Outcome | None = None
    anomaly: Anomaly | None = None

    def keeps(self, evidence: CallbackEvidence) -> bool:
        """Return whether the evidence is stored already, with the change that it caused."""
        return self.outcome is not None and evidence.short in self.outcome.payment.callbacks


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackService:
    """Handles verified callbacks."""

    payments: PaymentRepository
    schedule: ScheduleRepository
    anomalies: AnomalyRepository
    settlements: SettlementService
    gateways: Gateways
    now: Clock

    def handle(self, callback: VerifiedCallback) -> CallbackResult:
        """Settle by the gateway's status; a repeated callback takes only one read.

        If the gateway does not confirm the payment yet, or cannot be asked, reconcile asks in a
        minute. The evidence is stored together with the step that the callback causes; without a
        step the caller stores it, see CallbackResult.keeps.

        Raises GatewayUnavailable when the gateway cannot be asked, and StorageContention. Nothing
        has changed then, and the gateway sends the callback again.
        """
        payment = self.payments.get(callback.order_id)
        if payment is None or payment.gateway_name is None:
            self._refuse_shifted(callback)
            return self._record(callback, AnomalyKind.UNKNOWN_ORDER, None)
        if callback.rupiah != payment.amount:
            return self._record(callback, AnomalyKind.AMOUNT_DIFFERS, payment)
        if is_settled(payment.status):
            return self._repeated(callback, payment)
        context = self._context(callback, payment.gateway_name)
        status = self._ask(payment, context)
        if status.state is GatewayState.ENDED and callback.claims_success:
            return CallbackResult(self._contradicted(payment, context))
        outcome = self.settlements.apply(decide(payment, status, context))
        if outcome.result is Result.ALREADY_SETTLED:
            return self._repeated(callback, outcome.payment)
        self._ask_again(callback, payment, outcome, context)
        return CallbackResult(outcome)

    def _context(self, callback: VerifiedCallback, gateway_name: str) -> AuditContext:
        evidence = {"callback": callback.code, **callback.named}
        actor = f"{gateway_name}:callback"
        return AuditContext(actor, self.now(), evidence, callback=callback.evidence)

    def _ask(self, payment: Payment, context: AuditContext) -> GatewayStatus:
        try:
            return self.gateways(payment).status(payment)
        except GatewayError as error:
            # The gateway repeats a callback a few times at most; reconcile asks for longer.
            self.schedule.check_at(payment, sooner(payment, context.at + SOON), context.at)
            message = f"the callback cannot be checked: {error}"
            raise GatewayUnavailable.after(error, message) from None

    def _contradicted(self, payment: Payment, context: AuditContext) -> Outcome:
        """Let the next run of reconcile ask again: either the callback or the status is wrong."""
        since = denied_since(payment, context.at)
        self.schedule.check_at(payment, sooner(payment, context.at), context.at, since)
        return Outcome(Result.CONTRADICTED, payment)

    def _ask_again(
        self, callback: VerifiedCallback, payment: Payment, outcome: Outcome, context: AuditContext
    ) -> None:
        """Let reconcile ask the gateway soon about a payment that stays open."""
        if outcome.result is Result.STILL_OPEN:
            since = denied_since(payment, context.at) if callback.claims_success else None
            due = sooner(payment, context.at + SOON)
            self.schedule.check_at(payment, due, context.at, since)
        if outcome.result is Result.MISMATCH:
            self.schedule.note_answer(payment.id, context.at)

    def _repeated(self, callback: VerifiedCallback, payment: Payment) -> CallbackResult:
        found = self._paid_again(callback, payment)
        return CallbackResult(Outcome(Result.ALREADY_SETTLED, payment, found))

    def _paid_again(self, callback: VerifiedCallback, payment: Payment) -> Anomaly | None:
        """Record an anomaly if a second transfer paid a settled payment.

        A virtual account can receive two. The number of a transfer is not signed, so it changes
        nothing: a person compares.
        """
        transaction = callback.evidence.transaction
        if transaction is None:
            return None
        first = payment.transaction or self.payments.first_transaction(payment.id, transaction)
        if first == transaction:
            return None
        hints = {**callback.hints, **callback.named}
        found = paid_again(payment, first, transaction, self.now(), hints)
        self.anomalies.keep(found)
        return found

    def _refuse_shifted(self, callback: VerifiedCallback) -> None:
        """Raise Forbidden if the signature also belongs to a payment of ours."""
        if (shifted := callback.shifted) is None:
            return
        meant = self.payments.get(shifted.order_id)
        if meant is not None and shifted.amount == str(meant.amount):
            raise Forbidden("the amount was shortened and the order id lengthened")

    def _record(
        self, callback: VerifiedCallback, kind: AnomalyKind, payment: Payment | None
    ) -> CallbackResult:
        certain = {"amount": callback.amount}
        if payment is not None:
            certain["expectedAmount"] = str(payment.amount)
        found = anomaly(
            kind,
            callback.order_id[:MAX_ORDER_ID],
            certain,
            self.now(),
            hints={**callback.hints, **callback.named},
            payment_id=payment.id if payment else None,
        )
        self.anomalies.keep(found)
        return CallbackResult(anomaly=found)

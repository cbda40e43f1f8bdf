"""Asks the gateway about a payment for an admin or its buyer, and settles by the status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.domain.errors import Forbidden, GatewayError, WrongState
from lunas.domain.payment_steps import sooner
from lunas.domain.payments import AuditContext, Method, existing, is_settled
from lunas.domain.schedule import ASKED_LATELY, SOON
from lunas.domain.settlement import Result, decide
from lunas.services.settlement import Outcome

if TYPE_CHECKING:
    from lunas.gateways.base import Gateways
    from lunas.services.repositories import PaymentRepository, ScheduleRepository
    from lunas.services.settlement import SettlementService


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckService:
    """Asks the gateway about payments on request."""

    payments: PaymentRepository
    schedule: ScheduleRepository
    settlements: SettlementService
    gateways: Gateways

    def recheck(self, payment_id: str, context: AuditContext) -> Outcome:
        """Ask the gateway now and settle by its status; a settled payment is returned at once.

        Raises NotFound, WrongState for a manual payment, GatewayError, StorageContention.
        """
        payment = existing(self.payments.get(payment_id))
        if payment.method is not Method.GATEWAY:
            raise WrongState("a manual payment has nothing to ask the gateway about")
        if is_settled(payment.status):
            return Outcome(Result.ALREADY_SETTLED, payment)
        self.schedule.note_answer(payment.id, context.at)
        status = self.gateways(payment).status(payment)
        return self.settlements.apply(decide(payment, status, context))

    def check(self, payment_id: str, buyer: str, context: AuditContext) -> Outcome:
        """Ask the gateway for the buyer, at a limited rate, and settle by its status.

        A payment that is settled, manual, or was just checked is returned unchanged, and so is
        every payment while the gateway blocks Lunas: each call would extend the block. When the
        gateway cannot be asked, reconcile does so within a minute or two. Raises NotFound,
        Forbidden for any other caller, GatewayError, StorageContention.
        """
        payment = existing(self.payments.get(payment_id))
        if payment.user_id != buyer:
            raise Forbidden("this belongs to another user")
        if payment.method is not Method.GATEWAY or is_settled(payment.status):
            return Outcome(Result.ALREADY_SETTLED, payment)
        until = self.schedule.paused_until()
        if until is not None and context.at < until:
            return Outcome(Result.PAUSED, payment)
        before = context.at - ASKED_LATELY
        if not self.schedule.claim_question(payment.id, context.at, before):
            return Outcome(Result.ASKED_LATELY, self.payments.get(payment.id) or payment)
        try:
            status = self.gateways(payment).status(payment)
        except GatewayError:
            self.schedule.check_at(payment, sooner(payment, context.at + SOON), context.at)
            raise
        outcome = self.settlements.apply(decide(payment, status, context))
        if outcome.payment.version == payment.version:
            self.schedule.note_answer(payment.id, context.at)
        return outcome

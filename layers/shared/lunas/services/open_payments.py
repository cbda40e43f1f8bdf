"""Finds the open payment of a purchase, and ends those that can no longer be paid.

The gateway is asked before an open payment is returned, unless it was asked a moment ago or blocks
Lunas: the invoice of an ended payment must not be shown again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lunas.domain.errors import Conflict, GatewayError
from lunas.domain.payments import AuditContext, Held, Payment, Slot, Status, Step
from lunas.domain.schedule import ASKED_LATELY
from lunas.domain.settlement import Decision, decide
from lunas.services.settlement import expiry_reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from lunas.domain.gateway_status import GatewayStatus
    from lunas.gateways.base import Gateways
    from lunas.services.repositories import Clock, PaymentRepository, ScheduleRepository
    from lunas.services.settlement import Outcome, SettlementService

ACTOR = "lunas:initiate"
OPENING = timedelta(minutes=1)
"""How long a request may wait for the gateway to open an invoice."""
OPENED_BY_ANOTHER = "another request is opening this payment; try again in a minute"
LOOKS = 8
"""How many times the payment is read again, with a pause before each read, while another request
waits for the gateway's response about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPayments:
    """Asks the gateway about open payments for a buyer who comes back.

    ``on_outcome`` is called with the outcome for each payment that the gateway was asked about.
    ``pause`` waits for a quarter of a second.
    """

    payments: PaymentRepository
    schedule: ScheduleRepository
    settlements: SettlementService
    gateways: Gateways
    on_outcome: Callable[[Outcome], None]
    pause: Callable[[], None]
    now: Clock

    def find(self, slot: Slot, channel: str | None) -> tuple[Payment | None, frozenset[str]]:
        """Return the newest payment that can be paid by ``channel``, and those that have ended.

        If there is none, the gateway is asked about the newest by another channel: a buyer who has
        paid that one needs no further invoice. Raises Conflict, GatewayError.
        """
        ended: set[str] = set()
        for held in slot.naming(channel):
            payment = self._current(held)
            if payment is not None:
                return payment, frozenset(ended)
            ended.add(held.payment_id)
        for held in slot.held[:1]:
            with suppress(GatewayError, Conflict):
                if held.payment_id not in ended and self._current(held) is None:
                    ended.add(held.payment_id)
        return None, frozenset(ended)

    def ask(self, payment: Payment, now: datetime) -> tuple[Outcome, GatewayStatus]:
        """Ask the gateway and settle by its status; raises GatewayError."""
        status = self.gateways(payment).status(payment)
        outcome = self.settlements.apply(decide(payment, status, AuditContext(ACTOR, now)))
        self.on_outcome(outcome)
        return outcome, status

    def time_left(self, payment: Payment, now: datetime) -> timedelta | None:
        """Return how long an invoice opened now can be paid; None if too little time is left."""
        if payment.gateway_expires_at is None:
            return None
        channel = self.gateways(payment).channel(payment.channel)
        minutes = channel.minutes_to_ask(now, payment.gateway_expires_at)
        return None if minutes is None else timedelta(minutes=minutes)

    def is_paused(self, now: datetime) -> bool:
        """Return whether the gateway blocks Lunas: each call would extend the block."""
        until = self.schedule.paused_until()
        return until is not None and now < until

    def awaited(self, payment: Payment, done: Callable[[Payment], bool]) -> Payment:
        """Return the payment once it is ``done`` by another request, or after two seconds."""
        for _ in range(LOOKS):
            if done(payment):
                break
            self.pause()
            payment = self.payments.get(payment.id) or payment
        return payment

    def _current(self, held: Held) -> Payment | None:
        """Return a payment if it is open and can be paid."""
        payment = self.payments.get(held.payment_id)
        if payment is not None and payment.status is Status.PENDING:
            payment = self._still_open(payment)
        return payment if payment is not None and payment.status is Status.PENDING else None

    def _still_open(self, payment: Payment) -> Payment | None:
        """Return the payment, updated by the gateway's status or ended if its time is over.

        If the gateway does not respond or blocks Lunas, the payment is returned unchanged: a
        callback or reconcile brings the status later. None if its time is over and the gateway
        blocks Lunas.
        """
        now = self.now()
        if self._is_over(payment, now):
            return None if self.is_paused(now) else self._over(payment, now)
        if payment.gateway is None:
            payment = self._opening(payment, now)
            if self._repeats_invoice(payment) or has_answer(payment):
                # The gateway returns the same invoice again, and a new one has not ended.
                return payment
        if not self._may_ask(payment, now):
            return self.awaited(payment, lambda each: not each.asking)
        try:
            outcome, _ = self.ask(payment, now)
        except GatewayError:
            self.schedule.note_answer(payment.id, now)
            return payment
        if outcome.payment.status is Status.PENDING:
            self.schedule.note_answer(payment.id, now)
        if outcome.anomaly:
            raise Conflict("the gateway's status of this payment does not match; contact an admin")
        return outcome.payment

    def _opening(self, payment: Payment, now: datetime) -> Payment:
        """Return a payment without invoice once the request that opened it is over.

        Raises Conflict while that request may still show an invoice that another call would
        replace.
        """
        if now < payment.created_at + ASKED_LATELY:
            payment = self.awaited(payment, has_answer)
        replaced = not self._repeats_invoice(payment)
        if replaced and not has_answer(payment) and now < payment.created_at + OPENING:
            raise Conflict(OPENED_BY_ANOTHER)
        return payment

    def _repeats_invoice(self, payment: Payment) -> bool:
        return self.gateways(payment).repeats_invoice(payment)

    def _over(self, payment: Payment, now: datetime) -> Payment:
        """End a payment whose time is over, unless it was paid. Raises GatewayError."""
        try:
            outcome, status = self.ask(payment, now)
        except GatewayError:
            self.schedule.note_answer(payment.id, now)
            raise
        context = AuditContext(ACTOR, now, status.evidence, expiry_reason(outcome))
        ending = Decision(payment=outcome.payment, step=Step.EXPIRE, context=context)
        return self.settlements.apply(ending).payment

    def _may_ask(self, payment: Payment, now: datetime) -> bool:
        before = now - ASKED_LATELY
        if payment.asked_at is not None and payment.asked_at > before:
            return False
        return not self.is_paused(now) and self.schedule.claim_question(payment.id, now, before)

    def _is_over(self, payment: Payment, now: datetime) -> bool:
        """Return whether it is too late to pay, or to open an invoice if there is none yet."""
        if payment.gateway is None:
            return self.time_left(payment, now) is None
        expires = payment.gateway_expires_at
        return expires is None or now > expires - timedelta(minutes=1)


def has_answer(payment: Payment) -> bool:
    """Return whether the gateway's response to the call for an invoice is known."""
    return payment.gateway is not None or payment.status is not Status.PENDING

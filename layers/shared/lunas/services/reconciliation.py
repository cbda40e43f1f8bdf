"""Reconcile: asks the gateway about unreported payments, requests overdue deliveries again.

Each run handles only what is due. It may be repeated, overlap with another or be interrupted
anywhere: every write is conditional, and what is left is still due in the next run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lunas.domain.enrollments import DeliveryStatus, Enrollment
from lunas.domain.errors import (
    GatewayBlocked,
    GatewayError,
    GatewayRefused,
    NotFound,
    StorageContention,
    WrongState,
)
from lunas.domain.payment_steps import check_after
from lunas.domain.payments import AuditContext, Payment, Status, Step
from lunas.domain.schedule import BLOCKED, CLOSING, UNANSWERED
from lunas.domain.settlement import Decision, Result, decide
from lunas.services.enrollments import EnrollmentService
from lunas.services.settlement import expiry_reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from lunas.gateways.base import Gateways
    from lunas.services.repositories import (
        Clock,
        EnrollmentRepository,
        PaymentRepository,
        ScheduleRepository,
    )
    from lunas.services.settlement import Outcome, SettlementService

ACTOR = "lunas:reconcile"
QUESTIONS = 20
"""Payments that one run asks the gateway about at most."""
DELIVERIES = 50
"""Deliveries that one run requests again at most."""
FAILURES = 3
"""Checks in a row without a response, after which a run asks no more."""
BUSY = 3
"""Items with storage contention, after which a run leaves the rest to the next: continuing would
only add to the load that causes it."""


@dataclass(slots=True)
class ReconciliationReport:
    """What a run did. ``failed`` counts unexpected errors, which do not end the run."""

    asked: int = 0
    settled: int = 0
    ended: int = 0
    unanswered: int = 0
    delivered_again: int = 0
    busy: int = 0
    failed: int = 0
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationService:
    """Handles what is due.

    ``on_outcome`` is called with each outcome, ``on_error`` with each error that ended the work on
    an item; ``deadline_is_near``: whether the run's time is nearly over.
    """

    schedule: ScheduleRepository
    payments: PaymentRepository
    enrollments: EnrollmentRepository
    settlements: SettlementService
    gateways: Gateways
    on_outcome: Callable[[Outcome], None]
    on_error: Callable[[Exception], None]
    deadline_is_near: Callable[[], bool]
    now: Clock

    def run(self) -> ReconciliationReport:
        """Request overdue deliveries again, then ask the gateway about what is due.

        An unexpected error ends the work on one item only.
        """
        report = ReconciliationReport()
        for enrollment_id in self.schedule.deliveries(self.now(), DELIVERIES):
            if self.deadline_is_near() or report.busy == BUSY:
                break
            self._alone(report, partial(self._deliver_again, enrollment_id, report))
        self._ask_gateways(report)
        return report

    def _alone(self, report: ReconciliationReport, work: Callable[[], None]) -> None:
        try:
            work()
        except StorageContention as busy:
            # The item stays due: the next run handles it.
            report.busy += 1
            self.on_error(busy)
        except Exception as error:  # noqa: BLE001  (reported, and the run fails in the end)
            report.failed += 1
            self.on_error(error)

    def _deliver_again(self, enrollment_id: str, report: ReconciliationReport) -> None:
        enrollment = self.enrollments.get(enrollment_id)
        if enrollment is None or not _is_overdue(enrollment, self.now()):
            # The index lags: it was delivered, has failed or was requested again meanwhile.
            return
        try:
            EnrollmentService(self.enrollments).redeliver(enrollment_id, self.now())
        except (NotFound, WrongState):
            # Gone or revoked: nothing to send.
            return
        report.delivered_again += 1

    def _ask_gateways(self, report: ReconciliationReport) -> None:
        report.paused_until = self._pause()
        failures = 0
        due = [] if report.paused_until else self.schedule.payments(self.now(), QUESTIONS)
        for payment_id in due:
            if self.deadline_is_near() or failures == FAILURES or report.busy >= BUSY:
                return
            unanswered = report.unanswered
            self._alone(report, partial(self._ask_if_due, payment_id, report))
            failures = failures + 1 if report.unanswered > unanswered else 0
            if report.paused_until is not None:
                return

    def _pause(self) -> datetime | None:
        until = self.schedule.paused_until()
        return until if until is not None and until > self.now() else None

    def _ask_if_due(self, payment_id: str, report: ReconciliationReport) -> None:
        payment = self.payments.get(payment_id)
        if payment is None or payment.check_at is None or payment.check_at > self.now():
            return
        try:
            self._ask(payment, report)
        except GatewayBlocked:
            report.paused_until = self.now() + BLOCKED
            self.schedule.pause(report.paused_until)
            self.schedule.note_answer(payment.id, self.now())
        except GatewayRefused:
            # The gateway responds, and would refuse again: ask by the usual schedule.
            self.schedule.check_at(payment, check_after(payment, self.now()), self.now())
        except (GatewayError, StorageContention) as error:
            report.unanswered += 1
            if error.misconfigured:
                self.on_error(error)
            self.schedule.check_at(payment, self.now() + UNANSWERED, self.now())

    def _ask(self, payment: Payment, report: ReconciliationReport) -> None:
        report.asked += 1
        status, context = self.gateways(payment).status(payment), AuditContext(ACTOR, self.now())
        outcome = self.settlements.apply(decide(payment, status, context))
        unpaid = outcome.result in {Result.STILL_OPEN, Result.MISMATCH}
        if unpaid and _is_over(payment, context.at):
            self.on_outcome(outcome)
            ending = AuditContext(ACTOR, context.at, status.evidence, expiry_reason(outcome))
            decision = Decision(payment=payment, step=Step.EXPIRE, context=ending)
            outcome = self.settlements.apply(decision)
        if outcome.payment.version == payment.version:
            self.schedule.check_at(payment, check_after(payment, context.at), context.at)
        moved = outcome.payment.version != payment.version
        report.settled += outcome.result is Result.SETTLED
        report.ended += outcome.result is Result.ENDED and moved
        self.on_outcome(outcome)


def _is_overdue(enrollment: Enrollment, now: datetime) -> bool:
    delivery = enrollment.delivery
    waits = delivery.status is DeliveryStatus.PENDING
    return waits and delivery.due_at is not None and delivery.due_at <= now


def _is_over(payment: Payment, now: datetime) -> bool:
    """Return whether an open payment's invoice, and the time for a late result, are over."""
    expires = payment.gateway_expires_at
    return payment.status is Status.PENDING and expires is not None and now >= expires + CLOSING

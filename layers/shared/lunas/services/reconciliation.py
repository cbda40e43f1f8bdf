"""Reconcile: what nobody told Lunas, it asks; what did not arrive, it sends again.

Each run looks at what is due and no further, so that a run may come twice, overlap with another
or break off anywhere: every step decides by conditions, and what is left is due the next time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
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
from lunas.domain.payments import AuditContext, Payment, Status, Step, check_after
from lunas.domain.schedule import BLOCKED, CLOSING, UNANSWERED
from lunas.services.enrollments import EnrollmentService
from lunas.services.settlement import Outcome, Result, end, settle_by_gateway

if TYPE_CHECKING:
    from lunas.services.repositories import (
        AnomalyKeeper,
        Clock,
        DueReader,
        EnrollmentRepository,
        PaymentScheduler,
        StatusGateway,
    )

ACTOR = "lunas:reconcile"
QUESTIONS = 20
"""Payments that one run asks Duitku about at most."""
DELIVERIES = 50
"""Deliveries that one run asks for again at most."""
FAILURES = 3
"""Questions in a row without an answer that end a run's asking."""
BUSY = 3
"""Items of a run that the table was too busy for, after which the run leaves the rest to the next:
going through all of them would only add to what throttles it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Everything that a run needs.

    ``heed`` hears each outcome, ``stumbled`` each error that broke work off; ``hurry`` tells
    whether the run's time is nearly over.
    """

    due: DueReader
    payments: PaymentScheduler
    enrollments: EnrollmentRepository
    anomalies: AnomalyKeeper
    status: StatusGateway
    on_outcome: Callable[[Outcome], None]
    failed: Callable[[Exception], None]
    deadline_is_near: Callable[[], bool]
    now: Clock


@dataclass(slots=True)
class Report:
    """What a run did. ``stumbled`` counts what nobody expected; the others went on."""

    asked: int = 0
    settled: int = 0
    ended: int = 0
    unanswered: int = 0
    delivered_again: int = 0
    busy: int = 0
    failed: int = 0
    paused_until: datetime | None = None


def reconcile(run: Reconciler) -> Report:
    """Send overdue deliveries again, then ask Duitku about what is due.

    What nobody expected ends the work on one item, never that on the others.
    """
    report = Report()
    for enrollment_id in run.due.deliveries(run.now(), DELIVERIES):
        if run.deadline_is_near() or report.busy == BUSY:
            break
        _alone(run, report, partial(_deliver_again, run, enrollment_id, report))
    _ask_duitku(run, report)
    return report


def _alone(run: Reconciler, report: Report, work: Callable[[], None]) -> None:
    try:
        work()
    except StorageContention as busy:
        # What it was about stays due: the next run takes it.
        report.busy += 1
        run.failed(busy)
    except Exception as error:  # noqa: BLE001  (reported, and the run fails in the end)
        report.failed += 1
        run.failed(error)


def _deliver_again(run: Reconciler, enrollment_id: str, report: Report) -> None:
    stands = run.enrollments.get(enrollment_id)
    if stands is None or not _is_overdue(stands, run.now()):
        # The index lags: it was delivered, given up or asked for again meanwhile.
        return
    try:
        EnrollmentService(run.enrollments).redeliver(enrollment_id, run.now())
    except (NotFound, WrongState):
        # Gone or revoked: nothing to send.
        return
    report.delivered_again += 1


def _is_overdue(enrollment: Enrollment, now: datetime) -> bool:
    delivery = enrollment.delivery
    waits = delivery.status is DeliveryStatus.PENDING
    return waits and delivery.due_at is not None and delivery.due_at <= now


def _ask_duitku(run: Reconciler, report: Report) -> None:
    report.paused_until = _pause(run)
    failures = 0
    for payment_id in [] if report.paused_until else run.due.payments(run.now(), QUESTIONS):
        if run.deadline_is_near() or failures == FAILURES or report.busy >= BUSY:
            return
        unanswered = report.unanswered
        _alone(run, report, partial(_ask_if_due, run, payment_id, report))
        failures = failures + 1 if report.unanswered > unanswered else 0
        if report.paused_until is not None:
            return


def _pause(run: Reconciler) -> datetime | None:
    until = run.due.paused_until()
    return until if until is not None and until > run.now() else None


def _ask_if_due(run: Reconciler, payment_id: str, report: Report) -> None:
    payment = run.payments.get(payment_id)
    if payment is None or payment.check_at is None or payment.check_at > run.now():
        return
    try:
        _ask(run, payment, report)
    except GatewayBlocked:
        report.paused_until = run.now() + BLOCKED
        run.due.pause(report.paused_until)
        run.payments.note_answer(payment.id, run.now())
    except GatewayRefused:
        # Duitku is there, and will say no to this question again: it grows rare like any other.
        run.payments.check_at(payment, check_after(payment, run.now()), run.now())
    except (GatewayError, StorageContention) as error:
        report.unanswered += 1
        if error.misconfigured:
            run.failed(error)
        run.payments.check_at(payment, run.now() + UNANSWERED, run.now())


def _ask(run: Reconciler, payment: Payment, report: Report) -> None:
    report.asked += 1
    status, audit_context = run.status(payment), AuditContext(ACTOR, run.now())
    outcome = settle_by_gateway(run.payments, run.anomalies, payment, status, audit_context)
    if outcome.result in {Result.STILL_OPEN, Result.MISMATCH} and _is_over(
        payment, audit_context.at
    ):
        run.on_outcome(outcome)
        ending = AuditContext(ACTOR, audit_context.at, status.evidence, _reason(outcome))
        outcome = end(run.payments, payment, Step.EXPIRE, ending)
    if outcome.payment.version == payment.version:
        run.payments.check_at(payment, check_after(payment, audit_context.at), audit_context.at)
    report.settled += outcome.result is Result.SETTLED
    report.ended += outcome.result is Result.ENDED and outcome.payment.version != payment.version
    run.on_outcome(outcome)


def _reason(outcome: Outcome) -> str:
    fits = outcome.result is Result.STILL_OPEN
    found = "has no payment" if fits else "speaks of money that does not fit"
    return f"time is over, and Duitku {found}"


def _is_over(payment: Payment, now: datetime) -> bool:
    """Tell whether an open payment has outlived its invoice and the time to hear of it."""
    expires = payment.gateway_expires_at
    return payment.status is Status.PENDING and expires is not None and now >= expires + CLOSING

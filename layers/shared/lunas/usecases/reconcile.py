"""Reconcile: what nobody told Lunas, it asks; what did not arrive, it sends again.

Each run looks at what is due and no further, so that a run may come twice, overlap with another
or break off anywhere: every step decides by conditions, and what is left is due the next time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lunas.rules.errors import (
    GatewayBlocked,
    GatewayError,
    LunasError,
    NotFound,
    StoreBusy,
    WrongState,
)
from lunas.rules.payments import Act, Payment, Status, Step, check_after, is_settled
from lunas.rules.timetable import BLOCKED, CLOSING, UNANSWERED
from lunas.usecases.ports import (
    AnomalyKeeper,
    Clock,
    DueReader,
    EnrollmentKeeper,
    PaymentScheduler,
    StatusGateway,
)
from lunas.usecases.progress import redeliver
from lunas.usecases.settle import Outcome, Result, end, settle_by_gateway

ACTOR = "lunas:reconcile"
QUESTIONS = 20
"""Payments that one run asks Duitku about at most."""
DELIVERIES = 50
"""Deliveries that one run asks for again at most."""
FAILURES = 3
"""Questions in a row without an answer that end a run's asking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Everything that a run needs.

    ``heed`` hears each outcome; ``hurry`` tells whether the run's time is nearly over.
    """

    due: DueReader
    payments: PaymentScheduler
    enrollments: EnrollmentKeeper
    anomalies: AnomalyKeeper
    status: StatusGateway
    heed: Callable[[Outcome], None]
    hurry: Callable[[], bool]
    now: Clock


@dataclass(slots=True)
class Report:
    """What a run did."""

    asked: int = 0
    settled: int = 0
    ended: int = 0
    unanswered: int = 0
    delivered_again: int = 0
    paused_until: datetime | None = None


def reconcile(run: Reconciler) -> Report:
    """Send overdue deliveries again, then ask Duitku about what is due."""
    report = Report()
    _deliver_again(run, report)
    _ask_duitku(run, report)
    return report


def _deliver_again(run: Reconciler, report: Report) -> None:
    for enrollment_id in run.due.deliveries(run.now(), DELIVERIES):
        if run.hurry():
            return
        try:
            redeliver(run.enrollments, enrollment_id, run.now())
        except (NotFound, WrongState, StoreBusy):
            # Gone, revoked or being written by others: nothing to send, or due again.
            continue
        report.delivered_again += 1


def _ask_duitku(run: Reconciler, report: Report) -> None:
    report.paused_until = _pause(run)
    if report.paused_until is not None:
        return
    failures = 0
    for payment_id in run.due.payments(run.now(), QUESTIONS):
        if run.hurry() or failures == FAILURES:
            return
        payment = run.payments.get(payment_id)
        if payment is None or payment.check_at is None or payment.check_at > run.now():
            continue
        try:
            _ask(run, payment, report)
            failures = 0
        except GatewayBlocked:
            report.paused_until = run.now() + BLOCKED
            run.due.pause(report.paused_until)
            return
        except (GatewayError, StoreBusy) as error:
            failures += 1
            report.unanswered += 1
            _again_later(run, payment, error)


def _pause(run: Reconciler) -> datetime | None:
    until = run.due.paused_until()
    return until if until is not None and until > run.now() else None


def _ask(run: Reconciler, payment: Payment, report: Report) -> None:
    report.asked += 1
    status, act = run.status(payment), Act(ACTOR, run.now())
    outcome = settle_by_gateway(run.payments, run.anomalies, payment, status, act)
    if outcome.result is Result.STILL_OPEN and _is_over(payment, act.at):
        reason = "time is over, and Duitku has no payment"
        ending = Act(ACTOR, act.at, status.evidence, reason)
        outcome = end(run.payments, payment, Step.EXPIRE, ending)
    if outcome.payment.version == payment.version:
        run.payments.check_at(payment, check_after(payment, act.at))
    report.settled += outcome.result is Result.SETTLED
    report.ended += outcome.result is Result.ENDED and outcome.payment != payment
    run.heed(outcome)


def _is_over(payment: Payment, now: datetime) -> bool:
    """Tell whether an open payment has outlived its invoice and the time to hear of it."""
    expires = payment.gateway_expires_at
    return payment.status is Status.PENDING and expires is not None and now >= expires + CLOSING


def _again_later(run: Reconciler, payment: Payment, _error: LunasError) -> None:
    if not is_settled(payment.status):
        run.payments.check_at(payment, run.now() + UNANSWERED)

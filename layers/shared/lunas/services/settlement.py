"""Settling: the one way by which money or an approval becomes enrollments.

Webhook, approval, recheck and reconcile all end here. Nobody decides by what was read: each
transaction carries the conditions, and whoever loses reads again and gives the answer that
fits what is there by then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lunas.domain.anomalies import Anomaly, AnomalyKind, anomaly
from lunas.domain.errors import Collision, CourseFull, NotFound, StoreBusy
from lunas.domain.gateway_status import GatewayState, GatewayStatus, fits
from lunas.domain.payments import (
    TRANSITIONS,
    Act,
    Payment,
    Status,
    Step,
    denied_since,
    is_settled,
    sooner,
)
from lunas.domain.schedule import DENIED
from lunas.domain.settlement import Settlement, close, settle

if TYPE_CHECKING:
    from lunas.domain.enrollments import Enrollment
    from lunas.services.repositories import AnomalyKeeper, PaymentSettler

ROUNDS = 6
"""How often a settlement is decided anew after a collision."""


class Result(StrEnum):
    """How a try to settle went."""

    SETTLED = "SETTLED"
    ALREADY_SETTLED = "ALREADY_SETTLED"
    STILL_OPEN = "STILL_OPEN"
    ENDED = "ENDED"
    DOES_NOT_FIT = "DOES_NOT_FIT"
    CONTRADICTED = "CONTRADICTED"
    ASKED_LATELY = "ASKED_LATELY"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The payment as it stands after a try, and what was found if something did not fit."""

    result: Result
    payment: Payment
    anomaly: Anomaly | None = None


def settle_by_gateway(
    payments: PaymentSettler,
    anomalies: AnomalyKeeper,
    payment: Payment,
    status: GatewayStatus,
    act: Act,
) -> Outcome:
    """Move a payment as Duitku's own word on it says.

    Paid and fitting: APPROVED with its enrollments. Paid but of another order, amount or
    reference: the payment stays, an anomaly is kept. Ended: FAILED, or EXPIRED after the
    invoice's time, and asked about again soon, since Duitku has denied a success for a while; the
    payment stays as it is for a moment if a callback claimed one. Anything else stays open.
    """
    payment = replace(payment, asked_at=act.at, asking=False)
    told = replace(act, evidence={**(act.evidence or {}), **status.evidence})
    match status.state:
        case GatewayState.PAID if not fits(payment, status):
            found = _does_not_fit(payment, status, act)
            anomalies.keep(found)
            return Outcome(Result.DOES_NOT_FIT, payment, found)
        case GatewayState.PAID:
            return confirm(payments, payment, Step.CONFIRM, told)
        case GatewayState.ENDED if _is_denied_lately(payment, act):
            return Outcome(Result.CONTRADICTED, payment)
        case GatewayState.ENDED:
            late = payment.gateway_expires_at is not None and act.at >= payment.gateway_expires_at
            step = Step.EXPIRE if late else Step.FAIL
            return end(payments, payment, step, told, denied=True)
        case _:
            return Outcome(Result.STILL_OPEN, payment)


def _is_denied_lately(payment: Payment, act: Act) -> bool:
    """Tell whether Duitku has denied an open payment a moment ago that a callback says is paid."""
    since = payment.denied_at
    return payment.status is Status.PENDING and since is not None and act.at < since + DENIED


def confirm(
    payments: PaymentSettler, payment: Payment, step: Step, act: Act, *, keep_quota: bool = False
) -> Outcome:
    """Turn a payment into its enrollments by CONFIRM or APPROVE, exactly once.

    Money that has arrived is honoured beyond a course's quota, and flagged by an anomaly;
    with ``keep_quota`` a full course raises CourseFull instead. Raises WrongState when the step
    does not exist from the present state, StoreBusy when others kept coming first.
    """
    courses = _Courses()
    for _ in range(ROUNDS):
        if is_settled(payment.status):
            return Outcome(Result.ALREADY_SETTLED, payment)
        payment = replace(payment, overbook=step is Step.APPROVE and not keep_quota)
        plan = settle(payment, step, act, courses.owned, courses.full, courses.held)
        if keep_quota:
            _check_quotas(payments, plan)
        try:
            payments.commit(plan, keep_quota=True)
        except Collision as collision:
            courses.learn(collision)
            if keep_quota and courses.full:
                raise _course_full(courses.full) from None
            payment = _after(collision, payments, payment)
        else:
            return Outcome(Result.SETTLED, plan.after, plan.anomaly)
    raise StoreBusy("others kept changing the same payment; try again")


class _Courses:
    """How the courses of a payment were found to stand, collision by collision."""

    def __init__(self) -> None:
        self.owned: dict[str, Enrollment] = {}
        self.held: frozenset[str] = frozenset()
        self.full: frozenset[str] = frozenset()

    def learn(self, collision: Collision) -> None:
        lost = collision.held | collision.free
        kept = {course: each for course, each in self.owned.items() if course not in lost}
        self.owned = {**kept, **collision.owned}
        self.held = (self.held - collision.owned.keys() - collision.free) | collision.held
        self.full = (self.full | collision.full) - self.owned.keys() - self.held


def _check_quotas(payments: PaymentSettler, plan: Settlement) -> None:
    """Raise CourseFull for a course that the transaction has no room to count."""
    uncounted = [each.course_id for each in plan.enrollments if not each.counted]
    if full := payments.full_courses(uncounted):
        raise _course_full(full)


def _course_full(full: frozenset[str]) -> CourseFull:
    return CourseFull(f"no place left in: {', '.join(sorted(full))}")


def end(
    payments: PaymentSettler,
    payment: Payment,
    step: Step,
    act: Act,
    *,
    denied: bool = False,
) -> Outcome:
    """Close a payment without enrollments, unless it has moved on meanwhile.

    ``denied``: Duitku said so itself, and is asked about it again soon, several times if the
    invoice's time was not over.
    """
    for _ in range(ROUNDS):
        if payment.status not in TRANSITIONS[step].sources:
            settled = is_settled(payment.status)
            return Outcome(Result.ALREADY_SETTLED if settled else Result.ENDED, payment)
        if denied and step is Step.FAIL:
            payment = replace(payment, denied_at=denied_since(payment, act.at))
        plan: Settlement = close(payment, step, act)
        if denied and step is Step.EXPIRE:
            again = sooner(plan.after, act.at + DENIED)
            plan = replace(plan, after=replace(plan.after, check_at=again))
        try:
            payments.commit(plan, keep_quota=False)
        except Collision as collision:
            payment = _after(collision, payments, payment)
        else:
            return Outcome(Result.ENDED, plan.after)
    raise StoreBusy("others kept changing the same payment; try again")


def _after(collision: Collision, payments: PaymentSettler, payment: Payment) -> Payment:
    """Return the payment to decide on next, after somebody else's write came first."""
    if not collision.stale:
        return payment
    again = payments.get(payment.id)
    if again is None:
        raise NotFound("the payment is gone")
    return again


def _does_not_fit(payment: Payment, status: GatewayStatus, act: Act) -> Anomaly:
    certain = {**status.evidence, "expectedAmount": str(payment.amount)}
    if payment.gateway:
        certain["expectedReference"] = payment.gateway.reference
    return anomaly(
        AnomalyKind.STATUS_DIFFERS,
        payment.id,
        certain,
        act.at,
        hints=act.evidence,
        payment_id=payment.id,
    )

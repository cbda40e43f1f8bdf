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
from lunas.domain.errors import ConcurrentUpdate, CourseFull, NotFound, StorageContention
from lunas.domain.gateway_status import GatewayState, GatewayStatus, matches
from lunas.domain.payments import (
    TRANSITIONS,
    AuditContext,
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
    MISMATCH = "MISMATCH"
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
    audit_context: AuditContext,
) -> Outcome:
    """Move a payment as Duitku's own word on it says.

    Paid and fitting: APPROVED with its enrollments. Paid but of another order, amount or
    reference: the payment stays, an anomaly is kept. Ended: FAILED, or EXPIRED after the
    invoice's time, and asked about again soon, since Duitku has denied a success for a while; the
    payment stays as it is for a moment if a callback claimed one. Anything else stays open.
    """
    payment = replace(payment, asked_at=audit_context.at, asking=False)
    told = replace(audit_context, evidence={**(audit_context.evidence or {}), **status.evidence})
    match status.state:
        case GatewayState.PAID if not matches(payment, status):
            found = _mismatch(payment, status, audit_context)
            anomalies.keep(found)
            return Outcome(Result.MISMATCH, payment, found)
        case GatewayState.PAID:
            return confirm(payments, payment, Step.CONFIRM, told)
        case GatewayState.ENDED if _is_denied_lately(payment, audit_context):
            return Outcome(Result.CONTRADICTED, payment)
        case GatewayState.ENDED:
            late = (
                payment.gateway_expires_at is not None
                and audit_context.at >= payment.gateway_expires_at
            )
            step = Step.EXPIRE if late else Step.FAIL
            return end(payments, payment, step, told, denied=True)
        case _:
            return Outcome(Result.STILL_OPEN, payment)


def _is_denied_lately(payment: Payment, audit_context: AuditContext) -> bool:
    """Tell whether Duitku has denied an open payment a moment ago that a callback says is paid."""
    since = payment.denied_at
    return (
        payment.status is Status.PENDING and since is not None and audit_context.at < since + DENIED
    )


def confirm(
    payments: PaymentSettler,
    payment: Payment,
    step: Step,
    audit_context: AuditContext,
    *,
    keep_quota: bool = False,
) -> Outcome:
    """Turn a payment into its enrollments by CONFIRM or APPROVE, exactly once.

    Money that has arrived is honoured beyond a course's quota, and flagged by an anomaly;
    with ``keep_quota`` a full course raises CourseFull instead. Raises WrongState when the step
    does not exist from the present state, StorageContention when others kept coming first.
    """
    courses = _Courses()
    for _ in range(ROUNDS):
        if is_settled(payment.status):
            return Outcome(Result.ALREADY_SETTLED, payment)
        payment = replace(payment, overbook=step is Step.APPROVE and not keep_quota)
        plan = settle(payment, step, audit_context, courses.owned, courses.full, courses.held)
        if keep_quota:
            _check_quotas(payments, plan)
        try:
            payments.commit(plan, keep_quota=True)
        except ConcurrentUpdate as concurrent_update:
            courses.learn(concurrent_update)
            if keep_quota and courses.full:
                raise _course_full(courses.full) from None
            payment = _after(concurrent_update, payments, payment)
        else:
            return Outcome(Result.SETTLED, plan.after, plan.anomaly)
    raise StorageContention("others kept changing the same payment; try again")


class _Courses:
    """How the courses of a payment were found to stand, collision by collision."""

    def __init__(self) -> None:
        self.owned: dict[str, Enrollment] = {}
        self.held: frozenset[str] = frozenset()
        self.full: frozenset[str] = frozenset()

    def learn(self, concurrent_update: ConcurrentUpdate) -> None:
        lost = concurrent_update.held | concurrent_update.free
        kept = {course: each for course, each in self.owned.items() if course not in lost}
        self.owned = {**kept, **concurrent_update.owned}
        self.held = (
            self.held - concurrent_update.owned.keys() - concurrent_update.free
        ) | concurrent_update.held
        self.full = (self.full | concurrent_update.full) - self.owned.keys() - self.held


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
    audit_context: AuditContext,
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
            payment = replace(payment, denied_at=denied_since(payment, audit_context.at))
        plan: Settlement = close(payment, step, audit_context)
        if denied and step is Step.EXPIRE:
            again = sooner(plan.after, audit_context.at + DENIED)
            plan = replace(plan, after=replace(plan.after, check_at=again))
        try:
            payments.commit(plan, keep_quota=False)
        except ConcurrentUpdate as concurrent_update:
            payment = _after(concurrent_update, payments, payment)
        else:
            return Outcome(Result.ENDED, plan.after)
    raise StorageContention("others kept changing the same payment; try again")


def _after(
    concurrent_update: ConcurrentUpdate, payments: PaymentSettler, payment: Payment
) -> Payment:
    """Return the payment to decide on next, after somebody else's write came first."""
    if not concurrent_update.stale:
        return payment
    again = payments.get(payment.id)
    if again is None:
        raise NotFound("the payment is gone")
    return again


def _mismatch(payment: Payment, status: GatewayStatus, audit_context: AuditContext) -> Anomaly:
    certain = {**status.evidence, "expectedAmount": str(payment.amount)}
    if payment.gateway:
        certain["expectedReference"] = payment.gateway.reference
    return anomaly(
        AnomalyKind.STATUS_DIFFERS,
        payment.id,
        certain,
        audit_context.at,
        hints=audit_context.evidence,
        payment_id=payment.id,
    )

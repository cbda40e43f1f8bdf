"""How a payment turns into enrollments: everything that one transaction writes."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum

from lunas.domain.anomalies import Anomaly, overbooked, paid_for_nothing_new, status_differs
from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.catalog import access_end
from lunas.domain.delivery import asked_again
from lunas.domain.enrollments import Delivery, Enrollment, enrollment_id, paid_for
from lunas.domain.gateway_status import GatewayState, GatewayStatus, matches
from lunas.domain.payment_steps import take
from lunas.domain.payments import AuditContext, BoughtCourse, HistoryEvent, Payment, Status, Step
from lunas.domain.schedule import DENIED, OVERDUE

ROOM = 92
"""Actions for courses, of DynamoDB's 100, besides the payment, three history events, an anomaly and
the evidence of a callback. A new course takes two, its enrollment and its counter, an owned one
takes one. If there are too many, each new course is counted when its enrollment is delivered."""


class Result(StrEnum):
    """The result of an attempt to settle."""

    SETTLED = "SETTLED"
    ALREADY_SETTLED = "ALREADY_SETTLED"
    STILL_OPEN = "STILL_OPEN"
    ENDED = "ENDED"
    MISMATCH = "MISMATCH"
    CONTRADICTED = "CONTRADICTED"
    ASKED_LATELY = "ASKED_LATELY"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A step to take, or None with the result ``unchanged``.

    ``keep_quota``: refuse when a course is full. ``denied``: the gateway's status is that the
    order ended.
    """

    payment: Payment
    context: AuditContext
    step: Step | None
    unchanged: Result = Result.STILL_OPEN
    anomaly: Anomaly | None = None
    keep_quota: bool = False
    denied: bool = False

    @property
    def result(self) -> Result:
        """Return the result once the decision is carried out."""
        match self.step:
            case None:
                return self.unchanged
            case Step.CONFIRM | Step.APPROVE:
                return Result.SETTLED
            case _:
                return Result.ENDED


@dataclass(frozen=True, slots=True)
class Overlap:
    """An enrollment that the learner has already, before and after another payment."""

    before: Enrollment
    after: Enrollment

    @property
    def lengthens(self) -> bool:
        """Return whether the learner has access for longer than before."""
        return self.after.expires_at != self.before.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A payment before and after, and everything that is written with the change.

    ``still_counted``: courses of ``enrollments`` that the counter still includes after a refund.
    ``full``: those that are beyond their quota and counted all the same.
    """

    before: Payment
    after: Payment
    history: tuple[HistoryEvent, ...]
    enrollments: tuple[Enrollment, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    still_counted: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    anomaly: Anomaly | None = None
    callback: CallbackEvidence | None = None


def decide(payment: Payment, status: GatewayStatus, context: AuditContext) -> Decision:
    """Decide how the gateway's status changes a payment.

    Paid and matching: APPROVED with its enrollments. Paid with another order, amount or
    reference: the payment stays, an anomaly is recorded. Ended: FAILED, or EXPIRED after the
    invoice's time, and checked again soon, since a gateway may deny a success for a while; if a
    callback just reported a success, the payment stays at first. Anything else stays open.
    """
    payment = replace(payment, asked_at=context.at, asking=False)
    proven = replace(context, evidence={**(context.evidence or {}), **status.evidence})
    match status.state:
        case GatewayState.PAID if not matches(payment, status):
            found = status_differs(payment, status.evidence, context)
            return Decision(
                payment=payment,
                context=context,
                step=None,
                unchanged=Result.MISMATCH,
                anomaly=found,
            )
        case GatewayState.PAID:
            return Decision(payment=payment, context=proven, step=Step.CONFIRM)
        case GatewayState.ENDED if _is_denied_lately(payment, context):
            return Decision(
                payment=payment, context=context, step=None, unchanged=Result.CONTRADICTED
            )
        case GatewayState.ENDED:
            expires = payment.gateway_expires_at
            late = expires is not None and context.at >= expires
            step = Step.EXPIRE if late else Step.FAIL
            return Decision(payment=payment, context=proven, step=step, denied=True)
        case _:
            return Decision(payment=payment, context=context, step=None)


def _is_denied_lately(payment: Payment, context: AuditContext) -> bool:
    """Return whether the gateway just denied an open payment that a callback reports as paid."""
    since = payment.denied_at
    return payment.status is Status.PENDING and since is not None and context.at < since + DENIED


def settle(
    payment: Payment,
    step: Step,
    audit_context: AuditContext,
    owned: Mapping[str, Enrollment],
    full: AbstractSet[str] = frozenset(),
    still_counted: AbstractSet[str] = frozenset(),
) -> Settlement:
    """Turn confirmed money (CONFIRM) or an approval (APPROVE) into enrollments.

    ``owned`` are the enrollments that the learner has already, by course: they are recorded as
    overlap. One that gets longer access from this payment is delivered again, and the payment
    waits for it as for a new course. A payment that brings nothing new completes at once and
    leaves an anomaly, for a person to refund. ``full`` are new courses beyond their quota; they
    leave an anomaly as well, unless an admin approved them. ``still_counted`` are courses that were
    refunded but not yet revoked by the platform. Raises WrongState.
    """
    new = [course for course in payment.courses if course.id not in owned]
    overlap = tuple(course.id for course in payment.courses if course.id in owned)
    if overlap:
        audit_context = replace(
            audit_context, evidence={**(audit_context.evidence or {}), "owned": ",".join(overlap)}
        )
    settled, history = take(payment, step, audit_context)
    audit_context = replace(audit_context, at=settled.updated_at)
    overlaps = tuple(_overlap(owned[course_id], settled, audit_context) for course_id in overlap)
    awaited = [course.id for course in new]
    awaited += [each.after.course_id for each in overlaps if each.lengthens]
    settled = replace(settled, undelivered=frozenset(awaited), overlap=overlap)
    crowded = 2 * len(new) + len(overlap) > ROOM
    counted = still_counted if crowded else {course.id for course in new}
    if not awaited:
        return _nothing_new(payment, settled, history, audit_context, overlaps)
    return Settlement(
        before=payment,
        after=settled,
        history=history,
        enrollments=_enrollments(payment, new, audit_context, counted),
        overlaps=overlaps,
        still_counted=frozenset(course.id for course in new if course.id in still_counted),
        full=frozenset(course.id for course in new if course.id in full),
        anomaly=overbooked(payment, full, audit_context.at)
        if full and step is Step.CONFIRM
        else None,
        callback=audit_context.callback,
    )


def _overlap(owned: Enrollment, payment: Payment, audit_context: AuditContext) -> Overlap:
    """Add a payment to those that pay for an enrollment."""
    claims = {**owned.paid_by, payment.id: access_end(payment.access_days, audit_context.at)}
    overlap = Overlap(owned, paid_for(owned, claims))
    return (
        Overlap(owned, asked_again(overlap.after, audit_context.at))
        if overlap.lengthens
        else overlap
    )


def _enrollments(
    payment: Payment,
    new: Sequence[BoughtCourse],
    audit_context: AuditContext,
    counted: AbstractSet[str],
) -> tuple[Enrollment, ...]:
    return tuple(
        Enrollment(
            id=enrollment_id(payment.user_id, course.id),
            payment_id=payment.id,
            user_id=payment.user_id,
            course_id=course.id,
            course_name=course.name,
            created_at=audit_context.at,
            updated_at=audit_context.at,
            counted=course.id in counted,
            platform_course_id=course.platform_course_id,
            correlation_id=payment.correlation_id,
            expires_at=access_end(payment.access_days, audit_context.at),
            delivery=Delivery(due_at=audit_context.at + OVERDUE),
        )
        for course in new
    )


def close(payment: Payment, step: Step, audit_context: AuditContext) -> Settlement:
    """End a payment without enrollments: FAIL, EXPIRE or REJECT. Raises WrongState."""
    ended, history = take(payment, step, audit_context)
    return Settlement(before=payment, after=ended, history=history, callback=audit_context.callback)


def _nothing_new(
    before: Payment,
    settled: Payment,
    history: tuple[HistoryEvent, ...],
    audit_context: AuditContext,
    overlaps: tuple[Overlap, ...],
) -> Settlement:
    done, completion = take(settled, Step.COMPLETE, audit_context)
    return Settlement(
        before=before,
        after=done,
        history=history + completion,
        overlaps=overlaps,
        anomaly=paid_for_nothing_new(done, audit_context.at),
        callback=audit_context.callback,
    )

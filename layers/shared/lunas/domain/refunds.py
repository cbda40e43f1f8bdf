"""How a refund revokes what its payment alone paid for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lunas.domain.delivery import asked_again
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus, paid_for
from lunas.domain.payment_steps import take
from lunas.domain.payments import AuditContext, HistoryEvent, Payment, Step


@dataclass(frozen=True, slots=True)
class Taking:
    """An enrollment before and after a refund."""

    before: Enrollment
    after: Enrollment

    @property
    def revokes(self) -> bool:
        """Return whether the learner loses the course."""
        return self.after.status is EnrollmentStatus.NOT_ENROLLED

    @property
    def shortens(self) -> bool:
        """Return whether the learner keeps the course for less time than before."""
        # One that is revoked keeps its end.
        return self.after.expires_at != self.before.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A payment before and after its refund, and every enrollment that the refund touches."""

    before: Payment
    after: Payment
    history: tuple[HistoryEvent, ...]
    takings: tuple[Taking, ...]

    @property
    def revoked(self) -> tuple[str, ...]:
        """Return the courses that the learner loses."""
        return tuple(each.after.course_id for each in self.takings if each.revokes)


def refund(
    payment: Payment, audit_context: AuditContext, enrollments: Iterable[Enrollment]
) -> Refund:
    """Record that the money of a settled payment went back. Raises WrongState.

    ``enrollments`` are the learner's in the courses of the payment. One that only this payment
    paid for is revoked. One with other payments stays, with the longest access of the others, and
    belongs to one of them. If that is shorter than before, it is delivered again.
    """
    takings = tuple(
        Taking(each, _taken(each, payment, audit_context))
        for each in enrollments
        if _concerns(each, payment)
    )
    lost = ",".join(each.after.course_id for each in takings if each.revokes)
    kept = ",".join(each.after.course_id for each in takings if not each.revokes)
    less = ",".join(each.after.course_id for each in takings if each.shortens)
    named = (("revoked", lost), ("kept", kept), ("shortened", less))
    evidence = {name: value for name, value in named if value}
    audit_context = replace(audit_context, evidence={**(audit_context.evidence or {}), **evidence})
    refunded, history = take(payment, Step.REFUND, audit_context)
    return Refund(before=payment, after=refunded, history=history, takings=takings)


def _concerns(enrollment: Enrollment, payment: Payment) -> bool:
    enrolled = enrollment.status is EnrollmentStatus.ENROLLED
    return enrolled and payment.id in enrollment.paid_by


def _taken(enrollment: Enrollment, payment: Payment, audit_context: AuditContext) -> Enrollment:
    left = {paid: end for paid, end in enrollment.paid_by.items() if paid != payment.id}
    if not left:
        return replace(
            asked_again(enrollment, audit_context.at), status=EnrollmentStatus.NOT_ENROLLED
        )
    heir = min(left) if enrollment.payment_id == payment.id else enrollment.payment_id
    kept = paid_for(replace(enrollment, payment_id=heir, updated_at=audit_context.at), left)
    # A message in the queue names the refunded payment, so it is ignored.
    lost = kept.payment_id != enrollment.payment_id and _is_waiting(enrollment)
    shorter = kept.expires_at != enrollment.expires_at
    return asked_again(kept, audit_context.at) if lost or shorter else kept


def _is_waiting(enrollment: Enrollment) -> bool:
    return enrollment.delivery.status is DeliveryStatus.PENDING

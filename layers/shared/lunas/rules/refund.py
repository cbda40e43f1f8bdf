"""How a refund takes back what its payment brought, and nothing that others paid for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lunas.rules.delivery import asked_again
from lunas.rules.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.rules.payments import Act, HistoryEvent, Payment, Step, take


@dataclass(frozen=True, slots=True)
class Taking:
    """An enrollment before and after a refund."""

    before: Enrollment
    after: Enrollment

    @property
    def revokes(self) -> bool:
        """Tell whether the learner loses the course."""
        return self.after.status is EnrollmentStatus.NOT_ENROLLED


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


def refund(payment: Payment, act: Act, enrollments: Iterable[Enrollment]) -> Refund:
    """Record that the money of a settled payment went back. Raises WrongState.

    ``enrollments`` are the learner's in the courses of the payment. One that this payment alone
    brought is revoked. One that another payment has paid for as well stays, and belongs to the
    other from now on. One that belongs to another payment loses this one's claim.
    """
    takings = tuple(
        Taking(each, _taken(each, payment, act)) for each in enrollments if _concerns(each, payment)
    )
    lost = ",".join(each.after.course_id for each in takings if each.revokes)
    kept = ",".join(each.after.course_id for each in takings if not each.revokes)
    told = {name: value for name, value in (("revoked", lost), ("kept", kept)) if value}
    act = replace(act, evidence={**(act.evidence or {}), **told})
    refunded, history = take(payment, Step.REFUND, act)
    return Refund(before=payment, after=refunded, history=history, takings=takings)


def _concerns(enrollment: Enrollment, payment: Payment) -> bool:
    return enrollment.status is EnrollmentStatus.ENROLLED and (
        enrollment.payment_id == payment.id or payment.id in enrollment.also_paid_by
    )


def _taken(enrollment: Enrollment, payment: Payment, act: Act) -> Enrollment:
    if enrollment.payment_id != payment.id:
        return replace(
            enrollment,
            also_paid_by=enrollment.also_paid_by - {payment.id},
            updated_at=act.at,
        )
    if enrollment.also_paid_by:
        return _handed_over(enrollment, act)
    return replace(asked_again(enrollment, act.at), status=EnrollmentStatus.NOT_ENROLLED)


def _handed_over(enrollment: Enrollment, act: Act) -> Enrollment:
    heir = min(enrollment.also_paid_by)
    heirs = replace(
        enrollment,
        payment_id=heir,
        also_paid_by=enrollment.also_paid_by - {heir},
        updated_at=act.at,
    )
    if enrollment.delivery.status is DeliveryStatus.PENDING:
        # A message on its way names the refunded payment and does nothing any more.
        return asked_again(heirs, act.at)
    return heirs

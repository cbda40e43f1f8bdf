"""Correcting whom a payment is for, before or after its courses were delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lunas.domain.corrections import Wanted, check_one_address, correct
from lunas.domain.enrollments import enrollment_id
from lunas.domain.errors import ConcurrentUpdate, NotFound, StorageContention
from lunas.domain.payments import AuditContext, Payment, Status

if TYPE_CHECKING:
    from lunas.domain.access_claims import AccountLink
    from lunas.domain.enrollments import Enrollment
    from lunas.services.repositories import CorrectionKeeper, EnrollmentReader

ROUNDS = 6
"""How often a correction is decided again after a collision."""


def correct_learner(
    payments: CorrectionKeeper,
    enrollments: EnrollmentReader,
    payment_id: str,
    wanted: Wanted,
    audit_context: AuditContext,
) -> Payment:
    """Correct the learner of a payment, in one transaction with all that follows from it.

    Payment, history, the link from the user to an account, and the enrollments to deliver again
    change together, each as it was read. A step, a refund, a delivery or another correction that
    comes between is seen, and the correction is decided again. The stream carries the rest to
    the delivery queue. Raises NotFound, WrongState, StorageContention.
    """
    for _ in range(ROUNDS):
        payment = payments.get(payment_id)
        if payment is None:
            raise NotFound("there is no such payment")
        link = payments.link_of(payment.user_id)
        _check_one_address(payments, payment, wanted, link)
        plan = correct(
            payment, wanted, audit_context, _enrollments(payments, enrollments, payment, link)
        )
        try:
            payments.record_correction(plan, link)
        except ConcurrentUpdate:
            continue
        return plan.after
    raise StorageContention("others kept changing the same payment; try again")


def _check_one_address(
    payments: CorrectionKeeper, payment: Payment, wanted: Wanted, link: AccountLink
) -> None:
    """Check that no other payment of the user, refunded ones aside, has named another address."""
    standing, named_by = link.learner, link.corrected_by
    if standing is None or named_by is None or named_by == payment.id:
        return
    other = payments.get(named_by)
    if other is not None and other.status is not Status.REFUNDED:
        check_one_address(wanted, standing, named_by)


def _enrollments(
    payments: CorrectionKeeper, enrollments: EnrollmentReader, payment: Payment, link: AccountLink
) -> list[Enrollment]:
    """Read the user's enrollments in the payment's courses, and those at the linked account."""
    ids = {enrollment_id(payment.user_id, course_id) for course_id in payment.course_ids}
    if link.account_id is not None:
        ids |= payments.claiming(link.account_id)
    found = enrollments.get_many(sorted(ids))
    return [each for each in found if each.user_id == payment.user_id]

"""Correcting whom a payment is for, before or after its courses were delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lunas.rules.correction import Wanted, check_one_address, correct
from lunas.rules.enrollments import enrollment_id
from lunas.rules.errors import Collision, NotFound, StoreBusy
from lunas.rules.payments import Act, Payment, Status

if TYPE_CHECKING:
    from lunas.rules.claims import AccountLink
    from lunas.rules.enrollments import Enrollment
    from lunas.usecases.ports import CorrectionKeeper, EnrollmentReader

ROUNDS = 6
"""How often a correction is decided again after a collision."""


def correct_learner(
    payments: CorrectionKeeper,
    enrollments: EnrollmentReader,
    payment_id: str,
    wanted: Wanted,
    act: Act,
) -> Payment:
    """Correct the learner of a payment, in one transaction with all that follows from it.

    Payment, history, the link from the user to an account, and the enrollments to deliver again
    change together, each as it was read. A step, a refund, a delivery or another correction that
    comes between is seen, and the correction is decided again. The stream carries the rest to
    the delivery queue. Raises NotFound, WrongState, StoreBusy.
    """
    for _ in range(ROUNDS):
        payment = payments.get(payment_id)
        if payment is None:
            raise NotFound("there is no such payment")
        link = payments.link_of(payment.user_id)
        if _other_stands(payments, payment, link):
            check_one_address(wanted, link)
        plan = correct(payment, wanted, act, _enrollments(payments, enrollments, payment, link))
        try:
            payments.record_correction(plan, link)
        except Collision:
            continue
        return plan.after
    raise StoreBusy("others kept changing the same payment; try again")


def _other_stands(payments: CorrectionKeeper, payment: Payment, link: AccountLink) -> bool:
    """Tell whether another payment has named the user's address, and was not refunded."""
    if link.corrected_by in {None, payment.id}:
        return False
    other = payments.get(str(link.corrected_by))
    return other is not None and other.status is not Status.REFUNDED


def _enrollments(
    payments: CorrectionKeeper, enrollments: EnrollmentReader, payment: Payment, link: AccountLink
) -> list[Enrollment]:
    """Read the user's enrollments in the payment's courses, and those at the linked account."""
    ids = {enrollment_id(payment.user_id, course_id) for course_id in payment.course_ids}
    if link.account_id is not None:
        ids |= payments.claiming(link.account_id)
    found = enrollments.get_many(sorted(ids))
    return [each for each in found if each.user_id == payment.user_id]

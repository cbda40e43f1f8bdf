"""Corrects the learner of a payment, before or after its courses were delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.domain.corrections import Wanted, check_one_address, correct
from lunas.domain.enrollments import enrollment_id
from lunas.domain.errors import ConcurrentUpdate, StorageContention
from lunas.domain.payments import AuditContext, Payment, Status, existing

if TYPE_CHECKING:
    from lunas.domain.access_claims import AccountLink
    from lunas.domain.enrollments import Enrollment
    from lunas.services.repositories import (
        EnrollmentRepository,
        LearnerRepository,
        PaymentRepository,
    )

MAX_ATTEMPTS = 6
"""How many times a correction is decided again after a concurrent update."""


@dataclass(frozen=True, slots=True)
class CorrectionService:
    """Corrects the learners of payments."""

    payments: PaymentRepository
    enrollments: EnrollmentRepository
    learners: LearnerRepository

    def correct(self, payment_id: str, wanted: Wanted, context: AuditContext) -> Payment:
        """Correct the learner of a payment, with its consequences in the same transaction.

        Payment, history, the link from the user to an account, and the enrollments to deliver
        again change together. After a concurrent step, refund, delivery or correction it is
        decided again. The stream then requests the deliveries. Raises NotFound, WrongState,
        StorageContention.
        """
        for _ in range(MAX_ATTEMPTS):
            payment = existing(self.payments.get(payment_id))
            link = self.learners.link_of(payment.user_id)
            self._check_one_address(payment, wanted, link)
            plan = correct(payment, wanted, context, self._affected(payment, link))
            try:
                self.payments.record_correction(plan, link)
            except ConcurrentUpdate:
                continue
            return plan.after
        raise StorageContention("other requests kept changing this payment; try again")

    def _check_one_address(self, payment: Payment, wanted: Wanted, link: AccountLink) -> None:
        """Check that no other payment of the user, refunded ones aside, names another address."""
        named = link.named
        if named is None or named.payment_id == payment.id:
            return
        other = self.payments.get(named.payment_id)
        if other is not None and other.status is not Status.REFUNDED:
            check_one_address(wanted, named)

    def _affected(self, payment: Payment, link: AccountLink) -> list[Enrollment]:
        """Read the user's enrollments in the payment's courses, and those at the linked account."""
        ids = {enrollment_id(payment.user_id, course_id) for course_id in payment.course_ids}
        if link.account_id is not None:
            claims = self.learners.of_account(link.account_id).values()
            ids |= {claiming for each in claims for claiming in each.enrollment_ids}
        found = self.enrollments.get_many(sorted(ids))
        return [each for each in found if each.user_id == payment.user_id]

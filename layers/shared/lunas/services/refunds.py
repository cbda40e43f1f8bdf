"""Refunds payments, and revokes the courses that only they paid for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.domain.enrollments import enrollment_id
from lunas.domain.errors import ConcurrentUpdate, StorageContention
from lunas.domain.payments import AuditContext, Payment, Status, existing
from lunas.domain.refunds import Refund, refund

if TYPE_CHECKING:
    from lunas.services.repositories import EnrollmentRepository, PaymentRepository

MAX_ATTEMPTS = 6
"""How many times a refund is decided again after a concurrent update."""


@dataclass(frozen=True, slots=True)
class RefundService:
    """Refunds payments."""

    payments: PaymentRepository
    enrollments: EnrollmentRepository

    def refund(self, payment_id: str, context: AuditContext) -> tuple[Payment, Refund | None]:
        """Refund an APPROVED or COMPLETED payment, in one transaction.

        Returns the payment, and the refund unless it was refunded before; repeating it changes
        nothing. The stream puts each revocation in the delivery queue, behind earlier deliveries
        of the same learner. Raises NotFound, WrongState, StorageContention.
        """
        for _ in range(MAX_ATTEMPTS):
            payment = existing(self.payments.get(payment_id))
            if payment.status is Status.REFUNDED:
                return payment, None
            ids = [enrollment_id(payment.user_id, course_id) for course_id in payment.course_ids]
            plan = refund(payment, context, self.enrollments.get_many(ids))
            try:
                self.payments.record_refund(plan)
            except ConcurrentUpdate:
                continue
            return plan.after, plan
        raise StorageContention("other requests kept changing this payment; try again")

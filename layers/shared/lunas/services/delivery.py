"""Delivers enrollments to the platform or revokes them there, and completes their payments."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lunas.domain.access_claims import AccountLink
from lunas.domain.delivery import (
    DeliveryRequest,
    Placement,
    delivered,
    is_current,
    is_same_request,
    not_delivered,
    revoked,
)
from lunas.domain.enrollments import Enrollment, EnrollmentStatus
from lunas.domain.errors import (
    ConcurrentUpdate,
    DeliveryDelayed,
    DeliveryError,
    DeliveryImpossible,
    RateLimited,
    StorageContention,
)
from lunas.domain.payments import AuditContext, Payment
from lunas.services.placement import PlacementService

if TYPE_CHECKING:
    from lunas.platforms.base import CoursePlatform
    from lunas.services.repositories import (
        CatalogRepository,
        Clock,
        EnrollmentRepository,
        LearnerRepository,
        PaymentRepository,
    )

ACTOR = "lunas:deliver"
MAX_ATTEMPTS = 6
"""How many times an outcome is written again after a concurrent update."""


class DeliveryResult(StrEnum):
    """The result of a delivery request."""

    DELIVERED = "DELIVERED"
    REVOKED = "REVOKED"
    NOTHING_TO_DO = "NOTHING_TO_DO"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryService:
    """Makes the platform match the enrollments, one request at a time for each learner."""

    enrollments: EnrollmentRepository
    payments: PaymentRepository
    learners: LearnerRepository
    catalog: CatalogRepository
    platform: CoursePlatform
    now: Clock

    def deliver(self, request: DeliveryRequest) -> DeliveryResult:
        """Make the platform match an enrollment and record it; safe to repeat after a crash.

        The learner of an enrolled one gets access, the learner of a refunded one loses it.

        Raises StorageContention; DeliveryDelayed when another try may succeed, recorded as a failed
        try unless it is RateLimited; and DeliveryImpossible when none can. The caller records the
        latter by :meth:`record_dead_letter`, once the request is in the dead-letter queue.
        """
        for _ in range(MAX_ATTEMPTS):
            enrollment = self.enrollments.get(request.enrollment_id)
            if enrollment is None or not is_current(request, enrollment):
                return DeliveryResult.NOTHING_TO_DO
            result = self._try(enrollment)
            if result is not None:
                return result
        raise StorageContention("other requests kept changing this enrollment; try again")

    def record_dead_letter(self, request: DeliveryRequest, error: DeliveryImpossible) -> None:
        """Record that the delivery waits for a person, unless it was requested again meanwhile."""
        enrollment = self.enrollments.get(request.enrollment_id)
        if enrollment is None or enrollment.delivery.request != (error.request or request.request):
            return
        if is_current(request, enrollment):
            self._record_failure(enrollment, error, final=True)

    @property
    def _placement(self) -> PlacementService:
        return PlacementService(
            self.enrollments, self.payments, self.learners, self.catalog, self.platform, self.now
        )

    def _try(self, enrollment: Enrollment) -> DeliveryResult | None:
        """Make the platform match an enrollment as read; None if it changed since."""
        try:
            if enrollment.status is EnrollmentStatus.NOT_ENROLLED:
                return self._revoke(enrollment)
            placement = self._placement.place(enrollment, self._payment(enrollment.payment_id))
            return self._record_delivered(enrollment, placement)
        except ConcurrentUpdate:
            return None
        except RateLimited:
            raise
        except DeliveryDelayed as error:
            error.failures = self._record_failure(enrollment, error, final=False)
            raise
        except DeliveryImpossible as error:
            error.request = enrollment.delivery.request
            raise

    def _revoke(self, enrollment: Enrollment) -> DeliveryResult | None:
        """End the learner's access to the course and record it; None if it changed meanwhile.

        A delivery that was interrupted may have reached the platform without being recorded. It
        claimed its place before the call, and cannot run concurrently, since a learner's requests
        are handled one after another. So access ends in every claimed place. Safe to repeat.
        """
        link = self.learners.link_of(enrollment.user_id)
        self._placement.remove_from_former_accounts(enrollment, link, link.account_id)
        self._placement.remove_access(enrollment, _accounts(enrollment, link))
        return self._record_revoked(enrollment)

    def _record_delivered(
        self, snapshot: Enrollment, placement: Placement
    ) -> DeliveryResult | None:
        """Record a delivery; None if the enrollment changed since the platform was called."""
        full = False
        for _ in range(MAX_ATTEMPTS):
            enrollment = self._unchanged(snapshot)
            if enrollment is None:
                return None
            known = placement.enrollment_id
            evidence = {"platformEnrollmentId": known} if known else None
            context = AuditContext(ACTOR, self.now(), evidence)
            payments = self._payments_of(enrollment)
            try:
                self.enrollments.record_delivery(
                    delivered(enrollment, payments, placement, context, full=full)
                )
            except ConcurrentUpdate as concurrent_update:
                full = bool(concurrent_update.full)
                continue
            return DeliveryResult.DELIVERED
        raise StorageContention("other requests kept changing this enrollment; try again")

    def _record_revoked(self, snapshot: Enrollment) -> DeliveryResult | None:
        for _ in range(MAX_ATTEMPTS):
            enrollment = self._unchanged(snapshot)
            if enrollment is None:
                return None
            after = revoked(enrollment, AuditContext(ACTOR, self.now()))
            try:
                self.enrollments.record_revocation(enrollment, after)
            except ConcurrentUpdate:
                continue
            return DeliveryResult.REVOKED
        raise StorageContention("other requests kept changing this enrollment; try again")

    def _unchanged(self, snapshot: Enrollment) -> Enrollment | None:
        """Read an enrollment again; None if it no longer waits for this delivery."""
        enrollment = self.enrollments.get(snapshot.id)
        if enrollment is None or not is_same_request(snapshot, enrollment):
            return None
        return enrollment

    def _record_failure(self, enrollment: Enrollment, error: DeliveryError, *, final: bool) -> int:
        """Record a failed try; return how many there were."""
        context = AuditContext(ACTOR, self.now())
        tried = not_delivered(enrollment, str(error), context, final=final)
        self.enrollments.record_attempt(tried)
        return tried.delivery.attempts

    def _payments_of(self, enrollment: Enrollment) -> list[Payment]:
        """Return the payments of an enrollment, the one that it belongs to first."""
        others = sorted(enrollment.paid_by.keys() - {enrollment.payment_id})
        return [self._payment(each) for each in (enrollment.payment_id, *others)]

    def _payment(self, payment_id: str) -> Payment:
        """Return a payment of an enrollment; DeliveryImpossible if it is gone."""
        payment = self.payments.get(payment_id)
        if payment is None:
            raise DeliveryImpossible("the payment of the enrollment is gone")
        return payment


def _accounts(enrollment: Enrollment, link: AccountLink) -> set[str]:
    """Return every account that may have the course: recorded, linked, or linked before.

    The link is written before the first enrollment, so there is no other. The address of the
    payment must not be used: it may be another person's.
    """
    known = {enrollment.delivery.platform_user_id, link.account_id, *link.former}
    return {account for account in known if account is not None}

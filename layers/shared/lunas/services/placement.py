"""Gives a learner access at the platform: first the account, then the course or its bundle.

If the platform has a bundle of exactly the bought courses, one call enrolls in all of them. Each
course of the payment still has its own delivery: the first one enrolls in the bundle, and each
checks whether its course has appeared. A course that does not is enrolled alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lunas.domain.access_claims import AccountLink, Place
from lunas.domain.delivery import Placement
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import DeliveryImpossible
from lunas.domain.payments import Payment
from lunas.domain.users import Learner
from lunas.services.shared_access import SharedAccess

if TYPE_CHECKING:
    from lunas.platforms.base import CoursePlatform
    from lunas.services.repositories import (
        CatalogRepository,
        Clock,
        EnrollmentRepository,
        LearnerRepository,
        PaymentRepository,
    )

MAX_WAIT = timedelta(minutes=10)
"""After enrolling in a bundle: how long its courses may take to appear before each is enrolled
alone. It is less than the 15 minutes after which PaidNotEnrolled counts them."""


@dataclass(frozen=True, slots=True)
class PlacementService:
    """Finds or creates the learner's account, and enrolls it."""

    enrollments: EnrollmentRepository
    payments: PaymentRepository
    learners: LearnerRepository
    catalog: CatalogRepository
    platform: CoursePlatform
    now: Clock

    def place(self, enrollment: Enrollment, payment: Payment) -> Placement:
        """Find or create the account and enroll it: two calls if it is known, else four.

        Raises DeliveryDelayed when another try may succeed, DeliveryImpossible when none can, and
        ConcurrentUpdate when the link to the account changed meanwhile.
        """
        link = self.learners.link_of(enrollment.user_id)
        learner = link.named.learner if link.named else payment.learner
        try:
            course_id = self._deliverable_course(enrollment)
            account = link.account_id or self.platform.ensure_user(learner)
        except DeliveryImpossible:
            self.remove_from_former_accounts(enrollment, link)
            raise
        if link.account_id is None:
            self.learners.link(enrollment.user_id, account, link)
        self.remove_from_former_accounts(enrollment, link, account)
        try:
            return self._enroll(enrollment, payment, Place(account, course_id))
        except DeliveryImpossible:
            if link.account_id is None or not self._unlinked(enrollment, learner, account):
                raise
        # The link is empty now, so the account is found or created.
        return self.place(enrollment, payment)

    def remove_from_former_accounts(
        self, enrollment: Enrollment, link: AccountLink, account: str | None = None
    ) -> None:
        """Remove an enrollment from the accounts that its user had before ``account``.

        The delivery of the user's other enrollments there is requested again, so that they move.
        """
        former = link.former - {account}
        for each in former:
            claims = self.learners.of_account(each).values()
            ids = {claiming for place in claims for claiming in place.enrollment_ids}
            for other in self.enrollments.get_many(sorted(ids - {enrollment.id})):
                if _follows(other, enrollment):
                    self.enrollments.request_again(other, self.now())
        self.remove_access(enrollment, former)

    def remove_access(self, enrollment: Enrollment, accounts: set[str] | frozenset[str]) -> None:
        """Remove an enrollment from every course of some accounts; raises DeliveryError."""
        self._access().remove_access(enrollment.id, accounts)

    def _access(self) -> SharedAccess:
        return SharedAccess(self.enrollments, self.learners, self.platform, self.now)

    def _deliverable_course(self, enrollment: Enrollment) -> str:
        over = enrollment.expires_at is not None and enrollment.expires_at <= self.now()
        if over and enrollment.delivery.platform_enrollment_id is None:
            raise DeliveryImpossible("the time of access was over before it could begin")
        return self._course(enrollment)

    def _course(self, enrollment: Enrollment) -> str:
        """Return the course's id at the platform: as mapped now, else as mapped at purchase."""
        course = self.catalog.course(enrollment.course_id)
        mapped = course.platform_course_id if course else None
        course_id = mapped or enrollment.platform_course_id
        if course_id is None:
            raise DeliveryImpossible(f"course {enrollment.course_id} is not mapped to the platform")
        return course_id

    def _enroll(self, enrollment: Enrollment, payment: Payment, where: Place) -> Placement:
        def create() -> bool:
            # Another payment may pay for longer access to this course, but not to the others.
            own_end = enrollment.paid_by[payment.id]
            return not self._comes_by_bundle(payment, where.account_id, own_end)

        platform_enrollment_id = self._access().give(enrollment, where, create=create)
        if platform_enrollment_id is None:
            # Access had ended: the platform enrollment from before is the one that ended.
            platform_enrollment_id = enrollment.delivery.platform_enrollment_id
        return Placement(where.account_id, platform_enrollment_id, where.course_id)

    def _unlinked(self, enrollment: Enrollment, learner: Learner, known: str) -> bool:
        """Forget a link whose account is gone at the platform; return whether it was forgotten."""
        if self.platform.find_user(learner.email) == known:
            return False
        self.learners.unlink(enrollment.user_id, known)
        return True

    def _comes_by_bundle(self, payment: Payment, user_id: str, until: datetime | None) -> bool:
        """Enroll in the bundle of a payment unless that was done; return whether to wait for it.

        Access lasts ``until``, in UTC; None: without end. Raises DeliveryDelayed.
        """
        bundle_id, now = payment.platform_bundle_id, self.now()
        if bundle_id is None or payment.overlap:
            return False
        if payment.bundle_asked_at is not None:
            return now < payment.bundle_asked_at + MAX_WAIT
        # Recorded before the call: after a crash between the two, each course is enrolled alone.
        if not self.payments.note_bundle(payment.id, now):
            return True
        if self._bundle_accepted(payment, bundle_id, user_id, until):
            return True
        self.payments.note_bundle(payment.id, now - MAX_WAIT, over=now)
        return False

    def _bundle_accepted(
        self, payment: Payment, bundle_id: str, user_id: str, until: datetime | None
    ) -> bool:
        """Enroll in a bundle; False if its courses are not the bought ones, or it is refused."""
        courses = self.catalog.courses(payment.course_ids)
        paid = {course.platform_course_id for course in courses}
        try:
            if self.platform.bundle_courses(bundle_id) != paid:
                return False
            self.platform.enroll_in_bundle(user_id, bundle_id, self.now(), until)
        except DeliveryImpossible:
            return False
        return True


def _follows(other: Enrollment, enrollment: Enrollment) -> bool:
    waits = other.delivery.status is DeliveryStatus.PENDING
    enrolled = other.status is EnrollmentStatus.ENROLLED
    return other.user_id == enrollment.user_id and enrolled and not waits

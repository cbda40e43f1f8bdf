"""Giving a learner access at the platform: the account first, then the course."""

from lunas.domain.access_claims import AccountLink, Place
from lunas.domain.delivery import Placement
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import DeliveryImpossible
from lunas.domain.payments import Payment
from lunas.domain.users import Learner
from lunas.services.bundles import comes_by_bundle
from lunas.services.courses import Courier
from lunas.services.shared_access import give, leave


def place(courier: Courier, enrollment: Enrollment, payment: Payment) -> Placement:
    """Find or create the account, then enroll it: two calls if it is known, four if it is not.

    Raises DeliveryDelayed when another try makes sense, DeliveryImpossible when none does, and
    ConcurrentUpdate when the link to the account changed meanwhile.
    """
    link = courier.learners.link_of(enrollment.user_id)
    learner = link.learner or payment.learner
    try:
        course_id = _deliverable_course(courier, enrollment)
        account = link.account_id or _find_or_create(courier, learner)
    except DeliveryImpossible:
        leave_former(courier, enrollment, link)
        raise
    if link.account_id is None:
        courier.learners.link(enrollment.user_id, account, link)
    leave_former(courier, enrollment, link, account)
    try:
        return _enroll(courier, enrollment, payment, Place(account, course_id))
    except DeliveryImpossible:
        if link.account_id is None or not _relinked(courier, enrollment, learner, account):
            raise
    # The link is empty now, so that the account is found or made.
    return place(courier, enrollment, payment)


def leave_former(
    courier: Courier, enrollment: Enrollment, link: AccountLink, account: int | None = None
) -> None:
    """Take an enrollment away from the accounts that its user had before ``account``.

    What else the user has there is asked for again, so that it follows.
    """
    former = link.former - {account}
    for each in former:
        claims = courier.claims.of_account(each).values()
        ids = {claiming for place in claims for claiming in place.enrollment_ids}
        for other in courier.enrollments.get_many(sorted(ids - {enrollment.id})):
            if _follows(other, enrollment):
                courier.enrollments.request_again(other, courier.now())
    leave(courier, enrollment.id, former)


def _follows(other: Enrollment, enrollment: Enrollment) -> bool:
    waits = other.delivery.status is DeliveryStatus.PENDING
    enrolled = other.status is EnrollmentStatus.ENROLLED
    return other.user_id == enrollment.user_id and enrolled and not waits


def _deliverable_course(courier: Courier, enrollment: Enrollment) -> int:
    if _is_over(courier, enrollment) and enrollment.delivery.platform_enrollment_id is None:
        raise DeliveryImpossible("the time of access was over before it could begin")
    return _course(courier, enrollment)


def _is_over(courier: Courier, enrollment: Enrollment) -> bool:
    return enrollment.expires_at is not None and enrollment.expires_at <= courier.now()


def _course(courier: Courier, enrollment: Enrollment) -> int:
    """Return the course's id at the platform: as mapped now, else as it was when bought."""
    mapped = courier.mapped_course(enrollment) or enrollment.platform_course_id
    if mapped is None:
        raise DeliveryImpossible(f"course {enrollment.course_id} is not mapped to the platform")
    return mapped


def _enroll(courier: Courier, enrollment: Enrollment, payment: Payment, where: Place) -> Placement:
    def create() -> bool:
        return not comes_by_bundle(courier, payment, where.account_id, enrollment.expires_at)

    row_id = give(courier, enrollment, where, create=create)
    if row_id is None:
        # Its time is over, and it had been there: the row that it had is the one that was ended.
        row_id = enrollment.delivery.platform_enrollment_id
    return Placement(where.account_id, row_id, where.course_id)


def _relinked(courier: Courier, enrollment: Enrollment, learner: Learner, known: int) -> bool:
    """Forget a link whose account is gone at the platform; return whether it was forgotten."""
    if courier.platform.find_user(learner.email) == known:
        return False
    courier.learners.unlink(enrollment.user_id, known)
    return True


def _find_or_create(courier: Courier, learner: Learner) -> int:
    found = courier.platform.find_user(learner.email)
    return found if found is not None else courier.platform.create_user(learner)

"""Taking an enrollment that was refunded back at Thinkific."""

from lunas.rules.delivery import DeliveryRequest, is_current, revoked
from lunas.rules.enrollments import Enrollment, EnrollmentStatus, enrollment_id, has_access
from lunas.rules.errors import Collision, StoreBusy
from lunas.rules.payments import Act
from lunas.usecases.courier import ACTOR, ROUNDS, Courier, DeliveryResult


def revoke(courier: Courier, wish: DeliveryRequest, enrollment: Enrollment) -> DeliveryResult:
    """End the learner's access to the course and note it; safe to repeat after any crash.

    A delivery that was on its way when the refund came may have reached Thinkific without being
    noted. It cannot run beside this one, since a learner's requests are served in turn; so what
    counts is what Thinkific shows now, not what was noted. Raises DeliveryError, StoreBusy.
    """
    for account in _accounts(courier, enrollment):
        if _shared(courier, enrollment, account):
            continue
        for course_id in _courses(courier, enrollment):
            courier.platform.revoke(account, course_id, courier.now())
    return _note(courier, wish)


def _accounts(courier: Courier, enrollment: Enrollment) -> set[int]:
    """Return every account that may have got the course: as noted, and as linked.

    The link is written before anything is enrolled, so there is no other; least of all by the
    address of the payment, which may be somebody else's.
    """
    known = {
        enrollment.delivery.thinkific_user_id,
        courier.learners.thinkific_user_id(enrollment.user_id),
    }
    return {account for account in known if account is not None}


def _shared(courier: Courier, enrollment: Enrollment, account: int) -> bool:
    """Tell whether another user of the same account has the course: there it is one row."""
    others = courier.learners.users_of(account) - {enrollment.user_id}
    ids = [enrollment_id(user, enrollment.course_id) for user in sorted(others)]
    return any(has_access(each, courier.now()) for each in courier.enrollments.get_many(ids))


def _courses(courier: Courier, enrollment: Enrollment) -> set[int]:
    """Return the course as it was delivered, or bought, and as it is mapped now."""
    known = {enrollment.thinkific_course_id, courier.mapped_course(enrollment)}
    return {course_id for course_id in known if course_id is not None}


def _note(courier: Courier, wish: DeliveryRequest) -> DeliveryResult:
    for _ in range(ROUNDS):
        enrollment = courier.enrollments.get(wish.enrollment_id)
        if enrollment is None or not _waits(wish, enrollment):
            return DeliveryResult.NOTHING_TO_DO
        after = revoked(enrollment, Act(ACTOR, courier.now()))
        try:
            courier.enrollments.record_revocation(enrollment, after)
        except Collision:
            continue
        return DeliveryResult.REVOKED
    raise StoreBusy("others kept changing the same enrollment; try again")


def _waits(wish: DeliveryRequest, enrollment: Enrollment) -> bool:
    return is_current(wish, enrollment) and enrollment.status is EnrollmentStatus.NOT_ENROLLED

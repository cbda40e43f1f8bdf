"""Giving a learner access at Thinkific: the account first, then the course."""

from lunas.rules.delivery import Placement
from lunas.rules.enrollments import Enrollment
from lunas.rules.errors import DeliveryImpossible
from lunas.rules.payments import Payment
from lunas.usecases.bundles import comes_by_bundle
from lunas.usecases.courier import Courier


def place(courier: Courier, enrollment: Enrollment, payment: Payment) -> Placement:
    """Find or create the account, then enroll it: two calls if it is known, four if it is not.

    Raises DeliveryDelayed when another try makes sense, DeliveryImpossible when none does.
    """
    if enrollment.expires_at is not None and enrollment.expires_at <= courier.now():
        raise DeliveryImpossible("the time of access was over before it could begin")
    course_id = _course(courier, enrollment)
    known = courier.learners.thinkific_user_id(enrollment.user_id)
    if known is not None:
        try:
            return _enroll(courier, enrollment, payment, (known, course_id))
        except DeliveryImpossible:
            if not _relinked(courier, enrollment, payment, known):
                raise
    user_id = _find_or_create(courier, payment)
    courier.learners.link(enrollment.user_id, user_id)
    return _enroll(courier, enrollment, payment, (user_id, course_id))


def _course(courier: Courier, enrollment: Enrollment) -> int:
    """Return the course's id at Thinkific: as mapped now, else as it was when bought."""
    mapped = courier.mapped_course(enrollment) or enrollment.thinkific_course_id
    if mapped is None:
        raise DeliveryImpossible(f"course {enrollment.course_id} is not mapped to Thinkific")
    return mapped


def _enroll(
    courier: Courier, enrollment: Enrollment, payment: Payment, where: tuple[int, int]
) -> Placement:
    user_id, course_id = where
    until = enrollment.expires_at
    create = not comes_by_bundle(courier, payment, user_id, until)
    row_id = courier.platform.enroll(user_id, course_id, courier.now(), until, create=create)
    return Placement(user_id, row_id, course_id)


def _relinked(courier: Courier, enrollment: Enrollment, payment: Payment, known: int) -> bool:
    """Forget a link whose account is gone at Thinkific; tell whether there is one to try anew."""
    if courier.platform.find_user(payment.learner.email) == known:
        return False
    courier.learners.unlink(enrollment.user_id, known)
    return True


def _find_or_create(courier: Courier, payment: Payment) -> int:
    found = courier.platform.find_user(payment.learner.email)
    return found if found is not None else courier.platform.create_user(payment.learner)

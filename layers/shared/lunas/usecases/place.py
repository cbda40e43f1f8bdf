"""Giving a learner access at Thinkific: the account first, then the course."""

from lunas.rules.claims import AccountLink, Place
from lunas.rules.delivery import Placement
from lunas.rules.enrollments import Enrollment
from lunas.rules.errors import DeliveryImpossible
from lunas.rules.payments import Payment
from lunas.usecases.bundles import comes_by_bundle
from lunas.usecases.courier import Courier
from lunas.usecases.shared_access import give, leave


def place(courier: Courier, enrollment: Enrollment, payment: Payment) -> Placement:
    """Find or create the account, then enroll it: two calls if it is known, four if it is not.

    Raises DeliveryDelayed when another try makes sense, DeliveryImpossible when none does, and
    Collision when the link to the account changed meanwhile.
    """
    if _is_over(courier, enrollment) and enrollment.delivery.thinkific_enrollment_id is None:
        raise DeliveryImpossible("the time of access was over before it could begin")
    course_id = _course(courier, enrollment)
    link = courier.learners.link_of(enrollment.user_id)
    if link.account_id is None:
        return _at_new_account(courier, enrollment, payment, course_id, link)
    leave(courier, enrollment.id, link.former)
    try:
        return _enroll(courier, enrollment, payment, Place(link.account_id, course_id))
    except DeliveryImpossible:
        if not _relinked(courier, enrollment, payment, link.account_id):
            raise
    link = courier.learners.link_of(enrollment.user_id)
    return _at_new_account(courier, enrollment, payment, course_id, link)


def _at_new_account(
    courier: Courier, enrollment: Enrollment, payment: Payment, course_id: int, link: AccountLink
) -> Placement:
    """Enroll in an account that is linked only now, and nowhere else."""
    try:
        account = _find_or_create(courier, payment)
    except DeliveryImpossible:
        leave(courier, enrollment.id, link.former)
        raise
    courier.learners.link(enrollment.user_id, account, link)
    leave(courier, enrollment.id, link.former - {account})
    return _enroll(courier, enrollment, payment, Place(account, course_id))


def _is_over(courier: Courier, enrollment: Enrollment) -> bool:
    return enrollment.expires_at is not None and enrollment.expires_at <= courier.now()


def _course(courier: Courier, enrollment: Enrollment) -> int:
    """Return the course's id at Thinkific: as mapped now, else as it was when bought."""
    mapped = courier.mapped_course(enrollment) or enrollment.thinkific_course_id
    if mapped is None:
        raise DeliveryImpossible(f"course {enrollment.course_id} is not mapped to Thinkific")
    return mapped


def _enroll(courier: Courier, enrollment: Enrollment, payment: Payment, where: Place) -> Placement:
    def create() -> bool:
        return not comes_by_bundle(courier, payment, where.account_id, enrollment.expires_at)

    row_id = give(courier, enrollment, where, create=create)
    if row_id is None:
        # Its time is over, and it had been there: the row that it had is the one that was ended.
        row_id = enrollment.delivery.thinkific_enrollment_id
    return Placement(where.account_id, row_id, where.course_id)


def _relinked(courier: Courier, enrollment: Enrollment, payment: Payment, known: int) -> bool:
    """Forget a link whose account is gone at Thinkific; tell whether there is one to try anew."""
    if courier.platform.find_user(payment.learner.email) == known:
        return False
    courier.learners.unlink(enrollment.user_id, known)
    return True


def _find_or_create(courier: Courier, payment: Payment) -> int:
    found = courier.platform.find_user(payment.learner.email)
    return found if found is not None else courier.platform.create_user(payment.learner)

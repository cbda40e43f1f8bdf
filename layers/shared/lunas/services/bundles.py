"""Enrolling a whole bundle by one call, where the platform has a bundle of just the same courses.

Each course of the payment still has its own delivery: the first one asks for the bundle, and
every one looks whether its course is there. What does not appear is enrolled alone.
"""

from datetime import datetime, timedelta

from lunas.domain.errors import DeliveryImpossible
from lunas.domain.payments import Payment
from lunas.services.courses import Courier

MAX_WAIT = timedelta(minutes=10)
"""After asking for a bundle: how long its courses may take to appear before each is enrolled
alone; within the 15 minutes in which everything has to heal by itself."""


def comes_by_bundle(
    courier: Courier, payment: Payment, user_id: int, until: datetime | None
) -> bool:
    """Ask for the bundle of a payment unless that was done; tell whether to wait for it.

    Access lasts ``until``, in UTC, or for good. Raises DeliveryDelayed.
    """
    bundle_id, now = payment.platform_bundle_id, courier.now()
    if bundle_id is None or payment.overlap:
        return False
    if payment.bundle_asked_at is not None:
        return now < payment.bundle_asked_at + MAX_WAIT
    # Noted before the call: after a crash between the two, each course is enrolled alone.
    if not courier.payments.note_bundle(payment.id, now):
        return True
    if _asked(courier, payment, bundle_id, (user_id, until)):
        return True
    courier.payments.note_bundle(payment.id, now - MAX_WAIT, over=now)
    return False


def _asked(
    courier: Courier, payment: Payment, bundle_id: int, terms: tuple[int, datetime | None]
) -> bool:
    """Ask for a bundle; False when it holds other courses than were paid, or is refused."""
    courses = courier.catalog.courses(payment.course_ids)
    paid = {course.platform_course_id for course in courses}
    user_id, until = terms
    try:
        if courier.platform.bundle_courses(bundle_id) != paid:
            return False
        courier.platform.enroll_in_bundle(user_id, bundle_id, courier.now(), until)
    except DeliveryImpossible:
        return False
    return True

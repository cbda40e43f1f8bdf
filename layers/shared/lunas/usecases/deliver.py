"""Bringing an enrollment to Thinkific and completing its payment."""

from dataclasses import dataclass
from enum import StrEnum

from lunas.rules.delivery import (
    DeliveryRequest,
    Placement,
    delivered,
    is_current,
    not_delivered,
)
from lunas.rules.enrollments import Enrollment
from lunas.rules.errors import (
    Collision,
    DeliveryDelayed,
    DeliveryError,
    DeliveryImpossible,
    StoreBusy,
)
from lunas.rules.payments import Act, Payment
from lunas.usecases.ports import (
    CatalogueReader,
    Clock,
    DeliveryKeeper,
    LearnerLinks,
    LearningPlatform,
    PaymentReader,
)

ACTOR = "lunas:deliver"
ROUNDS = 6
"""How often a delivery is written down anew after a collision."""


class DeliveryResult(StrEnum):
    """What became of a request."""

    DELIVERED = "DELIVERED"
    NOTHING_TO_DO = "NOTHING_TO_DO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Everything that a delivery needs."""

    enrollments: DeliveryKeeper
    payments: PaymentReader
    learners: LearnerLinks
    catalogue: CatalogueReader
    platform: LearningPlatform
    now: Clock


def deliver(courier: Courier, wish: DeliveryRequest) -> DeliveryResult:
    """Enroll the learner at Thinkific and note it; safe to repeat after a crash at any point.

    Raises DeliveryDelayed when another try makes sense, noted on the enrollment; StoreBusy; and
    DeliveryImpossible when no try does, which the caller notes by :func:`note_given_up` once
    the request is safe in the dead-letter queue.
    """
    enrollment = courier.enrollments.get(wish.enrollment_id)
    if enrollment is None or not is_current(wish, enrollment):
        return DeliveryResult.NOTHING_TO_DO
    payment = _payment_of(courier, enrollment)
    try:
        placement = _place(courier, enrollment, payment)
    except DeliveryDelayed as error:
        _note(courier, enrollment, error, final=False)
        raise
    return _note_success(courier, wish, placement)


def note_given_up(courier: Courier, wish: DeliveryRequest, error: DeliveryImpossible) -> None:
    """Note on the enrollment that its delivery waits for a person."""
    enrollment = courier.enrollments.get(wish.enrollment_id)
    if enrollment is not None and is_current(wish, enrollment):
        _note(courier, enrollment, error, final=True)


def _payment_of(courier: Courier, enrollment: Enrollment) -> Payment:
    payment = courier.payments.get(enrollment.payment_id)
    if payment is None:
        raise DeliveryImpossible("the payment of the enrollment is gone")
    return payment


def _place(courier: Courier, enrollment: Enrollment, payment: Payment) -> Placement:
    """Find or create the account, then enroll it: two calls if it is known, four if it is not."""
    course_id = _mapped_course(courier, enrollment)
    known = courier.learners.thinkific_user_id(enrollment.user_id)
    if known is not None:
        try:
            return _enroll(courier, known, course_id)
        except DeliveryImpossible:
            if not _relinked(courier, enrollment, payment, known):
                raise
    user_id = _find_or_create(courier, payment)
    courier.learners.link(enrollment.user_id, user_id)
    return _enroll(courier, user_id, course_id)


def _mapped_course(courier: Courier, enrollment: Enrollment) -> int:
    """Return the course's id at Thinkific: as mapped now, else as it was when bought."""
    course = courier.catalogue.course(enrollment.course_id)
    mapped = course.thinkific_course_id if course else None
    if mapped is None:
        mapped = enrollment.thinkific_course_id
    if mapped is None:
        raise DeliveryImpossible(f"course {enrollment.course_id} is not mapped to Thinkific")
    return mapped


def _enroll(courier: Courier, user_id: int, course_id: int) -> Placement:
    return Placement(user_id, courier.platform.enroll(user_id, course_id, courier.now()))


def _relinked(courier: Courier, enrollment: Enrollment, payment: Payment, known: int) -> bool:
    """Forget a link whose account is gone at Thinkific; tell whether there is one to try anew."""
    if courier.platform.find_user(payment.learner.email) == known:
        return False
    courier.learners.unlink(enrollment.user_id, known)
    return True


def _find_or_create(courier: Courier, payment: Payment) -> int:
    found = courier.platform.find_user(payment.learner.email)
    return found if found is not None else courier.platform.create_user(payment.learner)


def _note_success(courier: Courier, wish: DeliveryRequest, placement: Placement) -> DeliveryResult:
    for _ in range(ROUNDS):
        enrollment = courier.enrollments.get(wish.enrollment_id)
        if enrollment is None or not is_current(wish, enrollment):
            return DeliveryResult.NOTHING_TO_DO
        payment = _payment_of(courier, enrollment)
        evidence = {"thinkificEnrollmentId": str(placement.enrollment_id)}
        act = Act(ACTOR, courier.now(), evidence)
        try:
            courier.enrollments.record_delivery(delivered(enrollment, payment, placement, act))
        except Collision:
            continue
        return DeliveryResult.DELIVERED
    raise StoreBusy("others kept changing the same enrollment; try again")


def _note(courier: Courier, enrollment: Enrollment, error: DeliveryError, *, final: bool) -> None:
    act = Act(ACTOR, courier.now())
    courier.enrollments.record_attempt(not_delivered(enrollment, str(error), act, final=final))

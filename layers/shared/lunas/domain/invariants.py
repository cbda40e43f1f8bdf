"""The invariants of every payment, which the audit and the tests check.

They read the stored items and share no code with the services that write them but the tables of
the rules, so that a mistake in settling, delivering or refunding is not repeated here.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from lunas.domain.differences import Code, Difference
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus, enrollment_id
from lunas.domain.history_invariants import history_differences
from lunas.domain.payments import HistoryEvent, Method, Payment, Status
from lunas.domain.schedule import LATE_CHECKS

GIVES_COURSES = frozenset({Status.APPROVED, Status.COMPLETED})
"""Statuses of a payment for which the learner has every course."""
NEVER_AS = {
    EnrollmentStatus.ENROLLED: DeliveryStatus.REVOKED,
    EnrollmentStatus.NOT_ENROLLED: DeliveryStatus.DELIVERED,
}
"""Delivery statuses that contradict the status of the enrollment."""
MAY_BECOME_MONEY = frozenset({Status.PENDING, Status.FAILED, Status.EXPIRED})
"""Statuses of a gateway payment that is checked by schedule."""


def differences(
    payment: Payment,
    history: Sequence[HistoryEvent],
    enrollments: Sequence[Enrollment],
    now: datetime,
) -> list[Difference]:
    """Return every broken invariant of a payment.

    ``history`` is oldest first. ``enrollments`` are the learner's in the courses of the payment,
    whichever payment they belong to; those of other courses are only checked for a claim of this
    payment. All three must be read without a write in between, or read again if one changed.
    """
    return [
        *_purchase(payment),
        *history_differences(payment, history, now),
        *_claims(payment, enrollments),
        *_courses(payment, enrollments),
        *_deliveries(payment, enrollments),
        *_questions(payment, now),
    ]


def orphans(
    payment_id: str, history: Sequence[HistoryEvent], enrollments: Sequence[Enrollment]
) -> list[Difference]:
    """Return the differences when history or enrollments name a payment that does not exist."""
    left = [f"event {each.version}" for each in history]
    left += [f"enrollment {each.id}" for each in enrollments if _is_enrolled(each)]
    if not left:
        return []
    return [Difference(Code.PAYMENT_MISSING, f"no {payment_id}, but {', '.join(left)}")]


def is_only_incomplete(found: Sequence[Difference]) -> bool:
    """Return whether the payment's completion, after its last delivery, is all that is missing."""
    codes = {each.code for each in found}
    return Code.COMPLETION_MISSING in codes and codes <= {
        Code.COMPLETION_MISSING,
        Code.DELIVERED_AWAITED,
    }


def _purchase(payment: Payment) -> Iterator[Difference]:
    courses = payment.course_ids
    if payment.amount <= 0:
        yield Difference(Code.AMOUNT_WRONG, f"{payment.amount} rupiah")
    if not courses or len(set(courses)) < len(courses):
        yield Difference(Code.COURSES_WRONG, f"bought: {_named(courses)}")
    # A course may be both: owned before, and awaited because this payment lengthened its access.
    marked = {*payment.undelivered, *payment.overlap}
    if len(set(payment.overlap)) < len(payment.overlap) or not marked <= set(courses):
        yield Difference(
            Code.COURSES_WRONG,
            f"undelivered {_named(payment.undelivered)}, overlap {_named(payment.overlap)}",
        )
    if marked and payment.status not in GIVES_COURSES | {Status.REFUNDED}:
        yield Difference(Code.COURSES_WRONG, f"{payment.status} with {_named(marked)} marked")


def _claims(payment: Payment, enrollments: Sequence[Enrollment]) -> Iterator[Difference]:
    """Check every enrollment that this payment claims, or that its learner has."""
    for each in enrollments:
        claimed = payment.id in each.paid_by
        if claimed and _is_enrolled(each) and payment.status not in GIVES_COURSES:
            yield Difference(Code.ENROLLED_UNPAID, f"{payment.status} with {each.id}")
        named = each.id == enrollment_id(each.user_id, each.course_id)
        bought = each.user_id == payment.user_id and each.course_id in payment.course_ids
        if not named or (claimed and not bought):
            yield Difference(Code.ENROLLMENT_STRAY, f"{each.id} of course {each.course_id}")
        if each.payment_id not in each.paid_by:
            detail = f"{each.id} belongs to {each.payment_id}, which does not pay for it"
            yield Difference(Code.ENROLLMENT_STRAY, detail)


def _courses(payment: Payment, enrollments: Sequence[Enrollment]) -> Iterator[Difference]:
    """Check that every course of a settled payment has an enrollment."""
    if payment.status not in GIVES_COURSES:
        return
    found = {each.id: each for each in enrollments}
    for course_id in payment.course_ids:
        each = found.get(enrollment_id(payment.user_id, course_id))
        if each is not None and _was_bought_again(payment, each):
            continue
        if each is None or not _is_enrolled(each):
            yield Difference(Code.ENROLLMENT_MISSING, f"no enrollment in course {course_id}")
        elif payment.id not in each.paid_by:
            yield Difference(Code.ENROLLMENT_FOREIGN, f"{each.id} belongs to {each.payment_id}")


def _was_bought_again(payment: Payment, enrollment: Enrollment) -> bool:
    """Return whether another payment bought a course again after this one's access ended."""
    if payment.id in enrollment.paid_by:
        return False
    end = _access_end(payment)
    return end is not None and enrollment.created_at >= end


def _access_end(payment: Payment) -> datetime | None:
    if payment.access_days is None or payment.approved_at is None:
        return None
    return payment.approved_at + timedelta(days=payment.access_days)


def _deliveries(payment: Payment, enrollments: Sequence[Enrollment]) -> Iterator[Difference]:
    """Check the deliveries of the enrollments of this payment."""
    own = [each for each in enrollments if each.payment_id == payment.id]
    for each in own:
        waits = each.delivery.status is DeliveryStatus.PENDING
        if waits != (each.delivery.due_at is not None):
            due = "never due" if waits else "yet due"
            yield Difference(Code.DELIVERY_LOST, f"{each.id} is {each.delivery.status}, {due}")
        if each.delivery.status is NEVER_AS[each.status]:
            detail = f"{each.id} is {each.status}, yet {each.delivery.status}"
            yield Difference(Code.DELIVERY_DIFFERS, detail)
    yield from _terms(payment, enrollments)
    if payment.status is Status.COMPLETED and payment.undelivered:
        yield Difference(Code.COMPLETED_EARLY, f"undelivered {_named(payment.undelivered)}")
    if payment.status in GIVES_COURSES:
        paid = [each for each in enrollments if payment.id in each.paid_by and _is_enrolled(each)]
        yield from _undelivered(payment, paid)
        yield from _completion(payment, paid)


def _terms(payment: Payment, enrollments: Sequence[Enrollment]) -> Iterator[Difference]:
    """Check that access lasts as long as this payment, and the longest of all, paid for."""
    for each in enrollments:
        if payment.id not in each.paid_by:
            continue
        if each.paid_by[payment.id] != _access_end(payment):
            yield Difference(Code.ACCESS_DIFFERS, f"{each.id} ends at another time than was paid")
        ends = set(each.paid_by.values())
        if each.expires_at != (None if None in ends else max(end for end in ends if end)):
            yield Difference(Code.ACCESS_DIFFERS, f"{each.id} ends before or after what was paid")


def _undelivered(payment: Payment, paid: Sequence[Enrollment]) -> Iterator[Difference]:
    for each in paid:
        awaited = each.course_id in payment.undelivered
        if awaited and each.delivery.status is DeliveryStatus.DELIVERED:
            yield Difference(Code.DELIVERED_AWAITED, f"{each.id} is delivered, yet awaited")
        # An enrollment of another payment, handed over by its refund, was never awaited here.
        own = each.payment_id == payment.id
        never = own and each.delivery.platform_enrollment_id is None
        if never and not awaited and each.course_id not in payment.overlap:
            yield Difference(Code.DELIVERY_UNAWAITED, f"{each.id} is not delivered, nor awaited")


def _completion(payment: Payment, paid: Sequence[Enrollment]) -> Iterator[Difference]:
    every = {each.course_id for each in paid} | set(payment.overlap) >= set(payment.course_ids)
    awaited = [
        each
        for each in paid
        if each.payment_id == payment.id or each.course_id in payment.undelivered
    ]
    done = all(each.delivery.status is DeliveryStatus.DELIVERED for each in awaited)
    if payment.status is Status.APPROVED and every and done:
        yield Difference(Code.COMPLETION_MISSING, "APPROVED, and everything is delivered")


def _questions(payment: Payment, now: datetime) -> Iterator[Difference]:
    """Check that the gateway will be asked about a payment that may still be paid."""
    if payment.method is not Method.GATEWAY or payment.status not in MAY_BECOME_MONEY:
        return
    expires = payment.gateway_expires_at
    if expires is None:
        yield Difference(Code.NEVER_ASKED, "no time at which the invoice ends")
    elif payment.check_at is None and now < expires + LATE_CHECKS[-1]:
        yield Difference(Code.NEVER_ASKED, f"{payment.status}, and the gateway is not asked again")


def _is_enrolled(enrollment: Enrollment) -> bool:
    return enrollment.status is EnrollmentStatus.ENROLLED


def _named(ids: Iterable[str]) -> str:
    return ",".join(sorted(ids)) or "none"

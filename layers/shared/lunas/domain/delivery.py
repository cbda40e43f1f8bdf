"""What changes once the platform has given access, revoked it or refused."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zlib import crc32

from lunas.domain.anomalies import Anomaly, overbooked
from lunas.domain.enrollments import DeliveryStatus, Enrollment
from lunas.domain.payment_steps import take
from lunas.domain.payments import AuditContext, HistoryEvent, Payment, Status, Step
from lunas.domain.schedule import OVERDUE

SHORTEST_RETRY, LONGEST_RETRY = 5.0, 120.0
"""Seconds until another try, before they are spread. After an outage every delivery is tried
within the longest delay, plus the time that the rate limit takes."""
MAX_WAIT, LONGEST_PATIENT_RETRY = 100, 600.0
"""Receipts, about three hours, after which a message that no learner waits for is tried at most
every ten minutes: after a thousand receipts, SQS moves it to the dead-letter queue."""
AWAITING = 40
"""Payments that one delivery completes at most, to stay within DynamoDB's 100 actions. The audit
completes the rest."""
LONGEST_WAIT = timedelta(seconds=LONGEST_RETRY) + OVERDUE
"""After a failed try: by then the queue has delivered the request again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRequest:
    """A message that asks to make the platform match an enrollment.

    The enrollment decides, when the message is handled, whether access is given or revoked.
    """

    enrollment_id: str
    payment_id: str
    user_id: str
    course_id: str
    request: int
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """The platform's ids of the learner, the platform enrollment and the course.

    ``enrollment_id`` None: there is no platform enrollment, since access had ended.
    """

    user_id: str
    enrollment_id: str | None
    course_id: str


@dataclass(frozen=True, slots=True)
class PaymentChange:
    """A payment before and after a delivery that it was waiting for."""

    before: Payment
    after: Payment
    history: tuple[HistoryEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """The enrollment as delivered, and the payments that were waiting for it.

    ``count``: the course's counter does not include it yet; ``keep_quota``: refuse if the course
    is full.
    """

    enrollment: Enrollment
    payments: tuple[PaymentChange, ...] = ()
    count: bool = False
    keep_quota: bool = False
    anomaly: Anomaly | None = None


def retry_delay(tries: int, message: str) -> float:
    """Return the seconds until the next try after ``tries`` failed ones: 5, 10, 20 … up to 120.

    Up to half is taken off, by ``message`` and number, so that messages that failed together do
    not return together. The result is deterministic.
    """
    return _spread(min(SHORTEST_RETRY * 2.0 ** min(tries - 1, 10), LONGEST_RETRY), tries, message)


def patient_retry_delay(received: int, message: str) -> float:
    """Return the seconds until the next try of a message that no learner waits for."""
    if received <= MAX_WAIT:
        return retry_delay(received, message)
    return _spread(LONGEST_PATIENT_RETRY, received, message)


def _spread(seconds: float, tries: int, message: str) -> float:
    return seconds * (1 - crc32(f"{tries} {message}".encode()) / 2**33)


def is_current(request: DeliveryRequest, enrollment: Enrollment) -> bool:
    """Return whether the enrollment still waits for the delivery that this request asks for.

    An older request number still counts: in a backlog that lasts longer than OVERDUE, no request
    would ever be the latest one.
    """
    return (
        enrollment.payment_id == request.payment_id
        and enrollment.delivery.status is DeliveryStatus.PENDING
    )


def is_same_request(snapshot: Enrollment, stored: Enrollment) -> bool:
    """Return whether the stored enrollment still waits for the delivery that was just made.

    ``snapshot`` is the enrollment as it was delivered. Every change of what the platform should
    give increments the request or changes the payment.
    """
    return (
        stored.delivery.status is DeliveryStatus.PENDING
        and stored.delivery.request == snapshot.delivery.request
        and stored.payment_id == snapshot.payment_id
        and stored.status is snapshot.status
    )


def waits_for_person(enrollment: Enrollment, now: datetime) -> bool:
    """Return whether a delivery is stuck until it is requested again.

    FAILED waits for a person; PENDING and overdue may have lost its message.
    """
    due = enrollment.delivery.due_at
    match enrollment.delivery.status:
        case DeliveryStatus.FAILED:
            return True
        case DeliveryStatus.PENDING:
            return due is None or due <= now
        case DeliveryStatus.DELIVERED | DeliveryStatus.REVOKED:
            return False


def delivered(
    enrollment: Enrollment,
    payments: Sequence[Payment],
    placement: Placement,
    audit_context: AuditContext,
    *,
    full: bool = False,
) -> DeliveryRecord:
    """Record that the platform has the enrollment; the last course of a payment completes it.

    ``payments`` are all that paid for it, the one that it belongs to first: a later one waits for
    the same delivery if it lengthened access. ``full``: the course, counted only now, is beyond
    its quota. The payment is honoured and leaves an anomaly, unless an admin overbooked on purpose.
    """
    done = replace(
        enrollment,
        updated_at=audit_context.at,
        counted=True,
        platform_course_id=placement.course_id,
        delivery=replace(
            enrollment.delivery,
            status=DeliveryStatus.DELIVERED,
            attempts=enrollment.delivery.attempts + 1,
            platform_user_id=placement.user_id,
            platform_enrollment_id=placement.enrollment_id,
            last_error=None,
            due_at=None,
        ),
    )
    awaiting = [each for each in payments if enrollment.course_id in each.undelivered]
    return DeliveryRecord(
        enrollment=done,
        payments=tuple(
            _moved(each, enrollment.course_id, audit_context) for each in awaiting[:AWAITING]
        ),
        count=not enrollment.counted,
        keep_quota=not full and not payments[0].overbook,
        anomaly=overbooked(payments[0], [enrollment.course_id], audit_context.at) if full else None,
    )


def _moved(payment: Payment, course_id: str, audit_context: AuditContext) -> PaymentChange:
    after = replace(payment, undelivered=payment.undelivered - {course_id})
    if payment.status is not Status.APPROVED or after.undelivered:
        return PaymentChange(payment, after)
    return PaymentChange(payment, *take(after, Step.COMPLETE, audit_context))


def revoked(enrollment: Enrollment, audit_context: AuditContext) -> Enrollment:
    """Record that the platform no longer gives access, which frees a place under the quota."""
    return replace(
        enrollment,
        updated_at=audit_context.at,
        counted=False,
        delivery=replace(
            enrollment.delivery,
            status=DeliveryStatus.REVOKED,
            attempts=enrollment.delivery.attempts + 1,
            last_error=None,
            due_at=None,
        ),
    )


def not_delivered(
    enrollment: Enrollment, error: str, audit_context: AuditContext, *, final: bool
) -> Enrollment:
    """Record a failed try; after a final one the enrollment waits for a person."""
    return replace(
        enrollment,
        updated_at=audit_context.at,
        delivery=replace(
            enrollment.delivery,
            status=DeliveryStatus.FAILED if final else DeliveryStatus.PENDING,
            attempts=enrollment.delivery.attempts + 1,
            last_error=error,
            due_at=None if final else audit_context.at + LONGEST_WAIT,
        ),
    )


def asked_again(enrollment: Enrollment, at: datetime) -> Enrollment:
    """Request delivery again; the new request replaces the one before."""
    delivery = replace(
        enrollment.delivery,
        status=DeliveryStatus.PENDING,
        request=enrollment.delivery.request + 1,
        last_error=None,
        due_at=at + OVERDUE,
    )
    return replace(enrollment, delivery=delivery, updated_at=at)

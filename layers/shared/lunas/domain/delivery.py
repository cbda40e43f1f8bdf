"""What is written once the platform has given access, has taken it away, or has refused."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zlib import crc32

from lunas.domain.anomalies import Anomaly, overbooked
from lunas.domain.enrollments import DeliveryStatus, Enrollment
from lunas.domain.payments import AuditContext, HistoryEvent, Payment, Status, Step, take
from lunas.domain.schedule import OVERDUE

SHORTEST_RETRY, LONGEST_RETRY = 5.0, 120.0
"""Seconds until another try, before they are spread. After an outage every learner's turn comes
within the longest, so all of them are served within it and what the shared limit takes."""
MAX_WAIT, LONGEST_PATIENT_RETRY = 100, 600.0
"""Receipts, some three hours, after which a message that no learner waits for is tried every ten
minutes at most: SQS counts a thousand receipts and then takes it for a dead letter."""
AWAITING = 40
"""Payments that one delivery moves at most, so that a transaction has room for them: DynamoDB
takes 100 actions. What is left is completed by the audit."""
LONGEST_WAIT = timedelta(seconds=LONGEST_RETRY) + OVERDUE
"""After a try that failed: by then the queue has shown the request again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRequest:
    """One wish to have an enrollment at the platform as it stands here, on its way by the queue.

    Whether access is given or taken away is decided by the enrollment when the wish arrives.
    """

    enrollment_id: str
    payment_id: str
    user_id: str
    course_id: str
    request: int
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the platform keeps the learner and the enrollment: its ids of both and of the course.

    ``enrollment_id`` None: there is no row, since access was over.
    """

    user_id: int
    enrollment_id: int | None
    course_id: int


@dataclass(frozen=True, slots=True)
class PaymentChange:
    """A payment before and after a delivery that it waited for."""

    before: Payment
    after: Payment
    history: tuple[HistoryEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """The enrollment as delivered, and the payments that waited for it.

    A payment is completed by the last of its courses. ``count``: the course's counter has yet to
    count it; ``keep_quota``: unless it is full.
    """

    enrollment: Enrollment
    payments: tuple[PaymentChange, ...] = ()
    count: bool = False
    keep_quota: bool = False
    anomaly: Anomaly | None = None


def retry_delay(tries: int, message: str) -> float:
    """Return the seconds until the next try after so many that failed: 5, 10, 20 … up to 120.

    Up to half is taken off, by ``message`` and number, so that those that failed at one moment do
    not come again at one moment. It is the same whoever computes it: no chance is needed.
    """
    return _spread(min(SHORTEST_RETRY * 2.0 ** min(tries - 1, 10), LONGEST_RETRY), tries, message)


def patient_retry_delay(received: int, message: str) -> float:
    """Return the seconds until the next try of what no learner waits for, by its receipts."""
    if received <= MAX_WAIT:
        return retry_delay(received, message)
    return _spread(LONGEST_PATIENT_RETRY, received, message)


def _spread(seconds: float, tries: int, message: str) -> float:
    return seconds * (1 - crc32(f"{tries} {message}".encode()) / 2**33)


def is_current(request: DeliveryRequest, enrollment: Enrollment) -> bool:
    """Tell whether the enrollment still waits for what this request was made for.

    It may have been asked for again meanwhile. A request that comes late serves all the same: in a
    backlog that lasts longer than OVERDUE, no request would ever be the latest one.
    """
    return (
        enrollment.payment_id == request.payment_id
        and enrollment.delivery.status is DeliveryStatus.PENDING
    )


def is_same_request(acted: Enrollment, stored: Enrollment) -> bool:
    """Tell whether an enrollment still waits for what was done for it as it was ``acted`` on.

    Whatever changes what the platform should give counts the request up, or names another payment.
    """
    return (
        stored.delivery.status is DeliveryStatus.PENDING
        and stored.delivery.request == acted.delivery.request
        and stored.payment_id == acted.payment_id
        and stored.status is acted.status
    )


def waits_for_person(enrollment: Enrollment, now: datetime) -> bool:
    """Tell whether a delivery will not come about unless somebody asks for it again.

    FAILED waits for a person; PENDING beyond its time is on no way any more that is sure to end.
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
    """Note that the platform has the enrollment; the last course of a payment completes it.

    ``payments`` are all that paid for it, the one that it belongs to first: one that came later
    waits for the same delivery if it lengthened access. ``full``: the course, counted only now,
    was found beyond its quota. Its money is honoured all the same and leaves an anomaly, unless
    an admin overbooked on purpose.
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
    """Note that the platform gives no access any more, which frees the place in the course."""
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
    """Note a try that failed; a final one waits for a person from now on."""
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
    """Ask for delivery once more, by a new request that outdates the one before."""
    delivery = replace(
        enrollment.delivery,
        status=DeliveryStatus.PENDING,
        request=enrollment.delivery.request + 1,
        last_error=None,
        due_at=at + OVERDUE,
    )
    return replace(enrollment, delivery=delivery, updated_at=at)

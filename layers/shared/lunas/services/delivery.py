"""Bringing an enrollment to the platform and completing its payment."""

from lunas.domain.delivery import (
    DeliveryRequest,
    Placement,
    delivered,
    is_current,
    is_same_request,
    not_delivered,
)
from lunas.domain.enrollments import Enrollment, EnrollmentStatus
from lunas.domain.errors import (
    ConcurrentUpdate,
    DeliveryDelayed,
    DeliveryError,
    DeliveryImpossible,
    RateLimited,
    StorageContention,
)
from lunas.domain.payments import AuditContext
from lunas.services.courses import ACTOR, ROUNDS, Courier, DeliveryResult
from lunas.services.placement import place
from lunas.services.revocation import revoke


def deliver(courier: Courier, request: DeliveryRequest) -> DeliveryResult:
    """Bring the platform in line with an enrollment and note it; safe to repeat after any crash.

    A learner who is enrolled here is enrolled there; whose payment was refunded, loses access.

    Raises DeliveryDelayed when another try makes sense, noted on the enrollment unless it is
    RateLimited, for waiting is no failure; StorageContention; and DeliveryImpossible when no try
    does, which the caller notes by :func:`record_dead_letter` once the request is safe in the
    dead-letter queue.
    """
    for _ in range(ROUNDS):
        enrollment = courier.enrollments.get(request.enrollment_id)
        if enrollment is None or not is_current(request, enrollment):
            return DeliveryResult.NOTHING_TO_DO
        result = _try(courier, enrollment)
        if result is not None:
            return result
    raise StorageContention("others kept changing the same enrollment; try again")


def _try(courier: Courier, enrollment: Enrollment) -> DeliveryResult | None:
    """Bring the platform in line with an enrollment as read; None if it was changed since."""
    try:
        return _bring_in_line(courier, enrollment)
    except ConcurrentUpdate:
        return None
    except RateLimited:
        raise
    except DeliveryDelayed as error:
        error.failures = _note(courier, enrollment, error, final=False)
        raise
    except DeliveryImpossible as error:
        error.request = enrollment.delivery.request
        raise


def record_dead_letter(
    courier: Courier, request: DeliveryRequest, error: DeliveryImpossible
) -> None:
    """Note that the delivery waits for a person, unless one has asked for it anew meanwhile."""
    enrollment = courier.enrollments.get(request.enrollment_id)
    if enrollment is None or enrollment.delivery.request != (error.request or request.request):
        return
    if is_current(request, enrollment):
        _note(courier, enrollment, error, final=True)


def _bring_in_line(courier: Courier, enrollment: Enrollment) -> DeliveryResult | None:
    if enrollment.status is EnrollmentStatus.NOT_ENROLLED:
        return revoke(courier, enrollment)
    placement = place(courier, enrollment, courier.payment(enrollment.payment_id))
    return _note_success(courier, enrollment, placement)


def _note_success(
    courier: Courier, acted: Enrollment, placement: Placement
) -> DeliveryResult | None:
    """Note a delivery; None if the enrollment is not as it was when the platform was asked."""
    full = False
    for _ in range(ROUNDS):
        enrollment = courier.enrollments.get(acted.id)
        if enrollment is None or not is_same_request(acted, enrollment):
            return None
        payments = courier.payments_of(enrollment)
        evidence = {"platformEnrollmentId": str(placement.enrollment_id)}
        record = delivered(
            enrollment, payments, placement, AuditContext(ACTOR, courier.now(), evidence), full=full
        )
        try:
            courier.enrollments.record_delivery(record)
        except ConcurrentUpdate as concurrent_update:
            full = bool(concurrent_update.full)
            continue
        return DeliveryResult.DELIVERED
    raise StorageContention("others kept changing the same enrollment; try again")


def _note(courier: Courier, enrollment: Enrollment, error: DeliveryError, *, final: bool) -> int:
    """Write down a try that failed; return how many there were."""
    audit_context = AuditContext(ACTOR, courier.now())
    tried = not_delivered(enrollment, str(error), audit_context, final=final)
    courier.enrollments.record_attempt(tried)
    return tried.delivery.attempts

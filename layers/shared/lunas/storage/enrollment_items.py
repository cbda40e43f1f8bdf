"""Converts enrollments to items of the table, and back.

The delivery consists of flat attributes, so that the stream's filter can see its status.
"""

from datetime import datetime

from lunas.domain.enrollments import Access, Delivery, DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.expressions import Item

TYPE = "enrollment"
FOREVER = "FOREVER"
"""Text for access without an end, in place of a time."""


def enrollment_item(enrollment: Enrollment) -> Item:
    """Return the item of an enrollment."""
    return {
        **keys.enrollment(enrollment.id),
        "type": TYPE,
        "paymentId": enrollment.payment_id,
        "userId": enrollment.user_id,
        "courseId": enrollment.course_id,
        "courseName": enrollment.course_name,
        "enrollmentStatus": enrollment.status,
        "progress": enrollment.progress,
        "counted": enrollment.counted,
        **term_attributes(enrollment),
        **shared_attribute(enrollment),
        "platformCourseId": enrollment.platform_course_id,
        "correlationId": enrollment.correlation_id,
        "certificateUrl": enrollment.certificate_url,
        "enrolledAt": to_iso(enrollment.created_at),
        "updatedAt": to_iso(enrollment.updated_at),
        **delivery_attributes(enrollment.delivery),
    }


def term_attributes(enrollment: Enrollment) -> Item:
    """Return the end of access and the claims; an attribute that is None is removed."""
    end = enrollment.expires_at
    return {"expiresAt": end and to_iso(end), "claims": claims_attribute(enrollment)}


def shared_attribute(enrollment: Enrollment) -> Item:
    """Return until when other enrollments give access; an attribute that is None is removed."""
    shared = enrollment.shared
    return {"sharedUntil": shared and _end_text(shared.until)}


def claims_attribute(enrollment: Enrollment) -> dict[str, str] | None:
    """Return the end of access by payment, None without claims."""
    claims = enrollment.claims.items()
    return {paid: _end_text(end) for paid, end in claims} or None


def request_attributes(delivery: Delivery) -> Item:
    """Return only the attributes that request delivery again."""
    names = ("deliveryStatus", "deliveryRequest", "lastError", "dueAt")
    written = delivery_attributes(delivery)
    return {name: written[name] for name in names}


def delivery_attributes(delivery: Delivery) -> Item:
    """Return the attributes of a delivery; one that is None is removed."""
    due = delivery.due_at
    return {
        "deliveryStatus": delivery.status,
        "deliveryRequest": delivery.request,
        "deliveryAttempts": delivery.attempts,
        "platformUserId": delivery.platform_user_id,
        "platformEnrollmentId": delivery.platform_enrollment_id,
        "lastError": delivery.last_error,
        "dueAt": to_iso(due) if due else None,
    }


def enrollment_from(item: Item) -> Enrollment:
    """Return the enrollment of an item; one of an index may have only what lists show."""
    return Enrollment(
        id=keys.id_of(item),
        payment_id=item["paymentId"],
        user_id=item["userId"],
        course_id=item["courseId"],
        course_name=item["courseName"],
        status=EnrollmentStatus(item["enrollmentStatus"]),
        progress=int(item["progress"]),
        counted=item.get("counted", True),
        claims={paid: _end_from(end) for paid, end in item.get("claims", {}).items()},
        expires_at=from_iso(item["expiresAt"]) if "expiresAt" in item else None,
        shared=Access(_end_from(item["sharedUntil"])) if "sharedUntil" in item else None,
        platform_course_id=item.get("platformCourseId"),
        correlation_id=item.get("correlationId"),
        certificate_url=item.get("certificateUrl"),
        created_at=from_iso(item["enrolledAt"]),
        updated_at=from_iso(item["updatedAt"]),
        delivery=_delivery_from(item),
    )


def _delivery_from(item: Item) -> Delivery:
    return Delivery(
        status=DeliveryStatus(item["deliveryStatus"]),
        request=int(item.get("deliveryRequest", 0)),
        attempts=int(item["deliveryAttempts"]),
        platform_user_id=item.get("platformUserId"),
        platform_enrollment_id=item.get("platformEnrollmentId"),
        last_error=item.get("lastError"),
        due_at=from_iso(item["dueAt"]) if "dueAt" in item else None,
    )


def _end_text(end: datetime | None) -> str:
    return FOREVER if end is None else to_iso(end)


def _end_from(text: str) -> datetime | None:
    return None if text == FOREVER else from_iso(text)

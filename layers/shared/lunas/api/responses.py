"""What the API shows: payments, history, enrollments and the catalog as JSON objects."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lunas.domain.enrollments import Enrollment, EnrollmentStatus, has_access
from lunas.domain.payments import HistoryEvent, Method, Payment
from lunas.domain.times import to_iso
from lunas.domain.users import Caller, Customer, Learner, Role
from lunas.platforms import json_names

if TYPE_CHECKING:
    from lunas.domain.anomalies import Anomaly
    from lunas.domain.catalog import Course, Package
    from lunas.domain.catalog_mapping import Pair, Report
    from lunas.domain.gateway_status import PaymentChannel

NAMES_LEARNER = frozenset({"learnerBefore", "learnerAfter"})
"""Evidence of a correction: names and addresses of a learner."""

type View = dict[str, Any]


def payment_view(payment: Payment, viewer: Caller) -> View:
    """Show a payment; the customer's data only to owner and admin."""
    owner = viewer.role is Role.USER and viewer.id == payment.user_id
    personal = owner or viewer.role is Role.ADMIN
    return _present(
        {
            "id": payment.id,
            "userId": payment.user_id,
            "packageId": payment.package_id,
            "packageName": payment.package_name,
            "courseId": payment.course_id,
            "courseIds": list(payment.course_ids),
            "status": payment.status,
            "paymentType": payment.payment_type,
            "method": payment.method,
            "amount": payment.amount,
            "currency": payment.currency,
            "proofLink": payment.proof_link if personal else None,
            "gateway": _gateway_view(payment) if payment.method is Method.DUITKU else None,
            "customer": _customer_view(payment.customer) if personal else None,
            "learner": _learner_view(payment.learner) if personal else None,
            "createdAt": to_iso(payment.created_at),
            "updatedAt": to_iso(payment.updated_at),
            "approvedAt": _time(payment.approved_at),
            "approvedBy": payment.approved_by,
            "completedAt": _time(payment.completed_at),
            "reason": payment.reason,
            "version": payment.version,
        }
    )


def history_view(event: HistoryEvent, viewer: Caller) -> View:
    """Show one history event; of evidence, what names a learner is for owner and admin only."""
    evidence = {
        name: value
        for name, value in (event.evidence or {}).items()
        if viewer.role is not Role.SERVICE or name not in NAMES_LEARNER
    }
    return _present(
        {
            "at": to_iso(event.at),
            "actor": event.actor,
            "from": event.source,
            "to": event.target,
            "evidence": evidence or None,
            "reason": event.reason,
        }
    )


def enrollment_view(enrollment: Enrollment, now: datetime, viewer: Caller) -> View:
    """Show an enrollment with the state of its delivery; access that is over is NOT_ENROLLED.

    The certificate bears the learner's name: its link is for owner and admin only.
    """
    delivery = enrollment.delivery
    owner = viewer.role is Role.USER and viewer.id == enrollment.user_id
    personal = owner or viewer.role is Role.ADMIN
    access = has_access(enrollment, now)
    shown = {
        "id": enrollment.id,
        "paymentId": enrollment.payment_id,
        "userId": enrollment.user_id,
        "courseId": enrollment.course_id,
        "courseName": enrollment.course_name,
        "status": EnrollmentStatus.ENROLLED if access else EnrollmentStatus.NOT_ENROLLED,
        "progress": enrollment.progress,
        "delivery": _present(
            {
                "status": delivery.status,
                json_names.USER_ID: delivery.platform_user_id,
                json_names.ENROLLMENT_ID: delivery.platform_enrollment_id,
                "attempts": delivery.attempts,
                "lastError": delivery.last_error,
            }
        ),
        "certificateUrl": enrollment.certificate_url if personal else None,
        "expiresAt": _time(enrollment.ends_at),
        "createdAt": to_iso(enrollment.created_at),
        "updatedAt": to_iso(enrollment.updated_at),
    }
    return _present(shown)


def package_view(package: "Package", gone: Iterable[str] = ()) -> View:
    """Show a package; ``gone``: those of its courses that the platform no longer shows."""
    return _present(
        {
            "id": package.id,
            "kind": package.kind,
            "name": package.name,
            "description": package.description,
            "imageUrl": package.image_url,
            "onSale": package.on_sale,
            "prices": dict(package.prices),
            "courseIds": list(package.course_ids),
            "accessDays": package.access_days,
            json_names.BUNDLE_ID: package.platform_bundle_id,
            "goneCourseIds": list(gone) or None,
        }
    )


def course_view(course: "Course", *, whole: bool = False) -> View:
    """Show a course; ``whole``: also what admins alone are told."""
    return _present(
        {
            "id": course.id,
            "name": course.name,
            json_names.COURSE_ID: course.platform_course_id,
            "quota": course.quota,
            "enrolled": course.enrolled,
            "gone": True if whole and course.gone else None,
        }
    )


def anomaly_view(anomaly: "Anomaly") -> View:
    """Show an anomaly with its evidence, and how it was closed."""
    resolved = anomaly.resolved
    return _present(
        {
            "id": anomaly.id,
            "kind": anomaly.kind,
            "status": anomaly.status,
            "orderId": anomaly.order_id,
            "paymentId": anomaly.payment_id,
            "evidence": dict(anomaly.evidence),
            "createdAt": to_iso(anomaly.at),
            "resolution": resolved and resolved.resolution,
            "reason": resolved and resolved.reason,
            "resolvedAt": _time(resolved.at) if resolved else None,
            "resolvedBy": resolved and resolved.actor,
        }
    )


def mapping_view(report: "Report") -> View:
    """Show how the catalog fits the platform's site."""
    bundles = report.bundles
    return {
        "mapped": _pairs(report.mapped, "courseId", json_names.COURSE_ID),
        "proposed": _pairs(report.proposed, "courseId", json_names.COURSE_ID),
        "unmapped": _pairs(report.unmapped, "courseId", json_names.COURSE_ID),
        "renamed": _pairs(report.renamed, "courseId", json_names.COURSE_ID),
        "gone": [_gone_view(each) for each in report.gone],
        "unsold": [{json_names.COURSE_ID: each.id, "name": each.name} for each in report.unsold],
        "bundles": {
            "mapped": _pairs(bundles.mapped, "packageId", json_names.BUNDLE_ID),
            "proposed": _pairs(bundles.proposed, "packageId", json_names.BUNDLE_ID),
            "differing": _pairs(bundles.differing, "packageId", json_names.BUNDLE_ID),
            "gone": _pairs(bundles.gone, "packageId", json_names.BUNDLE_ID),
        },
    }


def _gone_view(course: "Pair") -> View:
    return {
        "courseId": course.id,
        "name": course.name,
        json_names.COURSE_ID: course.platform_id,
        "packages": list(course.packages),
    }


def _pairs(pairs: Iterable["Pair"], ours: str, theirs: str) -> list[View]:
    return [
        _present(
            {ours: each.id, "name": each.name, theirs: each.platform_id, "formerly": each.formerly}
        )
        for each in pairs
    ]


def channel_view(channel: "PaymentChannel") -> View:
    """Show a way to pay."""
    return {
        "code": channel.code,
        "name": channel.name,
        "imageUrl": channel.image_url,
        "fee": channel.fee,
    }


def _gateway_view(payment: Payment) -> View:
    invoice = payment.gateway
    return _present(
        {
            "reference": invoice and invoice.reference,
            "paymentUrl": invoice and invoice.payment_url,
            "paymentMethod": invoice and invoice.payment_method,
            "vaNumber": invoice and invoice.va_number,
            "qrString": invoice and invoice.qr_string,
            "expiresAt": _time(payment.gateway_expires_at),
        }
    )


def _learner_view(learner: Learner) -> View:
    # A name of one word serves as both names at the platform.
    names = dict.fromkeys([learner.first_name, learner.last_name])
    return {"name": " ".join(names), "email": learner.email}


def _customer_view(customer: Customer) -> View:
    return _present(
        {
            "firstName": customer.first_name,
            "lastName": customer.last_name or None,
            "email": customer.email,
            "phone": customer.phone,
        }
    )


def _time(moment: datetime | None) -> str | None:
    return to_iso(moment) if moment else None


def _present(view: View) -> View:
    return {name: value for name, value in view.items() if value is not None}

"""Builders of domain objects with sensible defaults; a test names only what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lunas.domain.callback_evidence import LIFETIME as EVIDENCE_LIFETIME
from lunas.domain.callback_evidence import CallbackEvidence, Signature
from lunas.domain.catalog import Course, Package, PackageKind
from lunas.domain.delivery import DeliveryRequest
from lunas.domain.enrollments import Enrollment, enrollment_id
from lunas.domain.gateway_status import GatewayState, GatewayStatus
from lunas.domain.payments import (
    AuditContext,
    BoughtCourse,
    GatewayInvoice,
    Method,
    Payment,
    Status,
)
from lunas.domain.users import Caller, Customer, Learner, PaymentType, Role
from lunas.services.purchases import PurchaseRequest
from tests.support import vendors

NOW = datetime(2026, 11, 22, 3, 4, 5, 678000, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
LIFETIME = timedelta(hours=1)
USER = "u1"
EMAIL = "budi@example.com"
REFERENCE = "DREF1"

USER_CALLER = Caller(USER, Role.USER, PaymentType.UMUM, EMAIL, "Budi Santoso")
ADMIN_CALLER = Caller("a1", Role.ADMIN, PaymentType.UMUM, "admin@example.com", "Ani Admin")
SERVICE_CALLER = Caller("crm", Role.SERVICE, scopes=frozenset({"payments:read"}))

ADMIN_CONTEXT = AuditContext("admin:a1", LATER, {"requestId": "r1"})
GATEWAY_CONTEXT = AuditContext("duitku:callback", LATER, {"statusCode": "00"})


def course(course_id: str = "c1", **changes: Any) -> Course:
    made = Course(course_id, f"Course {course_id}", platform_course_id="2000001")
    return replace(made, **changes)


def package(**changes: Any) -> Package:
    made = Package(
        id="p1",
        kind=PackageKind.ENTRY,
        name="Entry",
        prices={PaymentType.DIKE: 40_000, PaymentType.UMUM: 49_000},
        course_ids=("c1", "c2"),
    )
    return replace(made, **changes)


def bundle(*course_ids: str) -> Package:
    return package(id="b1", kind=PackageKind.BUNDLE, name="Bundle", course_ids=course_ids)


def bought(*course_ids: str) -> tuple[BoughtCourse, ...]:
    return tuple(BoughtCourse(each, f"Course {each}") for each in course_ids)


def payment(status: Status = Status.PENDING, **changes: Any) -> Payment:
    """Build a payment at the gateway with its invoice."""
    made = Payment(
        id="pay1",
        user_id=USER,
        package_id="p1",
        package_name="Entry",
        course_id="c1",
        courses=bought("c1"),
        status=status,
        payment_type=PaymentType.UMUM,
        method=Method.GATEWAY,
        amount=49_000,
        customer=Customer("Budi", "Santoso", EMAIL, "0812-3456"),
        learner=Learner("Budi", "Santoso", EMAIL),
        created_at=NOW,
        updated_at=NOW,
        version=1,
        gateway_name=vendors.chosen(),
        gateway_expires_at=NOW + LIFETIME,
        gateway=GatewayInvoice(reference=REFERENCE, payment_url="https://pay.example/1"),
        correlation_id="r0",
    )
    return replace(made, **changes)


def manual(status: Status = Status.PAID, **changes: Any) -> Payment:
    """Build a manual payment."""
    made = payment(
        status,
        method=Method.MANUAL,
        gateway_name=None,
        gateway_expires_at=None,
        gateway=None,
        proof_link="https://proof.example/1",
    )
    return replace(made, **changes)


def enrollment(course_id: str = "c1", **changes: Any) -> Enrollment:
    made = Enrollment(
        id=enrollment_id(USER, course_id),
        payment_id="pay1",
        user_id=USER,
        course_id=course_id,
        course_name=f"Course {course_id}",
        created_at=NOW,
        updated_at=NOW,
        correlation_id="r0",
    )
    return replace(made, **changes)


def paid_by(*payment_ids: str) -> dict[str, datetime | None]:
    """Build the claims of payments that give a course for good."""
    return dict.fromkeys(payment_ids)


def owning(*course_ids: str, **changes: Any) -> dict[str, Enrollment]:
    """Build the enrollments that the learner has already, by course."""
    return {each: enrollment(each, **{"payment_id": "pay0"} | changes) for each in course_ids}


def request_of(waiting: Enrollment) -> DeliveryRequest:
    """Build the request that an enrollment waits for."""
    return DeliveryRequest(
        enrollment_id=waiting.id,
        payment_id=waiting.payment_id,
        user_id=waiting.user_id,
        course_id=waiting.course_id,
        request=waiting.delivery.request,
        correlation_id=waiting.correlation_id,
    )


def paid(**changes: Any) -> GatewayStatus:
    """Build the gateway's status that confirms the payment of :func:`payment`."""
    made = GatewayStatus(
        GatewayState.PAID, order_id="pay1", reference=REFERENCE, rupiah=49_000, code="00"
    )
    return replace(made, **changes)


def evidence(**changes: Any) -> CallbackEvidence:
    """Build the evidence of a correct callback for :func:`payment`."""
    made = CallbackEvidence(
        digest="0123456789abcdef" * 4,
        order_id="pay1",
        at=NOW,
        until=NOW + EVIDENCE_LIFETIME,
        correlation_id="r1",
        media_type="application/x-www-form-urlencoded",
        length=200,
        fields={"merchantOrderId": "pay1", "amount": "49000"},
        others={"customerName": 12, "signature": 64},
        signature=Signature.VALID,
    )
    return replace(made, **changes)


def request(**changes: Any) -> PurchaseRequest:
    made = PurchaseRequest(caller=USER_CALLER, package_id="p1", course_id="c1", correlation_id="r0")
    return replace(made, **changes)

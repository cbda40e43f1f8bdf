"""The examples of the document: one learner and one payment, in all views."""

from collections.abc import Mapping
from typing import Any, cast

from lunas.api.payments_csv import BYTE_ORDER_MARK, Sheet
from lunas.api.responses import PaymentView

type Json = dict[str, Any]

NEXT_CURSOR = "eyJhbGciOiJIUzI1NiJ9.eyJmb3IiOiI5ZjA2In0.c2lnbmVk"
COURSE_ID = "python-dasar"
CUSTOMER = {
    "firstName": "Budi",
    "lastName": "Santoso",
    "email": "budi@example.com",
    "phone": "+6281234567890",
}
LEARNER = {"name": "Budi Santoso", "email": "budi@example.com"}
PENDING: Json = {
    "id": "pay01JD9Z3V2K8Q4",
    "userId": "u1",
    "packageId": "entry",
    "packageName": "Kelas Pemula",
    "courseId": COURSE_ID,
    "courseIds": [COURSE_ID],
    "status": "PENDING",
    "paymentType": "UMUM",
    "method": "DUITKU",
    "amount": 49000,
    "currency": "IDR",
    "gateway": {
        "reference": "DS1234524ABCDEFGHIJKLMN",
        "paymentUrl": "https://app-sandbox.duitku.com/redirect_checkout?reference=DS1234524",
        "expiresAt": "2026-11-23T03:04:05.678Z",
    },
    "customer": CUSTOMER,
    "learner": LEARNER,
    "createdAt": "2026-11-22T03:04:05.678Z",
    "updatedAt": "2026-11-22T03:04:05.678Z",
    "version": 1,
}
COMPLETED: Json = PENDING | {
    "status": "COMPLETED",
    "updatedAt": "2026-11-22T03:09:12.345Z",
    "approvedAt": "2026-11-22T03:09:10.001Z",
    "approvedBy": "duitku",
    "completedAt": "2026-11-22T03:09:12.345Z",
    "version": 4,
}
MANUAL: Json = {name: value for name, value in PENDING.items() if name != "gateway"} | {
    "status": "PAID",
    "method": "MANUAL",
    "proofLink": "https://drive.example.com/proof.jpg",
}


def _next(payment: Json, at: str, **changes: Any) -> Json:  # noqa: ANN401  (any JSON)
    """Return a payment after its next change."""
    return payment | {"updatedAt": at, "version": payment["version"] + 1, **changes}


DECIDED_AT = "2026-11-22T04:00:00.000Z"
APPROVED = _next(MANUAL, DECIDED_AT, status="APPROVED", approvedAt=DECIDED_AT, approvedBy="a1")
REJECTED = _next(
    MANUAL, DECIDED_AT, status="REJECTED", reason="No transfer of this amount has arrived."
)
CORRECTED = _next(
    COMPLETED,
    "2026-11-22T05:00:00.000Z",
    learner={"name": "Budi Santoso", "email": "budi@example.org"},
)
REFUNDED = _next(
    COMPLETED,
    "2026-11-23T02:00:00.000Z",
    status="REFUNDED",
    reason="Cancelled by the learner within seven days.",
)
HISTORY: Json = {
    "items": [
        {"at": "2026-11-22T03:04:05.678Z", "actor": "user:u1", "to": "PENDING"},
        {
            "at": "2026-11-22T03:09:10.001Z",
            "actor": "duitku:callback",
            "from": "PENDING",
            "to": "PAID",
            "evidence": {"statusCode": "00", "amount": "49000", "reference": "DS1234524"},
        },
    ]
}
ENROLLMENT: Json = {
    "id": "enr3f2a91c07be84d5586a1c04f7d29e6b1",
    "paymentId": COMPLETED["id"],
    "userId": "u1",
    "courseId": COURSE_ID,
    "courseName": "Dasar Pemrograman Python",
    "status": "ENROLLED",
    "progress": 40,
    "delivery": {
        "status": "DELIVERED",
        "thinkificUserId": 55001,
        "thinkificEnrollmentId": 880012,
        "attempts": 1,
    },
    "createdAt": "2026-11-22T03:09:10.001Z",
    "updatedAt": "2026-11-22T03:09:12.345Z",
}
REDELIVERED: Json = ENROLLMENT | {"delivery": {"status": "PENDING", "attempts": 1}}
STATUS: Json = {"courseId": COURSE_ID, "status": "ENROLLED", "enrollmentId": ENROLLMENT["id"]}
PACKAGE: Json = {
    "id": "entry",
    "kind": "ENTRY",
    "name": "Kelas Pemula",
    "description": "Satu kelas pilihan untuk mulai belajar.",
    "onSale": True,
    "prices": {"DIKE": 39000, "UMUM": 49000},
    "courseIds": [COURSE_ID, "literasi-data"],
}
COURSE: Json = {
    "id": COURSE_ID,
    "name": "Dasar Pemrograman Python",
    "thinkificCourseId": 2000001,
    "quota": 200,
    "enrolled": 17,
}
MAPPING: Json = {
    "mapped": [{"courseId": COURSE_ID, "name": COURSE["name"], "thinkificCourseId": 2000001}],
    "proposed": [],
    "unmapped": [{"courseId": "literasi-data", "name": "Literasi Data"}],
    "renamed": [],
    "gone": [
        {
            "courseId": "web-dasar",
            "name": "Dasar Web",
            "thinkificCourseId": 2000005,
            "packages": ["entry"],
        }
    ],
    "unsold": [{"thinkificCourseId": 2000009, "name": "Literasi Data 2"}],
    "bundles": {"mapped": [], "proposed": [], "differing": [], "gone": []},
}
CHANNEL: Json = {
    "code": "BC",
    "name": "BCA Virtual Account",
    "imageUrl": "https://images.duitku.com/hotlink-ok/BCA.SVG",
    "fee": 4000,
}
ANOMALY: Json = {
    "id": "ano0d9c1b7e52f84a63b1f0a7c2e94d5568",
    "kind": "AMOUNT_DIFFERS",
    "status": "OPEN",
    "orderId": PENDING["id"],
    "paymentId": PENDING["id"],
    "evidence": {"amount": "4900", "expectedAmount": "49000", "resultCode": "00"},
    "createdAt": "2026-11-22T03:09:10.001Z",
}
RESOLVED: Json = ANOMALY | {
    "status": "RESOLVED",
    "resolution": "refunded",
    "reason": "Sent back by bank transfer on 23 November.",
    "resolvedAt": "2026-11-23T02:00:00.000Z",
    "resolvedBy": "admin:a1",
}
CONNECTION: Json = {
    "redirectUri": "https://a1b2c3d4e5.execute-api.ap-southeast-3.amazonaws.com"
    "/thinkific/oauth/callback",
    "connected": True,
    "authentication": "oauth",
    "checks": [{"name": "scheme", "ok": True, "message": "https"}],
    "subdomain": "lunas-academy",
    "expiresAt": "2026-11-23T03:04:04.678Z",
    "renewalDue": False,
    "refused": False,
    "connectedAt": "2026-11-22T03:04:05.678Z",
    "connectedBy": "admin:a1",
}
DISCONNECTED: Json = {
    **{name: CONNECTION[name] for name in ("redirectUri", "authentication", "checks")},
    "connected": False,
    "todo": "open GET /thinkific/oauth/install as an admin, and let the site's owner press Approve",
}
AUTHORIZE_URL = "https://lunas-academy.thinkific.com/oauth2/authorize?client_id=app&state=n0"
DOCUMENT: Json = {
    "openapi": "3.1.0",
    "info": {"title": "Lunas", "version": "0.1.0"},
    "servers": [{"url": "https://a1b2c3d4e5.execute-api.ap-southeast-3.amazonaws.com"}],
    "tags": [],
    "paths": {},
    "components": {},
}


def _csv() -> str:
    sheet = Sheet(",")
    sheet.add([cast("PaymentView", COMPLETED)])
    return sheet.text().removeprefix(BYTE_ORDER_MARK)


VIEWS: Mapping[str, Json] = {
    "Payment": COMPLETED,
    "Enrollment": ENROLLMENT,
    "CourseStatus": STATUS,
    "Package": PACKAGE,
    "Course": COURSE,
    "CourseMapping": MAPPING,
    "Channel": CHANNEL,
    "Anomaly": ANOMALY,
    "ConnectionStatus": CONNECTION,
    "AuthorizeUrl": {"authorizeUrl": AUTHORIZE_URL},
    "Health": {"status": "ok"},
    "Document": DOCUMENT,
}
"""An example of each view, by the name of its schema."""
OPERATIONS: Mapping[str, Json] = {
    "initiatePayment": PENDING,
    "initiatePaymentAlias": PENDING,
    "submitPayment": MANUAL,
    "getPaymentHistory": HISTORY,
    "approvePayment": APPROVED,
    "rejectPayment": REJECTED,
    "refundPayment": REFUNDED,
    "correctLearner": CORRECTED,
    "resolveAnomaly": RESOLVED,
    "redeliverEnrollment": REDELIVERED,
    "revokeThinkific": DISCONNECTED,
}
"""The example of an operation, where it is not that of the view."""
TEXTS: Mapping[str, str] = {"text/csv": _csv(), "text/html": "<!doctype html>…"}
"""An example of each media type beside JSON."""


def view_of(name: str | None, operation_id: str) -> Json:
    """Return the example of a view, by its name, as an operation shows it."""
    if operation_id in OPERATIONS or name is None:
        return OPERATIONS.get(operation_id, {})
    if name in VIEWS:
        return VIEWS[name]
    shown = {"items": [VIEWS[name.removesuffix("Page").removesuffix("List")]]}
    return shown | ({"nextCursor": NEXT_CURSOR} if name.endswith("Page") else {})

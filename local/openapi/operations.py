"""Route by route: its name, what it answers, and the errors of its own."""

from collections.abc import Mapping
from typing import Any

from local.openapi import samples
from local.openapi.described import (
    ANOMALIES,
    CATALOG,
    ENROLLMENTS,
    LOCATION_HEADER,
    NEXT_CURSOR_HEADER,
    PAYMENTS,
    SERVICE,
    THINKIFIC,
    Answer,
    Operation,
)
from local.openapi.problems import BUYING, DUITKU

type Json = dict[str, Any]


def _payment(description: str, example: Json) -> Answer:
    return Answer(description, "Payment", example)


def _payments_page() -> dict[int, Answer]:
    csv = {"schema": {"type": "string"}, "example": samples.CSV}
    page = Answer(
        "A page of payments; all of them as CSV to who prefers `text/csv`",
        "PaymentPage",
        samples.page(samples.COMPLETED),
        others={"text/csv": csv},
        headers=NEXT_CURSOR_HEADER,
    )
    return {200: page}


def _initiate(name: str, *, deprecated: bool = False) -> Operation:
    return Operation(
        name,
        PAYMENTS,
        "Open a payment at Duitku, or get the open one of the same purchase again",
        {
            201: _payment("Opened", samples.PENDING),
            200: _payment("The payment of this purchase that is open already", samples.PENDING),
        },
        (
            *BUYING,
            "conflict",
            "channel-not-offered",
            "amount-not-taken",
            "purchase-refused",
            "store-busy",
            *DUITKU,
        ),
        deprecated,
    )


def _page(description: str) -> Answer:
    return Answer(description, None, samples.OAUTH_PAGE, media_type="text/html")


def _status(description: str, example: Json) -> dict[int, Answer]:
    return {200: Answer(description, "ConnectionStatus", example)}


OPERATIONS: Mapping[str, Operation] = {
    "POST /payments/initiate": _initiate("initiatePayment"),
    "POST /payment/initiate": _initiate("initiatePaymentAlias", deprecated=True),
    "GET /payments/methods": Operation(
        "listPaymentMethods",
        PAYMENTS,
        "List the channels that can pay for a package, with their fees",
        {200: Answer("The channels", "ChannelList", samples.CHANNELS)},
        ("no-package", "not-on-sale", "catalogue-unavailable", *DUITKU),
    ),
    "POST /payments": Operation(
        "submitPayment",
        PAYMENTS,
        "Hand in a manual payment for an admin to decide on, or get the one that waits already",
        {
            201: _payment("Taken", samples.MANUAL),
            200: _payment("The payment of this purchase that waits already", samples.MANUAL),
        },
        (*BUYING, "conflict", "store-busy"),
    ),
    "GET /payments": Operation(
        "listPayments",
        PAYMENTS,
        "List payments, newest first, as JSON or CSV",
        _payments_page(),
        ("cursor-not-valid",),
    ),
    "GET /payments/user/{userId}": Operation(
        "listPaymentsOfUser",
        PAYMENTS,
        "List the payments of a user, newest first; `me` is the caller",
        _payments_page(),
        ("cursor-not-valid", "not-yours", "no-path"),
    ),
    "GET /payments/{id}": Operation(
        "getPayment",
        PAYMENTS,
        "Show a payment",
        {200: _payment("The payment", samples.COMPLETED)},
        ("not-yours", "no-payment"),
    ),
    "GET /payments/{id}/history": Operation(
        "getPaymentHistory",
        PAYMENTS,
        "Show who did what to a payment, when and on what evidence; oldest first",
        {200: Answer("The history", "History", samples.HISTORY)},
        ("not-yours", "no-payment"),
    ),
    "PATCH /payments/{id}/approve": Operation(
        "approvePayment",
        PAYMENTS,
        "Approve a payment together with all its enrollments; repeating it changes nothing",
        {200: _payment("Approved", samples.APPROVED)},
        ("no-payment", "cannot-approve", "course-full", "store-busy"),
    ),
    "PATCH /payments/{id}/reject": Operation(
        "rejectPayment",
        PAYMENTS,
        "Reject a payment with a reason; repeating it changes nothing",
        {200: _payment("Rejected", samples.REJECTED)},
        ("no-payment", "cannot-reject", "store-busy"),
    ),
    "POST /payments/{id}/recheck": Operation(
        "recheckPayment",
        PAYMENTS,
        "Have Duitku asked now, and settle the payment by its answer",
        {200: _payment("The payment as it is then", samples.COMPLETED)},
        ("no-payment", "manual", "store-busy", *DUITKU),
    ),
    "POST /payments/{id}/check": Operation(
        "checkPayment",
        PAYMENTS,
        "Have Duitku asked about one's own payment, at most once in 15 seconds",
        {200: _payment("The payment as it is then", samples.COMPLETED)},
        ("not-yours", "no-payment", "store-busy", *DUITKU),
    ),
    "POST /payments/{id}/refund": Operation(
        "refundPayment",
        PAYMENTS,
        "Record that the money went back, and revoke what only it had brought; repeatable",
        {200: _payment("Refunded", samples.REFUNDED)},
        ("no-payment", "cannot-refund", "store-busy"),
    ),
    "PATCH /payments/{id}/learner": Operation(
        "correctLearner",
        PAYMENTS,
        "Correct whom a payment is for; what was delivered goes to the right account, and from "
        "the wrong one",
        {200: _payment("Corrected", samples.CORRECTED)},
        ("no-payment", "cannot-correct", "store-busy"),
    ),
    "GET /anomalies": Operation(
        "listAnomalies",
        ANOMALIES,
        "List anomalies with their evidence, newest first",
        {200: Answer("A page of anomalies", "AnomalyPage", samples.page(samples.ANOMALY))},
        ("cursor-not-valid",),
    ),
    "PATCH /anomalies/{id}": Operation(
        "resolveAnomaly",
        ANOMALIES,
        "Close an anomaly, saying what was done and why; only one admin can",
        {200: Answer("Closed", "Anomaly", samples.RESOLVED)},
        ("no-anomaly", "closed", "store-busy"),
    ),
    "GET /enrollments/my-enrollments": Operation(
        "listMyEnrollments",
        ENROLLMENTS,
        "List one's own enrollments, newest first",
        {200: Answer("A page", "EnrollmentPage", samples.page(samples.ENROLLMENT))},
        ("cursor-not-valid",),
    ),
    "GET /enrollments": Operation(
        "listEnrollments",
        ENROLLMENTS,
        "List enrollments of everybody, newest first",
        {200: Answer("A page", "EnrollmentPage", samples.page(samples.ENROLLMENT))},
        ("cursor-not-valid",),
    ),
    "GET /enrollments/{id}": Operation(
        "getEnrollment",
        ENROLLMENTS,
        "Show an enrollment",
        {200: Answer("The enrollment", "Enrollment", samples.ENROLLMENT)},
        ("no-enrollment",),
    ),
    "GET /enrollments/course/{courseId}/status": Operation(
        "getCourseStatus",
        ENROLLMENTS,
        "Tell whether a user is enrolled in a course; only services and admins name another user",
        {200: Answer("The answer", "CourseStatus", samples.STATUS)},
        ("not-yours", "no-path"),
    ),
    "PATCH /enrollments/{id}/progress": Operation(
        "reportProgress",
        ENROLLMENTS,
        "Note a progress in percent; a lower one than is known changes nothing",
        {200: Answer("The enrollment as it is then", "Enrollment", samples.ENROLLMENT)},
        ("no-enrollment", "revoked", "store-busy"),
    ),
    "POST /enrollments/{id}/redeliver": Operation(
        "redeliverEnrollment",
        ENROLLMENTS,
        "Send an enrollment to Thinkific once more",
        {200: Answer("Waiting for delivery again", "Enrollment", samples.REDELIVERED)},
        ("no-enrollment", "revoked", "store-busy"),
    ),
    "GET /packages": Operation(
        "listPackages",
        CATALOG,
        "List the packages that are on sale; to admins, all of them",
        {200: Answer("The packages", "PackageList", samples.listed(samples.PACKAGE))},
        ("catalogue-unavailable",),
    ),
    "GET /packages/{id}": Operation(
        "getPackage",
        CATALOG,
        "Show a package; one that is not on sale to admins only",
        {200: Answer("The package", "Package", samples.PACKAGE)},
        ("no-package", "catalogue-unavailable"),
    ),
    "PUT /packages/{id}": Operation(
        "putPackage",
        CATALOG,
        "Write a package; purchases already made keep what they were made with",
        {200: Answer("The package as written", "Package", samples.PACKAGE)},
        ("no-path", "edited-elsewhere"),
    ),
    "GET /courses": Operation(
        "listCourses",
        CATALOG,
        "List all courses",
        {200: Answer("All courses", "CourseList", samples.listed(samples.COURSE))},
        ("catalogue-unavailable",),
    ),
    "PUT /courses/{id}": Operation(
        "putCourse",
        CATALOG,
        "Write a course; its counter stays",
        {200: Answer("The course as written", "Course", samples.COURSE)},
        ("no-path",),
    ),
    "POST /courses/sync": Operation(
        "syncCourses",
        CATALOG,
        "Compare the catalog with the courses and bundles of the Thinkific site",
        {200: Answer("How they fit", "CourseMapping", samples.MAPPING)},
        ("platform-unavailable", "store-busy"),
    ),
    "GET /thinkific/oauth/install": Operation(
        "installThinkific",
        THINKIFIC,
        "Begin to connect a Thinkific site: its page asks the owner, and leads back",
        {
            200: Answer("To `Accept: application/json`", "AuthorizeUrl", samples.AUTHORIZE),
            302: Answer("To the page of the site", None, "", headers=LOCATION_HEADER),
        },
        ("another-subdomain", "store-busy"),
    ),
    "GET /thinkific/oauth/callback": Operation(
        "finishThinkificInstall",
        THINKIFIC,
        "Take the code that the browser brings from Thinkific; the state says who began",
        {
            200: _page("Connected, or cancelled"),
            403: _page("No such try, or not any more, or of another site"),
            409: _page("Thinkific refuses the code, or whoever allowed it"),
            503: _page("Thinkific does not answer, or a setting is missing"),
        },
    ),
    "GET /thinkific/oauth/status": Operation(
        "getThinkificConnection",
        THINKIFIC,
        "Show the exact redirect URI, and how the connection stands",
        _status("How it stands", samples.CONNECTION),
    ),
    "POST /thinkific/oauth/revoke": Operation(
        "revokeThinkific",
        THINKIFIC,
        "Give the tokens back to Thinkific and forget them; repeating changes nothing",
        _status("How it stands then", samples.DISCONNECTED),
        ("platform-unavailable", "store-busy"),
    ),
    "GET /health": Operation(
        "getHealth",
        SERVICE,
        "Tell that the API answers",
        {200: Answer("It answers", "Health", {"status": "ok"})},
    ),
    "HEAD /health": Operation(
        "headHealth",
        SERVICE,
        "Tell that the API answers, without a body",
        {200: Answer("It answers", None, None, media_type="")},
    ),
    "GET /openapi.json": Operation(
        "getOpenApi",
        SERVICE,
        "Show this document",
        {
            200: Answer(
                "The document",
                "Document",
                {"openapi": "3.1.0", "info": {"title": "Lunas", "version": "0.1.0"}, "paths": {}},
            )
        },
    ),
    "GET /docs": Operation(
        "getDocs",
        SERVICE,
        "Show a page to read and try the API",
        {200: Answer("The page", None, "<!doctype html>…", media_type="text/html")},
    ),
}

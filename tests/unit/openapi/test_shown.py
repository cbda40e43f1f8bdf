"""Views have exactly the fields that the document lists, and none of them is null."""

from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest

from local.openapi.document import document
from lunas.api import responses
from lunas.api.catalog_responses import course_view, package_view
from lunas.api.enrollment_responses import enrollment_view
from lunas.domain.anomalies import AnomalyStatus, Resolution, overbooked
from lunas.domain.enrollments import Delivery, DeliveryStatus
from lunas.domain.gateway_status import PaymentChannel
from lunas.domain.payments import GatewayInvoice, HistoryEvent, Status
from tests.support.builders import (
    ADMIN_CALLER,
    LATER,
    NOW,
    SERVICE_CALLER,
    USER_CALLER,
    course,
    enrollment,
    manual,
    package,
    payment,
)

type Json = dict[str, Any]

COMPONENTS: Json = document()["components"]
FULL = payment(
    Status.COMPLETED,
    gateway=GatewayInvoice(
        reference="D1",
        payment_url="https://pay.example/1",
        payment_method="BC",
        va_number="8077",
        qr_string="0002",
    ),
    approved_at=NOW,
    approved_by="duitku",
    completed_at=LATER,
    reason="late",
    proof_link="https://proof.example/1",
)
EVENT = HistoryEvent(
    payment_id="pay1",
    version=2,
    at=NOW,
    actor="admin:a1",
    source=Status.PAID,
    target=Status.REJECTED,
    evidence={"requestId": "r1"},
    reason="no transfer",
)
DELIVERED = Delivery(
    status=DeliveryStatus.DELIVERED,
    attempts=2,
    platform_user_id="7",
    platform_enrollment_id="8",
    last_error="once",
)
OPEN = overbooked(payment(), ["c1"], NOW)
RESOLVED = replace(
    OPEN,
    status=AnomalyStatus.RESOLVED,
    resolved=Resolution(resolution="refunded", reason="full", at=LATER, actor="admin:a1"),
)
FULLEST: dict[str, Any] = {
    "Payment": responses.payment_view(FULL, ADMIN_CALLER),
    "HistoryEvent": responses.history_view(EVENT, ADMIN_CALLER),
    "Enrollment": enrollment_view(
        enrollment(delivery=DELIVERED, expires_at=LATER, certificate_url="https://c.example/1"),
        NOW,
        USER_CALLER,
    ),
    "Package": package_view(
        package(
            access_days=365,
            platform_bundle_id="4000001",
            description="Both",
            image_url="https://cdn.example/p.png",
            on_sale=False,
        ),
        ["c1"],
    ),
    "Course": course_view(
        course(quota=3, platform_course_id="7", gone_platform_id="7"), to_admin=True
    ),
    "Channel": responses.channel_view(PaymentChannel("BC", "BCA", "https://img", 4000)),
    "Anomaly": responses.anomaly_view(RESOLVED),
}
"""Views with all their fields."""
BARE: list[tuple[str, Any]] = [
    ("Payment", responses.payment_view(payment(), USER_CALLER)),
    ("Payment", responses.payment_view(payment(gateway=None), SERVICE_CALLER)),
    ("Payment", responses.payment_view(manual(course_id=None), SERVICE_CALLER)),
    (
        "HistoryEvent",
        responses.history_view(
            replace(EVENT, source=None, evidence=None, reason=None), ADMIN_CALLER
        ),
    ),
    ("Enrollment", enrollment_view(enrollment(), NOW, USER_CALLER)),
    ("Package", package_view(package())),
    ("Course", course_view(course(platform_course_id=None))),
    ("Anomaly", responses.anomaly_view(replace(OPEN, payment_id=None))),
]


def faults(name: str, shown: Json) -> list[str]:
    schema = {"$ref": f"#/components/schemas/{name}", "components": COMPONENTS}
    check = jsonschema_rs.validator_for(schema, validate_formats=True)
    return [str(error) for error in check.iter_errors(shown)]


@pytest.mark.parametrize(("name", "shown"), [*FULLEST.items(), *BARE])
def test_a_view_matches_the_document(name: str, shown: Json) -> None:
    assert faults(name, shown) == []


@pytest.mark.parametrize("name", FULLEST)
def test_every_documented_field_is_in_a_view(name: str) -> None:
    assert set(COMPONENTS["schemas"][name]["properties"]) == set(FULLEST[name])


@pytest.mark.parametrize("name", FULLEST)
def test_the_schema_refuses_other_fields_and_null(name: str) -> None:
    shown = FULLEST[name]

    assert faults(name, shown | {"secret": "x"})
    for field in shown:
        assert faults(name, shown | {field: None})


def test_the_parts_of_a_payment_are_listed_in_full() -> None:
    schemas, shown = COMPONENTS["schemas"], FULLEST["Payment"]

    assert set(schemas["Gateway"]["properties"]) == set(shown["gateway"])
    assert set(schemas["Customer"]["properties"]) == set(shown["customer"])
    assert set(schemas["Delivery"]["properties"]) == set(FULLEST["Enrollment"]["delivery"])

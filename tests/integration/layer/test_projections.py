"""Every list shows all of an item: the indexes project what it needs, within DynamoDB's limit."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from lunas.api.enrollment_responses import EnrollmentView, enrollment_view
from lunas.api.responses import PaymentView, payment_view
from lunas.domain.anomalies import AnomalyKind, AnomalyStatus, Resolution, anomaly
from lunas.domain.enrollments import Access, Delivery, DeliveryStatus, Enrollment
from lunas.domain.lists import EnrollmentFilter, PaymentFilter
from lunas.domain.payments import GatewayInvoice, Payment, Status
from lunas.domain.users import Learner
from lunas.storage.anomalies import Anomalies
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.payment_items import invoice_attributes, payment_item
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.support.builders import ADMIN_CALLER, LATER, NOW, enrollment, payment
from tests.support.template import table_properties

NEW = "attribute_not_exists(#pk)"
EMPTY: tuple[object, ...] = (None, False, 0, (), frozenset(), {})
CLOSED = Resolution(resolution="refunded", reason="paid twice", at=LATER, actor="admin:a1")
MOST_INCLUDED, MOST_IN_ALL = 20, 100
"""Attributes in one INCLUDE projection, and in those of all indexes of a table: DynamoDB's limits,
which the stand-ins do not know."""
INVOICE = GatewayInvoice(
    reference="R2", payment_url="https://pay.example/2", payment_method="BC", va_number="7001"
)
COMPLETE = payment(
    Status.REFUNDED,
    channel="BC",
    gateway=INVOICE,
    learner=Learner("Sari", "Dewi", "sari@example.com"),
    proof_link="https://proof.example/1",
    updated_at=LATER,
    approved_at=LATER,
    approved_by="duitku",
    completed_at=LATER,
    reason="because",
    version=5,
)
"""A payment with everything that a view shows, although none has all of it."""
DELIVERED = enrollment(
    "c1",
    progress=40,
    expires_at=LATER,
    shared=Access(LATER + timedelta(days=1)),
    certificate_url="https://certificate.example/1",
    updated_at=LATER,
    delivery=Delivery(
        status=DeliveryStatus.FAILED,
        attempts=3,
        platform_user_id="7",
        platform_enrollment_id="500",
        last_error="timed out",
    ),
)


@pytest.mark.parametrize("wanted", [{}, {"user_id": "u1"}, {"status": None}], ids=str)
@pytest.mark.parametrize(
    ("status", "code"), [(Status.PENDING, "0002" * 60), (Status.REFUNDED, None)]
)
def test_a_list_shows_all_of_a_payment(
    table: Table, wanted: dict[str, Any], status: Status, code: str | None
) -> None:
    made = replace(COMPLETE, status=status, gateway=replace(INVOICE, qr_string=code))
    assert made.gateway
    assert table.put(payment_item(made) | invoice_attributes(made, made.gateway), NEW)
    by = PaymentFilter(**({"status": status} if "status" in wanted else wanted))
    (listed,) = Payments(table).page(by, 100, None).items
    shown = payment_view(listed, ADMIN_CALLER)
    assert shown == payment_view(made, ADMIN_CALLER)
    assert shown.keys() >= PaymentView.__annotations__.keys()


@pytest.mark.parametrize(
    "wanted",
    [
        EnrollmentFilter(),
        EnrollmentFilter(user_id="u1"),
        EnrollmentFilter(course_id="c1"),
        EnrollmentFilter(delivery=DeliveryStatus.FAILED),
    ],
    ids=["all", "of a user", "by course", "by delivery"],
)
def test_a_list_shows_all_of_an_enrollment(table: Table, wanted: EnrollmentFilter) -> None:
    assert table.put(enrollment_item(DELIVERED), NEW)
    (listed,) = Enrollments(table).page(wanted, 100, None).items
    shown = enrollment_view(listed, NOW, ADMIN_CALLER)
    assert shown == enrollment_view(DELIVERED, NOW, ADMIN_CALLER)
    assert shown.keys() == EnrollmentView.__annotations__.keys()


@pytest.mark.parametrize("status", [None, AnomalyStatus.RESOLVED])
def test_a_list_shows_all_of_an_anomaly(table: Table, status: AnomalyStatus | None) -> None:
    anomalies = Anomalies(table)
    made = anomaly(AnomalyKind.AMOUNT_DIFFERS, "o1", {"amount": "1"}, NOW, payment_id="pay1")
    anomalies.keep(made)
    closed = anomalies.resolve(made, CLOSED)
    assert anomalies.page(status, 100, None).items == (closed,)


def _included() -> list[list[str]]:
    projections: list[dict[str, Any]] = [
        each["Projection"] for each in table_properties()["GlobalSecondaryIndexes"]
    ]
    return [each["NonKeyAttributes"] for each in projections if "NonKeyAttributes" in each]


def test_the_indexes_project_no_more_attributes_than_dynamodb_allows() -> None:
    assert 0 < max(map(len, _included())) <= MOST_INCLUDED
    assert sum(map(len, _included())) <= MOST_IN_ALL


def test_what_is_internal_costs_no_write_of_an_index_of_payments() -> None:
    written = enrollment_item(DELIVERED).keys() | payment_item(COMPLETE).keys()
    internal = {"askedAt", "asking", "deniedAt", "undelivered", "callbacks", "correlationId"}
    assert internal & written
    for included in _included():
        assert not internal & set(included)


def test_a_payment_and_an_enrollment_have_no_field_that_this_module_forgets() -> None:
    """A new field is either shown, and set above, or listed here as internal."""
    assert {each.name for each in fields(Payment) if getattr(COMPLETE, each.name) in EMPTY} == {
        "check_at",
        "prompt",
        "asked_at",
        "asking",
        "denied_at",
        "references",
        "invoice_calls",
        "invoice_answers",
        "undelivered",
        "overlap",
        "overbook",
        "callbacks",
        "transaction",
        "access_days",
        "platform_bundle_id",
        "bundle_asked_at",
    }
    assert {each.name for each in fields(Enrollment) if getattr(DELIVERED, each.name) in EMPTY} == {
        "claims",
        "platform_course_id",
    }

"""Lists: every filter by one Query of the index made for it, newest first, page by page."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lunas.api.responses import payment_view
from lunas.domain.enrollments import Delivery, DeliveryStatus, EnrollmentStatus
from lunas.domain.lists import EnrollmentFilter, Page, PaymentFilter, Position, Span
from lunas.domain.payments import Method, Payment, Status
from lunas.domain.users import PaymentType
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.payment_items import payment_item
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.support.builders import ADMIN_CALLER, NOW, enrollment, manual, payment

NEW = "attribute_not_exists(#pk)"
MINUTE = timedelta(minutes=1)
ALL = PaymentFilter()


def later(minutes: int) -> dict[str, Any]:
    return {"created_at": NOW + minutes * MINUTE}


@pytest.fixture
def sold(table: Table) -> list[Payment]:
    """Write payments p0 to p5, each a minute younger than the one before."""
    made = [
        payment(Status.PENDING, id="p0", gateway=None, **later(0)),
        payment(Status.APPROVED, id="p1", gateway=None, **later(1)),
        manual(Status.PAID, id="p2", payment_type=PaymentType.DIKE, **later(2)),
        manual(Status.PAID, id="p3", user_id="u2", **later(3)),
        payment(Status.PENDING, id="p4", user_id="u2", gateway=None, **later(4)),
        payment(id="p5", payment_type=PaymentType.DIKE, gateway=None, **later(5)),
    ]
    for each in made:
        assert table.put(payment_item(each), NEW)
    return made


def ids(page: Page[Payment]) -> list[str]:
    return [each.id for each in page.items]


FILTERS = [
    (ALL, "p5 p4 p3 p2 p1 p0"),
    (PaymentFilter(status=Status.PENDING), "p5 p4 p0"),
    (PaymentFilter(status=Status.REFUNDED), ""),
    (PaymentFilter(user_id="u2"), "p4 p3"),
    (PaymentFilter(user_id="u"), ""),
    (PaymentFilter(user_id="u2", status=Status.PAID), "p3"),
    (PaymentFilter(method=Method.MANUAL), "p3 p2"),
    (PaymentFilter(payment_type=PaymentType.DIKE), "p5 p2"),
    (PaymentFilter(payment_type=PaymentType.DIKE, method=Method.MANUAL), "p2"),
    (PaymentFilter(status=Status.PENDING, payment_type=PaymentType.DIKE), "p5"),
    (PaymentFilter(user_id="u1", method=Method.GATEWAY, status=Status.APPROVED), "p1"),
]


@pytest.mark.parametrize(("wanted", "found"), FILTERS)
@pytest.mark.usefixtures("sold")
def test_every_filter_costs_one_query(
    payments: Payments, calls: Counter[str], wanted: PaymentFilter, found: str
) -> None:
    calls.clear()
    assert ids(payments.page(wanted, 100, None)) == found.split()
    assert calls == {"Query": 1}


@pytest.mark.parametrize("wanted", [ALL, PaymentFilter(user_id="u1")])
def test_a_list_shows_payments_as_they_are(
    payments: Payments, sold: list[Payment], wanted: PaymentFilter
) -> None:
    shown = {each.id: payment_view(each, ADMIN_CALLER) for each in sold}
    for each in payments.page(wanted, 100, None).items:
        assert payment_view(each, ADMIN_CALLER) == shown[each.id]


def test_a_span_within_a_millisecond_is_empty(table: Table, payments: Payments) -> None:
    assert table.put(payment_item(payment()), NEW)
    tick = timedelta(microseconds=200)
    wanted = PaymentFilter(span=Span(NOW + tick, NOW + 2 * tick))
    assert payments.page(wanted, 100, None) == Page((), None)


SPANS = [
    (Span(NOW + 2 * MINUTE), "p5 p4 p3 p2"),
    (Span(None, NOW + 2 * MINUTE), "p1 p0"),
    (Span(NOW + MINUTE, NOW + 3 * MINUTE), "p2 p1"),
    (Span(NOW + 6 * MINUTE), ""),
    (Span(None, NOW), ""),
]


@pytest.mark.parametrize(("span", "found"), SPANS)
@pytest.mark.usefixtures("sold")
def test_a_span_includes_its_start_and_excludes_its_end(
    payments: Payments, span: Span, found: str
) -> None:
    assert ids(payments.page(PaymentFilter(span=span), 100, None)) == found.split()


@pytest.mark.parametrize(("wanted", "found"), FILTERS)
@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.usefixtures("sold")
def test_the_pages_together_are_the_whole_list(
    payments: Payments, wanted: PaymentFilter, found: str, limit: int
) -> None:
    seen: list[str] = []
    after: Position | None = None
    for _ in range(10):
        page = payments.page(wanted, limit, after)
        assert len(page.items) <= limit
        seen += ids(page)
        after = page.after
        if after is None:
            break
    assert seen == found.split()


@pytest.mark.parametrize(("wanted", "found"), FILTERS)
@pytest.mark.usefixtures("sold")
def test_a_list_continues_after_any_of_its_items(
    payments: Payments, wanted: PaymentFilter, found: str
) -> None:
    page = payments.page(wanted, 100, None)
    assert len(page.places) == len(page.items)
    for count, place in enumerate(page.places, start=1):
        assert ids(payments.page(wanted, 100, place)) == found.split()[count:]
    first = payments.page(wanted, 3, None)
    if first.after and len(first.items) == 3:
        assert first.places[-1] == first.after


@pytest.mark.usefixtures("sold")
def test_a_payment_made_meanwhile_does_not_shift_the_next_page(
    table: Table, payments: Payments
) -> None:
    first = payments.page(ALL, 2, None)
    table.put(payment_item(payment(id="p6", **later(6))), NEW)
    assert ids(payments.page(ALL, 2, first.after)) == ["p3", "p2"]


def test_payments_of_the_same_moment_are_all_listed(table: Table, payments: Payments) -> None:
    for number in range(5):
        table.put(payment_item(payment(id=f"p{number}")), NEW)
    first = payments.page(ALL, 3, None)
    second = payments.page(ALL, 3, first.after)
    assert sorted(ids(first) + ids(second)) == ["p0", "p1", "p2", "p3", "p4"]


ENROLLMENT_FILTERS = [
    (EnrollmentFilter(), "e3 e2 e1 e0"),
    (EnrollmentFilter(user_id="u1"), "e2 e1 e0"),
    (EnrollmentFilter(user_id="u1", status=EnrollmentStatus.ENROLLED), "e1 e0"),
    (EnrollmentFilter(user_id="u1", status=EnrollmentStatus.NOT_ENROLLED), "e2"),
    (EnrollmentFilter(course_id="c1"), "e3 e0"),
    (EnrollmentFilter(course_id="c1", delivery=DeliveryStatus.FAILED), "e3"),
    (EnrollmentFilter(delivery=DeliveryStatus.FAILED), "e3 e1"),
    (EnrollmentFilter(delivery=DeliveryStatus.DELIVERED), ""),
    (EnrollmentFilter(span=Span(NOW + MINUTE, NOW + 3 * MINUTE)), "e2 e1"),
    (EnrollmentFilter(course_id="c404"), ""),
]


@pytest.mark.parametrize(("wanted", "found"), ENROLLMENT_FILTERS)
def test_every_list_of_enrollments_costs_one_query(
    table: Table,
    enrollments: Enrollments,
    calls: Counter[str],
    wanted: EnrollmentFilter,
    found: str,
) -> None:
    failed = Delivery(status=DeliveryStatus.FAILED)
    made = [
        enrollment("c1", **later(0)),
        enrollment("c2", delivery=failed, **later(1)),
        enrollment("c3", status=EnrollmentStatus.NOT_ENROLLED, **later(2)),
        enrollment("c1", user_id="u2", delivery=failed, **later(3)),
    ]
    for number, each in enumerate(made):
        table.put(enrollment_item(replace(each, id=f"e{number}")), NEW)
    calls.clear()
    page = enrollments.page(wanted, 100, None)
    assert [each.id for each in page.items] == found.split()
    assert calls == {"Query": 1}

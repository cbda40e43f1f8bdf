"""Enrollments in the table: round trips, paging, and the conditions of a delivery."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lunas.domain.anomalies import Resolution
from lunas.domain.delivery import DeliveryRecord, Placement, delivered, not_delivered
from lunas.domain.enrollments import (
    Access,
    Delivery,
    DeliveryStatus,
    Enrollment,
    EnrollmentStatus,
    enrollment_id,
)
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.lists import EnrollmentFilter, Position
from lunas.domain.payments import AuditContext, Payment, Status
from lunas.domain.schedule import OVERDUE
from lunas.storage.anomalies import Anomalies
from lunas.storage.catalog import Catalog
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.history_items import history_items
from lunas.storage.payment_items import payment_item
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.support.builders import LATER, NOW, bought, enrollment, payment

ACT = AuditContext("lunas:deliver", LATER)
PLACED = Placement("7", "500", "2000001")
TRIED = Delivery(
    status=DeliveryStatus.FAILED,
    request=3,
    attempts=2,
    platform_user_id="7",
    platform_enrollment_id="500",
    last_error="no such course",
)


def put(table: Table, *things: Enrollment | Payment) -> None:
    """Write things without their conditions."""
    for thing in things:
        item = enrollment_item(thing) if isinstance(thing, Enrollment) else payment_item(thing)
        assert table.put(item, "attribute_not_exists(#pk)")


def approved(*waiting: str) -> Payment:
    return payment(
        Status.APPROVED,
        courses=bought("c1", "c2"),
        undelivered=frozenset(waiting),
        version=3,
        gateway=None,
    )


@pytest.fixture
def waiting(table: Table) -> Enrollment:
    """One approved payment that waits for c1 and c2."""
    made = enrollment("c1")
    put(table, approved("c1", "c2"), made, enrollment("c2"))
    return made


def record(
    payments: Payments, enrollment_of: Enrollment, placement: Placement = PLACED
) -> DeliveryRecord:
    stored = payments.get("pay1")
    assert stored
    return delivered(enrollment_of, [stored], placement, ACT)


@pytest.mark.parametrize(
    "made",
    [
        enrollment(
            delivery=TRIED, progress=40, counted=False, claims={"pay1": LATER, "pay2": None}
        ),
        enrollment(expires_at=NOW, shared=Access(LATER)),
        enrollment(expires_at=NOW, shared=Access(None)),
        enrollment(status=EnrollmentStatus.NOT_ENROLLED, correlation_id=None),
    ],
    ids=["all", "shared", "shared for good", "least"],
)
def test_an_enrollment_is_read_as_it_was_written(
    table: Table, enrollments: Enrollments, made: Enrollment
) -> None:
    put(table, made)
    assert enrollments.get(made.id) == made
    assert enrollments.get_many([made.id, "enr404"]) == [made]


def test_an_unknown_enrollment_is_none(enrollments: Enrollments) -> None:
    assert enrollments.get("enr404") is None
    assert enrollments.get_many([]) == []


def test_more_than_a_hundred_are_read_in_batches(table: Table, enrollments: Enrollments) -> None:
    made = [enrollment(f"c{number}") for number in range(105)]
    put(table, *made)
    assert len(enrollments.get_many([each.id for each in made])) == 105


def test_a_users_enrollments_are_paged_newest_first(table: Table, enrollments: Enrollments) -> None:
    made = [
        enrollment(f"c{number}", created_at=NOW + timedelta(minutes=number)) for number in range(5)
    ]
    stranger = replace(enrollment("c1"), id=enrollment_id("u2", "c1"), user_id="u2")
    put(table, *made, stranger)
    pages: list[list[str]] = []
    after: Position | None = None
    while True:
        page = enrollments.page(EnrollmentFilter(user_id="u1"), 2, after)
        pages.append([each.course_id for each in page.items])
        after = page.after
        if after is None:
            break
    assert [name for page_of in pages for name in page_of] == ["c4", "c3", "c2", "c1", "c0"]
    assert all(len(page_of) <= 2 for page_of in pages)


def test_an_unknown_users_enrollments_are_an_empty_page(enrollments: Enrollments) -> None:
    page = enrollments.page(EnrollmentFilter(user_id="u404"), 10, None)
    assert (page.items, page.after) == ((), None)


def test_a_delivery_is_recorded_with_its_effect_on_the_payment(
    payments: Payments, enrollments: Enrollments, waiting: Enrollment
) -> None:
    made = record(payments, waiting)
    enrollments.record_delivery(made)
    assert enrollments.get(waiting.id) == made.enrollment
    stored = payments.get("pay1")
    assert stored
    assert (stored.undelivered, stored.status) == (frozenset({"c2"}), Status.APPROVED)


def test_the_last_delivery_completes_the_payment_with_its_history(
    payments: Payments, enrollments: Enrollments, waiting: Enrollment
) -> None:
    for each in (waiting, enrollment("c2")):
        enrollments.record_delivery(record(payments, each))
    stored = payments.get("pay1")
    assert stored
    assert (stored.status, stored.undelivered, stored.version) == (
        Status.COMPLETED,
        frozenset(),
        4,
    )
    assert [event.target for event in payments.read("pay1")[1][1:]] == [Status.COMPLETED]


def test_of_two_deliveries_that_read_the_same_payment_one_is_refused(
    payments: Payments, enrollments: Enrollments, waiting: Enrollment
) -> None:
    first, second = record(payments, waiting), record(payments, enrollment("c2"))
    enrollments.record_delivery(first)
    with pytest.raises(ConcurrentUpdate):
        enrollments.record_delivery(second)
    assert enrollments.get(enrollment("c2").id) == enrollment("c2")


@pytest.mark.parametrize("read", [{"status": Status.COMPLETED}, {"version": 2}], ids=str)
def test_a_delivery_for_a_payment_that_changed_is_not_recorded(
    payments: Payments, enrollments: Enrollments, waiting: Enrollment, read: dict[str, Any]
) -> None:
    made = record(payments, waiting)
    (change,) = made.payments
    other = replace(made, payments=(replace(change, before=replace(change.before, **read)),))
    with pytest.raises(ConcurrentUpdate):
        enrollments.record_delivery(other)
    assert enrollments.get(waiting.id) == waiting
    assert payments.get("pay1") == approved("c1", "c2")


def test_a_delivery_does_not_reopen_a_known_anomaly(
    table: Table, payments: Payments, enrollments: Enrollments, catalog: Catalog
) -> None:
    assert catalog.course("c1")
    uncounted = enrollment("c1", counted=False)
    put(table, approved("c1"), uncounted)
    stored = payments.get("pay1")
    assert stored
    made = delivered(uncounted, [stored], PLACED, ACT, full=True)
    assert made.anomaly
    anomalies = Anomalies(table)
    anomalies.keep(made.anomaly)
    seen = Resolution(resolution="IGNORED", reason="seen", at=LATER, actor="admin:a1")
    closed = anomalies.resolve(made.anomaly, seen)
    with pytest.raises(ConcurrentUpdate):
        enrollments.record_delivery(made)
    assert anomalies.get(made.anomaly.id) == closed


def test_a_delivery_is_not_recorded_twice(
    payments: Payments, enrollments: Enrollments, waiting: Enrollment
) -> None:
    enrollments.record_delivery(record(payments, waiting))
    again = record(payments, waiting, Placement("8", "600", "2000001"))
    with pytest.raises(ConcurrentUpdate):
        enrollments.record_delivery(again)
    stored = enrollments.get(waiting.id)
    assert stored
    assert stored.delivery.platform_user_id == "7"


CHANGED = {
    "revoked": enrollment(status=EnrollmentStatus.NOT_ENROLLED),
    "bought again": enrollment(payment_id="pay2"),
    "requested again": enrollment(delivery=Delivery(request=2)),
    "dead-lettered": enrollment(delivery=Delivery(status=DeliveryStatus.FAILED)),
}


@pytest.mark.parametrize("how", CHANGED)
def test_a_delivery_of_a_changed_enrollment_is_not_recorded(
    table: Table, payments: Payments, enrollments: Enrollments, how: str
) -> None:
    put(table, approved("c1"), CHANGED[how])
    with pytest.raises(ConcurrentUpdate):
        enrollments.record_delivery(record(payments, enrollment("c1")))
    assert enrollments.get(enrollment("c1").id) == CHANGED[how]
    assert payments.get("pay1") == approved("c1")


@pytest.mark.parametrize("how", CHANGED)
def test_a_failed_attempt_on_a_changed_enrollment_is_not_recorded(
    table: Table, enrollments: Enrollments, how: str
) -> None:
    put(table, CHANGED[how])
    failed = not_delivered(enrollment("c1"), "why", ACT, final=False)
    assert not enrollments.record_attempt(failed)
    assert enrollments.get(enrollment("c1").id) == CHANGED[how]


@pytest.mark.parametrize("final", [True, False])
def test_a_failed_attempt_is_recorded(
    enrollments: Enrollments, waiting: Enrollment, *, final: bool
) -> None:
    failed = not_delivered(waiting, "why", ACT, final=final)
    assert enrollments.record_attempt(failed)
    assert enrollments.get(waiting.id) == failed


def test_an_enrollment_not_counted_when_made_is_counted_with_its_delivery(
    table: Table, payments: Payments, enrollments: Enrollments, catalog: Catalog
) -> None:
    uncounted = enrollment("c1", counted=False)
    put(table, approved("c1"), uncounted)
    enrollments.record_delivery(record(payments, uncounted))
    counted = catalog.course("c1")
    assert counted
    assert counted.enrolled == 1
    stored = enrollments.get(uncounted.id)
    assert stored
    assert stored.counted


def test_a_counted_enrollment_is_not_counted_again(
    payments: Payments, enrollments: Enrollments, catalog: Catalog, waiting: Enrollment
) -> None:
    enrollments.record_delivery(record(payments, waiting))
    counted = catalog.course("c1")
    assert counted
    assert counted.enrolled == 0


def test_a_delivery_after_a_refund_leaves_the_payment_alone(
    table: Table, payments: Payments, enrollments: Enrollments
) -> None:
    refunded = payment(Status.REFUNDED, gateway=None)
    put(table, refunded, enrollment("c1"))
    enrollments.record_delivery(record(payments, enrollment("c1")))
    assert payments.get("pay1") == refunded


@pytest.mark.parametrize("mapped", [4711, None])
def test_the_mapping_under_which_a_course_was_bought_is_kept(
    table: Table, enrollments: Enrollments, mapped: int | None
) -> None:
    made = enrollment("c1", platform_course_id=mapped)
    put(table, made)
    assert enrollments.get(made.id) == made


def test_a_higher_progress_is_recorded(table: Table, enrollments: Enrollments) -> None:
    put(table, enrollment("c1", progress=40))
    raised = enrollments.raise_progress(enrollment("c1", progress=40), 60, LATER)
    assert (raised.progress, raised.updated_at) == (60, LATER)
    assert enrollments.get(raised.id) == raised


@pytest.mark.parametrize("percent", [0, 39, 40])
def test_a_progress_that_is_not_higher_changes_nothing(
    table: Table, enrollments: Enrollments, percent: int
) -> None:
    made = enrollment("c1", progress=40)
    put(table, made)
    assert enrollments.raise_progress(made, percent, LATER) == made
    assert enrollments.get(made.id) == made


def test_of_two_devices_that_report_at_once_the_higher_progress_stays(
    table: Table, enrollments: Enrollments
) -> None:
    read = enrollment("c1", progress=10)
    put(table, read)
    enrollments.raise_progress(read, 80, LATER)
    assert enrollments.raise_progress(read, 50, LATER).progress == 80


TAKEN = {name: CHANGED[name] for name in ("revoked", "bought again")}


@pytest.mark.parametrize("how", TAKEN)
def test_progress_of_a_changed_enrollment_is_a_concurrent_update(
    table: Table, enrollments: Enrollments, how: str
) -> None:
    put(table, TAKEN[how])
    with pytest.raises(ConcurrentUpdate):
        enrollments.raise_progress(enrollment("c1"), 50, LATER)
    assert enrollments.get(enrollment("c1").id) == TAKEN[how]


def test_progress_of_an_unknown_enrollment_creates_none(enrollments: Enrollments) -> None:
    with pytest.raises(ConcurrentUpdate):
        enrollments.raise_progress(enrollment("c1"), 50, LATER)
    assert enrollments.get(enrollment("c1").id) is None


def test_another_delivery_gets_a_new_request_number_and_keeps_its_attempts(
    table: Table, enrollments: Enrollments
) -> None:
    made = enrollment("c1", delivery=TRIED)
    put(table, made)
    again = enrollments.request_again(made, LATER)
    expected = replace(
        TRIED,
        status=DeliveryStatus.PENDING,
        request=4,
        last_error=None,
        due_at=LATER + OVERDUE,
    )
    assert again == replace(made, delivery=expected, updated_at=LATER)
    assert enrollments.get(made.id) == again


def test_of_two_requests_for_another_delivery_one_succeeds(
    table: Table, enrollments: Enrollments
) -> None:
    read = enrollment("c1")
    put(table, read)
    first = enrollments.request_again(read, LATER)
    with pytest.raises(ConcurrentUpdate):
        enrollments.request_again(read, LATER)
    assert enrollments.get(read.id) == first


@pytest.mark.parametrize("how", ["revoked", "bought again", "requested again"])
def test_another_delivery_of_a_changed_enrollment_is_a_concurrent_update(
    table: Table, enrollments: Enrollments, how: str
) -> None:
    put(table, CHANGED[how])
    with pytest.raises(ConcurrentUpdate):
        enrollments.request_again(enrollment("c1"), LATER)
    assert enrollments.get(enrollment("c1").id) == CHANGED[how]


def test_another_delivery_of_an_unknown_enrollment_creates_none(
    enrollments: Enrollments,
) -> None:
    with pytest.raises(ConcurrentUpdate):
        enrollments.request_again(enrollment("c1"), LATER)
    assert enrollments.get(enrollment("c1").id) is None


def test_an_existing_history_item_stops_the_delivery(
    table: Table, payments: Payments, enrollments: Enrollments
) -> None:
    put(table, approved("c1"), enrollment("c1"))
    made = record(payments, enrollment("c1"))
    (event,) = made.payments[0].history
    assert table.put(history_items([event])[0], "attribute_not_exists(#pk)")
    with pytest.raises(ConcurrentUpdate):
        enrollments.record_delivery(made)
    assert payments.get("pay1") == approved("c1")
    assert enrollments.get(enrollment("c1").id) == enrollment("c1")


@pytest.mark.usefixtures("waiting")
def test_an_enrollment_delivered_meanwhile_is_not_requested_again(
    payments: Payments, enrollments: Enrollments
) -> None:
    stale = enrollment("c1")
    enrollments.record_delivery(record(payments, stale))
    with pytest.raises(ConcurrentUpdate):
        enrollments.request_again(stale, LATER)
    stored = enrollments.get(stale.id)
    assert stored
    assert stored.delivery.status is DeliveryStatus.DELIVERED

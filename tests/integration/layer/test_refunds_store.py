"""Refunds in the table: every condition of their transaction, and the largest of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lunas.domain.catalog import MAX_COURSES
from lunas.domain.delivery import Placement, delivered, revoked
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payments import AuditContext, Payment, Status
from lunas.domain.refunds import Refund, refund
from lunas.storage.catalog import Catalog
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.payment_items import payment_item
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.support.builders import LATER, bought, course, enrollment, paid_by, payment

ACT = AuditContext("admin:a1", LATER, {"requestId": "r9"}, "cancelled")
WORK = AuditContext("lunas:deliver", LATER)
ALONE = enrollment("c1")
SHARED = enrollment("c2", claims=paid_by("pay1", "pay2", "pay3"))
OTHERS = enrollment("c3", payment_id="pay2", claims=paid_by("pay1", "pay2"))


def settled(*courses: str) -> Payment:
    return payment(
        Status.APPROVED, courses=bought(*courses), version=3, gateway=None, check_at=None
    )


@pytest.fixture
def write(table: Table) -> Callable[[Payment | Enrollment], None]:
    """Write an item without its conditions."""

    def written(thing: Payment | Enrollment) -> None:
        item = payment_item(thing) if isinstance(thing, Payment) else enrollment_item(thing)
        assert table.put(item, "attribute_exists(#pk) OR attribute_not_exists(#pk)")

    return written


@pytest.fixture
def plan(write: Callable[[Payment | Enrollment], None]) -> Refund:
    """Plan a refund of three courses: one is lost, one handed over, one was another payment's."""
    made = settled("c1", "c2", "c3")
    for each in (made, ALONE, SHARED, OTHERS):
        write(each)
    return refund(made, ACT, [ALONE, SHARED, OTHERS])


def test_a_refund_is_written_whole(
    table: Table, payments: Payments, enrollments: Enrollments, plan: Refund
) -> None:
    Payments(table).record_refund(plan)
    assert payments.get("pay1") == plan.after
    assert payments.read("pay1")[1][1:] == list(plan.history)
    for taking in plan.takings:
        assert enrollments.get(taking.after.id) == taking.after
    assert enrollments.get(ALONE.id) != ALONE


def placed(each: Enrollment) -> Enrollment:
    return delivered(each, [settled("c1")], Placement("7", "500", "9"), WORK).enrollment


@pytest.mark.parametrize(
    "concurrent",
    [
        replace(settled("c1", "c2", "c3"), version=4),
        replace(settled("c1", "c2", "c3"), status=Status.COMPLETED),
        replace(ALONE, claims=paid_by("pay1", "pay9")),
        replace(ALONE, payment_id="pay9"),
        replace(ALONE, status=EnrollmentStatus.NOT_ENROLLED),
        replace(ALONE, delivery=replace(ALONE.delivery, request=2)),
        placed(ALONE),
        replace(SHARED, claims=paid_by("pay1", "pay2")),
        replace(SHARED, claims={}),
        placed(SHARED),
        replace(SHARED, status=EnrollmentStatus.NOT_ENROLLED),
        replace(SHARED, delivery=replace(SHARED.delivery, request=2)),
        replace(OTHERS, payment_id="pay1"),
        replace(OTHERS, claims=paid_by("pay1", "pay2", "pay9")),
    ],
    ids=[
        *("another step", "another state", "a claim", "another payer", "another refund"),
        *("another request", "a delivery", "fewer claims", "no claims", "delivery of a shared one"),
        *("another refund of a shared one", "another request of a shared one"),
        *("taken over by this payment", "another claim"),
    ],
)
def test_a_concurrent_change_stops_the_whole_refund(
    table: Table,
    payments: Payments,
    enrollments: Enrollments,
    plan: Refund,
    write: Callable[[Payment | Enrollment], None],
    concurrent: Payment | Enrollment,
) -> None:
    write(concurrent)
    was = [payments.get("pay1"), *(enrollments.get(each.before.id) for each in plan.takings)]
    with pytest.raises(ConcurrentUpdate):
        Payments(table).record_refund(plan)
    stored = [payments.get("pay1"), *(enrollments.get(each.before.id) for each in plan.takings)]
    assert stored == was
    assert len(payments.read("pay1")[1]) == 1


def test_the_largest_refund_is_one_transaction(
    table: Table, enrollments: Enrollments, write: Callable[[Payment | Enrollment], None]
) -> None:
    names = [f"c{number:02d}" for number in range(MAX_COURSES)]
    rows = [enrollment(name) for name in names]
    write(settled(*names))
    for row in rows:
        write(row)
    Payments(table).record_refund(refund(settled(*names), ACT, rows))
    found = enrollments.get_many([each.id for each in rows])
    assert {each.status for each in found} == {EnrollmentStatus.NOT_ENROLLED}


@pytest.mark.parametrize(("counted", "left"), [(True, -1), (False, 0)])
def test_a_revocation_frees_the_place_that_was_counted(
    enrollments: Enrollments,
    catalog: Catalog,
    write: Callable[[Payment | Enrollment], None],
    counted: bool,
    left: int,
) -> None:
    waiting = replace(ALONE, status=EnrollmentStatus.NOT_ENROLLED, counted=counted)
    write(waiting)
    enrollments.record_revocation(waiting, revoked(waiting, WORK))
    stored, counter = enrollments.get(ALONE.id), catalog.course("c1")
    assert stored
    assert counter
    assert (stored.delivery.status, stored.counted) == (DeliveryStatus.REVOKED, False)
    assert counter.enrolled == left


@pytest.mark.parametrize(
    "stored",
    [
        replace(ALONE, payment_id="pay2"),
        replace(ALONE, status=EnrollmentStatus.NOT_ENROLLED, payment_id="pay2"),
        replace(
            ALONE,
            status=EnrollmentStatus.NOT_ENROLLED,
            delivery=replace(ALONE.delivery, request=2),
        ),
        replace(
            ALONE,
            status=EnrollmentStatus.NOT_ENROLLED,
            delivery=replace(ALONE.delivery, status=DeliveryStatus.REVOKED),
        ),
    ],
    ids=["bought again", "refunded again", "requested again", "recorded already"],
)
def test_an_outdated_revocation_changes_nothing(
    enrollments: Enrollments,
    catalog: Catalog,
    write: Callable[[Payment | Enrollment], None],
    stored: Enrollment,
) -> None:
    write(stored)
    waiting = replace(ALONE, status=EnrollmentStatus.NOT_ENROLLED)
    with pytest.raises(ConcurrentUpdate):
        enrollments.record_revocation(waiting, revoked(waiting, WORK))
    assert enrollments.get(ALONE.id) == stored
    assert [each.enrolled for each in catalog.courses(["c1"])] == [0]


def test_a_course_counted_late_is_refused_when_full_and_then_flagged(
    table: Table,
    enrollments: Enrollments,
    catalog: Catalog,
    write: Callable[[Payment | Enrollment], None],
) -> None:
    catalog.put_course(course("c1", quota=0))
    made = replace(settled("c1"), undelivered=frozenset({"c1"}))
    waiting = replace(ALONE, counted=False)
    write(made)
    write(waiting)
    record = delivered(waiting, [made], Placement("7", "500", "9"), WORK)
    with pytest.raises(ConcurrentUpdate) as raised:
        enrollments.record_delivery(record)
    assert (raised.value.full, raised.value.stale) == (frozenset({"c1"}), False)
    flagged = delivered(waiting, [made], Placement("7", "500", "9"), WORK, full=True)
    enrollments.record_delivery(flagged)
    assert flagged.anomaly
    assert table.get({"pk": f"ANOMALY#{flagged.anomaly.id}", "sk": "ANOMALY"})
    assert [each.enrolled for each in catalog.courses(["c1"])] == [1]

"""Corrections in the table: every condition of their transaction, and the largest of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lunas.domain.access_claims import AccountLink, NamedLearner, Place
from lunas.domain.catalog import MAX_COURSES
from lunas.domain.corrections import ROOM, Wanted, correct
from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payments import AuditContext, Payment, Status
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.learners import Learners
from lunas.storage.payment_items import payment_item
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.support.builders import LATER, USER, bought, enrollment, paid_by, payment

type Thing = Payment | Enrollment

ACT = AuditContext("admin:a1", LATER, {"requestId": "r9"}, "a slip")
RIGHT = Wanted(email="budi@example.org")
DELIVERED = Delivery(status=DeliveryStatus.DELIVERED, request=3)
OWN = enrollment("c1", delivery=DELIVERED)
SHARED = enrollment("c2", payment_id="pay0", claims=paid_by("pay0", "pay1"), delivery=DELIVERED)
COURSES = ("c1", "c2")
DONE = payment(
    Status.COMPLETED, courses=bought(*COURSES), version=4, gateway=None, undelivered=frozenset()
)
WAITING = replace(DONE, status=Status.APPROVED, undelivered=frozenset({"c2"}))


@pytest.fixture
def write(table: Table) -> Callable[[Thing], None]:
    """Write an item without its conditions."""

    def written(thing: Thing) -> None:
        item = payment_item(thing) if isinstance(thing, Payment) else enrollment_item(thing)
        assert table.put(item, "attribute_exists(#pk) OR attribute_not_exists(#pk)")

    return written


@pytest.fixture
def corrections(table: Table, write: Callable[[Thing], None]) -> Payments:
    for each in (DONE, OWN, SHARED):
        write(each)
    return Payments(table)


@pytest.mark.parametrize("before", [DONE, WAITING], ids=["completed", "waiting"])
def test_a_correction_is_written_whole(
    corrections: Payments,
    payments: Payments,
    enrollments: Enrollments,
    write: Callable[[Thing], None],
    before: Payment,
    table: Table,
) -> None:
    write(before)
    plan = correct(before, RIGHT, ACT, [OWN, SHARED])
    corrections.record_correction(plan, Learners(table).link_of(USER))
    assert payments.get("pay1") == plan.after == corrections.get("pay1")
    assert payments.read("pay1")[1][1:] == [plan.event]
    for each in plan.redeliveries:
        assert enrollments.get(each.after.id) == each.after != each.before
    link = Learners(table).link_of(USER)
    assert link == AccountLink(None, frozenset(), 1, NamedLearner(plan.after.learner, "pay1"))


def test_the_linked_account_becomes_a_former_one_and_the_link_is_empty(
    corrections: Payments, table: Table
) -> None:
    Learners(table).link(USER, "7")
    plan = correct(DONE, RIGHT, ACT, [])
    corrections.record_correction(plan, Learners(table).link_of(USER))
    link = Learners(table).link_of(USER)
    assert link == AccountLink(None, frozenset({"7"}), 2, NamedLearner(plan.after.learner, "pay1"))


def test_a_name_alone_keeps_the_account(corrections: Payments, table: Table) -> None:
    Learners(table).link(USER, "7")
    plan = correct(DONE, Wanted(name="Budi Hartono"), ACT, [])
    corrections.record_correction(plan, Learners(table).link_of(USER))
    link = Learners(table).link_of(USER)
    assert link == AccountLink("7", frozenset(), 2)


def test_a_later_name_changes_the_corrected_learner_only_from_the_same_payment(
    corrections: Payments, write: Callable[[Thing], None], table: Table
) -> None:
    first = correct(DONE, RIGHT, ACT, [])
    corrections.record_correction(first, Learners(table).link_of(USER))
    other = replace(DONE, id="pay2")
    write(other)
    for before in (other, first.after):
        plan = correct(before, Wanted(name="Budi Hartono"), ACT, [])
        corrections.record_correction(plan, Learners(table).link_of(USER))
        link = Learners(table).link_of(USER)
        expected = plan.after if before is first.after else first.after
        assert link.named == NamedLearner(expected.learner, "pay1")


CONCURRENT: dict[str, tuple[Payment, Thing]] = {
    "another version": (DONE, replace(DONE, version=5)),
    "another state": (DONE, replace(DONE, status=Status.REFUNDED)),
    "an undelivered course": (DONE, replace(DONE, undelivered=frozenset({"c1"}))),
    "another version of a waiting one": (WAITING, replace(WAITING, version=5)),
    "another state of a waiting one": (WAITING, replace(WAITING, status=Status.COMPLETED)),
    "a delivery of a waiting one": (WAITING, replace(WAITING, undelivered=frozenset())),
    "a refund": (DONE, replace(OWN, status=EnrollmentStatus.NOT_ENROLLED)),
    "another payer": (DONE, replace(OWN, payment_id="pay9")),
    "another request": (DONE, replace(OWN, delivery=replace(DELIVERED, request=4))),
    "a claim": (DONE, replace(OWN, claims=paid_by("pay1", "pay9"))),
    "a refund of a shared one": (DONE, replace(SHARED, status=EnrollmentStatus.NOT_ENROLLED)),
    "another payer of a shared one": (DONE, replace(SHARED, payment_id="pay1")),
    "another request of a shared one": (
        DONE,
        replace(SHARED, delivery=replace(DELIVERED, request=4)),
    ),
    "fewer claims": (DONE, replace(SHARED, claims={})),
}


@pytest.mark.parametrize(("read", "concurrent"), CONCURRENT.values(), ids=CONCURRENT)
def test_a_concurrent_change_stops_the_whole_correction(
    corrections: Payments,
    enrollments: Enrollments,
    write: Callable[[Thing], None],
    read: Payment,
    concurrent: Thing,
    table: Table,
) -> None:
    write(read)
    link = Learners(table).link_of(USER)
    write(concurrent)
    was = [corrections.get("pay1"), enrollments.get(OWN.id), enrollments.get(SHARED.id)]
    with pytest.raises(ConcurrentUpdate):
        corrections.record_correction(correct(read, RIGHT, ACT, [OWN, SHARED]), link)
    assert [corrections.get("pay1"), enrollments.get(OWN.id), enrollments.get(SHARED.id)] == was
    assert len(corrections.read("pay1")[1]) == 1
    assert Learners(table).link_of(USER) == AccountLink()


@pytest.mark.parametrize("linked_before", [False, True])
def test_a_concurrent_link_stops_the_whole_correction(
    corrections: Payments, payments: Payments, table: Table, linked_before: bool
) -> None:
    learners = Learners(table)
    if linked_before:
        learners.link(USER, "7")
    read = Learners(table).link_of(USER)
    learners.link(USER, "8", read)
    was = Learners(table).link_of(USER)
    with pytest.raises(ConcurrentUpdate):
        corrections.record_correction(correct(DONE, RIGHT, ACT, []), read)
    assert Learners(table).link_of(USER) == was
    assert payments.get("pay1") == DONE


def test_claims_on_an_account_are_read_from_all_its_courses(table: Table) -> None:
    claims = Learners(table)
    for account, course, each in [
        ("7", "1", OWN),
        ("7", "2", SHARED),
        ("8", "1", enrollment("c3")),
    ]:
        claims.claim(Place(account, course), each.id, None)
    found_there = Learners(table).of_account("7").values()
    assert {found for each in found_there for found in each.enrollment_ids} == {OWN.id, SHARED.id}


def test_the_largest_correction_is_one_transaction(
    corrections: Payments, enrollments: Enrollments, write: Callable[[Thing], None], table: Table
) -> None:
    names = [f"c{number:02d}" for number in range(ROOM)]
    owned = [enrollment(name) for name in names]
    for each in owned:
        write(each)
    large = replace(DONE, courses=bought(*names[:MAX_COURSES]))
    write(large)
    plan = correct(large, RIGHT, ACT, owned)
    corrections.record_correction(plan, Learners(table).link_of(USER))
    found = enrollments.get_many([each.id for each in owned])
    assert {each.delivery.request for each in found} == {2}

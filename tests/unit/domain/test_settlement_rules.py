"""What the transaction of a settlement writes."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.anomalies import AnomalyKind
from lunas.domain.catalog import MAX_COURSES
from lunas.domain.enrollments import Delivery, DeliveryStatus, EnrollmentStatus, enrollment_id
from lunas.domain.errors import WrongState
from lunas.domain.payments import BoughtCourse, Status, Step
from lunas.domain.settlement import ROOM, Settlement, close, settle
from tests.support.builders import (
    ADMIN_CONTEXT,
    GATEWAY_CONTEXT,
    LATER,
    NOW,
    USER,
    bought,
    owning,
    payment,
)

COURSES = [f"c{number}" for number in range(MAX_COURSES)]
COUNTED_AT_ONCE = ROOM // 2
"""New courses whose counters fit into the transaction, when none is owned."""


def actions(plan: Settlement) -> int:
    """Count the actions: payment, events, enrollments, counters, claims, anomaly, callback."""
    counters = sum(
        each.counted and each.course_id not in plan.still_counted for each in plan.enrollments
    )
    courses = len(plan.enrollments) + counters + len(plan.after.overlap)
    return 1 + len(plan.history) + courses + (plan.anomaly is not None) + 1


def test_every_course_gets_an_enrollment_with_a_pending_delivery() -> None:
    plan = settle(payment(courses=bought("c1", "c2")), Step.CONFIRM, GATEWAY_CONTEXT, {})
    assert [each.course_id for each in plan.enrollments] == ["c1", "c2"]
    for each in plan.enrollments:
        assert each.status is EnrollmentStatus.ENROLLED
        assert each.delivery.status is DeliveryStatus.PENDING
        assert (each.id, each.payment_id) == (enrollment_id(USER, each.course_id), "pay1")
        assert each.course_name == f"Course {each.course_id}"
    assert plan.after.undelivered == {"c1", "c2"}
    assert plan.anomaly is None


def test_an_enrollment_begins_when_its_payment_was_approved_despite_the_clock() -> None:
    before = payment(updated_at=LATER, access_days=1)
    plan = settle(before, Step.CONFIRM, replace(GATEWAY_CONTEXT, at=NOW), {})
    (made,) = plan.enrollments
    assert made.created_at == plan.after.approved_at == LATER
    assert made.expires_at == LATER + timedelta(days=1)


def test_an_enrollment_carries_the_correlation_id_of_its_payment() -> None:
    plan = settle(payment(correlation_id="r9"), Step.CONFIRM, GATEWAY_CONTEXT, {})
    assert plan.enrollments[0].correlation_id == "r9"


def test_owned_courses_are_unchanged_and_recorded_as_overlap() -> None:
    plan = settle(payment(courses=bought("c1", "c2")), Step.CONFIRM, GATEWAY_CONTEXT, owning("c1"))
    assert [each.course_id for each in plan.enrollments] == ["c2"]
    assert plan.after.overlap == ("c1",)
    assert plan.after.undelivered == {"c2"}
    assert plan.after.status is Status.APPROVED


def test_an_owned_course_that_was_not_bought_is_no_overlap() -> None:
    plan = settle(payment(courses=bought("c1")), Step.CONFIRM, GATEWAY_CONTEXT, owning("c7"))
    assert plan.after.overlap == ()


@pytest.mark.parametrize(("step", "source"), [("CONFIRM", "PENDING"), ("APPROVE", "PAID")])
def test_money_for_owned_courses_completes_and_leaves_an_anomaly(step: str, source: str) -> None:
    before = payment(Status(source), courses=bought("c1", "c2"))
    plan = settle(before, Step(step), GATEWAY_CONTEXT, owning("c1", "c2"))
    assert plan.after.status is Status.COMPLETED
    assert plan.after.completed_at == LATER
    assert (plan.enrollments, plan.after.undelivered) == ((), frozenset())
    assert plan.anomaly is not None
    assert plan.anomaly.kind is AnomalyKind.PAID_TWICE
    assert plan.anomaly.payment_id == "pay1"
    assert [each.version for each in plan.history] == list(range(2, 2 + len(plan.history)))


@given(st.integers(1, MAX_COURSES), st.sets(st.sampled_from(COURSES)), st.booleans())
def test_a_settlement_never_needs_more_than_a_hundred_actions(
    size: int, owned: set[str], confirmed: bool
) -> None:
    step, status = (Step.CONFIRM, Status.PENDING) if confirmed else (Step.APPROVE, Status.PAID)
    bundle = payment(status, courses=bought(*COURSES[:size]))
    full = set(COURSES[:size]) - owned
    assert actions(settle(bundle, step, GATEWAY_CONTEXT, owning(*owned), full)) <= 100


@given(st.integers(1, MAX_COURSES), st.sets(st.sampled_from(COURSES)))
def test_new_courses_and_overlap_together_are_what_was_bought(size: int, owned: set[str]) -> None:
    plan = settle(
        payment(courses=bought(*COURSES[:size])), Step.CONFIRM, GATEWAY_CONTEXT, owning(*owned)
    )
    new = [each.course_id for each in plan.enrollments]
    assert sorted([*new, *plan.after.overlap]) == sorted(COURSES[:size])
    assert plan.after.undelivered == set(new)


@pytest.mark.parametrize(
    ("size", "counted"), [(COUNTED_AT_ONCE, True), (COUNTED_AT_ONCE + 1, False)]
)
def test_courses_are_counted_at_once_only_while_their_counters_fit(
    size: int, counted: bool
) -> None:
    plan = settle(payment(courses=bought(*COURSES[:size])), Step.CONFIRM, GATEWAY_CONTEXT, {})
    assert {each.counted for each in plan.enrollments} == {counted}


def test_confirmed_money_for_a_full_course_is_settled_and_flagged() -> None:
    plan = settle(payment(), Step.CONFIRM, GATEWAY_CONTEXT, {}, {"c1"})
    assert [each.course_id for each in plan.enrollments] == ["c1"]
    assert plan.anomaly
    assert plan.anomaly.kind is AnomalyKind.OVERBOOKED
    assert plan.anomaly.evidence["courses"] == "c1"


def test_an_admin_who_overbooks_needs_no_flag() -> None:
    plan = settle(payment(Status.PAID), Step.APPROVE, ADMIN_CONTEXT, {}, {"c1"})
    assert plan.enrollments
    assert plan.anomaly is None


@pytest.mark.parametrize(("new", "counted"), [(30, True), (31, False)])
def test_owned_courses_take_room_from_the_counters_of_the_others(new: int, counted: bool) -> None:
    courses = COURSES[: new + ROOM - 60]
    plan = settle(
        payment(courses=bought(*courses)), Step.CONFIRM, GATEWAY_CONTEXT, owning(*courses[new:])
    )
    assert len(plan.enrollments) == new
    assert {each.counted for each in plan.enrollments} == {counted}


@pytest.mark.parametrize("size", [2, MAX_COURSES])
def test_a_course_that_is_not_revoked_yet_stays_counted(size: int) -> None:
    plan = settle(
        payment(courses=bought(*COURSES[:size])),
        Step.CONFIRM,
        GATEWAY_CONTEXT,
        {},
        still_counted={"c1", "x"},
    )
    assert plan.still_counted == {"c1"}
    assert [each.counted for each in plan.enrollments if each.course_id == "c1"] == [True]


def test_a_settled_payment_cannot_be_settled_again() -> None:
    with pytest.raises(WrongState):
        settle(payment(Status.APPROVED), Step.CONFIRM, GATEWAY_CONTEXT, {})


@pytest.mark.parametrize(
    ("step", "source", "target"),
    [
        ("FAIL", "PENDING", "FAILED"),
        ("EXPIRE", "PENDING", "EXPIRED"),
        ("REJECT", "PAID", "REJECTED"),
    ],
)
def test_closing_ends_a_payment_without_enrollments(step: str, source: str, target: str) -> None:
    plan = close(payment(Status(source)), Step(step), ADMIN_CONTEXT)
    assert plan.after.status is Status(target)
    assert (plan.enrollments, plan.anomaly, len(plan.history)) == ((), None, 1)


def test_closing_a_settled_payment_is_refused() -> None:
    with pytest.raises(WrongState):
        close(payment(Status.COMPLETED), Step.FAIL, ADMIN_CONTEXT)


@pytest.mark.parametrize(("step", "source"), [("CONFIRM", "PENDING"), ("APPROVE", "PAID")])
def test_the_evidence_names_courses_owned_before(step: str, source: str) -> None:
    before = payment(Status(source), courses=bought("c1", "c2", "c3"))
    plan = settle(before, Step(step), GATEWAY_CONTEXT, owning("c3", "c1"))
    for event in plan.history:
        assert event.evidence
        assert (event.evidence["owned"], event.evidence["statusCode"]) == ("c1,c3", "00")


def test_owned_courses_are_evidence_even_without_any_other() -> None:
    action = replace(GATEWAY_CONTEXT, evidence=None)
    before = payment(courses=bought("c1", "c2"))
    plan = settle(before, Step.CONFIRM, action, owning("c1"))
    assert {tuple((event.evidence or {}).items()) for event in plan.history} == {(("owned", "c1"),)}


def test_without_owned_courses_the_evidence_is_unchanged() -> None:
    plan = settle(payment(), Step.CONFIRM, GATEWAY_CONTEXT, owning("c7"))
    assert {tuple(event.evidence or {}) for event in plan.history} == {("statusCode",)}


def test_an_enrollment_carries_the_mapping_under_which_it_was_bought() -> None:
    courses = (BoughtCourse("c1", "One", "4711"), BoughtCourse("c2", "Two"))
    plan = settle(payment(courses=courses), Step.CONFIRM, GATEWAY_CONTEXT, {})
    assert [each.platform_course_id for each in plan.enrollments] == ["4711", None]


DAYS_30, DAYS_90 = LATER + timedelta(days=30), LATER + timedelta(days=90)


@pytest.mark.parametrize(
    ("had", "days", "end"),
    [(DAYS_30, None, None), (DAYS_30, 90, DAYS_90), (NOW + timedelta(days=1), 30, DAYS_30)],
)
def test_longer_access_to_an_owned_course_is_recorded_and_delivered(
    had: datetime, days: int | None, end: datetime | None
) -> None:
    owned = owning("c1", expires_at=had, delivery=Delivery(status=DeliveryStatus.DELIVERED))
    plan = settle(payment(access_days=days), Step.CONFIRM, GATEWAY_CONTEXT, owned)
    (overlap,) = plan.overlaps
    assert overlap.before == owned["c1"]
    assert overlap.after.claims == {"pay0": had, "pay1": end}
    assert (overlap.after.expires_at, overlap.after.payment_id) == (end, "pay0")
    assert (overlap.after.delivery.status, overlap.after.delivery.request) == ("PENDING", 2)
    assert (plan.after.status, set(plan.after.undelivered)) == (Status.APPROVED, {"c1"})
    assert (plan.after.overlap, plan.anomaly) == (("c1",), None)


@pytest.mark.parametrize(("had", "days"), [(None, None), (None, 30), (DAYS_90, 30), (DAYS_30, 30)])
def test_access_that_already_lasts_as_long_is_unchanged_and_claimed(
    had: datetime | None, days: int | None
) -> None:
    owned = owning("c1", expires_at=had, delivery=Delivery(status=DeliveryStatus.DELIVERED))
    plan = settle(payment(access_days=days), Step.CONFIRM, GATEWAY_CONTEXT, owned)
    (overlap,) = plan.overlaps
    assert set(overlap.after.claims) == {"pay0", "pay1"}
    assert overlap.after.expires_at == had
    assert overlap.after.delivery == owned["c1"].delivery
    assert plan.after.status is Status.COMPLETED
    assert plan.anomaly
    assert plan.anomaly.kind is AnomalyKind.PAID_TWICE

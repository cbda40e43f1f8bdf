"""What a refund takes back, and what it must leave."""

from dataclasses import replace

import pytest

from lunas.rules.enrollments import Delivery, DeliveryStatus, EnrollmentStatus
from lunas.rules.errors import WrongState
from lunas.rules.payments import Act, Payment, Status
from lunas.rules.refund import refund
from lunas.rules.timetable import OVERDUE
from tests.unit.builders import LATER, bought, enrollment, payment

ACT = Act("admin:a1", LATER, {"requestId": "r9"}, "cancelled")
DELIVERED = Delivery(
    status=DeliveryStatus.DELIVERED, request=1, thinkific_user_id=7, thinkific_enrollment_id=500
)


def settled(*courses: str, status: Status = Status.COMPLETED) -> Payment:
    return payment(status, courses=bought(*courses), version=4, check_at=LATER)


def test_what_the_payment_alone_had_brought_is_revoked() -> None:
    done = refund(settled("c1"), ACT, [enrollment("c1", delivery=DELIVERED)])
    (taking,) = done.takings
    assert taking.after.status is EnrollmentStatus.NOT_ENROLLED
    assert taking.after.delivery == replace(
        DELIVERED, status=DeliveryStatus.PENDING, request=2, due_at=LATER + OVERDUE
    )
    assert done.revoked == ("c1",)


@pytest.mark.parametrize("status", [Status.APPROVED, Status.COMPLETED])
def test_the_history_tells_who_refunded_why_and_what_was_lost(status: Status) -> None:
    rows = [enrollment("c2", also_paid_by=frozenset({"pay2"})), enrollment("c1")]
    done = refund(settled("c1", "c2", status=status), ACT, rows)
    (event,) = done.history
    assert (event.actor, event.source, event.target) == ("admin:a1", status, Status.REFUNDED)
    assert event.reason == "cancelled"
    assert event.evidence == {"requestId": "r9", "revoked": "c1", "kept": "c2"}
    assert (done.after.status, done.after.version) == (Status.REFUNDED, 5)
    assert (done.after.reason, done.after.check_at) == ("cancelled", None)


def test_a_course_that_another_payment_paid_as_well_is_handed_over() -> None:
    shared = enrollment("c1", also_paid_by=frozenset({"pay3", "pay2"}), delivery=DELIVERED)
    (taking,) = refund(settled("c1"), ACT, [shared]).takings
    assert taking.after.status is EnrollmentStatus.ENROLLED
    assert taking.after.payment_id == "pay2"
    assert taking.after.also_paid_by == {"pay3"}
    assert taking.after.delivery == DELIVERED


def test_a_course_that_is_handed_over_before_its_delivery_is_asked_for_anew() -> None:
    shared = enrollment("c1", also_paid_by=frozenset({"pay2"}))
    (taking,) = refund(settled("c1"), ACT, [shared]).takings
    assert (taking.after.delivery.status, taking.after.delivery.request) == ("PENDING", 2)


def test_a_payment_that_brought_nothing_new_only_loses_its_claim() -> None:
    others = enrollment("c1", payment_id="pay0", also_paid_by=frozenset({"pay1", "pay2"}))
    (taking,) = refund(settled("c1"), ACT, [others]).takings
    assert taking.after == replace(others, also_paid_by=frozenset({"pay2"}), updated_at=LATER)


@pytest.mark.parametrize(
    "others",
    [
        enrollment("c1", payment_id="pay2"),
        enrollment("c1", status=EnrollmentStatus.NOT_ENROLLED),
        enrollment("c1", payment_id="pay2", status=EnrollmentStatus.NOT_ENROLLED),
    ],
    ids=["of another payment", "lost already", "of another payment and lost"],
)
def test_what_does_not_come_from_the_payment_is_not_touched(others: object) -> None:
    assert isinstance(others, type(enrollment()))
    assert refund(settled("c1"), ACT, [others]).takings == ()


@pytest.mark.parametrize("status", set(Status) - {Status.APPROVED, Status.COMPLETED})
def test_only_a_settled_payment_can_be_refunded(status: Status) -> None:
    with pytest.raises(WrongState):
        refund(settled("c1", status=status), ACT, [])

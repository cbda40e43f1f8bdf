"""Which enrollments a refund revokes, and which it keeps."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import WrongState
from lunas.domain.payments import AuditContext, Payment, Status
from lunas.domain.refunds import refund
from lunas.domain.schedule import OVERDUE
from tests.support.builders import LATER, bought, enrollment, paid_by, payment

ACT = AuditContext("admin:a1", LATER, {"requestId": "r9"}, "cancelled")
DELIVERED = Delivery(
    status=DeliveryStatus.DELIVERED, request=1, platform_user_id="7", platform_enrollment_id="500"
)


def settled(*courses: str, status: Status = Status.COMPLETED) -> Payment:
    return payment(status, courses=bought(*courses), version=4, check_at=LATER)


def test_a_course_paid_by_this_payment_alone_is_revoked() -> None:
    done = refund(settled("c1"), ACT, [enrollment("c1", delivery=DELIVERED)])
    (taking,) = done.takings
    assert taking.after.status is EnrollmentStatus.NOT_ENROLLED
    assert taking.after.delivery == replace(
        DELIVERED, status=DeliveryStatus.PENDING, request=2, due_at=LATER + OVERDUE
    )
    assert done.revoked == ("c1",)


@pytest.mark.parametrize("status", [Status.APPROVED, Status.COMPLETED])
def test_the_history_shows_who_refunded_why_and_what_was_revoked(status: Status) -> None:
    enrollments = [enrollment("c2", claims=paid_by("pay1", "pay2")), enrollment("c1")]
    done = refund(settled("c1", "c2", status=status), ACT, enrollments)
    (event,) = done.history
    assert (event.actor, event.source, event.target) == ("admin:a1", status, Status.REFUNDED)
    assert event.reason == "cancelled"
    assert event.evidence == {"requestId": "r9", "revoked": "c1", "kept": "c2"}
    assert done.revoked == ("c1",)
    assert (done.after.status, done.after.version) == (Status.REFUNDED, 5)
    assert (done.after.reason, done.after.check_at) == ("cancelled", None)


def test_a_revoked_course_is_not_named_as_shortened() -> None:
    ending_course = enrollment("c1", expires_at=LATER)
    (event,) = refund(settled("c1"), AuditContext("admin:a1", LATER), [ending_course]).history
    assert event.evidence == {"revoked": "c1"}


def test_a_course_also_paid_by_another_payment_passes_to_it() -> None:
    shared = enrollment("c1", claims=paid_by("pay1", "pay3", "pay2"), delivery=DELIVERED)
    (taking,) = refund(settled("c1"), ACT, [shared]).takings
    assert taking.after.status is EnrollmentStatus.ENROLLED
    assert taking.after.payment_id == "pay2"
    assert taking.after.claims == paid_by("pay2", "pay3")
    assert taking.after.delivery == DELIVERED


def test_a_course_that_passes_on_before_its_delivery_is_requested_again() -> None:
    shared = enrollment("c1", claims=paid_by("pay1", "pay2"))
    (taking,) = refund(settled("c1"), ACT, [shared]).takings
    assert (taking.after.delivery.status, taking.after.delivery.request) == ("PENDING", 2)


def test_a_payment_without_new_courses_only_loses_its_claim() -> None:
    others = enrollment("c1", payment_id="pay0", claims=paid_by("pay0", "pay1", "pay2"))
    (taking,) = refund(settled("c1"), ACT, [others]).takings
    assert taking.after == replace(others, claims=paid_by("pay0", "pay2"), updated_at=LATER)


@pytest.mark.parametrize(
    "others",
    [
        enrollment("c1", payment_id="pay2"),
        enrollment("c1", status=EnrollmentStatus.NOT_ENROLLED),
        enrollment("c1", payment_id="pay2", status=EnrollmentStatus.NOT_ENROLLED),
    ],
    ids=["of another payment", "lost already", "of another payment and lost"],
)
def test_enrollments_of_other_payments_are_not_changed(others: object) -> None:
    assert isinstance(others, type(enrollment()))
    assert refund(settled("c1"), ACT, [others]).takings == ()


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.APPROVED, Status.COMPLETED}))
def test_only_a_settled_payment_can_be_refunded(status: Status) -> None:
    with pytest.raises(WrongState):
        refund(settled("c1", status=status), ACT, [])


SOON, LATE = LATER + timedelta(days=30), LATER + timedelta(days=90)


def ending(*ends: datetime | None, payment_id: str = "pay1") -> Enrollment:
    """Build a course that pay1, pay2 and so on have paid for until these times."""
    claims = {f"pay{number}": end for number, end in enumerate(ends, start=1)}
    return enrollment(
        "c1",
        payment_id=payment_id,
        claims=claims,
        expires_at=None if None in ends else max(end for end in ends if end),
        delivery=DELIVERED,
    )


@pytest.mark.parametrize(
    ("before", "left"),
    [
        (ending(None, SOON), SOON),
        (ending(LATE, SOON), SOON),
        (ending(LATE, SOON, LATER), SOON),
        (ending(None, LATE, SOON, payment_id="pay2"), LATE),
    ],
    ids=["endless and days", "of two", "of three", "of another payment"],
)
def test_without_the_longest_claim_the_next_one_counts_and_is_delivered(
    before: Enrollment, left: datetime
) -> None:
    done = refund(settled("c1"), ACT, [before])
    (taking,) = done.takings
    assert (taking.after.status, taking.after.expires_at) == (EnrollmentStatus.ENROLLED, left)
    assert (taking.after.delivery.status, taking.after.delivery.request) == ("PENDING", 2)
    assert "pay1" not in taking.after.paid_by
    assert (done.history[0].evidence or {})["shortened"] == "c1"


@pytest.mark.parametrize(
    "before",
    [ending(SOON, None), ending(SOON, LATE), ending(None, None), ending(LATE, LATE, SOON)],
    ids=["endless", "longer", "both endless", "both as long"],
)
def test_without_a_shorter_claim_access_is_unchanged(before: Enrollment) -> None:
    done = refund(settled("c1"), ACT, [before])
    (taking,) = done.takings
    assert (taking.after.expires_at, taking.after.delivery) == (before.expires_at, DELIVERED)
    assert "shortened" not in (done.history[0].evidence or {})


def test_the_remaining_access_may_have_ended() -> None:
    (taking,) = refund(settled("c1"), ACT, [ending(None, LATER - timedelta(days=1))]).takings
    assert taking.after.status is EnrollmentStatus.ENROLLED
    assert taking.after.expires_at == LATER - timedelta(days=1)
    assert taking.after.delivery.status is DeliveryStatus.PENDING

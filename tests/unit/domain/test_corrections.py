"""What a correction of the learner changes, and which enrollments it delivers again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.corrections import ROOM, Correction, Wanted, correct
from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import WrongState
from lunas.domain.payments import AuditContext, Payment, Status
from lunas.domain.users import LONGEST_NAME, Learner
from tests.support.builders import EMAIL, LATER, bought, enrollment, paid_by, payment

ACT = AuditContext("admin:a1", LATER, {"requestId": "r9"}, "a slip")
RIGHT = "budi@example.org"
DELIVERED = Delivery(status=DeliveryStatus.DELIVERED, request=3)
FAILED = Delivery(status=DeliveryStatus.FAILED, request=2, last_error="no")
OWN = enrollment("c1", delivery=DELIVERED)
SHARED = enrollment("c2", payment_id="pay0", claims=paid_by("pay0", "pay1"), delivery=DELIVERED)
OTHERS = enrollment("c3", payment_id="pay0", delivery=DELIVERED)
GONE = enrollment("c4", status=EnrollmentStatus.NOT_ENROLLED, delivery=DELIVERED)


def settled(status: Status = Status.COMPLETED, **changes: object) -> Payment:
    return payment(status, courses=bought("c1", "c2", "c4"), version=4, **changes)


def again(plan: Correction) -> list[str]:
    return [each.after.course_id for each in plan.redeliveries]


def test_a_new_address_delivers_all_of_the_learners_courses_again_the_payments_own_first() -> None:
    plan = correct(settled(), Wanted(email=RIGHT), ACT, [OTHERS, GONE, SHARED, OWN])
    assert again(plan) == ["c2", "c1", "c3"]
    assert plan.moves
    for each in plan.redeliveries:
        asked, before = each.after.delivery, each.before.delivery
        assert (asked.status, asked.request) == (DeliveryStatus.PENDING, before.request + 1)
        assert each.after.updated_at == LATER


def test_a_new_name_delivers_only_the_failed_courses_of_the_payment_again() -> None:
    failed = replace(OWN, delivery=FAILED)
    others = replace(OTHERS, delivery=FAILED)
    plan = correct(settled(), Wanted(name="Budi Hartono"), ACT, [failed, SHARED, others])
    assert (again(plan), plan.moves) == (["c1"], False)


@pytest.mark.parametrize(
    ("wanted", "learner"),
    [
        (Wanted(email=RIGHT), Learner("Budi", "Santoso", RIGHT)),
        (Wanted(name="Budi Hartono"), Learner("Budi", "Hartono", EMAIL)),
        (Wanted(name="Hartono", email=RIGHT), Learner("Hartono", "Hartono", RIGHT)),
        (
            Wanted(name=f"{'b' * 150} {'s' * 150}"),
            Learner("b" * LONGEST_NAME, "s" * LONGEST_NAME, EMAIL),
        ),
    ],
)
def test_values_that_are_not_corrected_stay(wanted: Wanted, learner: Learner) -> None:
    assert correct(settled(), wanted, ACT, []).after.learner == learner


def test_the_event_names_the_learner_before_and_after_and_keeps_its_evidence() -> None:
    before = settled(learner=Learner("Budi", "Budi", EMAIL))
    plan = correct(before, Wanted(name="Budi Hartono", email=RIGHT), ACT, [])
    assert plan.event.evidence == {
        "requestId": "r9",
        "learnerBefore": f"Budi <{EMAIL}>",
        "learnerAfter": f"Budi Hartono <{RIGHT}>",
    }
    assert (plan.event.source, plan.event.target) == (Status.COMPLETED, Status.COMPLETED)
    assert (plan.before, plan.after.version) == (before, before.version + 1)


def test_a_correction_needs_no_evidence() -> None:
    plan = correct(settled(), Wanted(email=RIGHT), AuditContext("admin:a1", LATER), [])
    assert sorted(plan.event.evidence or {}) == ["learnerAfter", "learnerBefore"]


def test_a_refunded_payment_has_no_learner_to_correct() -> None:
    with pytest.raises(WrongState):
        correct(settled(Status.REFUNDED), Wanted(email=RIGHT), ACT, [])


def test_an_approved_payment_waits_for_its_own_courses_that_are_delivered_again() -> None:
    waiting = settled(Status.APPROVED, undelivered=frozenset({"c9"}))
    plan = correct(waiting, Wanted(email=RIGHT), ACT, [OWN, OTHERS])
    assert plan.after.undelivered == {"c1", "c9"}


def test_a_completed_payment_stays_completed() -> None:
    assert correct(settled(), Wanted(email=RIGHT), ACT, [OWN]).after.undelivered == frozenset()


def many(number: int, **changes: object) -> Sequence[Enrollment]:
    return [enrollment(f"{each:03d}", **changes) for each in range(number)]


def test_the_payments_own_courses_are_first_in_a_full_transaction() -> None:
    later = LATER + timedelta(days=1)
    others = many(ROOM, payment_id="pay0", updated_at=later)
    plan = correct(settled(), Wanted(email=RIGHT), ACT, [*others, OWN])
    assert len(plan.redeliveries) == ROOM
    assert again(plan)[0] == "c1"

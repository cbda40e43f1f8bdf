"""Invariants: a healthy payment shows no difference, each fault shows its code."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lunas.domain.differences import Code
from lunas.domain.enrollments import Delivery, DeliveryStatus, EnrollmentStatus
from lunas.domain.history_invariants import AHEAD
from lunas.domain.invariants import differences, is_only_incomplete, orphans
from lunas.domain.payments import Method, Status, Step
from lunas.domain.schedule import LATE_CHECKS
from tests.support.builders import LATER, NOW, bought, enrollment, paid_by
from tests.support.lifecycles import Life, handed_in, ordered

type Break = Callable[[Life], Life]

DELIVERED = Delivery(status=DeliveryStatus.DELIVERED, platform_enrollment_id="500")
OTHERS = enrollment("c1", payment_id="pay0", delivery=Delivery(due_at=LATER))
CLAIMED = replace(OTHERS, claims=paid_by("pay0", "pay1"))
AFTER_ALL = NOW + timedelta(days=30)

WAITS = ordered("c1", "c2").settled()
HALF = WAITS.delivered("c1")
DONE = WAITS.delivered("c1", "c2")
FOR_ADMIN = handed_in("c1")
FOR_A_DAY = ordered("c1", access_days=1).settled().delivered("c1")
DAY_OVER = FOR_A_DAY.enrollments[0].expires_at
assert DAY_OVER
AGAIN = replace(OTHERS, created_at=DAY_OVER)
TWICE_FOR_A_DAY = ordered("c1", access_days=1).settled("c1")
SHORT = replace(OTHERS, expires_at=LATER, delivery=DELIVERED)
LENGTHENED = ordered("c1").lengthening(SHORT)


def codes(life: Life) -> set[Code]:
    found = differences(life.payment, life.history, life.enrollments, AFTER_ALL)
    return {each.code for each in found}


HEALTHY = {
    "open": ordered(),
    "failed": ordered().ended(Step.FAIL),
    "expired": ordered().ended(Step.EXPIRE),
    "late success": ordered().ended(Step.EXPIRE).settled().delivered("c1"),
    "waiting": WAITS,
    "half delivered": HALF,
    "completed": DONE,
    "delivered again": DONE.asked_again(),
    "delivered again while waiting": HALF.asked_again(),
    "refunded while waiting": WAITS.refunded(),
    "refunded when completed": DONE.refunded(),
    "refunded and revoked": DONE.refunded().revoked(),
    "refunded, its revocation dead-lettered": replace(
        DONE.refunded(),
        enrollments=tuple(
            replace(each, delivery=Delivery(status=DeliveryStatus.FAILED))
            for each in DONE.refunded().enrollments
        ),
    ),
    "refunded, also paid by another": ordered("c1").settled("c1").with_others(CLAIMED).refunded(),
    "refunded, and handed over to another": replace(
        ordered("c1").settled(),
        enrollments=tuple(
            replace(each, claims=paid_by("pay0", "pay1"))
            for each in ordered("c1").settled().enrollments
        ),
    ).refunded(),
    "handed in": FOR_ADMIN,
    "rejected": FOR_ADMIN.ended(Step.REJECT, "admin:a1"),
    "approved": FOR_ADMIN.approved(),
    "approved, completed": FOR_ADMIN.approved().delivered("c1"),
    "approved, refunded": FOR_ADMIN.approved().refunded(),
    "one course owned before": ordered("c1", "c2").settled("c1").with_others(CLAIMED),
    "the new one delivered": ordered("c1", "c2").settled("c1").delivered("c2").with_others(CLAIMED),
    "nothing new": ordered("c1").settled("c1").with_others(CLAIMED),
    "handed over by a refund": ordered("c1")
    .settled("c1")
    .with_others(replace(CLAIMED, payment_id="pay1", claims={})),
    "handed over by a refund, for a day": TWICE_FOR_A_DAY.with_others(
        replace(OTHERS, payment_id="pay1", expires_at=DAY_OVER)
    ),
    "open, the course owned by another": ordered("c1").with_others(OTHERS),
    "rejected, bought again": FOR_ADMIN.ended(Step.REJECT, "admin:a1").with_others(OTHERS),
    "refunded, bought again": ordered("c1").settled().refunded().with_others(OTHERS),
    "for a day": FOR_A_DAY,
    "for a day, and bought again afterwards": replace(FOR_A_DAY, enrollments=(AGAIN,)),
    "for a day, bought again, and that refunded": replace(
        FOR_A_DAY, enrollments=(replace(AGAIN, status=EnrollmentStatus.NOT_ENROLLED),)
    ),
    "overlap for a day, bought again": TWICE_FOR_A_DAY.with_others(AGAIN),
    "lengthened": LENGTHENED,
    "lengthened and delivered": LENGTHENED.delivered("c1"),
    "for a day, and lengthened by another": replace(
        FOR_A_DAY,
        enrollments=(
            replace(
                FOR_A_DAY.enrollments[0], claims={"pay0": None, "pay1": DAY_OVER}, expires_at=None
            ),
        ),
    ),
    "no longer checked": replace(
        ordered().ended(Step.EXPIRE),
        payment=replace(
            ordered().ended(Step.EXPIRE).payment,
            check_at=None,
            gateway_expires_at=AFTER_ALL - LATE_CHECKS[-1],
        ),
    ),
}


@pytest.mark.parametrize("life", HEALTHY.values(), ids=HEALTHY.keys())
def test_a_healthy_payment_shows_no_difference(life: Life) -> None:
    assert differences(life.payment, life.history, life.enrollments, AFTER_ALL) == []


@pytest.mark.parametrize("name", sorted(HEALTHY.keys() - {"no longer checked"}))
def test_a_healthy_payment_shows_no_difference_from_its_last_change_on(name: str) -> None:
    life = HEALTHY[name]
    now = life.payment.updated_at
    assert differences(life.payment, life.history, life.enrollments, now) == []


# ── Faults ───────────────────────────────────────────────────────────────────────────────────────


def with_payment(**changes: Any) -> Break:
    return lambda life: replace(life, payment=replace(life.payment, **changes))


def with_event(number: int, **changes: Any) -> Break:
    """Change the event of this number."""

    def broken(life: Life) -> Life:
        events = [
            replace(each, **changes) if each.version == number else each for each in life.history
        ]
        return replace(life, history=tuple(events))

    return broken


def with_evidence(**changes: str) -> Break:
    """Change the evidence of the approval."""

    def broken(life: Life) -> Life:
        approval = next(each for each in life.history if each.target is Status.APPROVED)
        evidence = {**(approval.evidence or {}), **changes}
        return with_event(approval.version, evidence=evidence)(life)

    return broken


def with_enrollment(**changes: Any) -> Break:
    """Change the first enrollment."""
    return lambda life: replace(
        life, enrollments=(replace(life.enrollments[0], **changes), *life.enrollments[1:])
    )


def with_delivery(**changes: Any) -> Break:
    """Change the delivery of the first enrollment."""

    def broken(life: Life) -> Life:
        delivery = replace(life.enrollments[0].delivery, **changes)
        return with_enrollment(delivery=delivery)(life)

    return broken


def without_event(number: int) -> Break:
    return lambda life: replace(
        life, history=tuple(each for each in life.history if each.version != number)
    )


def also(other: Any) -> Break:
    return lambda life: life.with_others(other)


def first_enrollment_gone(life: Life) -> Life:
    return replace(life, enrollments=life.enrollments[1:])


def no_history(life: Life) -> Life:
    return replace(life, history=())


def last_event_twice(life: Life) -> Life:
    return replace(life, history=(*life.history, life.history[-1]))


def all_delivered(life: Life) -> Life:
    """Mark the enrollments alone as delivered."""
    return replace(
        life, enrollments=tuple(replace(each, delivery=DELIVERED) for each in life.enrollments)
    )


MOMENT = timedelta(milliseconds=1)
EARLIER = NOW - timedelta(minutes=1)
UNDELIVERED_LEFT = with_payment(undelivered=frozenset({"c1"}))

BROKEN: dict[str, tuple[Life, Break, set[Code]]] = {
    # What was bought
    "free of charge": (ordered(), with_payment(amount=0), {Code.AMOUNT_WRONG}),
    "nothing bought": (ordered(), with_payment(courses=()), {Code.COURSES_WRONG}),
    "a course bought twice": (
        ordered(),
        with_payment(courses=bought("c1", "c1")),
        {Code.COURSES_WRONG},
    ),
    "a foreign course awaited": (
        WAITS,
        with_payment(undelivered=frozenset({"c1", "c2", "c9"})),
        {Code.COURSES_WRONG},
    ),
    "a foreign course as overlap": (WAITS, with_payment(overlap=("c9",)), {Code.COURSES_WRONG}),
    "overlap doubled": (
        ordered("c1").settled("c1").with_others(CLAIMED),
        with_payment(overlap=("c1", "c1")),
        {Code.COURSES_WRONG},
    ),
    "awaited before it is paid": (ordered(), UNDELIVERED_LEFT, {Code.COURSES_WRONG}),
    # Enrolled if and only if paid
    "enrolled while open": (
        ordered(),
        also(replace(OTHERS, payment_id="pay1")),
        {Code.ENROLLED_UNPAID},
    ),
    "enrolled after a failure": (
        ordered().ended(Step.FAIL),
        also(replace(OTHERS, payment_id="pay1")),
        {Code.ENROLLED_UNPAID},
    ),
    "enrolled after the expiry": (
        ordered().ended(Step.EXPIRE),
        also(replace(OTHERS, payment_id="pay1")),
        {Code.ENROLLED_UNPAID},
    ),
    "enrolled before the approval": (
        FOR_ADMIN,
        also(replace(OTHERS, payment_id="pay1")),
        {Code.ENROLLED_UNPAID},
    ),
    "enrolled after the rejection": (
        FOR_ADMIN.ended(Step.REJECT, "admin:a1"),
        also(replace(OTHERS, payment_id="pay1")),
        {Code.ENROLLED_UNPAID},
    ),
    "enrolled after the refund": (
        DONE.refunded(),
        with_enrollment(status=EnrollmentStatus.ENROLLED),
        {Code.ENROLLED_UNPAID},
    ),
    "claimed after the refund": (
        ordered("c1").settled().refunded(),
        also(CLAIMED),
        {Code.ENROLLED_UNPAID},
    ),
    "paid without enrollment": (DONE, first_enrollment_gone, {Code.ENROLLMENT_MISSING}),
    "paid, but revoked": (
        DONE,
        with_enrollment(status=EnrollmentStatus.NOT_ENROLLED),
        {Code.ENROLLMENT_MISSING, Code.DELIVERY_DIFFERS},
    ),
    "waiting without enrollment": (WAITS, first_enrollment_gone, {Code.ENROLLMENT_MISSING}),
    "the enrollment of another": (
        DONE,
        with_enrollment(payment_id="pay0"),
        {Code.ENROLLMENT_FOREIGN},
    ),
    "overlap without a claim": (
        ordered("c1").settled("c1").with_others(CLAIMED),
        with_enrollment(claims={}),
        {Code.ENROLLMENT_FOREIGN},
    ),
    "bought again before its access ended": (
        FOR_A_DAY,
        with_enrollment(payment_id="pay0", created_at=DAY_OVER - MOMENT),
        {Code.ENROLLMENT_FOREIGN},
    ),
    "its own, revoked after its access ended": (
        FOR_A_DAY,
        with_enrollment(status=EnrollmentStatus.NOT_ENROLLED, created_at=DAY_OVER),
        {Code.ENROLLMENT_MISSING, Code.DELIVERY_DIFFERS},
    ),
    "bought again, and deleted": (
        replace(FOR_A_DAY, enrollments=(AGAIN,)),
        first_enrollment_gone,
        {Code.ENROLLMENT_MISSING},
    ),
    "overlap, bought again too early": (
        TWICE_FOR_A_DAY.with_others(AGAIN),
        with_enrollment(created_at=TWICE_FOR_A_DAY.payment.updated_at),
        {Code.ENROLLMENT_FOREIGN},
    ),
    "bought without an end, and ends": (
        DONE,
        with_enrollment(expires_at=LATER),
        {Code.ACCESS_DIFFERS},
    ),
    "bought for a day, and lasts": (
        FOR_A_DAY,
        with_enrollment(expires_at=None),
        {Code.ACCESS_DIFFERS},
    ),
    "bought for a day, and ends before": (
        FOR_A_DAY,
        with_enrollment(expires_at=DAY_OVER - MOMENT),
        {Code.ACCESS_DIFFERS},
    ),
    "a course that was not bought": (
        DONE,
        also(enrollment("c9", delivery=DELIVERED)),
        {Code.ENROLLMENT_STRAY},
    ),
    "an id of something else": (
        DONE,
        also(enrollment("c9", id="enr9", payment_id="pay0")),
        {Code.ENROLLMENT_STRAY},
    ),
    "another learner": (
        DONE,
        with_enrollment(user_id="u2"),
        {Code.ENROLLMENT_STRAY},
    ),
    "paid by others only": (
        ordered("c1").settled("c1").with_others(CLAIMED),
        with_enrollment(payment_id="pay9"),
        {Code.ENROLLMENT_STRAY},
    ),
    "lengthened, and ends as before": (
        LENGTHENED,
        with_enrollment(expires_at=LATER),
        {Code.ACCESS_DIFFERS},
    ),
    "overlap that gives less than was paid": (
        LENGTHENED,
        with_enrollment(claims={"pay0": LATER, "pay1": LATER}, expires_at=LATER),
        {Code.ACCESS_DIFFERS},
    ),
    "overlap that gives more than was paid": (
        TWICE_FOR_A_DAY.with_others(
            replace(OTHERS, claims={"pay0": None, "pay1": DAY_OVER}, expires_at=None)
        ),
        with_enrollment(claims=paid_by("pay0", "pay1")),
        {Code.ACCESS_DIFFERS},
    ),
    "lengthened and delivered, yet awaited": (
        LENGTHENED,
        with_delivery(status=DeliveryStatus.DELIVERED, due_at=None),
        {Code.DELIVERED_AWAITED, Code.COMPLETION_MISSING},
    ),
    # Deliveries
    "a delivery that is never due": (WAITS, with_delivery(due_at=None), {Code.DELIVERY_LOST}),
    "a revocation that is never due": (
        DONE.refunded(),
        with_delivery(due_at=None),
        {Code.DELIVERY_LOST},
    ),
    "due after its delivery": (DONE, with_delivery(due_at=LATER), {Code.DELIVERY_LOST}),
    "refunded, but delivered": (
        DONE.refunded(),
        with_delivery(status=DeliveryStatus.DELIVERED, due_at=None),
        {Code.DELIVERY_DIFFERS},
    ),
    "enrolled, but revoked": (
        DONE,
        with_delivery(status=DeliveryStatus.REVOKED),
        {Code.DELIVERY_DIFFERS},
    ),
    "completed, one awaited": (
        DONE,
        UNDELIVERED_LEFT,
        {Code.COMPLETED_EARLY, Code.DELIVERED_AWAITED},
    ),
    "delivered, yet awaited": (
        HALF,
        with_payment(undelivered=frozenset({"c1", "c2"})),
        {Code.DELIVERED_AWAITED},
    ),
    "neither delivered nor awaited": (
        HALF,
        with_payment(undelivered=frozenset()),
        {Code.DELIVERY_UNAWAITED},
    ),
    "completed, never delivered": (
        DONE,
        with_delivery(platform_enrollment_id=None),
        {Code.DELIVERY_UNAWAITED},
    ),
    "completion missing": (
        WAITS,
        lambda life: with_payment(undelivered=frozenset())(all_delivered(life)),
        {Code.COMPLETION_MISSING},
    ),
    "completion missing, one awaited": (
        WAITS,
        lambda life: UNDELIVERED_LEFT(all_delivered(life)),
        {Code.COMPLETION_MISSING, Code.DELIVERED_AWAITED},
    ),
    "approved for nothing new": (
        ordered("c1").settled("c1").with_others(CLAIMED),
        lambda life: without_event(4)(
            with_payment(
                status=Status.APPROVED, version=3, completed_at=None, updated_at=life.history[2].at
            )(life)
        ),
        {Code.COMPLETION_MISSING},
    ),
    # Checks at Duitku
    "never checked while open": (
        ordered(),
        with_payment(check_at=None, gateway_expires_at=AFTER_ALL),
        {Code.NEVER_ASKED},
    ),
    "never checked after the end": (
        ordered().ended(Step.FAIL),
        with_payment(check_at=None, gateway_expires_at=AFTER_ALL - timedelta(days=6)),
        {Code.NEVER_ASKED},
    ),
    "an invoice without an end": (
        ordered(),
        with_payment(gateway_expires_at=None),
        {Code.NEVER_ASKED},
    ),
    # History
    "no history": (ordered(), no_history, {Code.HISTORY_GAP}),
    "the first event gone": (
        DONE,
        without_event(1),
        {Code.HISTORY_GAP, Code.HISTORY_CHAIN, Code.HISTORY_TIME},
    ),
    "an event gone": (
        DONE,
        without_event(2),
        {Code.HISTORY_GAP, Code.HISTORY_CHAIN},
    ),
    "the last event gone": (
        DONE,
        without_event(4),
        {Code.HISTORY_GAP, Code.HISTORY_STATE, Code.HISTORY_TIME, Code.COMPLETION_DIFFERS},
    ),
    "an event twice": (
        DONE,
        last_event_twice,
        {Code.HISTORY_GAP, Code.HISTORY_CHAIN, Code.COMPLETION_DIFFERS},
    ),
    "version behind": (DONE, with_payment(version=3), {Code.HISTORY_GAP}),
    "version ahead": (DONE, with_payment(version=5), {Code.HISTORY_GAP}),
    "an event of another payment": (DONE, with_event(4, payment_id="pay0"), {Code.HISTORY_GAP}),
    "begins with a source": (ordered(), with_event(1, source=Status.PAID), {Code.HISTORY_CHAIN}),
    "begins as another method does": (
        FOR_ADMIN,
        with_event(1, target=Status.PENDING),
        {Code.HISTORY_CHAIN, Code.HISTORY_STATE},
    ),
    "a source that was not": (
        DONE,
        with_event(2, source=Status.FAILED),
        {Code.HISTORY_CHAIN},
    ),
    "status flipped to approved": (
        FOR_ADMIN,
        with_payment(status=Status.APPROVED),
        {Code.HISTORY_STATE, Code.ENROLLMENT_MISSING},
    ),
    "status flipped back": (
        DONE,
        with_payment(status=Status.PENDING, check_at=LATER),
        {Code.HISTORY_STATE, Code.ENROLLED_UNPAID},
    ),
    "paid at Duitku, and no further": (
        ordered().settled(),
        lambda life: without_event(3)(
            with_payment(
                status=Status.PAID,
                version=2,
                approved_at=None,
                approved_by=None,
                undelivered=frozenset(),
            )(replace(life, enrollments=()))
        ),
        {Code.HISTORY_STATE},
    ),
    "a rejection at Duitku": (
        ordered().settled().refunded(),
        lambda life: with_event(4, target=Status.REJECTED)(
            with_payment(status=Status.REJECTED, undelivered=frozenset())(life)
        ),
        {Code.HISTORY_STEP, Code.HISTORY_STATE},
    ),
    "times run backwards": (
        ordered().settled(),
        with_event(2, at=EARLIER),
        {Code.HISTORY_TIME},
    ),
    "an event still to come": (
        DONE,
        lambda life: with_event(4, at=AFTER_ALL + AHEAD * 2)(
            with_payment(updated_at=AFTER_ALL + AHEAD * 2, completed_at=AFTER_ALL + AHEAD * 2)(life)
        ),
        {Code.HISTORY_TIME},
    ),
    "made at another time": (DONE, with_payment(created_at=EARLIER), {Code.HISTORY_TIME}),
    "changed at another time": (DONE, with_payment(updated_at=AFTER_ALL), {Code.HISTORY_TIME}),
    "an event without an actor": (DONE, with_event(4, actor=" "), {Code.HISTORY_ACTOR}),
    "approved by a user": (
        FOR_ADMIN.approved(),
        lambda life: with_event(2, actor="user:u1")(with_payment(approved_by="user:u1")(life)),
        {Code.HISTORY_ACTOR},
    ),
    "refunded by a machine": (
        DONE.refunded(),
        with_event(5, actor="lunas:x"),
        {Code.HISTORY_ACTOR},
    ),
    "rejected without a reason": (
        FOR_ADMIN.ended(Step.REJECT, "admin:a1"),
        with_event(2, reason=None),
        {Code.HISTORY_EVIDENCE},
    ),
    "approved without Duitku's status": (
        DONE,
        with_event(3, evidence=None),
        {Code.HISTORY_EVIDENCE},
    ),
    "approved by a status that is not paid": (
        DONE,
        with_evidence(state="OPEN"),
        {Code.HISTORY_EVIDENCE},
    ),
    "Duitku's status of another order": (
        DONE,
        with_evidence(orderId="pay0"),
        {Code.HISTORY_EVIDENCE},
    ),
    "Duitku's status of another amount": (
        DONE,
        with_evidence(amount="1"),
        {Code.HISTORY_EVIDENCE},
    ),
    "Duitku's status without a reference": (
        DONE,
        with_evidence(reference=""),
        {Code.HISTORY_EVIDENCE},
    ),
    "approved by another": (
        FOR_ADMIN.approved(),
        with_payment(approved_by="a2"),
        {Code.APPROVAL_DIFFERS},
    ),
    "approved by Duitku instead of an admin": (
        FOR_ADMIN.approved(),
        with_payment(approved_by="duitku"),
        {Code.APPROVAL_DIFFERS},
    ),
    "approved at another time": (DONE, with_payment(approved_at=NOW), {Code.APPROVAL_DIFFERS}),
    "approved without an event": (
        FOR_ADMIN,
        with_payment(approved_at=NOW, approved_by="a1"),
        {Code.APPROVAL_DIFFERS},
    ),
    "an approver without an approval": (
        FOR_ADMIN,
        with_payment(approved_by="a1"),
        {Code.APPROVAL_DIFFERS},
    ),
    "approval not recorded": (
        DONE,
        with_payment(approved_at=None, approved_by=None),
        {Code.APPROVAL_DIFFERS},
    ),
    "completed at another time": (DONE, with_payment(completed_at=NOW), {Code.COMPLETION_DIFFERS}),
    "completed without an event": (
        WAITS,
        with_payment(completed_at=NOW),
        {Code.COMPLETION_DIFFERS},
    ),
    "completion not recorded": (DONE, with_payment(completed_at=None), {Code.COMPLETION_DIFFERS}),
}


@pytest.mark.parametrize(("life", "damage", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_payment_shows_what_is_broken(
    life: Life, damage: Break, expected: set[Code]
) -> None:
    assert codes(life) == set()
    assert codes(damage(life)) == expected


def test_an_event_may_be_slightly_in_the_future() -> None:
    life = ordered()
    history, now = life.history, NOW - AHEAD
    assert differences(life.payment, history, life.enrollments, now) == []
    too_early = now - timedelta(milliseconds=1)
    (found,) = differences(life.payment, history, life.enrollments, too_early)
    assert found.code is Code.HISTORY_TIME


def test_every_code_has_a_fault() -> None:
    shown = {code for _, _, expected in BROKEN.values() for code in expected}
    at_thinkific = {Code.ACCESS_MISSING, Code.ACCESS_LEFT}
    assert shown | {Code.PAYMENT_MISSING, Code.UNREADABLE} | at_thinkific == set(Code)


def test_a_text_names_ids_and_no_person() -> None:
    life = first_enrollment_gone(DONE)
    (found,) = differences(life.payment, life.history, life.enrollments, AFTER_ALL)
    assert found.text == "no enrollment in course c1"


@pytest.mark.parametrize(
    ("name", "only"),
    [
        ("completion missing", True),
        ("completion missing, one awaited", True),
        ("delivered, yet awaited", False),
        ("paid without enrollment", False),
    ],
)
def test_only_a_payment_that_lacks_nothing_else_may_be_completed(name: str, only: bool) -> None:
    life, damage, _ = BROKEN[name]
    broken = damage(life)
    found = differences(broken.payment, broken.history, broken.enrollments, AFTER_ALL)
    assert is_only_incomplete(found) is only


def test_a_payment_with_more_faults_may_not_be_completed() -> None:
    life = with_payment(approved_by="a9", undelivered=frozenset())(all_delivered(WAITS))
    found = differences(life.payment, life.history, life.enrollments, AFTER_ALL)
    assert {each.code for each in found} == {Code.COMPLETION_MISSING, Code.APPROVAL_DIFFERS}
    assert not is_only_incomplete(found)


def test_items_of_a_missing_payment_are_found() -> None:
    (found,) = orphans("pay1", DONE.history[:1], DONE.enrollments[:1])
    assert found.code is Code.PAYMENT_MISSING
    assert found.text == f"no pay1, but event 1, enrollment {DONE.enrollments[0].id}"


def test_a_revoked_enrollment_needs_no_payment() -> None:
    gone = replace(DONE.enrollments[0], status=EnrollmentStatus.NOT_ENROLLED)
    assert orphans("pay1", (), (gone,)) == []


@pytest.mark.parametrize("method", Method)
def test_every_method_has_its_own_first_state(method: Method) -> None:
    made = {Method.GATEWAY: ordered(), Method.MANUAL: handed_in()}[method]
    other = {Method.GATEWAY: Method.MANUAL, Method.MANUAL: Method.GATEWAY}[method]
    found = codes(with_payment(method=other)(made))
    assert Code.HISTORY_CHAIN in found

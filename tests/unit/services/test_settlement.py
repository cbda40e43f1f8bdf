"""Settling while others write: the request that loses reads again and decides again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.anomalies import AnomalyKind
from lunas.domain.enrollments import EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate, NotFound, StorageContention
from lunas.domain.gateway_status import GatewayState, GatewayStatus
from lunas.domain.payments import Payment, Status, Step, check_after, take
from lunas.domain.schedule import DENIED
from lunas.domain.settlement import Decision, Result, decide
from lunas.services.settlement import Outcome
from tests.support.builders import (
    GATEWAY_ACT,
    LATER,
    NOW,
    bought,
    course,
    enrollment,
    paid,
    paid_by,
    payment,
)
from tests.unit.services.fakes import FakePayments, FakeStore, settlements


@pytest.fixture
def payments() -> FakePayments:
    store = FakeStore()
    store.add(payment(courses=bought("c1", "c2")))
    return FakePayments(store)


def confirmed(payments: FakePayments) -> Outcome:
    return taken(payments, Step.CONFIRM)


def ended(payments: FakePayments) -> Outcome:
    return taken(payments, Step.EXPIRE)


def taken(payments: FakePayments, step: Step) -> Outcome:
    """Take a step of the payment as it is now."""
    now = payments.store.payments["pay1"]
    decision = Decision(payment=now, step=step, context=GATEWAY_ACT)
    return settlements(payments).apply(decision)


def becomes(payments: FakePayments, change: Callable[[Payment], Payment]) -> None:
    """Let another write come before the next commit."""

    def write() -> None:
        payments.store.add(change(payments.store.payments["pay1"]))

    payments.before_commit.append(write)


def by(step: Step) -> Callable[[Payment], Payment]:
    return lambda stored: take(stored, step, GATEWAY_ACT)[0]


def test_a_settlement_that_came_first_is_answered_as_done(payments: FakePayments) -> None:
    becomes(payments, by(Step.CONFIRM))
    outcome = confirmed(payments)
    assert outcome.result is Result.ALREADY_SETTLED
    assert outcome.payment.status is Status.APPROVED
    assert (payments.commits, payments.reads) == (1, 1)


def test_an_expiry_that_came_first_does_not_beat_confirmed_money(payments: FakePayments) -> None:
    becomes(payments, by(Step.EXPIRE))
    outcome = confirmed(payments)
    assert (outcome.result, outcome.payment.status) == (Result.SETTLED, Status.APPROVED)
    assert outcome.payment.version == 4
    assert payments.commits == 2


def test_a_course_gained_meanwhile_becomes_overlap(payments: FakePayments) -> None:
    payments.store.add(enrollment("c1", payment_id="pay0"))
    outcome = confirmed(payments)
    assert outcome.result is Result.SETTLED
    assert outcome.payment.overlap == ("c1",)
    assert outcome.payment.undelivered == {"c2"}
    assert payments.reads == 0
    kept = payments.store.enrollments[enrollment("c1").id]
    assert kept.payment_id == "pay0"


def test_courses_gained_one_after_the_other_all_become_overlap(payments: FakePayments) -> None:
    payments.store.add(enrollment("c1", payment_id="pay0"))
    payments.before_commit = [
        lambda: None,
        lambda: payments.store.add(enrollment("c2", payment_id="pay0")),
    ]
    outcome = confirmed(payments)
    assert outcome.payment.status is Status.COMPLETED
    assert outcome.payment.overlap == ("c1", "c2")
    assert outcome.anomaly


def test_money_for_a_full_course_is_honoured_and_flagged(payments: FakePayments) -> None:
    payments.store.add(course("c1", quota=1, enrolled=1), course("c2"))
    outcome = confirmed(payments)
    assert outcome.payment.status is Status.APPROVED
    assert outcome.payment.undelivered == {"c1", "c2"}
    assert not outcome.payment.overbook
    assert outcome.anomaly
    assert outcome.anomaly.kind is AnomalyKind.OVERBOOKED
    assert outcome.anomaly.evidence["courses"] == "c1"
    assert list(payments.store.anomalies) == [outcome.anomaly.id]


def test_the_quota_of_one_course_is_kept_when_another_one_is_full(payments: FakePayments) -> None:
    payments.store.add(course("c1", quota=1, enrolled=1), course("c2", quota=1, enrolled=0))
    payments.before_commit = [
        lambda: None,
        lambda: payments.store.add(course("c2", quota=1, enrolled=1)),
    ]
    outcome = confirmed(payments)
    assert outcome.anomaly
    assert outcome.anomaly.evidence["courses"] == "c1,c2"


def test_a_full_course_gained_meanwhile_is_overlap_and_no_overbooking(
    payments: FakePayments,
) -> None:
    payments.store.add(course("c1", quota=1, enrolled=1), course("c2"))
    payments.before_commit = [
        lambda: None,
        lambda: payments.store.add(enrollment("c1", payment_id="pay0")),
    ]
    outcome = confirmed(payments)
    assert outcome.payment.overlap == ("c1",)
    assert outcome.anomaly is None


@pytest.mark.parametrize("counted", [True, False], ids=["not revoked there yet", "revoked"])
def test_a_refunded_course_can_be_bought_again(payments: FakePayments, counted: bool) -> None:
    refunded = enrollment(
        "c1", payment_id="pay0", status=EnrollmentStatus.NOT_ENROLLED, counted=counted
    )
    payments.store.add(refunded)
    assert confirmed(payments).payment.overlap == ()
    again = payments.store.enrollments[refunded.id]
    assert (again.payment_id, again.status, again.counted) == ("pay1", "ENROLLED", True)


def test_access_lasts_as_long_as_was_bought(payments: FakePayments) -> None:
    payments.store.add(payment(courses=bought("c1"), access_days=30))
    confirmed(payments)
    stored = payments.store.enrollments[enrollment("c1").id]
    assert stored.expires_at == LATER + timedelta(days=30)


def test_a_course_whose_time_is_over_is_bought_again(payments: FakePayments) -> None:
    over = enrollment("c1", payment_id="pay0", expires_at=LATER, progress=40)
    payments.store.add(over)
    outcome = confirmed(payments)
    assert (outcome.payment.overlap, outcome.anomaly) == ((), None)
    assert payments.store.enrollments[over.id].payment_id == "pay1"


def test_a_payment_claims_what_another_one_has_brought(payments: FakePayments) -> None:
    payments.store.add(enrollment("c1", payment_id="pay0"))
    confirmed(payments)
    assert payments.store.enrollments[enrollment("c1").id].claims == paid_by("pay0", "pay1")


def test_a_refund_between_reading_and_writing_leaves_nobody_without_the_course(
    payments: FakePayments,
) -> None:
    owned = enrollment("c1", payment_id="pay0")
    payments.store.add(owned)
    refunded = replace(owned, status=EnrollmentStatus.NOT_ENROLLED)
    payments.before_commit = [lambda: None, lambda: payments.store.add(refunded)]
    outcome = confirmed(payments)
    assert outcome.payment.overlap == ()
    assert outcome.payment.undelivered == {"c1", "c2"}
    assert payments.store.owns(owned.id)


def test_a_revocation_between_reading_and_writing_is_seen(payments: FakePayments) -> None:
    held = enrollment("c1", payment_id="pay0", status=EnrollmentStatus.NOT_ENROLLED)
    payments.store.add(held)
    revoked = replace(held, counted=False)
    payments.before_commit = [lambda: None, lambda: payments.store.add(revoked)]
    assert confirmed(payments).result is Result.SETTLED
    assert payments.commits == 3
    assert payments.store.enrollments[revoked.id].payment_id == "pay1"


@pytest.mark.parametrize("finish", [confirmed, ended])
def test_endless_collisions_are_given_up(
    payments: FakePayments, finish: Callable[[FakePayments], Outcome]
) -> None:
    payments.before_commit = [ConcurrentUpdate(stale=True)] * 50
    with pytest.raises(StorageContention):
        finish(payments)
    assert 1 < payments.commits < 20
    assert payments.store.payments["pay1"].status is Status.PENDING


def test_a_payment_that_vanished_is_not_found(payments: FakePayments) -> None:
    def vanish() -> None:
        del payments.store.payments["pay1"]
        raise ConcurrentUpdate(stale=True)

    payments.before_commit = [vanish]
    with pytest.raises(NotFound):
        confirmed(payments)


def test_money_that_came_first_stops_an_expiry(payments: FakePayments) -> None:
    becomes(payments, by(Step.CONFIRM))
    outcome = ended(payments)
    assert outcome.result is Result.ALREADY_SETTLED
    assert payments.store.payments["pay1"].status is Status.APPROVED


def test_an_end_that_came_first_is_left_as_it_is(payments: FakePayments) -> None:
    becomes(payments, by(Step.FAIL))
    assert ended(payments).result is Result.ENDED
    assert payments.store.payments["pay1"].status is Status.FAILED


def test_an_end_survives_a_write_that_leaves_the_payment_open(payments: FakePayments) -> None:
    becomes(payments, lambda stored: replace(stored, version=2))
    assert ended(payments).payment.status is Status.EXPIRED


@pytest.mark.parametrize("state", [GatewayState.OPEN, GatewayState.NOT_STARTED])
@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.EXPIRED])
def test_an_unpaid_order_changes_nothing(
    payments: FakePayments, state: GatewayState, status: Status
) -> None:
    payments.store.add(payment(status, asking=True))
    outcome = by_gateway(payments, GatewayStatus(state, order_id="pay1", code="01"))
    assert (outcome.result, outcome.payment.status) == (Result.STILL_OPEN, status)
    assert (outcome.payment.asked_at, outcome.payment.asking) == (LATER, False)
    assert payments.commits == 0


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.EXPIRED])
def test_paid_and_fitting_wins_over_what_was_concluded(
    payments: FakePayments, status: Status
) -> None:
    payments.store.add(payment(status))
    assert by_gateway(payments, paid()).payment.status is Status.APPROVED


def test_the_history_keeps_the_gateways_status_as_evidence(payments: FakePayments) -> None:
    by_gateway(payments, paid(fee="0.00"))
    for event in payments.store.history["pay1"]:
        assert event.evidence
        assert event.evidence["statusCode"] == "00"
        assert event.evidence["fee"] == "0.00"
        assert event.at == LATER


@pytest.mark.parametrize(
    ("at", "status"), [(NOW, Status.FAILED), (LATER, Status.EXPIRED)], ids=["in time", "late"]
)
def test_an_ended_order_fails_in_time_and_expires_after_it(
    payments: FakePayments, at: object, status: Status
) -> None:
    action = replace(GATEWAY_ACT, at=at)  # type: ignore[arg-type]
    reply = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
    outcome = settlements(payments).apply(decide(payments.store.payments["pay1"], reply, action))
    assert outcome.payment.status is status


@pytest.mark.parametrize("step", [Step.FAIL, Step.EXPIRE])
def test_what_the_gateway_has_not_denied_itself_is_asked_about_by_the_timetable(
    payments: FakePayments, step: Step
) -> None:
    closed = taken(payments, step).payment
    assert (closed.denied_at, closed.check_at) == (None, check_after(closed, LATER))


def test_an_ended_order_without_a_time_has_failed(payments: FakePayments) -> None:
    payments.store.add(payment(gateway_expires_at=None))
    reply = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
    assert by_gateway(payments, reply).payment.status is Status.FAILED


@pytest.mark.parametrize(
    ("status", "since", "result"),
    [
        (Status.PENDING, DENIED - timedelta(milliseconds=1), Result.CONTRADICTED),
        (Status.PENDING, DENIED, Result.ENDED),
        (Status.FAILED, timedelta(0), Result.ENDED),
    ],
    ids=["lately", "for a while", "ended already"],
)
def test_an_open_payment_that_was_denied_a_moment_ago_stays_as_it_is(
    payments: FakePayments, status: Status, since: timedelta, result: Result
) -> None:
    payments.store.add(payment(status, denied_at=LATER - since))
    reply = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
    outcome = by_gateway(payments, reply)
    assert outcome.result is result
    assert payments.commits == (status is Status.PENDING and result is Result.ENDED)


def by_gateway(payments: FakePayments, status: GatewayStatus) -> Outcome:
    now = payments.store.payments["pay1"]
    return settlements(payments).apply(decide(now, status, GATEWAY_ACT))

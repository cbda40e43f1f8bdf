"""Settling during concurrent writes: the request that loses reads and decides again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.anomalies import AnomalyKind
from lunas.domain.enrollments import EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate, NotFound, StorageContention
from lunas.domain.gateway_status import GatewayState, GatewayStatus
from lunas.domain.payment_steps import check_after, take
from lunas.domain.payments import Payment, Status, Step
from lunas.domain.schedule import DENIED
from lunas.domain.settlement import Decision, Result, decide
from lunas.services.settlement import Outcome
from tests.support.builders import (
    GATEWAY_CONTEXT,
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
    """Take a step of the stored payment."""
    now = payments.store.payments["pay1"]
    decision = Decision(payment=now, step=step, context=GATEWAY_CONTEXT)
    return settlements(payments).apply(decision)


def concurrently(payments: FakePayments, change: Callable[[Payment], Payment]) -> None:
    """Change the payment before the next commit."""

    def write() -> None:
        payments.store.add(change(payments.store.payments["pay1"]))

    payments.before_commit.append(write)


def by(step: Step) -> Callable[[Payment], Payment]:
    return lambda stored: take(stored, step, GATEWAY_CONTEXT)[0]


def test_a_concurrent_settlement_is_returned_as_already_settled(payments: FakePayments) -> None:
    concurrently(payments, by(Step.CONFIRM))
    outcome = confirmed(payments)
    assert outcome.result is Result.ALREADY_SETTLED
    assert outcome.payment.status is Status.APPROVED
    assert (payments.commits, payments.reads) == (1, 1)


def test_confirmed_money_overrides_a_concurrent_expiry(payments: FakePayments) -> None:
    concurrently(payments, by(Step.EXPIRE))
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


def test_courses_gained_one_by_one_all_become_overlap(payments: FakePayments) -> None:
    payments.store.add(enrollment("c1", payment_id="pay0"))
    payments.before_commit = [
        lambda: None,
        lambda: payments.store.add(enrollment("c2", payment_id="pay0")),
    ]
    outcome = confirmed(payments)
    assert outcome.payment.status is Status.COMPLETED
    assert outcome.payment.overlap == ("c1", "c2")
    assert outcome.anomaly


def test_money_for_a_full_course_is_settled_and_flagged(payments: FakePayments) -> None:
    payments.store.add(course("c1", quota=1, enrolled=1), course("c2"))
    outcome = confirmed(payments)
    assert outcome.payment.status is Status.APPROVED
    assert outcome.payment.undelivered == {"c1", "c2"}
    assert not outcome.payment.overbook
    assert outcome.anomaly
    assert outcome.anomaly.kind is AnomalyKind.OVERBOOKED
    assert outcome.anomaly.evidence["courses"] == "c1"
    assert list(payments.store.anomalies) == [outcome.anomaly.id]


def test_a_course_that_becomes_full_beside_a_full_one_is_flagged_too(
    payments: FakePayments,
) -> None:
    payments.store.add(course("c1", quota=1, enrolled=1), course("c2", quota=1, enrolled=0))
    payments.before_commit = [
        lambda: None,
        lambda: payments.store.add(course("c2", quota=1, enrolled=1)),
    ]
    outcome = confirmed(payments)
    assert outcome.anomaly
    assert outcome.anomaly.evidence["courses"] == "c1,c2"


def test_a_full_course_gained_meanwhile_is_overlap_and_not_overbooked(
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


def test_a_course_whose_access_ended_is_bought_again(payments: FakePayments) -> None:
    over = enrollment("c1", payment_id="pay0", expires_at=LATER, progress=40)
    payments.store.add(over)
    outcome = confirmed(payments)
    assert (outcome.payment.overlap, outcome.anomaly) == ((), None)
    assert payments.store.enrollments[over.id].payment_id == "pay1"


def test_a_payment_claims_an_enrollment_of_another_payment(payments: FakePayments) -> None:
    payments.store.add(enrollment("c1", payment_id="pay0"))
    confirmed(payments)
    assert payments.store.enrollments[enrollment("c1").id].claims == paid_by("pay0", "pay1")


def test_a_course_refunded_between_read_and_write_is_enrolled_again(
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


def test_a_revocation_between_read_and_write_is_seen(payments: FakePayments) -> None:
    held = enrollment("c1", payment_id="pay0", status=EnrollmentStatus.NOT_ENROLLED)
    payments.store.add(held)
    revoked = replace(held, counted=False)
    payments.before_commit = [lambda: None, lambda: payments.store.add(revoked)]
    assert confirmed(payments).result is Result.SETTLED
    assert payments.commits == 3
    assert payments.store.enrollments[revoked.id].payment_id == "pay1"


@pytest.mark.parametrize("finish", [confirmed, ended])
def test_endless_concurrent_updates_end_as_storage_contention(
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


def test_concurrent_money_stops_an_expiry(payments: FakePayments) -> None:
    concurrently(payments, by(Step.CONFIRM))
    outcome = ended(payments)
    assert outcome.result is Result.ALREADY_SETTLED
    assert payments.store.payments["pay1"].status is Status.APPROVED


def test_a_concurrent_end_is_kept(payments: FakePayments) -> None:
    concurrently(payments, by(Step.FAIL))
    assert ended(payments).result is Result.ENDED
    assert payments.store.payments["pay1"].status is Status.FAILED


def test_an_end_survives_a_write_that_leaves_the_payment_open(payments: FakePayments) -> None:
    concurrently(payments, lambda stored: replace(stored, version=2))
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
def test_a_matching_paid_status_overrides_an_end(payments: FakePayments, status: Status) -> None:
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
    action = replace(GATEWAY_CONTEXT, at=at)  # type: ignore[arg-type]
    ended_there = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
    outcome = settlements(payments).apply(
        decide(payments.store.payments["pay1"], ended_there, action)
    )
    assert outcome.payment.status is status


@pytest.mark.parametrize("step", [Step.FAIL, Step.EXPIRE])
def test_an_end_that_the_gateway_did_not_report_is_checked_on_schedule(
    payments: FakePayments, step: Step
) -> None:
    closed = taken(payments, step).payment
    assert (closed.denied_at, closed.check_at) == (None, check_after(closed, LATER))


def test_an_ended_order_without_an_expiry_fails(payments: FakePayments) -> None:
    payments.store.add(payment(gateway_expires_at=None))
    ended_there = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
    assert by_gateway(payments, ended_there).payment.status is Status.FAILED


@pytest.mark.parametrize(
    ("status", "since", "result"),
    [
        (Status.PENDING, DENIED - timedelta(milliseconds=1), Result.CONTRADICTED),
        (Status.PENDING, DENIED, Result.ENDED),
        (Status.FAILED, timedelta(0), Result.ENDED),
    ],
    ids=["lately", "for a while", "ended already"],
)
def test_a_payment_denied_a_moment_ago_stays_open(
    payments: FakePayments, status: Status, since: timedelta, result: Result
) -> None:
    payments.store.add(payment(status, denied_at=LATER - since))
    ended_there = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
    outcome = by_gateway(payments, ended_there)
    assert outcome.result is result
    assert payments.commits == (status is Status.PENDING and result is Result.ENDED)


def by_gateway(payments: FakePayments, status: GatewayStatus) -> Outcome:
    now = payments.store.payments["pay1"]
    return settlements(payments).apply(decide(now, status, GATEWAY_CONTEXT))

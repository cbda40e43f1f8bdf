"""Reconcile checks payments that no callback reported, and requests deliveries again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.enrollments import Delivery, DeliveryStatus, EnrollmentStatus
from lunas.domain.errors import (
    GatewayBlocked,
    GatewayRefused,
    GatewayTimeout,
    GatewayUnavailable,
    StorageContention,
)
from lunas.domain.gateway_status import GatewayState, GatewayStatus
from lunas.domain.payments import Payment, Status
from lunas.domain.schedule import BLOCKED, CLOSING, UNANSWERED
from lunas.domain.settlement import Result
from lunas.services.reconciliation import (
    BUSY,
    FAILURES,
    QUESTIONS,
    ReconciliationReport,
    ReconciliationService,
)
from lunas.services.settlement import Outcome
from tests.support import vendors
from tests.support.builders import LIFETIME, NOW, enrollment, paid, payment
from tests.unit.services.fakes import (
    FakeClock,
    FakeEnrollments,
    FakePayments,
    FakeSchedule,
    FakeStatus,
    FakeStore,
    settlements,
)

pytestmark = pytest.mark.usefixtures("vendor")


class Service:
    """A reconciliation service over fakes."""

    def __init__(self, answer: GatewayStatus | Exception) -> None:
        self.store = FakeStore()
        self.schedule = FakeSchedule(self.store)
        self.status = FakeStatus(answer)
        self.ask: vendors.AskStatus = self.status
        self.clock = FakeClock()
        self.outcomes: list[Outcome] = []
        self.errors: list[Exception] = []
        self.deadline_is_near = False

    def run(self) -> ReconciliationReport:
        payments = FakePayments(self.store)
        return ReconciliationService(
            schedule=self.schedule,
            payments=payments,
            enrollments=FakeEnrollments(self.store),
            settlements=settlements(payments),
            gateways=lambda _: vendors.gateway(self.ask),
            on_outcome=self.outcomes.append,
            on_error=self.errors.append,
            deadline_is_near=lambda: self.deadline_is_near,
            now=self.clock,
        ).run()

    def payment(self, payment_id: str = "pay1") -> Payment:
        return self.store.payments[payment_id]


OPEN = GatewayStatus(GatewayState.OPEN, order_id="pay1", code="01")
DUE = payment(check_at=NOW)
OVER = replace(DUE, gateway_expires_at=NOW - CLOSING, created_at=NOW - LIFETIME)


def service(answer: GatewayStatus | Exception, *payments: Payment) -> Service:
    made = Service(answer)
    made.store.add(*payments)
    return made


def test_money_without_a_callback_is_settled() -> None:
    at = service(paid(), DUE)
    report = at.run()
    assert (report.asked, report.settled) == (1, 1)
    assert (at.payment().status, at.payment().check_at) == (Status.APPROVED, None)
    assert len(at.store.enrollments) == 1


def test_a_payment_that_is_not_due_is_not_checked() -> None:
    at = service(paid(), replace(DUE, check_at=NOW + timedelta(seconds=1)))
    assert at.run() == ReconciliationReport()
    assert at.status.asked == []


def test_a_lagging_index_causes_no_second_check() -> None:
    at = service(OPEN, DUE)
    at.schedule.twice = True
    at.run()
    assert at.status.asked == ["pay1"]


def test_an_open_payment_is_checked_again_later() -> None:
    at = service(OPEN, DUE)
    at.run()
    assert at.payment().status is Status.PENDING
    assert at.payment().check_at == NOW + timedelta(minutes=15)


@pytest.mark.parametrize("state", [GatewayState.OPEN, GatewayState.NOT_STARTED])
def test_an_overdue_payment_expires_after_a_check(state: GatewayState) -> None:
    at = service(GatewayStatus(state, order_id="pay1", code="x"), OVER)
    report = at.run()
    assert (at.status.asked, report.ended) == (["pay1"], 1)
    assert at.payment().status is Status.EXPIRED
    assert at.payment().check_at is not None


def test_late_money_wins_over_the_expiry() -> None:
    at = service(paid(), replace(OVER, status=Status.EXPIRED))
    at.run()
    assert at.payment().status is Status.APPROVED


def test_an_expired_payment_that_ended_at_duitku_stays_expired() -> None:
    ended = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
    at = service(ended, replace(OVER, status=Status.EXPIRED))
    report = at.run()
    assert (at.payment().status, report.ended) == (Status.EXPIRED, 0)
    assert at.payment().check_at != NOW


def test_a_mismatch_is_recorded_as_an_anomaly() -> None:
    at = service(paid(rupiah=1), DUE)
    at.run()
    assert at.payment().status is Status.PENDING
    assert [each.result for each in at.outcomes] == [Result.MISMATCH]
    assert len(at.store.anomalies) == 1


def test_an_overdue_payment_with_a_mismatch_expires() -> None:
    at = service(paid(rupiah=1), OVER)
    at.run()
    assert at.payment().status is Status.EXPIRED
    assert str(at.payment().reason).endswith("has money that does not match")
    assert [each.result for each in at.outcomes] == [Result.MISMATCH, Result.ENDED]
    assert len(at.store.anomalies) == 1


# Duitku's client turns a refused status request into GatewayUnavailable.
@pytest.mark.parametrize("vendor", [vendors.MEMORY], indirect=True)
def test_a_refused_check_is_repeated_less_often_and_does_not_stop_the_others() -> None:
    many = [replace(DUE, id=f"pay{each}") for each in range(FAILURES + 2)]
    at = service(GatewayRefused("400"), *many)
    report = at.run()
    assert (report.unanswered, len(at.status.asked)) == (0, len(many))
    due_again = at.payment("pay0").check_at
    assert due_again is not None
    assert due_again > NOW + UNANSWERED


def test_an_unexpected_error_ends_the_work_on_one_item_only() -> None:
    at = service(paid(order_id="pay2"), replace(DUE, id="pay1"), replace(DUE, id="pay2"))

    def answer(payment: Payment) -> GatewayStatus:
        if payment.id == "pay1":
            raise KeyError("gone")
        return at.status(payment)

    waiting = enrollment("c7")
    at.store.add(replace(waiting, delivery=replace(waiting.delivery, due_at=NOW)))
    at.ask = answer
    report = at.run()
    assert (report.failed, report.settled, report.delivered_again) == (1, 1, 1)
    assert [type(each) for each in at.errors] == [KeyError]


def test_storage_contention_is_reported_and_does_not_fail_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = service(GatewayTimeout("no answer"), replace(DUE, id="pay1"))

    def busy(*_: object) -> bool:
        raise StorageContention("others write the same items")

    monkeypatch.setattr(FakeSchedule, "check_at", busy)
    report = at.run()
    assert (report.failed, report.unanswered) == (0, 1)
    assert [type(each) for each in at.errors] == [StorageContention]


def test_repeated_storage_contention_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fifty deliveries and twenty payments, each attempted in vain, would keep it throttled."""
    tried: list[object] = []

    def busy(*about: object) -> None:
        tried.append(about)
        raise StorageContention("the table takes no more calls")

    monkeypatch.setattr(FakeEnrollments, "get", busy)
    monkeypatch.setattr(FakePayments, "get", busy)
    at = service(paid(), *(replace(DUE, id=f"pay{each}") for each in range(9)))
    at.schedule.lagging = [f"enr{each}" for each in range(9)]
    report = at.run()
    assert (report.busy, len(tried), len(at.errors)) == (BUSY, BUSY, BUSY)
    assert report.failed == 0


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(status=DeliveryStatus.DELIVERED),
        Delivery(status=DeliveryStatus.FAILED),
        Delivery(due_at=NOW + timedelta(minutes=1)),
        Delivery(),
    ],
    ids=["delivered", "dead-lettered", "requested again", "not due"],
)
def test_a_lagging_index_requests_no_delivery_again(delivery: Delivery) -> None:
    stored = enrollment(delivery=delivery)
    at = Service(OPEN)
    at.store.add(stored)
    at.schedule.lagging = [stored.id, "enr404"]
    assert at.run().delivered_again == 0
    assert at.store.enrollments[stored.id] == stored


def test_a_block_pauses_every_check_for_an_hour() -> None:
    others = [replace(DUE, id=f"pay{each}") for each in range(3)]
    at = service(GatewayBlocked("429"), *others)
    assert at.run().paused_until == NOW + BLOCKED
    at.clock.forward(BLOCKED - timedelta(seconds=1))
    at.run()
    assert len(at.status.asked) == 1
    at.clock.forward(timedelta(seconds=1))
    at.run()
    assert len(at.status.asked) == 2


@pytest.mark.parametrize("error", [GatewayTimeout("t"), GatewayUnavailable("u")])
def test_unanswered_checks_end_the_run_and_are_repeated(error: Exception) -> None:
    many = [replace(DUE, id=f"pay{each}") for each in range(FAILURES + 2)]
    at = service(error, *many)
    assert at.run().unanswered == FAILURES
    assert at.payment("pay0").check_at == NOW + UNANSWERED
    assert at.payment(f"pay{FAILURES}").check_at == NOW


def test_a_run_makes_a_limited_number_of_checks() -> None:
    many = [replace(DUE, id=f"pay{each}") for each in range(QUESTIONS + 5)]
    at = service(OPEN, *many)
    assert at.run().asked == QUESTIONS


def test_a_run_near_its_deadline_starts_nothing() -> None:
    at = service(paid(), DUE)
    at.deadline_is_near = True
    assert at.run() == ReconciliationReport()


def test_an_overdue_delivery_is_requested_again() -> None:
    waiting = enrollment()
    overdue = replace(waiting, delivery=replace(waiting.delivery, due_at=NOW))
    at = Service(OPEN)
    at.store.add(overdue)
    assert at.run().delivered_again == 1
    again = at.store.enrollments[overdue.id].delivery
    assert (again.status, again.request) == (DeliveryStatus.PENDING, 2)
    assert again.due_at is not None
    assert again.due_at > NOW


def test_an_overdue_revocation_is_requested_again() -> None:
    waiting = enrollment(status=EnrollmentStatus.NOT_ENROLLED)
    at = Service(OPEN)
    at.store.add(replace(waiting, delivery=replace(waiting.delivery, due_at=NOW)))
    assert at.run().delivered_again == 1
    again = at.store.enrollments[waiting.id]
    assert (again.status, again.delivery.request) == (EnrollmentStatus.NOT_ENROLLED, 2)

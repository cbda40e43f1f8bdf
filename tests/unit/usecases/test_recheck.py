"""Asking Duitku on an admin's wish."""

import pytest

from lunas.rules.anomalies import AnomalyKind
from lunas.rules.enrollments import enrollment_id
from lunas.rules.errors import GatewayUnavailable, NotFound, WrongState
from lunas.rules.gateway import GatewayState, GatewayStatus
from lunas.rules.payments import Status
from lunas.usecases.recheck import RecheckDesk, recheck
from lunas.usecases.settle import Outcome, Result
from tests.unit.builders import ADMIN_ACT, USER, manual, paid, payment
from tests.unit.fakes import FakeAnomalies, FakePayments, FakeStatus, FakeStore


class Desk:
    """A desk over fakes, with one open payment that Duitku says is paid."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.store.add(payment())
        self.payments = FakePayments(self.store)
        self.status = FakeStatus(paid())
        self.desk = RecheckDesk(
            payments=self.payments, anomalies=FakeAnomalies(self.store), status=self.status
        )

    def recheck(self, payment_id: str = "pay1") -> Outcome:
        """Recheck a payment as an admin."""
        return recheck(self.desk, payment_id, ADMIN_ACT)

    @property
    def stands(self) -> Status:
        """Return where the payment stands."""
        return self.store.payments["pay1"].status


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.EXPIRED])
def test_money_that_duitku_knows_of_becomes_an_enrollment(desk: Desk, status: Status) -> None:
    desk.store.add(payment(status))
    assert desk.recheck().result is Result.SETTLED
    assert desk.stands is Status.APPROVED
    assert desk.store.owns(enrollment_id(USER, "c1"))


def test_the_history_names_the_admin_and_the_approval_is_duitkus(desk: Desk) -> None:
    desk.recheck()
    events = desk.store.history["pay1"]
    assert {event.actor for event in events} == {"admin:a1"}
    evidence = events[-1].evidence
    assert evidence
    assert (evidence["requestId"], evidence["statusCode"]) == ("r1", "00")
    assert desk.store.payments["pay1"].approved_by == "duitku"


@pytest.mark.parametrize("state", [GatewayState.OPEN, GatewayState.NOT_STARTED])
def test_while_nothing_is_paid_the_payment_stays(desk: Desk, state: GatewayState) -> None:
    desk.status.answer = GatewayStatus(state, order_id="pay1")
    assert desk.recheck().result is Result.STILL_OPEN
    assert (desk.stands, desk.payments.commits) == (Status.PENDING, 0)


@pytest.mark.parametrize("status", [Status.APPROVED, Status.COMPLETED, Status.REFUNDED])
def test_a_settled_payment_is_not_asked_about(desk: Desk, status: Status) -> None:
    desk.store.add(payment(status))
    assert desk.recheck().result is Result.ALREADY_SETTLED
    assert (desk.status.asked, desk.payments.commits) == ([], 0)


@pytest.mark.parametrize("status", [Status.PAID, Status.REJECTED, Status.APPROVED])
def test_about_a_manual_payment_duitku_knows_nothing(desk: Desk, status: Status) -> None:
    desk.store.add(manual(status))
    with pytest.raises(WrongState):
        desk.recheck()
    assert desk.status.asked == []


def test_an_unknown_payment_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.recheck("pay9")
    assert desk.status.asked == []


def test_money_that_does_not_fit_is_kept_for_a_person(desk: Desk) -> None:
    desk.status.answer = paid(rupiah=1)
    outcome = desk.recheck()
    assert outcome.result is Result.DOES_NOT_FIT
    assert [each.kind for each in desk.store.anomalies.values()] == [AnomalyKind.STATUS_DIFFERS]
    assert desk.stands is Status.PENDING


def test_while_duitku_cannot_be_asked_nothing_changes(desk: Desk) -> None:
    desk.status.answer = GatewayUnavailable("down")
    with pytest.raises(GatewayUnavailable):
        desk.recheck()
    assert (desk.stands, desk.store.history) == (Status.PENDING, {})

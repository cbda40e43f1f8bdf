"""Asking the gateway for an admin or for the buyer."""

from datetime import timedelta

import pytest

from lunas.domain.anomalies import AnomalyKind
from lunas.domain.enrollments import enrollment_id
from lunas.domain.errors import Forbidden, GatewayUnavailable, NotFound, WrongState
from lunas.domain.gateway_status import GatewayState, GatewayStatus
from lunas.domain.payments import AuditContext, Payment, Status
from lunas.domain.schedule import ASKED_LATELY, SOON
from lunas.domain.settlement import Result
from lunas.services.recheck import RecheckService
from lunas.services.settlement import Outcome
from tests.support import vendors
from tests.support.builders import ADMIN_ACT, LATER, USER, manual, paid, payment
from tests.unit.services.fakes import (
    FakePayments,
    FakeSchedule,
    FakeStatus,
    FakeStore,
    settlements,
)

pytestmark = pytest.mark.usefixtures("vendor")

BUYER_ACT = AuditContext(f"user:{USER}", LATER, {"requestId": "r1"})
OPEN = GatewayStatus(GatewayState.OPEN, order_id="pay1")


class Service:
    """The service over fakes, with one open payment that the gateway says is paid."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.store.add(payment())
        self.payments = FakePayments(self.store)
        self.status = FakeStatus(paid())
        self.schedule = FakeSchedule(self.store)
        self.service = RecheckService(
            payments=self.payments,
            schedule=self.schedule,
            settlements=settlements(self.payments),
            gateways=lambda _: vendors.gateway(self.status),
        )

    def recheck(self, payment_id: str = "pay1") -> Outcome:
        """Recheck a payment as an admin."""
        return self.service.recheck(payment_id, ADMIN_ACT)

    def check(self, payment_id: str = "pay1", buyer: str = USER) -> Outcome:
        """Check a payment as its buyer."""
        return self.service.check(payment_id, buyer, BUYER_ACT)

    @property
    def asking(self) -> tuple[object, bool]:
        """Return when Duitku was asked last, and whether an answer is awaited."""
        return self.store.payments["pay1"].asked_at, self.store.payments["pay1"].asking

    @property
    def stored(self) -> Status:
        """Return where the payment stands."""
        return self.store.payments["pay1"].status


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.EXPIRED])
def test_money_that_duitku_knows_of_becomes_an_enrollment(service: Service, status: Status) -> None:
    service.store.add(payment(status))
    assert service.recheck().result is Result.SETTLED
    assert service.stored is Status.APPROVED
    assert service.store.owns(enrollment_id(USER, "c1"))


def test_the_history_names_the_admin_and_the_approval_is_duitkus(service: Service) -> None:
    service.recheck()
    events = service.store.history["pay1"]
    assert {event.actor for event in events} == {"admin:a1"}
    evidence = events[-1].evidence
    assert evidence
    assert (evidence["requestId"], evidence["statusCode"]) == ("r1", "00")
    assert service.store.payments["pay1"].approved_by == vendors.chosen()


@pytest.mark.parametrize("state", [GatewayState.OPEN, GatewayState.NOT_STARTED])
def test_while_nothing_is_paid_the_payment_stays(service: Service, state: GatewayState) -> None:
    service.status.answer = GatewayStatus(state, order_id="pay1")
    assert service.recheck().result is Result.STILL_OPEN
    assert (service.stored, service.payments.commits) == (Status.PENDING, 0)


@pytest.mark.parametrize("status", [Status.APPROVED, Status.COMPLETED, Status.REFUNDED])
def test_a_settled_payment_is_not_asked_about(service: Service, status: Status) -> None:
    service.store.add(payment(status))
    assert service.recheck().result is Result.ALREADY_SETTLED
    assert (service.status.asked, service.payments.commits) == ([], 0)


@pytest.mark.parametrize("status", [Status.PAID, Status.REJECTED, Status.APPROVED])
def test_about_a_manual_payment_duitku_knows_nothing(service: Service, status: Status) -> None:
    service.store.add(manual(status))
    with pytest.raises(WrongState):
        service.recheck()
    assert service.status.asked == []


def test_an_unknown_payment_is_not_found(service: Service) -> None:
    with pytest.raises(NotFound):
        service.recheck("pay9")
    assert service.status.asked == []


def test_money_that_does_not_fit_is_kept_for_a_person(service: Service) -> None:
    service.status.answer = paid(rupiah=1)
    outcome = service.recheck()
    assert outcome.result is Result.MISMATCH
    assert [each.kind for each in service.store.anomalies.values()] == [AnomalyKind.STATUS_DIFFERS]
    assert service.stored is Status.PENDING


def test_while_duitku_cannot_be_asked_nothing_changes(service: Service) -> None:
    service.status.answer = GatewayUnavailable("down")
    with pytest.raises(GatewayUnavailable):
        service.recheck()
    assert (service.stored, service.store.history) == (Status.PENDING, {})


def test_a_recheck_counts_as_a_question(service: Service) -> None:
    service.status.answer = OPEN
    service.recheck()
    assert service.asking == (LATER, False)


# ── Checks by the buyer ──────────────────────────────────────────────────────────────────────────


def test_the_buyer_learns_of_money_that_arrived(service: Service) -> None:
    assert service.check().result is Result.SETTLED
    assert service.stored is Status.APPROVED
    assert service.store.history["pay1"][0].actor == f"user:{USER}"


@pytest.mark.parametrize("answer", [OPEN, paid(rupiah=1)], ids=["open", "does not match"])
def test_an_answer_that_moves_nothing_is_awaited_no_more(
    service: Service, answer: GatewayStatus
) -> None:
    service.status.answer = answer
    service.check()
    assert (service.stored, service.asking) == (Status.PENDING, (LATER, False))


@pytest.mark.parametrize(
    "known",
    [
        payment(Status.APPROVED),
        payment(Status.COMPLETED),
        payment(Status.REFUNDED),
        manual(Status.PAID),
        manual(Status.REJECTED),
    ],
    ids=lambda each: f"{each.method} {each.status}",
)
def test_what_is_settled_or_not_duitkus_is_returned_without_asking(
    service: Service, known: Payment
) -> None:
    service.store.add(known)
    assert service.check() == Outcome(Result.ALREADY_SETTLED, known)
    assert service.status.asked == []


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED])
def test_what_has_ended_is_asked_about_all_the_same(service: Service, status: Status) -> None:
    service.store.add(payment(status))
    assert service.check().result is Result.SETTLED


def test_duitku_is_asked_once_in_a_while(service: Service) -> None:
    lately = payment(asked_at=LATER - ASKED_LATELY + timedelta(seconds=1))
    service.store.add(lately)
    assert service.check() == Outcome(Result.ASKED_LATELY, lately)
    assert service.status.asked == []


def test_what_another_question_brings_meanwhile_is_returned(service: Service) -> None:
    def another() -> None:
        service.store.add(payment(Status.APPROVED, asked_at=LATER))

    service.schedule.before_question = [another]
    outcome = service.check()
    assert (outcome.result, outcome.payment.status) == (Result.ASKED_LATELY, Status.APPROVED)


def test_a_payment_that_vanishes_meanwhile_is_returned_as_it_was(service: Service) -> None:
    service.schedule.before_question = [service.store.payments.clear]
    assert service.check() == Outcome(Result.ASKED_LATELY, payment())


def test_while_duitku_cannot_be_asked_reconcile_does_so_soon(service: Service) -> None:
    service.status.answer = GatewayUnavailable("down")
    with pytest.raises(GatewayUnavailable):
        service.check()
    assert service.store.payments["pay1"].check_at == LATER + SOON
    assert service.asking == (LATER, False)


def test_a_question_before_that_is_kept(service: Service) -> None:
    service.store.add(payment(check_at=LATER))
    service.status.answer = GatewayUnavailable("down")
    with pytest.raises(GatewayUnavailable):
        service.check()
    assert service.store.payments["pay1"].check_at == LATER


def test_nobody_but_the_buyer_checks(service: Service) -> None:
    with pytest.raises(Forbidden):
        service.check(buyer="u2")
    with pytest.raises(NotFound):
        service.check("pay9")
    assert service.status.asked == []


def test_while_duitku_refuses_to_be_asked_the_buyer_sees_the_payment_as_it_is(
    service: Service,
) -> None:
    service.schedule.until = LATER + timedelta(seconds=1)
    outcome = service.check()
    assert (outcome.result, outcome.payment.status) == (Result.PAUSED, Status.PENDING)
    assert service.status.asked == []
    assert service.asking == (None, False)


def test_once_the_pause_is_over_the_buyer_has_duitku_asked(service: Service) -> None:
    service.schedule.until = LATER
    assert service.check().result is Result.SETTLED


def test_an_admin_has_duitku_asked_during_the_pause_as_well(service: Service) -> None:
    service.schedule.until = LATER + timedelta(hours=1)
    assert service.recheck().result is Result.SETTLED

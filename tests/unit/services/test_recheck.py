"""Checking a payment at the gateway for an admin or for the buyer."""

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
from tests.support.builders import ADMIN_CONTEXT, LATER, USER, manual, paid, payment
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
    """The service over fakes, with an open payment that is paid at the gateway."""

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
        return self.service.recheck(payment_id, ADMIN_CONTEXT)

    def check(self, payment_id: str = "pay1", buyer: str = USER) -> Outcome:
        """Check a payment as its buyer."""
        return self.service.check(payment_id, buyer, BUYER_ACT)

    @property
    def asking(self) -> tuple[object, bool]:
        """Return when Duitku was asked last, and whether its answer is pending."""
        return self.store.payments["pay1"].asked_at, self.store.payments["pay1"].asking

    @property
    def stored(self) -> Status:
        """Return the stored status of the payment."""
        return self.store.payments["pay1"].status


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.EXPIRED])
def test_money_at_duitku_becomes_an_enrollment(service: Service, status: Status) -> None:
    service.store.add(payment(status))
    assert service.recheck().result is Result.SETTLED
    assert service.stored is Status.APPROVED
    assert service.store.owns(enrollment_id(USER, "c1"))


def test_the_history_names_the_admin_and_the_approval_names_the_gateway(service: Service) -> None:
    service.recheck()
    events = service.store.history["pay1"]
    assert {event.actor for event in events} == {"admin:a1"}
    evidence = events[-1].evidence
    assert evidence
    assert (evidence["requestId"], evidence["statusCode"]) == ("r1", "00")
    assert service.store.payments["pay1"].approved_by == vendors.chosen()


@pytest.mark.parametrize("state", [GatewayState.OPEN, GatewayState.NOT_STARTED])
def test_an_unpaid_payment_stays_open(service: Service, state: GatewayState) -> None:
    service.status.answer = GatewayStatus(state, order_id="pay1")
    assert service.recheck().result is Result.STILL_OPEN
    assert (service.stored, service.payments.commits) == (Status.PENDING, 0)


@pytest.mark.parametrize("status", [Status.APPROVED, Status.COMPLETED, Status.REFUNDED])
def test_a_settled_payment_is_not_checked(service: Service, status: Status) -> None:
    service.store.add(payment(status))
    assert service.recheck().result is Result.ALREADY_SETTLED
    assert (service.status.asked, service.payments.commits) == ([], 0)


@pytest.mark.parametrize("status", [Status.PAID, Status.REJECTED, Status.APPROVED])
def test_a_manual_payment_cannot_be_rechecked(service: Service, status: Status) -> None:
    service.store.add(manual(status))
    with pytest.raises(WrongState):
        service.recheck()
    assert service.status.asked == []


def test_an_unknown_payment_is_not_found(service: Service) -> None:
    with pytest.raises(NotFound):
        service.recheck("pay9")
    assert service.status.asked == []


def test_a_mismatch_is_recorded_as_an_anomaly(service: Service) -> None:
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


def test_a_recheck_counts_as_a_check(service: Service) -> None:
    service.status.answer = OPEN
    service.recheck()
    assert service.asking == (LATER, False)


# ── Checks by the buyer ──────────────────────────────────────────────────────────────────────────


def test_a_check_by_the_buyer_settles_the_payment(service: Service) -> None:
    assert service.check().result is Result.SETTLED
    assert service.stored is Status.APPROVED
    assert service.store.history["pay1"][0].actor == f"user:{USER}"


@pytest.mark.parametrize("answer", [OPEN, paid(rupiah=1)], ids=["open", "mismatch"])
def test_an_answer_without_effect_is_no_longer_pending(
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
def test_a_settled_or_manual_payment_is_returned_without_a_check(
    service: Service, known: Payment
) -> None:
    service.store.add(known)
    assert service.check() == Outcome(Result.ALREADY_SETTLED, known)
    assert service.status.asked == []


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED])
def test_an_ended_payment_is_checked_too(service: Service, status: Status) -> None:
    service.store.add(payment(status))
    assert service.check().result is Result.SETTLED


def test_a_payment_checked_lately_is_not_checked_again(service: Service) -> None:
    lately = payment(asked_at=LATER - ASKED_LATELY + timedelta(seconds=1))
    service.store.add(lately)
    assert service.check() == Outcome(Result.ASKED_LATELY, lately)
    assert service.status.asked == []


def test_the_result_of_a_concurrent_check_is_returned(service: Service) -> None:
    def another() -> None:
        service.store.add(payment(Status.APPROVED, asked_at=LATER))

    service.schedule.before_question = [another]
    outcome = service.check()
    assert (outcome.result, outcome.payment.status) == (Result.ASKED_LATELY, Status.APPROVED)


def test_a_payment_that_vanishes_meanwhile_is_returned_as_it_was(service: Service) -> None:
    service.schedule.before_question = [service.store.payments.clear]
    assert service.check() == Outcome(Result.ASKED_LATELY, payment())


def test_while_duitku_cannot_be_asked_reconcile_checks_soon(service: Service) -> None:
    service.status.answer = GatewayUnavailable("down")
    with pytest.raises(GatewayUnavailable):
        service.check()
    assert service.store.payments["pay1"].check_at == LATER + SOON
    assert service.asking == (LATER, False)


def test_an_earlier_check_by_reconcile_is_kept(service: Service) -> None:
    service.store.add(payment(check_at=LATER))
    service.status.answer = GatewayUnavailable("down")
    with pytest.raises(GatewayUnavailable):
        service.check()
    assert service.store.payments["pay1"].check_at == LATER


def test_only_the_buyer_can_check(service: Service) -> None:
    with pytest.raises(Forbidden):
        service.check(buyer="u2")
    with pytest.raises(NotFound):
        service.check("pay9")
    assert service.status.asked == []


def test_during_a_pause_the_buyer_gets_the_payment_unchecked(
    service: Service,
) -> None:
    service.schedule.until = LATER + timedelta(seconds=1)
    outcome = service.check()
    assert (outcome.result, outcome.payment.status) == (Result.PAUSED, Status.PENDING)
    assert service.status.asked == []
    assert service.asking == (None, False)


def test_after_the_pause_the_buyer_can_check(service: Service) -> None:
    service.schedule.until = LATER
    assert service.check().result is Result.SETTLED


def test_during_the_pause_an_admin_can_recheck(service: Service) -> None:
    service.schedule.until = LATER + timedelta(hours=1)
    assert service.recheck().result is Result.SETTLED

"""Callbacks: a hint that makes Lunas ask, never evidence."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from lunas.domain.anomalies import AnomalyKind
from lunas.domain.enrollments import enrollment_id
from lunas.domain.errors import (
    ConcurrentUpdate,
    Forbidden,
    GatewayError,
    GatewayRefused,
    GatewayTimeout,
    GatewayUnavailable,
    StorageContention,
)
from lunas.domain.gateway_status import GatewayState, GatewayStatus, whole_rupiah
from lunas.domain.payments import Payment, Status
from lunas.domain.schedule import DENIED, DENIED_CHECKS, SOON
from lunas.domain.settlement import Result
from lunas.gateways.base import Reading, VerifiedCallback
from lunas.services.callbacks import CallbackResult, CallbackService
from lunas.services.settlement import Outcome
from tests.support import builders, vendors
from tests.support.builders import LATER, NOW, REFERENCE, USER, enrollment, manual, paid, payment
from tests.unit.services.fakes import (
    FakeAnomalies,
    FakeClock,
    FakePayments,
    FakeSchedule,
    FakeStatus,
    FakeStore,
    settlements,
)

pytestmark = pytest.mark.usefixtures("vendor")

ENDED = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")


def hint(order_id: str = "pay1", amount: str = "49000", **evidence: str) -> VerifiedCallback:
    hints = {"resultCode": "00", **evidence}
    body = f"{order_id} {amount} {hints}".encode()
    paid = hints["resultCode"] == "00"
    kept = builders.evidence(
        digest=hashlib.sha256(body).hexdigest(),
        fields=hints,
        transaction=hints.get("publisherOrderId") or None if paid else None,
    )
    ours = order_id.lstrip("0123456789")
    digits = order_id.removesuffix(ours)
    return VerifiedCallback(
        order_id=order_id,
        amount=amount,
        rupiah=whole_rupiah(amount),
        hints=hints,
        evidence=kept,
        code=hints["resultCode"],
        claims_success=paid,
        shifted=Reading(ours, amount + digits) if digits and ours else None,
    )


@dataclass
class Service:
    """A desk over fakes."""

    stored: Payment | None = field(default_factory=payment)

    def __post_init__(self) -> None:
        self.store = FakeStore()
        if self.stored:
            self.store.add(self.stored)
        self.payments = FakePayments(self.store)
        self.status = FakeStatus(paid())
        self.clock = FakeClock()
        self.service = CallbackService(
            payments=self.payments,
            schedule=FakeSchedule(self.store),
            anomalies=FakeAnomalies(self.store),
            settlements=settlements(self.payments),
            gateways=lambda _: vendors.gateway(self.status),
            now=self.clock,
        )

    def handle(self, result: VerifiedCallback | None = None) -> CallbackResult:
        """Hear a callback, the right one unless told otherwise."""
        return self.service.handle(result or hint())

    def lets_first(self, other: VerifiedCallback) -> None:
        """Let another callback settle between this one's reading and writing."""

        def come_first() -> None:
            self.handle(other)

        self.payments.before_commit.append(come_first)

    @property
    def payment_status(self) -> Status:
        """Return where the payment stands."""
        return self.store.payments["pay1"].status


@pytest.fixture
def service() -> Service:
    return Service()


def unchanged(service: Service) -> bool:
    """Tell that no state moved; when Duitku is asked next may."""
    asked: dict[str, Any] = {
        "check_at": None,
        "asked_at": None,
        "asking": False,
        "denied_at": None,
    }
    stored = {each.id: replace(each, **asked) for each in service.store.payments.values()}
    return (
        stored == ({"pay1": service.stored} if service.stored else {})
        and service.store.enrollments == {}
        and service.store.history == {}
    )


def replace_stored(service: Service, **changes: Any) -> Service:
    """Change what the payment is compared with."""
    assert service.stored
    service.stored = replace(service.stored, **changes)
    return service


def test_money_that_duitku_confirms_becomes_an_enrollment(service: Service) -> None:
    result = service.handle()
    assert result.outcome
    assert result.outcome.result is Result.SETTLED
    assert service.payment_status is Status.APPROVED
    assert service.store.owns(enrollment_id(USER, "c1"))
    assert [each.actor for each in service.store.history["pay1"]] == [
        f"{vendors.chosen()}:callback"
    ] * 2


def test_an_amount_with_decimals_is_the_same_amount(service: Service) -> None:
    service.handle(hint(amount="49000.00"))
    assert service.payment_status is Status.APPROVED


def test_the_code_of_the_callback_decides_nothing(service: Service) -> None:
    service.handle(hint(resultCode="01"))
    assert service.payment_status is Status.APPROVED


def test_the_code_of_the_callback_is_kept_as_evidence(service: Service) -> None:
    service.handle(hint(resultCode="01"))
    evidence = service.store.history["pay1"][0].evidence
    assert evidence
    assert (evidence["callback"], evidence["statusCode"]) == ("01", "00")


def test_a_callback_for_an_unknown_order_is_kept_for_a_person() -> None:
    service = Service(None)
    result = service.handle(hint("pay9"))
    assert result.anomaly
    assert result.anomaly.kind is AnomalyKind.UNKNOWN_ORDER
    assert result.anomaly.evidence["amount"] == "49000"
    assert list(service.store.anomalies) == [result.anomaly.id]
    assert service.status.asked == []


def test_the_id_of_a_manual_payment_is_no_order_of_duitku() -> None:
    service = Service(manual())
    result = service.handle()
    assert result.anomaly
    assert result.anomaly.kind is AnomalyKind.UNKNOWN_ORDER
    assert unchanged(service)
    assert service.status.asked == []


@pytest.mark.parametrize("amount", ["48999", "49000.50", "490000", "1", "abc", "NaN"])
def test_another_amount_is_kept_for_a_person_and_changes_nothing(
    service: Service, amount: str
) -> None:
    result = service.handle(hint(amount=amount))
    assert result.anomaly
    assert result.anomaly.kind is AnomalyKind.AMOUNT_DIFFERS
    assert result.anomaly.evidence["expectedAmount"] == "49000"
    assert result.anomaly.payment_id == "pay1"
    assert unchanged(service)
    assert service.status.asked == []


@pytest.mark.parametrize("status", [Status.APPROVED, Status.COMPLETED, Status.REFUNDED])
def test_a_callback_for_what_is_settled_asks_nobody_and_writes_nothing(status: Status) -> None:
    service = Service(payment(status))
    result = service.handle()
    assert result.outcome
    assert result.outcome.result is Result.ALREADY_SETTLED
    assert (service.status.asked, service.payments.commits, service.payments.reads) == ([], 0, 1)


@pytest.mark.parametrize(
    "changes",
    [{"reference": "OTHER"}, {"reference": ""}, {"rupiah": 1}, {"rupiah": None}, {"order_id": "x"}],
    ids=str,
)
def test_a_status_that_speaks_of_something_else_is_an_anomaly(
    service: Service, changes: dict[str, object]
) -> None:
    service.status.answer = paid(**changes)
    result = service.handle()
    assert result.outcome
    assert result.outcome.result is Result.MISMATCH
    assert result.outcome.anomaly
    assert result.outcome.anomaly.kind is AnomalyKind.STATUS_DIFFERS
    assert result.outcome.anomaly.evidence["expectedReference"] == "DREF1"
    assert list(service.store.anomalies) == [result.outcome.anomaly.id]
    assert unchanged(service)


@pytest.mark.parametrize(
    "reply",
    [GatewayStatus(GatewayState.OPEN, code="01"), GatewayStatus(GatewayState.NOT_STARTED)],
    ids=["01", "404"],
)
def test_while_duitku_says_not_paid_nothing_changes(service: Service, reply: GatewayStatus) -> None:
    service.status.answer = reply
    result = service.handle()
    assert result.outcome
    assert result.outcome.result is Result.STILL_OPEN
    assert unchanged(service)


@pytest.mark.parametrize(
    ("at", "status"), [(NOW, Status.FAILED), (LATER, Status.EXPIRED)], ids=["in time", "late"]
)
def test_an_order_that_duitku_ended_fails_or_expires(
    service: Service, at: object, status: Status
) -> None:
    service.clock.now = at  # type: ignore[assignment]
    service.status.answer = ENDED
    service.handle(hint(resultCode="01"))
    assert service.payment_status is status
    assert service.store.enrollments == {}


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.EXPIRED])
def test_a_success_that_the_status_denies_leaves_the_payment_and_is_asked_about_within_a_minute(
    status: Status,
) -> None:
    service = Service(payment(status, check_at=NOW + timedelta(hours=3)))
    service.status.answer = ENDED
    result = service.handle()
    assert result.outcome
    assert result.outcome.result is Result.CONTRADICTED
    assert service.stored
    assert unchanged(replace_stored(service, check_at=None))
    stored = service.store.payments["pay1"]
    assert (stored.check_at, stored.denied_at) == (NOW, NOW)


def test_callbacks_sent_again_and_again_do_not_put_the_next_question_off(service: Service) -> None:
    service.status.answer = ENDED
    for _ in range(5):
        service.handle()
        service.clock.forward(timedelta(seconds=10))
    stored = service.store.payments["pay1"]
    assert (stored.check_at, stored.denied_at) == (NOW, NOW)


def test_what_duitku_ended_before_its_time_is_asked_about_again_in_a_minute(
    service: Service,
) -> None:
    service.status.answer = ENDED
    service.handle(hint(resultCode="02"))
    stored = service.store.payments["pay1"]
    assert (stored.check_at, stored.denied_at) == (NOW + DENIED_CHECKS[0], NOW)


def test_what_duitku_ended_with_its_time_is_asked_about_once_more(service: Service) -> None:
    service.clock.now = LATER
    service.status.answer = ENDED
    service.handle(hint(resultCode="02"))
    stored = service.store.payments["pay1"]
    assert (stored.check_at, stored.denied_at) == (LATER + DENIED, None)


@pytest.mark.parametrize("code", ["00", "01"])
def test_a_success_that_is_still_open_at_duitku_is_asked_about_as_if_denied(
    service: Service, code: str
) -> None:
    service.status.answer = GatewayStatus(GatewayState.OPEN, code="01")
    service.handle(hint(resultCode=code))
    stored = service.store.payments["pay1"]
    assert stored.check_at == NOW + SOON
    assert stored.denied_at == (NOW if code == "00" else None)


@pytest.mark.parametrize(
    "answer",
    [paid(), paid(rupiah=1), ENDED, GatewayStatus(GatewayState.OPEN), GatewayUnavailable("down")],
    ids=["paid", "does not fit", "ended", "open", "down"],
)
@pytest.mark.parametrize("code", ["00", "01"])
def test_a_callback_counts_as_a_question(service: Service, answer: Any, code: str) -> None:
    service.status.answer = answer
    with suppress(GatewayError):
        service.handle(hint(resultCode=code))
    assert service.store.payments["pay1"].asked_at == NOW


def test_any_reference_that_duitku_gave_is_the_payments(service: Service) -> None:
    service.store.add(payment(references=frozenset({"OLD", REFERENCE})))
    service.status.answer = paid(reference="OLD")
    service.handle()
    assert service.payment_status is Status.APPROVED


def test_while_an_answer_with_a_reference_is_missing_no_reference_is_a_stranger(
    service: Service,
) -> None:
    service.store.add(payment(invoice_calls=2, invoice_answers=1))
    service.status.answer = paid(reference="LOST")
    service.handle()
    assert service.payment_status is Status.APPROVED


def test_once_all_answers_are_known_another_reference_is_a_stranger(service: Service) -> None:
    service.store.add(payment(invoice_calls=2, invoice_answers=2))
    service.status.answer = paid(reference="OTHER")
    service.handle()
    assert service.payment_status is Status.PENDING
    assert len(service.store.anomalies) == 1


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED])
def test_a_late_success_beats_a_local_end(status: Status) -> None:
    service = Service(payment(status))
    service.handle()
    assert service.payment_status is Status.APPROVED
    assert service.store.owns(enrollment_id(USER, "c1"))


@pytest.mark.parametrize(
    "failure", [GatewayUnavailable("down"), GatewayTimeout("slow"), GatewayRefused("blocked")]
)
def test_while_duitku_cannot_be_asked_nothing_changes(
    service: Service, failure: GatewayError
) -> None:
    service.status.answer = failure
    with pytest.raises(GatewayError):
        service.handle()
    assert unchanged(service)
    assert service.store.anomalies == {}


def test_a_table_that_keeps_refusing_changes_nothing(service: Service) -> None:
    service.payments.before_commit = [ConcurrentUpdate(stale=True)] * 50
    with pytest.raises(StorageContention):
        service.handle()
    assert unchanged(service)


def test_the_same_callback_again_has_no_further_effect(service: Service) -> None:
    service.handle()
    before = dict(service.store.enrollments), list(service.store.history["pay1"])
    for _ in range(3):
        result = service.handle()
        assert result.outcome
        assert result.outcome.result is Result.ALREADY_SETTLED
    assert (dict(service.store.enrollments), list(service.store.history["pay1"])) == before


@pytest.mark.parametrize("amount", ["49000", "1"])
def test_a_replay_with_other_unsigned_fields_makes_no_second_anomaly(amount: str) -> None:
    service = Service(None if amount == "49000" else payment())
    for number in range(5):
        service.handle(hint(amount=amount, resultCode=f"0{number}", reference=f"R{number}"))
    assert len(service.store.anomalies) == 1


def test_a_replay_against_a_status_that_does_not_fit_makes_no_second_anomaly(
    service: Service,
) -> None:
    service.status.answer = paid(rupiah=1)
    for number in range(5):
        service.handle(hint(resultCode=f"0{number}"))
    assert len(service.store.anomalies) == 1


def test_money_for_a_course_owned_meanwhile_completes_and_is_kept_for_a_refund(
    service: Service,
) -> None:
    service.store.add(enrollment("c1", payment_id="pay0"))
    result = service.handle()
    assert result.outcome
    assert result.outcome.payment.status is Status.COMPLETED
    assert result.outcome.anomaly
    assert result.outcome.anomaly.kind is AnomalyKind.PAID_TWICE
    assert service.store.enrollments[enrollment("c1").id].payment_id == "pay0"


def test_an_overlong_order_id_is_cut_in_the_evidence() -> None:
    result = Service(None).handle(hint("x" * 5000))
    assert result.anomaly
    assert len(result.anomaly.order_id) == 50


@pytest.mark.parametrize(("amount", "order"), [("4900", "0pay1"), ("49", "000pay1")])
def test_digits_moved_from_the_amount_to_the_order_id_are_a_forgery(
    service: Service, amount: str, order: str
) -> None:
    with pytest.raises(Forbidden):
        service.handle(hint(order, amount))
    assert unchanged(service)
    assert (service.store.anomalies, service.status.asked) == ({}, [])


@pytest.mark.parametrize(
    ("amount", "order"),
    [("4900", "1pay1"), ("49000", "0pay1"), ("4900", "0pay9"), ("4900", "0"), ("490", "0pay1")],
)
def test_digits_before_an_order_id_that_do_not_belong_to_the_amount_are_kept_for_a_person(
    service: Service, amount: str, order: str
) -> None:
    result = service.handle(hint(order, amount))
    assert result.anomaly
    assert result.anomaly.kind is AnomalyKind.UNKNOWN_ORDER
    assert unchanged(service)


# ── Evidence ─────────────────────────────────────────────────────────────────────────────────────


def test_the_step_that_a_callback_causes_keeps_its_evidence(service: Service) -> None:
    result = service.handle(reply := hint())
    assert result.keeps(reply.evidence)
    assert list(service.store.callbacks.values()) == [reply.evidence]
    assert service.store.payments["pay1"].callbacks == {reply.evidence.short}


def test_the_history_names_the_callback_that_moved_the_payment(service: Service) -> None:
    service.handle(reply := hint())
    named = [(each.evidence or {})["callbackDigest"] for each in service.store.history["pay1"]]
    assert named == [reply.evidence.short] * 2


def test_money_for_nothing_new_keeps_the_evidence_as_well(service: Service) -> None:
    service.store.add(enrollment("c1", payment_id="pay0"))
    result = service.handle(reply := hint())
    assert result.keeps(reply.evidence)
    assert reply.evidence.digest in service.store.callbacks


def test_an_end_by_callback_and_the_late_success_are_both_kept(service: Service) -> None:
    service.status.answer = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
    first, second = hint(resultCode="01"), hint()
    assert service.handle(first).keeps(first.evidence)
    service.status.answer = paid()
    assert service.handle(second).keeps(second.evidence)
    assert service.store.payments["pay1"].callbacks == {first.evidence.short, second.evidence.short}
    assert len(service.store.callbacks) == 2


def test_a_repetition_is_known_to_be_kept_and_another_callback_is_not(service: Service) -> None:
    service.handle(reply := hint())
    assert service.handle(reply).keeps(reply.evidence)
    other = hint(reference="R9")
    assert not service.handle(other).keeps(other.evidence)


def test_a_callback_that_moves_nothing_is_not_said_to_be_kept(service: Service) -> None:
    service.status.answer = GatewayStatus(GatewayState.OPEN, code="01")
    for reply in (hint(), hint(amount="1"), hint("pay9")):
        assert not service.handle(reply).keeps(reply.evidence)
    assert service.store.callbacks == {}


def test_a_callback_that_lost_the_race_to_another_is_not_said_to_be_kept(service: Service) -> None:
    other = hint(reference="R9")
    service.lets_first(other)
    result = service.handle(reply := hint())
    assert result.outcome
    assert result.outcome.result is Result.ALREADY_SETTLED
    assert not result.keeps(reply.evidence)
    assert result.keeps(other.evidence)


def test_a_callback_that_lost_the_race_to_itself_is_kept(service: Service) -> None:
    reply = hint()
    service.lets_first(reply)
    assert service.handle(reply).keeps(reply.evidence)


@pytest.mark.parametrize("amount", ["49000", "1"])
def test_an_anomaly_names_the_callback_that_it_was_found_by(amount: str) -> None:
    reply = hint("pay9" if amount == "49000" else "pay1", amount)
    result = Service().handle(reply)
    assert result.anomaly
    assert result.anomaly.evidence["callbackDigest"] == reply.evidence.short


def test_a_status_that_does_not_fit_names_the_callback_too(service: Service) -> None:
    service.status.answer = paid(rupiah=1)
    result = service.handle(reply := hint())
    assert result.outcome
    assert result.outcome.anomaly
    assert result.outcome.anomaly.evidence["callbackDigest"] == reply.evidence.short
    assert not result.keeps(reply.evidence)


def test_each_further_transfer_for_a_settled_payment_is_kept_for_a_person_once(
    service: Service,
) -> None:
    service.handle(first := hint(publisherOrderId="MG1"))
    settled = service.store.payments["pay1"]

    found = [service.handle(hint(publisherOrderId=each)).outcome for each in ("MG2", "MG3", "MG2")]

    assert [each and each.anomaly and each.anomaly.kind for each in found] == ["PAID_AGAIN"] * 3
    assert settled.transaction == "MG1"
    assert service.store.payments["pay1"] == settled
    kept = [each.evidence for each in service.store.anomalies.values()]
    assert {each["firstTransaction"] for each in kept} == {"MG1"}
    assert [each["transaction"] for each in kept] == ["MG2", "MG3"]
    assert service.handle(first) == CallbackResult(Outcome(Result.ALREADY_SETTLED, settled))


@pytest.mark.parametrize(
    "again",
    [
        {"publisherOrderId": "MG1", "settlementDate": "2030-01-01"},
        {"resultCode": "01", "publisherOrderId": "MG2"},
        {"resultCode": "00"},
        {"publisherOrderId": ""},
    ],
    ids=["the same transfer", "a failed one", "one without a number", "an empty number"],
)
def test_only_another_successful_transfer_is_a_second_one(
    service: Service, again: dict[str, str]
) -> None:
    service.handle(hint(publisherOrderId="MG1"))
    service.handle(hint(**again))
    assert service.store.anomalies == {}


def test_the_first_transfer_is_learnt_later_when_duitku_was_asked_before_it_called() -> None:
    service = Service(payment(Status.COMPLETED))
    for reply in ("MG1", "MG1", "MG2"):
        service.handle(hint(publisherOrderId=reply, settlementDate=reply))
    (kept,) = service.store.anomalies.values()
    assert (kept.kind, kept.evidence["firstTransaction"]) == (AnomalyKind.PAID_AGAIN, "MG1")


def test_two_transfers_that_are_told_at_once_are_noticed(service: Service) -> None:
    service.lets_first(hint(publisherOrderId="MG1"))
    service.handle(hint(publisherOrderId="MG2"))
    (kept,) = service.store.anomalies.values()
    assert (kept.kind, kept.evidence["transaction"]) == (AnomalyKind.PAID_AGAIN, "MG2")


def test_a_callback_that_does_not_settle_names_no_transfer(service: Service) -> None:
    service.status.answer = GatewayStatus(GatewayState.ENDED, code="02")
    service.handle(hint(publisherOrderId="MG1"))
    assert service.store.payments["pay1"].transaction is None


def test_a_transfer_that_is_known_is_not_noted_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.handle(hint(publisherOrderId="MG1"))
    monkeypatch.delattr(FakePayments, "first_transaction")
    service.handle(hint(publisherOrderId="MG1", settlementDate="2030-01-01"))
    assert service.store.anomalies == {}


def test_a_callback_that_moved_the_payment_before_it_was_paid_names_no_transfer(
    service: Service,
) -> None:
    service.status.answer = GatewayStatus(GatewayState.ENDED, code="02")
    service.handle(ended := hint(publisherOrderId="MG1", resultCode="01"))
    service.store.payments["pay1"] = replace(
        service.store.payments["pay1"], status=Status.COMPLETED
    )
    service.handle(ended)
    assert service.store.payments["pay1"].transaction is None


def test_an_order_of_digits_alone_is_looked_for_once() -> None:
    service = Service(None)
    service.handle(hint("12345"))
    assert service.payments.reads == 1

"""Callbacks trigger a check at the gateway and prove nothing themselves."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from lunas.domain.anomalies import AnomalyKind
from lunas.domain.callback_evidence import Signature
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
from lunas.gateways.base import Reading, ReceivedCallback, VerifiedCallback
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


def callback(order_id: str = "pay1", amount: str = "49000", **evidence: str) -> VerifiedCallback:
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
    """A callback service over fakes."""

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

    def handle(self, received: VerifiedCallback | None = None) -> CallbackResult:
        """Handle a callback, by default one that matches the payment."""
        return self.service.handle(received or callback())

    def settle_first(self, other: VerifiedCallback) -> None:
        """Have another callback settle the payment between this one's read and write."""

        def come_first() -> None:
            self.handle(other)

        self.payments.before_commit.append(come_first)

    @property
    def payment_status(self) -> Status:
        """Return the stored status of the payment."""
        return self.store.payments["pay1"].status


@pytest.fixture
def service() -> Service:
    return Service()


def unchanged(service: Service) -> bool:
    """Return whether nothing changed but the times of the next check."""
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
    """Change the payment that :func:`unchanged` compares with."""
    assert service.stored
    service.stored = replace(service.stored, **changes)
    return service


def test_confirmed_money_becomes_an_enrollment(service: Service) -> None:
    result = service.handle()
    assert result.outcome
    assert result.outcome.result is Result.SETTLED
    assert service.payment_status is Status.APPROVED
    assert service.store.owns(enrollment_id(USER, "c1"))
    assert [each.actor for each in service.store.history["pay1"]] == [
        f"{vendors.chosen()}:callback"
    ] * 2


def received(body: bytes) -> ReceivedCallback:
    """Return a callback as it arrives, before its signature is checked."""
    unchecked = builders.evidence(
        digest=hashlib.sha256(body).hexdigest(), fields={}, signature=Signature.UNCHECKED
    )
    return ReceivedCallback(body, "192.0.2.1", unchecked)


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_signed_callback_is_read_and_settles_only_by_the_status(
    service: Service, is_paid: bool
) -> None:
    arrived = received(vendors.callback_body("pay1", 49_000, is_paid=is_paid))
    parsed = vendors.gateway(service.status).parse_callback(arrived)
    assert (parsed.order_id, parsed.rupiah, parsed.claims_success) == ("pay1", 49_000, is_paid)
    assert parsed.evidence.signature is arrived.evidence.signature is Signature.VALID
    assert service.handle(parsed).keeps(parsed.evidence)
    assert service.payment_status is Status.APPROVED


def test_a_callback_that_was_changed_after_signing_is_refused(service: Service) -> None:
    arrived = received(vendors.callback_body("pay1", 49_000).replace(b"49000", b"10000"))
    with pytest.raises(Forbidden):
        vendors.gateway(service.status).parse_callback(arrived)
    assert arrived.evidence.signature is Signature.DIFFERS
    assert unchanged(service)


def test_an_amount_with_decimals_is_the_same_amount(service: Service) -> None:
    service.handle(callback(amount="49000.00"))
    assert service.payment_status is Status.APPROVED


def test_the_code_of_the_callback_decides_nothing(service: Service) -> None:
    service.handle(callback(resultCode="01"))
    assert service.payment_status is Status.APPROVED


def test_the_code_of_the_callback_is_kept_as_evidence(service: Service) -> None:
    service.handle(callback(resultCode="01"))
    evidence = service.store.history["pay1"][0].evidence
    assert evidence
    assert (evidence["callback"], evidence["statusCode"]) == ("01", "00")


def test_a_callback_for_an_unknown_order_is_recorded_as_an_anomaly() -> None:
    service = Service(None)
    result = service.handle(callback("pay9"))
    assert result.anomaly
    assert result.anomaly.kind is AnomalyKind.UNKNOWN_ORDER
    assert result.anomaly.evidence["amount"] == "49000"
    assert list(service.store.anomalies) == [result.anomaly.id]
    assert service.status.asked == []


def test_the_id_of_a_manual_payment_is_an_unknown_order() -> None:
    service = Service(manual())
    result = service.handle()
    assert result.anomaly
    assert result.anomaly.kind is AnomalyKind.UNKNOWN_ORDER
    assert unchanged(service)
    assert service.status.asked == []


@pytest.mark.parametrize("amount", ["48999", "49000.50", "490000", "1", "abc", "NaN"])
def test_a_different_amount_is_recorded_as_an_anomaly_and_changes_nothing(
    service: Service, amount: str
) -> None:
    result = service.handle(callback(amount=amount))
    assert result.anomaly
    assert result.anomaly.kind is AnomalyKind.AMOUNT_DIFFERS
    assert result.anomaly.evidence["expectedAmount"] == "49000"
    assert result.anomaly.payment_id == "pay1"
    assert unchanged(service)
    assert service.status.asked == []


@pytest.mark.parametrize("status", [Status.APPROVED, Status.COMPLETED, Status.REFUNDED])
def test_a_callback_for_a_settled_payment_makes_no_call_and_no_write(status: Status) -> None:
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
def test_a_status_that_does_not_match_is_an_anomaly(
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
    "status",
    [GatewayStatus(GatewayState.OPEN, code="01"), GatewayStatus(GatewayState.NOT_STARTED)],
    ids=["01", "404"],
)
def test_an_unpaid_status_changes_nothing(service: Service, status: GatewayStatus) -> None:
    service.status.answer = status
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
    service.handle(callback(resultCode="01"))
    assert service.payment_status is status
    assert service.store.enrollments == {}


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.EXPIRED])
def test_a_success_that_the_status_denies_is_checked_again_within_a_minute(
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


def test_repeated_callbacks_do_not_delay_the_next_check(service: Service) -> None:
    service.status.answer = ENDED
    for _ in range(5):
        service.handle()
        service.clock.forward(timedelta(seconds=10))
    stored = service.store.payments["pay1"]
    assert (stored.check_at, stored.denied_at) == (NOW, NOW)


def test_an_order_that_ended_early_is_checked_again_in_a_minute(
    service: Service,
) -> None:
    service.status.answer = ENDED
    service.handle(callback(resultCode="02"))
    stored = service.store.payments["pay1"]
    assert (stored.check_at, stored.denied_at) == (NOW + DENIED_CHECKS[0], NOW)


def test_an_order_that_ended_on_time_is_checked_once_more(service: Service) -> None:
    service.clock.now = LATER
    service.status.answer = ENDED
    service.handle(callback(resultCode="02"))
    stored = service.store.payments["pay1"]
    assert (stored.check_at, stored.denied_at) == (LATER + DENIED, None)


@pytest.mark.parametrize("code", ["00", "01"])
def test_a_success_that_is_still_open_at_duitku_is_checked_as_if_denied(
    service: Service, code: str
) -> None:
    service.status.answer = GatewayStatus(GatewayState.OPEN, code="01")
    service.handle(callback(resultCode=code))
    stored = service.store.payments["pay1"]
    assert stored.check_at == NOW + SOON
    assert stored.denied_at == (NOW if code == "00" else None)


@pytest.mark.parametrize(
    "answer",
    [paid(), paid(rupiah=1), ENDED, GatewayStatus(GatewayState.OPEN), GatewayUnavailable("down")],
    ids=["paid", "mismatch", "ended", "open", "down"],
)
@pytest.mark.parametrize("code", ["00", "01"])
def test_a_callback_counts_as_a_check(service: Service, answer: Any, code: str) -> None:
    service.status.answer = answer
    with suppress(GatewayError):
        service.handle(callback(resultCode=code))
    assert service.store.payments["pay1"].asked_at == NOW


def test_any_reference_that_duitku_issued_matches(service: Service) -> None:
    service.store.add(payment(references=frozenset({"OLD", REFERENCE})))
    service.status.answer = paid(reference="OLD")
    service.handle()
    assert service.payment_status is Status.APPROVED


def test_any_reference_matches_while_an_invoice_response_is_missing(
    service: Service,
) -> None:
    service.store.add(payment(invoice_calls=2, invoice_answers=1))
    service.status.answer = paid(reference="LOST")
    service.handle()
    assert service.payment_status is Status.APPROVED


def test_another_reference_is_a_mismatch_once_all_invoice_responses_are_known(
    service: Service,
) -> None:
    service.store.add(payment(invoice_calls=2, invoice_answers=2))
    service.status.answer = paid(reference="OTHER")
    service.handle()
    assert service.payment_status is Status.PENDING
    assert len(service.store.anomalies) == 1


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED])
def test_a_late_success_overrides_a_local_end(status: Status) -> None:
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


def test_endless_concurrent_updates_change_nothing(service: Service) -> None:
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
        service.handle(callback(amount=amount, resultCode=f"0{number}", reference=f"R{number}"))
    assert len(service.store.anomalies) == 1


def test_a_replay_with_a_mismatch_makes_no_second_anomaly(
    service: Service,
) -> None:
    service.status.answer = paid(rupiah=1)
    for number in range(5):
        service.handle(callback(resultCode=f"0{number}"))
    assert len(service.store.anomalies) == 1


def test_money_for_a_course_owned_meanwhile_completes_and_records_an_anomaly(
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
    result = Service(None).handle(callback("x" * 5000))
    assert result.anomaly
    assert len(result.anomaly.order_id) == 50


@pytest.mark.parametrize(("amount", "order"), [("4900", "0pay1"), ("49", "000pay1")])
def test_digits_moved_from_the_amount_to_the_order_id_are_a_forgery(
    service: Service, amount: str, order: str
) -> None:
    with pytest.raises(Forbidden):
        service.handle(callback(order, amount))
    assert unchanged(service)
    assert (service.store.anomalies, service.status.asked) == ({}, [])


@pytest.mark.parametrize(
    ("amount", "order"),
    [("4900", "1pay1"), ("49000", "0pay1"), ("4900", "0pay9"), ("4900", "0"), ("490", "0pay1")],
)
def test_other_digits_before_an_order_id_make_an_unknown_order(
    service: Service, amount: str, order: str
) -> None:
    result = service.handle(callback(order, amount))
    assert result.anomaly
    assert result.anomaly.kind is AnomalyKind.UNKNOWN_ORDER
    assert unchanged(service)


# ── Evidence ─────────────────────────────────────────────────────────────────────────────────────


def test_a_step_stores_the_evidence_of_its_callback(service: Service) -> None:
    result = service.handle(sent := callback())
    assert result.keeps(sent.evidence)
    assert list(service.store.callbacks.values()) == [sent.evidence]
    assert service.store.payments["pay1"].callbacks == {sent.evidence.short}


def test_the_history_names_the_callback_that_moved_the_payment(service: Service) -> None:
    service.handle(sent := callback())
    named = [(each.evidence or {})["callbackDigest"] for each in service.store.history["pay1"]]
    assert named == [sent.evidence.short] * 2


def test_money_for_an_owned_course_keeps_the_evidence_too(service: Service) -> None:
    service.store.add(enrollment("c1", payment_id="pay0"))
    result = service.handle(sent := callback())
    assert result.keeps(sent.evidence)
    assert sent.evidence.digest in service.store.callbacks


def test_an_end_by_callback_and_the_late_success_are_both_kept(service: Service) -> None:
    service.status.answer = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
    first, second = callback(resultCode="01"), callback()
    assert service.handle(first).keeps(first.evidence)
    service.status.answer = paid()
    assert service.handle(second).keeps(second.evidence)
    assert service.store.payments["pay1"].callbacks == {first.evidence.short, second.evidence.short}
    assert len(service.store.callbacks) == 2


def test_a_repeated_callback_counts_as_kept_and_another_does_not(service: Service) -> None:
    service.handle(sent := callback())
    assert service.handle(sent).keeps(sent.evidence)
    other = callback(reference="R9")
    assert not service.handle(other).keeps(other.evidence)


def test_a_callback_without_effect_does_not_count_as_kept(service: Service) -> None:
    service.status.answer = GatewayStatus(GatewayState.OPEN, code="01")
    for sent in (callback(), callback(amount="1"), callback("pay9")):
        assert not service.handle(sent).keeps(sent.evidence)
    assert service.store.callbacks == {}


def test_a_callback_that_lost_the_race_to_another_does_not_count_as_kept(service: Service) -> None:
    other = callback(reference="R9")
    service.settle_first(other)
    result = service.handle(sent := callback())
    assert result.outcome
    assert result.outcome.result is Result.ALREADY_SETTLED
    assert not result.keeps(sent.evidence)
    assert result.keeps(other.evidence)


def test_a_callback_that_lost_the_race_to_itself_counts_as_kept(service: Service) -> None:
    sent = callback()
    service.settle_first(sent)
    assert service.handle(sent).keeps(sent.evidence)


@pytest.mark.parametrize("amount", ["49000", "1"])
def test_an_anomaly_names_the_callback_that_revealed_it(amount: str) -> None:
    sent = callback("pay9" if amount == "49000" else "pay1", amount)
    result = Service().handle(sent)
    assert result.anomaly
    assert result.anomaly.evidence["callbackDigest"] == sent.evidence.short


def test_a_mismatch_names_its_callback(service: Service) -> None:
    service.status.answer = paid(rupiah=1)
    result = service.handle(sent := callback())
    assert result.outcome
    assert result.outcome.anomaly
    assert result.outcome.anomaly.evidence["callbackDigest"] == sent.evidence.short
    assert not result.keeps(sent.evidence)


def test_each_further_transfer_for_a_settled_payment_is_one_anomaly(
    service: Service,
) -> None:
    service.handle(first := callback(publisherOrderId="MG1"))
    settled = service.store.payments["pay1"]

    found = [
        service.handle(callback(publisherOrderId=each)).outcome for each in ("MG2", "MG3", "MG2")
    ]

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
    service.handle(callback(publisherOrderId="MG1"))
    service.handle(callback(**again))
    assert service.store.anomalies == {}


def test_a_payment_settled_by_a_check_records_its_transfer_from_the_first_callback() -> None:
    service = Service(payment(Status.COMPLETED))
    for transaction in ("MG1", "MG1", "MG2"):
        service.handle(callback(publisherOrderId=transaction, settlementDate=transaction))
    (kept,) = service.store.anomalies.values()
    assert (kept.kind, kept.evidence["firstTransaction"]) == (AnomalyKind.PAID_AGAIN, "MG1")


def test_two_transfers_reported_at_once_are_noticed(service: Service) -> None:
    service.settle_first(callback(publisherOrderId="MG1"))
    service.handle(callback(publisherOrderId="MG2"))
    (kept,) = service.store.anomalies.values()
    assert (kept.kind, kept.evidence["transaction"]) == (AnomalyKind.PAID_AGAIN, "MG2")


def test_a_callback_that_does_not_settle_records_no_transfer(service: Service) -> None:
    service.status.answer = GatewayStatus(GatewayState.ENDED, code="02")
    service.handle(callback(publisherOrderId="MG1"))
    assert service.store.payments["pay1"].transaction is None


def test_a_known_transfer_is_not_recorded_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.handle(callback(publisherOrderId="MG1"))
    monkeypatch.delattr(FakePayments, "first_transaction")
    service.handle(callback(publisherOrderId="MG1", settlementDate="2030-01-01"))
    assert service.store.anomalies == {}


def test_a_callback_from_before_the_payment_was_paid_records_no_transfer(
    service: Service,
) -> None:
    service.status.answer = GatewayStatus(GatewayState.ENDED, code="02")
    service.handle(ended := callback(publisherOrderId="MG1", resultCode="01"))
    service.store.payments["pay1"] = replace(
        service.store.payments["pay1"], status=Status.COMPLETED
    )
    service.handle(ended)
    assert service.store.payments["pay1"].transaction is None


def test_an_order_id_of_digits_is_read_once() -> None:
    service = Service(None)
    service.handle(callback("12345"))
    assert service.payments.reads == 1

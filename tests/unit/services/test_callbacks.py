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
class Desk:
    """A desk over fakes."""

    stands: Payment | None = field(default_factory=payment)

    def __post_init__(self) -> None:
        self.store = FakeStore()
        if self.stands:
            self.store.add(self.stands)
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

    def hear(self, heard: VerifiedCallback | None = None) -> CallbackResult:
        """Hear a callback, the right one unless told otherwise."""
        return self.service.handle(heard or hint())

    def lets_first(self, other: VerifiedCallback) -> None:
        """Let another callback settle between this one's reading and writing."""

        def come_first() -> None:
            self.hear(other)

        self.payments.before_commit.append(come_first)

    @property
    def now_stands(self) -> Status:
        """Return where the payment stands."""
        return self.store.payments["pay1"].status


@pytest.fixture
def desk() -> Desk:
    return Desk()


def unchanged(desk: Desk) -> bool:
    """Tell that no state moved; when Duitku is asked next may."""
    asked: dict[str, Any] = {
        "check_at": None,
        "asked_at": None,
        "asking": False,
        "denied_at": None,
    }
    stands = {each.id: replace(each, **asked) for each in desk.store.payments.values()}
    return (
        stands == ({"pay1": desk.stands} if desk.stands else {})
        and desk.store.enrollments == {}
        and desk.store.history == {}
    )


def replace_stands(desk: Desk, **changes: Any) -> Desk:
    """Change what the payment is compared with."""
    assert desk.stands
    desk.stands = replace(desk.stands, **changes)
    return desk


def test_money_that_duitku_confirms_becomes_an_enrollment(desk: Desk) -> None:
    heard = desk.hear()
    assert heard.outcome
    assert heard.outcome.result is Result.SETTLED
    assert desk.now_stands is Status.APPROVED
    assert desk.store.owns(enrollment_id(USER, "c1"))
    assert [each.actor for each in desk.store.history["pay1"]] == [
        f"{vendors.chosen()}:callback"
    ] * 2


def test_an_amount_with_decimals_is_the_same_amount(desk: Desk) -> None:
    desk.hear(hint(amount="49000.00"))
    assert desk.now_stands is Status.APPROVED


def test_the_code_of_the_callback_decides_nothing(desk: Desk) -> None:
    desk.hear(hint(resultCode="01"))
    assert desk.now_stands is Status.APPROVED


def test_the_code_of_the_callback_is_kept_as_evidence(desk: Desk) -> None:
    desk.hear(hint(resultCode="01"))
    evidence = desk.store.history["pay1"][0].evidence
    assert evidence
    assert (evidence["callback"], evidence["statusCode"]) == ("01", "00")


def test_a_callback_for_an_unknown_order_is_kept_for_a_person() -> None:
    desk = Desk(None)
    heard = desk.hear(hint("pay9"))
    assert heard.anomaly
    assert heard.anomaly.kind is AnomalyKind.UNKNOWN_ORDER
    assert heard.anomaly.evidence["amount"] == "49000"
    assert list(desk.store.anomalies) == [heard.anomaly.id]
    assert desk.status.asked == []


def test_the_id_of_a_manual_payment_is_no_order_of_duitku() -> None:
    desk = Desk(manual())
    heard = desk.hear()
    assert heard.anomaly
    assert heard.anomaly.kind is AnomalyKind.UNKNOWN_ORDER
    assert unchanged(desk)
    assert desk.status.asked == []


@pytest.mark.parametrize("amount", ["48999", "49000.50", "490000", "1", "abc", "NaN"])
def test_another_amount_is_kept_for_a_person_and_changes_nothing(desk: Desk, amount: str) -> None:
    heard = desk.hear(hint(amount=amount))
    assert heard.anomaly
    assert heard.anomaly.kind is AnomalyKind.AMOUNT_DIFFERS
    assert heard.anomaly.evidence["expectedAmount"] == "49000"
    assert heard.anomaly.payment_id == "pay1"
    assert unchanged(desk)
    assert desk.status.asked == []


@pytest.mark.parametrize("status", [Status.APPROVED, Status.COMPLETED, Status.REFUNDED])
def test_a_callback_for_what_is_settled_asks_nobody_and_writes_nothing(status: Status) -> None:
    desk = Desk(payment(status))
    heard = desk.hear()
    assert heard.outcome
    assert heard.outcome.result is Result.ALREADY_SETTLED
    assert (desk.status.asked, desk.payments.commits, desk.payments.reads) == ([], 0, 1)


@pytest.mark.parametrize(
    "changes",
    [{"reference": "OTHER"}, {"reference": ""}, {"rupiah": 1}, {"rupiah": None}, {"order_id": "x"}],
    ids=str,
)
def test_a_status_that_speaks_of_something_else_is_an_anomaly(
    desk: Desk, changes: dict[str, object]
) -> None:
    desk.status.answer = paid(**changes)
    heard = desk.hear()
    assert heard.outcome
    assert heard.outcome.result is Result.MISMATCH
    assert heard.outcome.anomaly
    assert heard.outcome.anomaly.kind is AnomalyKind.STATUS_DIFFERS
    assert heard.outcome.anomaly.evidence["expectedReference"] == "DREF1"
    assert list(desk.store.anomalies) == [heard.outcome.anomaly.id]
    assert unchanged(desk)


@pytest.mark.parametrize(
    "told",
    [GatewayStatus(GatewayState.OPEN, code="01"), GatewayStatus(GatewayState.NOT_STARTED)],
    ids=["01", "404"],
)
def test_while_duitku_says_not_paid_nothing_changes(desk: Desk, told: GatewayStatus) -> None:
    desk.status.answer = told
    heard = desk.hear()
    assert heard.outcome
    assert heard.outcome.result is Result.STILL_OPEN
    assert unchanged(desk)


@pytest.mark.parametrize(
    ("at", "status"), [(NOW, Status.FAILED), (LATER, Status.EXPIRED)], ids=["in time", "late"]
)
def test_an_order_that_duitku_ended_fails_or_expires(
    desk: Desk, at: object, status: Status
) -> None:
    desk.clock.now = at  # type: ignore[assignment]
    desk.status.answer = ENDED
    desk.hear(hint(resultCode="01"))
    assert desk.now_stands is status
    assert desk.store.enrollments == {}


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.EXPIRED])
def test_a_success_that_the_status_denies_leaves_the_payment_and_is_asked_about_within_a_minute(
    status: Status,
) -> None:
    desk = Desk(payment(status, check_at=NOW + timedelta(hours=3)))
    desk.status.answer = ENDED
    heard = desk.hear()
    assert heard.outcome
    assert heard.outcome.result is Result.CONTRADICTED
    assert desk.stands
    assert unchanged(replace_stands(desk, check_at=None))
    stands = desk.store.payments["pay1"]
    assert (stands.check_at, stands.denied_at) == (NOW, NOW)


def test_callbacks_sent_again_and_again_do_not_put_the_next_question_off(desk: Desk) -> None:
    desk.status.answer = ENDED
    for _ in range(5):
        desk.hear()
        desk.clock.forward(timedelta(seconds=10))
    stands = desk.store.payments["pay1"]
    assert (stands.check_at, stands.denied_at) == (NOW, NOW)


def test_what_duitku_ended_before_its_time_is_asked_about_again_in_a_minute(desk: Desk) -> None:
    desk.status.answer = ENDED
    desk.hear(hint(resultCode="02"))
    stands = desk.store.payments["pay1"]
    assert (stands.check_at, stands.denied_at) == (NOW + DENIED_CHECKS[0], NOW)


def test_what_duitku_ended_with_its_time_is_asked_about_once_more(desk: Desk) -> None:
    desk.clock.now = LATER
    desk.status.answer = ENDED
    desk.hear(hint(resultCode="02"))
    stands = desk.store.payments["pay1"]
    assert (stands.check_at, stands.denied_at) == (LATER + DENIED, None)


@pytest.mark.parametrize("code", ["00", "01"])
def test_a_success_that_is_still_open_at_duitku_is_asked_about_as_if_denied(
    desk: Desk, code: str
) -> None:
    desk.status.answer = GatewayStatus(GatewayState.OPEN, code="01")
    desk.hear(hint(resultCode=code))
    stands = desk.store.payments["pay1"]
    assert stands.check_at == NOW + SOON
    assert stands.denied_at == (NOW if code == "00" else None)


@pytest.mark.parametrize(
    "answer",
    [paid(), paid(rupiah=1), ENDED, GatewayStatus(GatewayState.OPEN), GatewayUnavailable("down")],
    ids=["paid", "does not fit", "ended", "open", "down"],
)
@pytest.mark.parametrize("code", ["00", "01"])
def test_a_callback_counts_as_a_question(desk: Desk, answer: Any, code: str) -> None:
    desk.status.answer = answer
    with suppress(GatewayError):
        desk.hear(hint(resultCode=code))
    assert desk.store.payments["pay1"].asked_at == NOW


def test_any_reference_that_duitku_gave_is_the_payments(desk: Desk) -> None:
    desk.store.add(payment(references=frozenset({"OLD", REFERENCE})))
    desk.status.answer = paid(reference="OLD")
    desk.hear()
    assert desk.now_stands is Status.APPROVED


def test_while_an_answer_with_a_reference_is_missing_no_reference_is_a_stranger(
    desk: Desk,
) -> None:
    desk.store.add(payment(invoice_calls=2, invoice_answers=1))
    desk.status.answer = paid(reference="LOST")
    desk.hear()
    assert desk.now_stands is Status.APPROVED


def test_once_all_answers_are_known_another_reference_is_a_stranger(desk: Desk) -> None:
    desk.store.add(payment(invoice_calls=2, invoice_answers=2))
    desk.status.answer = paid(reference="OTHER")
    desk.hear()
    assert desk.now_stands is Status.PENDING
    assert len(desk.store.anomalies) == 1


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED])
def test_a_late_success_beats_a_local_end(status: Status) -> None:
    desk = Desk(payment(status))
    desk.hear()
    assert desk.now_stands is Status.APPROVED
    assert desk.store.owns(enrollment_id(USER, "c1"))


@pytest.mark.parametrize(
    "failure", [GatewayUnavailable("down"), GatewayTimeout("slow"), GatewayRefused("blocked")]
)
def test_while_duitku_cannot_be_asked_nothing_changes(desk: Desk, failure: GatewayError) -> None:
    desk.status.answer = failure
    with pytest.raises(GatewayError):
        desk.hear()
    assert unchanged(desk)
    assert desk.store.anomalies == {}


def test_a_table_that_keeps_refusing_changes_nothing(desk: Desk) -> None:
    desk.payments.before_commit = [ConcurrentUpdate(stale=True)] * 50
    with pytest.raises(StorageContention):
        desk.hear()
    assert unchanged(desk)


def test_the_same_callback_again_has_no_further_effect(desk: Desk) -> None:
    desk.hear()
    before = dict(desk.store.enrollments), list(desk.store.history["pay1"])
    for _ in range(3):
        heard = desk.hear()
        assert heard.outcome
        assert heard.outcome.result is Result.ALREADY_SETTLED
    assert (dict(desk.store.enrollments), list(desk.store.history["pay1"])) == before


@pytest.mark.parametrize("amount", ["49000", "1"])
def test_a_replay_with_other_unsigned_fields_makes_no_second_anomaly(amount: str) -> None:
    desk = Desk(None if amount == "49000" else payment())
    for number in range(5):
        desk.hear(hint(amount=amount, resultCode=f"0{number}", reference=f"R{number}"))
    assert len(desk.store.anomalies) == 1


def test_a_replay_against_a_status_that_does_not_fit_makes_no_second_anomaly(desk: Desk) -> None:
    desk.status.answer = paid(rupiah=1)
    for number in range(5):
        desk.hear(hint(resultCode=f"0{number}"))
    assert len(desk.store.anomalies) == 1


def test_money_for_a_course_owned_meanwhile_completes_and_is_kept_for_a_refund(desk: Desk) -> None:
    desk.store.add(enrollment("c1", payment_id="pay0"))
    heard = desk.hear()
    assert heard.outcome
    assert heard.outcome.payment.status is Status.COMPLETED
    assert heard.outcome.anomaly
    assert heard.outcome.anomaly.kind is AnomalyKind.PAID_TWICE
    assert desk.store.enrollments[enrollment("c1").id].payment_id == "pay0"


def test_an_overlong_order_id_is_cut_in_the_evidence() -> None:
    heard = Desk(None).hear(hint("x" * 5000))
    assert heard.anomaly
    assert len(heard.anomaly.order_id) == 50


@pytest.mark.parametrize(("amount", "order"), [("4900", "0pay1"), ("49", "000pay1")])
def test_digits_moved_from_the_amount_to_the_order_id_are_a_forgery(
    desk: Desk, amount: str, order: str
) -> None:
    with pytest.raises(Forbidden):
        desk.hear(hint(order, amount))
    assert unchanged(desk)
    assert (desk.store.anomalies, desk.status.asked) == ({}, [])


@pytest.mark.parametrize(
    ("amount", "order"),
    [("4900", "1pay1"), ("49000", "0pay1"), ("4900", "0pay9"), ("4900", "0"), ("490", "0pay1")],
)
def test_digits_before_an_order_id_that_do_not_belong_to_the_amount_are_kept_for_a_person(
    desk: Desk, amount: str, order: str
) -> None:
    heard = desk.hear(hint(order, amount))
    assert heard.anomaly
    assert heard.anomaly.kind is AnomalyKind.UNKNOWN_ORDER
    assert unchanged(desk)


# ── Evidence ─────────────────────────────────────────────────────────────────────────────────────


def test_the_step_that_a_callback_causes_keeps_its_evidence(desk: Desk) -> None:
    heard = desk.hear(told := hint())
    assert heard.keeps(told.evidence)
    assert list(desk.store.callbacks.values()) == [told.evidence]
    assert desk.store.payments["pay1"].callbacks == {told.evidence.short}


def test_the_history_names_the_callback_that_moved_the_payment(desk: Desk) -> None:
    desk.hear(told := hint())
    named = [(each.evidence or {})["callbackDigest"] for each in desk.store.history["pay1"]]
    assert named == [told.evidence.short] * 2


def test_money_for_nothing_new_keeps_the_evidence_as_well(desk: Desk) -> None:
    desk.store.add(enrollment("c1", payment_id="pay0"))
    heard = desk.hear(told := hint())
    assert heard.keeps(told.evidence)
    assert told.evidence.digest in desk.store.callbacks


def test_an_end_by_callback_and_the_late_success_are_both_kept(desk: Desk) -> None:
    desk.status.answer = GatewayStatus(GatewayState.ENDED, order_id="pay1", code="02")
    first, second = hint(resultCode="01"), hint()
    assert desk.hear(first).keeps(first.evidence)
    desk.status.answer = paid()
    assert desk.hear(second).keeps(second.evidence)
    assert desk.store.payments["pay1"].callbacks == {first.evidence.short, second.evidence.short}
    assert len(desk.store.callbacks) == 2


def test_a_repetition_is_known_to_be_kept_and_another_callback_is_not(desk: Desk) -> None:
    desk.hear(told := hint())
    assert desk.hear(told).keeps(told.evidence)
    other = hint(reference="R9")
    assert not desk.hear(other).keeps(other.evidence)


def test_a_callback_that_moves_nothing_is_not_said_to_be_kept(desk: Desk) -> None:
    desk.status.answer = GatewayStatus(GatewayState.OPEN, code="01")
    for told in (hint(), hint(amount="1"), hint("pay9")):
        assert not desk.hear(told).keeps(told.evidence)
    assert desk.store.callbacks == {}


def test_a_callback_that_lost_the_race_to_another_is_not_said_to_be_kept(desk: Desk) -> None:
    other = hint(reference="R9")
    desk.lets_first(other)
    heard = desk.hear(told := hint())
    assert heard.outcome
    assert heard.outcome.result is Result.ALREADY_SETTLED
    assert not heard.keeps(told.evidence)
    assert heard.keeps(other.evidence)


def test_a_callback_that_lost_the_race_to_itself_is_kept(desk: Desk) -> None:
    told = hint()
    desk.lets_first(told)
    assert desk.hear(told).keeps(told.evidence)


@pytest.mark.parametrize("amount", ["49000", "1"])
def test_an_anomaly_names_the_callback_that_it_was_found_by(amount: str) -> None:
    told = hint("pay9" if amount == "49000" else "pay1", amount)
    heard = Desk().hear(told)
    assert heard.anomaly
    assert heard.anomaly.evidence["callbackDigest"] == told.evidence.short


def test_a_status_that_does_not_fit_names_the_callback_too(desk: Desk) -> None:
    desk.status.answer = paid(rupiah=1)
    heard = desk.hear(told := hint())
    assert heard.outcome
    assert heard.outcome.anomaly
    assert heard.outcome.anomaly.evidence["callbackDigest"] == told.evidence.short
    assert not heard.keeps(told.evidence)


def test_each_further_transfer_for_a_settled_payment_is_kept_for_a_person_once(desk: Desk) -> None:
    desk.hear(first := hint(publisherOrderId="MG1"))
    settled = desk.store.payments["pay1"]

    found = [desk.hear(hint(publisherOrderId=each)).outcome for each in ("MG2", "MG3", "MG2")]

    assert [each and each.anomaly and each.anomaly.kind for each in found] == ["PAID_AGAIN"] * 3
    assert settled.transaction == "MG1"
    assert desk.store.payments["pay1"] == settled
    kept = [each.evidence for each in desk.store.anomalies.values()]
    assert {each["firstTransaction"] for each in kept} == {"MG1"}
    assert [each["transaction"] for each in kept] == ["MG2", "MG3"]
    assert desk.hear(first) == CallbackResult(Outcome(Result.ALREADY_SETTLED, settled))


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
    desk: Desk, again: dict[str, str]
) -> None:
    desk.hear(hint(publisherOrderId="MG1"))
    desk.hear(hint(**again))
    assert desk.store.anomalies == {}


def test_the_first_transfer_is_learnt_later_when_duitku_was_asked_before_it_called() -> None:
    desk = Desk(payment(Status.COMPLETED))
    for told in ("MG1", "MG1", "MG2"):
        desk.hear(hint(publisherOrderId=told, settlementDate=told))
    (kept,) = desk.store.anomalies.values()
    assert (kept.kind, kept.evidence["firstTransaction"]) == (AnomalyKind.PAID_AGAIN, "MG1")


def test_two_transfers_that_are_told_at_once_are_noticed(desk: Desk) -> None:
    desk.lets_first(hint(publisherOrderId="MG1"))
    desk.hear(hint(publisherOrderId="MG2"))
    (kept,) = desk.store.anomalies.values()
    assert (kept.kind, kept.evidence["transaction"]) == (AnomalyKind.PAID_AGAIN, "MG2")


def test_a_callback_that_does_not_settle_names_no_transfer(desk: Desk) -> None:
    desk.status.answer = GatewayStatus(GatewayState.ENDED, code="02")
    desk.hear(hint(publisherOrderId="MG1"))
    assert desk.store.payments["pay1"].transaction is None


def test_a_transfer_that_is_known_is_not_noted_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.hear(hint(publisherOrderId="MG1"))
    monkeypatch.delattr(FakePayments, "first_transaction")
    desk.hear(hint(publisherOrderId="MG1", settlementDate="2030-01-01"))
    assert desk.store.anomalies == {}


def test_a_callback_that_moved_the_payment_before_it_was_paid_names_no_transfer(desk: Desk) -> None:
    desk.status.answer = GatewayStatus(GatewayState.ENDED, code="02")
    desk.hear(ended := hint(publisherOrderId="MG1", resultCode="01"))
    desk.store.payments["pay1"] = replace(desk.store.payments["pay1"], status=Status.COMPLETED)
    desk.hear(ended)
    assert desk.store.payments["pay1"].transaction is None


def test_an_order_of_digits_alone_is_looked_for_once() -> None:
    desk = Desk(None)
    desk.hear(hint("12345"))
    assert desk.payments.reads == 1

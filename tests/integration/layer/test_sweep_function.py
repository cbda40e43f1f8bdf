"""The sweep as Lambda runs it: what it reads, keeps, completes, logs and counts."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lunas import clock
from lunas.domain.audit_feeds import SETTLED_AFTER
from lunas.domain.enrollments import enrollment_id
from lunas.domain.payments import Status
from lunas.domain.times import to_iso
from lunas.services.access_comparison import PATIENCE
from lunas.storage.anomalies import Anomalies
from lunas.storage.catalog import Catalogue
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.expressions import Change
from lunas.storage.keys import enrollment as enrollment_key
from lunas.storage.keys import history as history_key
from lunas.storage.keys import payment as payment_key
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.integration.layer.peers import active_row, answers, no_rows
from tests.integration.layer.purchases import approve, submitted
from tests.support.api_requests import Context
from tests.support.builders import EMAIL, enrollment
from tests.support.functions import load
from tests.support.http_stub import Told
from tests.support.logs import Logged

DELIVERED: dict[str, Any] = {
    "deliveryStatus": "DELIVERED",
    "thinkificEnrollmentId": 500,
    "dueKey": None,
    "dueAt": None,
}


NOT_LATER = timedelta()
OLD_ENOUGH = SETTLED_AFTER + timedelta(seconds=1)


class Unhurried(Context):
    """A context with time enough."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 300_000


class Hurried(Context):
    """A context whose time is nearly over."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 1_000


class Sweep:
    """The function, in a present that can be moved, and a purchase for it to look at."""

    def __init__(self, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
        self.table = table
        self.payments = Payments(table)
        self.anomalies = Anomalies(table)
        self._monkeypatch = monkeypatch

    def run(self, later: timedelta = OLD_ENOUGH, context: Context | None = None) -> None:
        """Run once, so much later than now."""
        self._monkeypatch.setattr(load("sweep"), "now", lambda: clock.now() + later)
        load("sweep").handler({}, context or Unhurried())

    def approved(self, sub: str = "u1") -> str:
        """Buy by transfer and have it approved; return the payment's id."""
        payment_id = str(submitted(sub)["id"])
        assert approve(payment_id)[0] == 200
        return payment_id

    def codes(self) -> list[str]:
        page = self.anomalies.page(None, 100, None)
        return sorted(each.evidence["code"] for each in page.items)

    def update(self, key: dict[str, str], **changes: Any) -> None:
        assert self.table.update(key, Change(changes))

    def delete(self, key: dict[str, str]) -> None:
        wire: Any = {name: {"S": value} for name, value in key.items()}
        self.table.client.delete_item(TableName=self.table.name, Key=wire)


@pytest.fixture
def sweeping(table: Table, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    assert catalogue.course("c1")
    return Sweep(table, monkeypatch)


def test_healthy_payments_leave_nothing_but_a_count(sweeping: Sweep, logged: Logged) -> None:
    sweeping.approved()
    submitted("u2")
    sweeping.run()
    assert sweeping.codes() == []
    (line,) = [each for each in logged.lines if each["message"] == "swept"]
    assert (line["payments"], line["completed"], line["differences"]) == (2, 0, 0)
    assert logged.metrics().count("SweepRun") == 1


def test_what_is_younger_than_fifteen_minutes_has_its_turn_later(
    sweeping: Sweep, logged: Logged
) -> None:
    payment_id = str(submitted()["id"])
    sweeping.update(payment_key(payment_id), amount=0)
    sweeping.run(SETTLED_AFTER - timedelta(minutes=1))
    assert (sweeping.codes(), logged.messages("ERROR")) == ([], [])
    sweeping.run()
    assert sweeping.codes() == ["AMOUNT_WRONG"]


def _enrollment_gone(sweeping: Sweep, payment_id: str) -> None:
    assert payment_id
    sweeping.delete(enrollment_key(enrollment_id("u1", "c1")))


def _flipped(sweeping: Sweep, payment_id: str) -> None:
    sweeping.update(payment_key(payment_id), status="COMPLETED")


def _event_gone(sweeping: Sweep, payment_id: str) -> None:
    sweeping.delete(history_key(payment_id, 1))


def _payment_gone(sweeping: Sweep, payment_id: str) -> None:
    sweeping.delete(payment_key(payment_id))


def _unreadable(sweeping: Sweep, payment_id: str) -> None:
    sweeping.update(payment_key(payment_id), method="CASH")


def _enrolled_without_payment(sweeping: Sweep, payment_id: str) -> None:
    assert payment_id
    at = clock.now()
    made = enrollment("c2", payment_id="pay404", created_at=at, updated_at=at)
    assert sweeping.table.put(enrollment_item(made), "attribute_not_exists(#pk)")


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        (_enrollment_gone, ["ENROLLMENT_MISSING"]),
        (
            _flipped,
            ["COMPLETED_EARLY", "HISTORY_STATE"],
        ),
        (_event_gone, ["HISTORY_CHAIN", "HISTORY_GAP", "HISTORY_TIME"]),
        (_payment_gone, ["PAYMENT_MISSING"]),
        (_unreadable, ["UNREADABLE"]),
        (_enrolled_without_payment, ["PAYMENT_MISSING"]),
    ],
)
def test_what_is_broken_is_kept_logged_and_counted(
    sweeping: Sweep, logged: Logged, damage: Callable[[Sweep, str], None], codes: list[str]
) -> None:
    damage(sweeping, sweeping.approved())
    sweeping.run()
    assert sweeping.codes() == codes
    lines = [each for each in logged.lines if each["message"] == "difference found"]
    assert sorted(each["code"] for each in lines) == codes
    assert all(each["level"] == "ERROR" and each["todo"] and each["found"] for each in lines)
    metrics = Counter(logged.metrics())
    assert (metrics["SweepDifferences"], metrics["Anomaly"]) == (len(codes),) * 2
    assert EMAIL not in logged.text


def test_a_difference_is_reported_once_however_often_it_is_seen(
    sweeping: Sweep, logged: Logged
) -> None:
    _enrollment_gone(sweeping, sweeping.approved())
    for _ in range(3):
        sweeping.run()
    assert sweeping.codes() == ["ENROLLMENT_MISSING"]
    assert logged.messages("ERROR") == ["difference found"]


def test_a_payment_whose_last_delivery_did_not_complete_it_is_completed(
    sweeping: Sweep, logged: Logged
) -> None:
    payment_id = sweeping.approved()
    sweeping.update(enrollment_key(enrollment_id("u1", "c1")), **DELIVERED)
    sweeping.update(payment_key(payment_id), undelivered=None)
    sweeping.run()
    done = sweeping.payments.get(payment_id)
    assert done
    assert (done.status, done.version) == (Status.COMPLETED, 3)
    last = sweeping.payments.history(payment_id)[-1]
    assert (last.actor, last.target, last.at) == (
        "lunas:sweep",
        Status.COMPLETED,
        done.completed_at,
    )
    (line,) = [each for each in logged.lines if each["level"] == "WARNING"]
    assert (line["message"], line["payment_id"]) == ("payment completed by the sweep", payment_id)
    sweeping.run(SETTLED_AFTER * 4)
    assert sweeping.codes() == []


def test_a_delivery_that_ends_long_after_the_change_is_found_as_well(sweeping: Sweep) -> None:
    payment_id = sweeping.approved()
    sweeping.run()
    sweeping.update(enrollment_key(enrollment_id("u1", "c1")), **DELIVERED)
    sweeping.run(timedelta(days=1))
    done = sweeping.payments.get(payment_id)
    assert done
    assert done.status is Status.COMPLETED


def test_an_outage_of_days_is_caught_up(sweeping: Sweep) -> None:
    sweeping.run(NOT_LATER)
    payment_id = submitted()["id"]
    sweeping.update(payment_key(payment_id), amount=0)
    sweeping.run(timedelta(days=5))
    assert sweeping.codes() == ["AMOUNT_WRONG"]


def test_a_run_whose_time_is_over_says_how_far_it_came(sweeping: Sweep, logged: Logged) -> None:
    sweeping.approved()
    sweeping.run(context=Hurried())
    (line,) = [each for each in logged.lines if each["level"] == "WARNING"]
    assert line["message"] == "sweep is behind"
    assert set(line["reached"]) == {"HISTORY", "ENROLLMENT"}
    assert line["todo"]
    sweeping.run()
    assert "swept" in logged.messages()


def test_the_note_of_a_run_is_as_far_as_it_looked(sweeping: Sweep) -> None:
    before = to_iso(clock.now())
    sweeping.run(SETTLED_AFTER)
    for trail in ("HISTORY", "ENROLLMENT"):
        item = sweeping.table.get({"pk": "SWEEP", "sk": trail})
        assert item
        assert item["type"] == "sweep"
        assert before <= item["mark"] <= to_iso(clock.now())


def test_a_healthy_payment_that_thinkific_does_not_know_costs_three_reads(
    sweeping: Sweep, calls: Counter[str]
) -> None:
    sweeping.run(NOT_LATER)
    begun = clock.now() - SETTLED_AFTER
    for number in range(4):
        submitted(f"u{number}")
    calls.clear()
    sweeping.run()
    midnights = (clock.now().date() - begun.date()).days
    # A mark read and a Query for each trail, another for each day; marks that moved.
    trails = {"GetItem": 5, "Query": 5 + 2 * midnights, "UpdateItem": 4 + 2 * midnights}
    # Each payment is read once to be proved, and once more to see whether to ask Thinkific.
    assert calls == Counter(trails) + Counter({"Query": 8, "BatchGetItem": 4})


def test_a_run_without_anything_new_reads_the_marks_and_the_trails(
    sweeping: Sweep, calls: Counter[str]
) -> None:
    now = clock.now()
    until_noon = (now + timedelta(days=1)).replace(hour=12) - now
    sweeping.run(until_noon)
    calls.clear()
    sweeping.run(until_noon + timedelta(minutes=1))
    assert dict(calls) == {"GetItem": 5, "Query": 5, "UpdateItem": 4}


def _known_to_thinkific(sweeping: Sweep) -> str:
    """Buy, have it approved and delivered; return the enrollment's id."""
    payment_id, own = sweeping.approved(), enrollment_id("u1", "c1")
    placed = {"thinkificUserId": 7, "thinkificCourseId": 2_000_001}
    sweeping.update(enrollment_key(own), **DELIVERED, **placed)
    sweeping.update(payment_key(payment_id), undelivered=None)
    return own


def test_access_that_thinkific_does_not_give_is_told_and_asked_for_again(
    sweeping: Sweep, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _known_to_thinkific(sweeping)
    peer = answers(monkeypatch, "sweep", no_rows(), no_rows())
    sweeping.run()
    assert peer.calls == ["GET /api/public/v1/enrollments"] * 2
    assert sweeping.codes() == ["ACCESS_MISSING"]
    (line,) = [each for each in logged.lines if each["level"] == "ERROR"]
    assert (line["message"], line["code"]) == ("difference found", "ACCESS_MISSING")
    assert line["repair"] == "delivery asked for again"
    (line,) = [each for each in logged.lines if each["message"] == "compared with Thinkific"]
    assert (line["asked"], line["differences"], line["mended"]) == (2, 1, 1)
    item = sweeping.table.get(enrollment_key(own))
    assert item
    assert (item["deliveryStatus"], item["deliveryRequest"]) == ("PENDING", 2)
    assert logged.metrics().count("SweepDifferences") == 1
    assert EMAIL not in logged.text


def test_access_that_thinkific_gives_leaves_nothing(
    sweeping: Sweep, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known_to_thinkific(sweeping)
    row = Told(body={"items": [active_row()], "meta": {"pagination": {"next_page": None}}})
    answers(monkeypatch, "sweep", row)
    sweeping.run()
    assert (sweeping.codes(), logged.messages("ERROR")) == ([], [])


@pytest.mark.parametrize(
    "told", [Told(401), Told(429), Told(503), Told(404), Told(200, "<html>")], ids=str
)
def test_thinkific_without_an_answer_is_one_line_and_no_failure(
    sweeping: Sweep, logged: Logged, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    _known_to_thinkific(sweeping)
    answers(monkeypatch, "sweep", told)
    sweeping.run()
    (line,) = [each for each in logged.lines if each["message"] == "compared with Thinkific"]
    assert (line["level"], line["mended"]) == ("INFO", 0)
    assert line["stopped"]
    assert (sweeping.codes(), logged.messages("ERROR")) == ([], [])


def test_a_comparison_that_waits_for_hours_is_a_warning(
    sweeping: Sweep, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known_to_thinkific(sweeping)
    answers(monkeypatch, "sweep", Told(401))
    sweeping.run(SETTLED_AFTER + PATIENCE + timedelta(minutes=1))
    (line,) = [each for each in logged.lines if each["message"].startswith("comparison with")]
    assert (line["level"], "401" in line["reason"]) == ("WARNING", True)
    assert line["todo"]


def test_a_list_that_cannot_be_had_is_named_with_its_payment(
    sweeping: Sweep, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known_to_thinkific(sweeping)
    answers(monkeypatch, "sweep", Told(422, {"errors": {"query": ["is wrong"]}}))
    sweeping.run()
    lines = [each for each in logged.lines if each["level"] == "WARNING"]
    (line,) = [each for each in lines if each["message"].startswith("payment not compared")]
    assert line["payment_id"]
    assert line["todo"]


def test_without_thinkifics_secret_nothing_is_compared_and_the_run_succeeds(
    sweeping: Sweep, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known_to_thinkific(sweeping)
    monkeypatch.delenv("THINKIFIC_SECRET_ID")
    sweeping.run()
    (line,) = [each for each in logged.lines if each["message"] == "compared with Thinkific"]
    assert "THINKIFIC_SECRET_ID" in line["stopped"]
    assert (sweeping.codes(), logged.messages("ERROR")) == ([], [])


def test_a_crash_is_told_and_raised(
    sweeping: Sweep, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise RuntimeError(EMAIL)

    monkeypatch.setattr(load("sweep"), "sweep", crash)
    with pytest.raises(RuntimeError):
        sweeping.run()
    assert logged.messages() == ["unexpected error"]
    assert EMAIL not in logged.text


def test_a_broken_payment_does_not_hide_the_one_behind_it(sweeping: Sweep) -> None:
    _unreadable(sweeping, sweeping.approved())
    other = submitted("u2")["id"]
    sweeping.update(payment_key(other), amount=0)
    sweeping.run()
    assert sweeping.codes() == ["AMOUNT_WRONG", "UNREADABLE"]

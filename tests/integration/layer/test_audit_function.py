"""The audit as Lambda runs it: what it reads, records, completes, logs and counts."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lunas import clock
from lunas.bootstrap import platform_services
from lunas.domain.audit_feeds import SETTLED_AFTER
from lunas.domain.enrollments import enrollment_id
from lunas.domain.payments import Status
from lunas.domain.times import to_iso
from lunas.services.access_comparison import MAX_WAIT
from lunas.services.audit import AuditService
from lunas.storage.anomalies import Anomalies
from lunas.storage.catalog import Catalog
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.expressions import Change
from lunas.storage.keys import enrollment as enrollment_key
from lunas.storage.keys import history as history_key
from lunas.storage.keys import payment as payment_key
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.integration.layer.providers import active_enrollment, answers, no_enrollments
from tests.integration.layer.purchases import approve, submitted
from tests.support.api_requests import Context
from tests.support.builders import EMAIL, enrollment
from tests.support.functions import load
from tests.support.http_stub import Reply
from tests.support.logs import Logged

DELIVERED: dict[str, Any] = {
    "deliveryStatus": "DELIVERED",
    "platformEnrollmentId": "500",
    "dueAt": None,
}


NOT_LATER = timedelta()
OLD_ENOUGH = SETTLED_AFTER + timedelta(seconds=1)


class WithTime(Context):
    """A context with enough time left."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 300_000


class OutOfTime(Context):
    """A context with hardly any time left."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 1_000


class Audit:
    """The function, with a clock that can be moved, and purchases to audit."""

    def __init__(self, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
        self.table = table
        self.payments = Payments(table)
        self.anomalies = Anomalies(table)
        self._monkeypatch = monkeypatch

    def run(self, later: timedelta = OLD_ENOUGH, context: Context | None = None) -> None:
        """Run once, so much later than now."""
        for place in (load("audit"), platform_services):
            self._monkeypatch.setattr(place, "now", lambda: clock.now() + later)
        load("audit").handler({}, context or WithTime())

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

    def price(self, payment_id: str, amount: int) -> None:
        """Change the price of a payment."""
        item = self.table.get(payment_key(payment_id))
        assert item
        self.update(payment_key(payment_id), purchase={**item["purchase"], "amount": amount})

    def delete(self, key: dict[str, str]) -> None:
        wire: Any = {name: {"S": value} for name, value in key.items()}
        self.table.client.delete_item(TableName=self.table.name, Key=wire)


@pytest.fixture
def auditing(table: Table, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Audit:
    assert catalog.course("c1")
    return Audit(table, monkeypatch)


def test_healthy_payments_are_only_counted(auditing: Audit, logged: Logged) -> None:
    auditing.approved()
    submitted("u2")
    auditing.run()
    assert auditing.codes() == []
    (line,) = [each for each in logged.lines if each["message"] == "audited"]
    assert (line["payments"], line["completed"], line["differences"]) == (2, 0, 0)
    assert logged.metrics().count("AuditRun") == 1


def test_changes_of_the_last_fifteen_minutes_are_audited_later(
    auditing: Audit, logged: Logged
) -> None:
    payment_id = str(submitted()["id"])
    auditing.price(payment_id, 0)
    auditing.run(SETTLED_AFTER - timedelta(minutes=1))
    assert (auditing.codes(), logged.messages("ERROR")) == ([], [])
    auditing.run()
    assert auditing.codes() == ["AMOUNT_WRONG"]


def _enrollment_gone(auditing: Audit, payment_id: str) -> None:
    assert payment_id
    auditing.delete(enrollment_key(enrollment_id("u1", "c1")))


def _status_changed(auditing: Audit, payment_id: str) -> None:
    auditing.update(payment_key(payment_id), status="COMPLETED")


def _event_gone(auditing: Audit, payment_id: str) -> None:
    auditing.delete(history_key(payment_id, 2))


def _payment_gone(auditing: Audit, payment_id: str) -> None:
    auditing.delete(payment_key(payment_id))


def _unreadable(auditing: Audit, payment_id: str) -> None:
    auditing.update(payment_key(payment_id), method="CASH")


def _enrolled_without_payment(auditing: Audit, payment_id: str) -> None:
    assert payment_id
    at = clock.now()
    made = enrollment("c2", payment_id="pay404", created_at=at, updated_at=at)
    assert auditing.table.put(enrollment_item(made), "attribute_not_exists(#pk)")


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        (_enrollment_gone, ["ENROLLMENT_MISSING"]),
        (
            _status_changed,
            ["COMPLETED_EARLY", "HISTORY_STATE"],
        ),
        (_event_gone, ["APPROVAL_DIFFERS", "HISTORY_GAP", "HISTORY_STATE", "HISTORY_TIME"]),
        (_payment_gone, ["PAYMENT_MISSING"]),
        (_unreadable, ["UNREADABLE"]),
        (_enrolled_without_payment, ["PAYMENT_MISSING"]),
    ],
)
def test_a_broken_invariant_is_recorded_logged_and_counted(
    auditing: Audit, logged: Logged, damage: Callable[[Audit, str], None], codes: list[str]
) -> None:
    damage(auditing, auditing.approved())
    auditing.run()
    assert auditing.codes() == codes
    lines = [each for each in logged.lines if each["message"] == "difference found"]
    assert sorted(each["code"] for each in lines) == codes
    assert all(each["level"] == "ERROR" and each["todo"] and each["found"] for each in lines)
    metrics = Counter(logged.metrics())
    assert (metrics["AuditDifferences"], metrics["Anomaly"]) == (len(codes),) * 2
    assert EMAIL not in logged.text


def test_a_difference_is_reported_once_however_often_it_is_seen(
    auditing: Audit, logged: Logged
) -> None:
    _enrollment_gone(auditing, auditing.approved())
    for _ in range(3):
        auditing.run()
    assert auditing.codes() == ["ENROLLMENT_MISSING"]
    assert logged.messages("ERROR") == ["difference found"]


def test_a_payment_whose_last_delivery_did_not_complete_it_is_completed(
    auditing: Audit, logged: Logged
) -> None:
    payment_id = auditing.approved()
    auditing.update(enrollment_key(enrollment_id("u1", "c1")), **DELIVERED)
    auditing.update(payment_key(payment_id), undelivered=None)
    auditing.run()
    done = auditing.payments.get(payment_id)
    assert done
    assert (done.status, done.version) == (Status.COMPLETED, 3)
    last = auditing.payments.read(payment_id)[1][-1]
    assert (last.actor, last.target, last.at) == (
        "lunas:audit",
        Status.COMPLETED,
        done.completed_at,
    )
    (line,) = [each for each in logged.lines if each["level"] == "WARNING"]
    assert (line["message"], line["payment_id"]) == ("payment completed by the audit", payment_id)
    auditing.run(SETTLED_AFTER * 4)
    assert auditing.codes() == []


def test_a_delivery_long_after_the_change_is_audited_too(auditing: Audit) -> None:
    payment_id = auditing.approved()
    auditing.run()
    auditing.update(enrollment_key(enrollment_id("u1", "c1")), **DELIVERED)
    auditing.run(timedelta(days=1))
    done = auditing.payments.get(payment_id)
    assert done
    assert done.status is Status.COMPLETED


def test_changes_during_an_outage_of_days_are_audited_afterwards(auditing: Audit) -> None:
    auditing.run(NOT_LATER)
    payment_id = str(submitted()["id"])
    auditing.price(payment_id, 0)
    auditing.run(timedelta(days=5))
    assert auditing.codes() == ["AMOUNT_WRONG"]


def test_a_run_out_of_time_logs_how_far_it_came(auditing: Audit, logged: Logged) -> None:
    auditing.approved()
    auditing.run(context=OutOfTime())
    (line,) = [each for each in logged.lines if each["level"] == "WARNING"]
    assert line["message"] == "audit is behind"
    assert set(line["reached"]) == {"PAYMENT", "HISTORY", "ENROLLMENT"}
    assert line["todo"]
    auditing.run()
    assert "audited" in logged.messages()


def test_the_checkpoint_is_as_far_as_the_run_read(auditing: Audit) -> None:
    before = to_iso(clock.now())
    auditing.run(SETTLED_AFTER)
    for feed in ("PAYMENT", "HISTORY", "ENROLLMENT"):
        item = auditing.table.get({"pk": "AUDIT", "sk": feed})
        assert item
        assert item["type"] == "audit"
        assert before <= item["checkpoint"] <= to_iso(clock.now())


def test_a_healthy_payment_costs_two_calls(auditing: Audit, calls: Counter[str]) -> None:
    auditing.run(NOT_LATER)
    for number in range(4):
        submitted(f"u{number}")
    calls.clear()
    auditing.run()
    # A checkpoint read and a Query for each feed; checkpoints that moved.
    feeds = {"GetItem": 6, "Query": 6, "UpdateItem": 5}
    assert calls == Counter(feeds) + Counter({"Query": 4, "BatchGetItem": 4})


def test_a_run_without_changes_reads_only_checkpoints_and_feeds(
    auditing: Audit, calls: Counter[str]
) -> None:
    auditing.run(NOT_LATER)
    calls.clear()
    auditing.run(timedelta(minutes=1))
    assert dict(calls) == {"GetItem": 6, "Query": 6, "UpdateItem": 5}


def _known_to_thinkific(auditing: Audit) -> str:
    """Buy, have it approved and delivered; return the enrollment's id."""
    payment_id, own = auditing.approved(), enrollment_id("u1", "c1")
    placed = {"platformUserId": "7", "platformCourseId": "2000001"}
    auditing.update(enrollment_key(own), **DELIVERED, **placed)
    auditing.update(payment_key(payment_id), undelivered=None)
    return own


def test_access_missing_at_thinkific_is_reported_and_requested_again(
    auditing: Audit, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _known_to_thinkific(auditing)
    provider = answers(monkeypatch, "audit", no_enrollments(), no_enrollments())
    auditing.run()
    assert provider.calls == ["GET /api/public/v1/enrollments"] * 2
    assert auditing.codes() == ["ACCESS_MISSING"]
    (line,) = [each for each in logged.lines if each["level"] == "ERROR"]
    assert (line["message"], line["code"]) == ("difference found", "ACCESS_MISSING")
    assert line["repair"] == "delivery requested again"
    (line,) = [each for each in logged.lines if each["message"] == "compared with the platform"]
    assert (line["asked"], line["differences"], line["fixed"]) == (2, 1, 1)
    item = auditing.table.get(enrollment_key(own))
    assert item
    assert (item["deliveryStatus"], item["deliveryRequest"]) == ("PENDING", 2)
    assert logged.metrics().count("AuditDifferences") == 1
    assert EMAIL not in logged.text


def test_access_that_matches_thinkific_is_no_difference(
    auditing: Audit, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known_to_thinkific(auditing)
    listed = Reply(
        body={"items": [active_enrollment()], "meta": {"pagination": {"next_page": None}}}
    )
    answers(monkeypatch, "audit", listed)
    auditing.run()
    assert (auditing.codes(), logged.messages("ERROR")) == ([], [])


@pytest.mark.parametrize(
    "reply", [Reply(401), Reply(429), Reply(503), Reply(404), Reply(200, "<html>")], ids=str
)
def test_an_unavailable_thinkific_is_one_line_and_no_failure(
    auditing: Audit, logged: Logged, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    _known_to_thinkific(auditing)
    answers(monkeypatch, "audit", reply)
    auditing.run()
    (line,) = [each for each in logged.lines if each["message"] == "compared with the platform"]
    assert (line["level"], line["fixed"]) == ("INFO", 0)
    assert line["stopped"]
    assert (auditing.codes(), logged.messages("ERROR")) == ([], [])


def test_a_comparison_that_waits_for_hours_is_a_warning(
    auditing: Audit, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known_to_thinkific(auditing)
    answers(monkeypatch, "audit", Reply(401))
    auditing.run(SETTLED_AFTER + MAX_WAIT + timedelta(minutes=1))
    (line,) = [each for each in logged.lines if each["message"].startswith("comparison with")]
    assert (line["level"], "401" in line["reason"]) == ("WARNING", True)
    assert line["todo"]


def test_an_unreadable_list_is_logged_with_its_payment(
    auditing: Audit, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known_to_thinkific(auditing)
    answers(monkeypatch, "audit", Reply(422, {"errors": {"query": ["is wrong"]}}))
    auditing.run()
    lines = [each for each in logged.lines if each["level"] == "WARNING"]
    (line,) = [each for each in lines if each["message"].startswith("payment not compared")]
    assert line["payment_id"]
    assert line["todo"]


def test_without_thinkifics_secret_nothing_is_compared_and_the_run_succeeds(
    auditing: Audit, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known_to_thinkific(auditing)
    monkeypatch.delenv("THINKIFIC_SECRET_ID")
    auditing.run()
    (line,) = [each for each in logged.lines if each["message"] == "compared with the platform"]
    assert "THINKIFIC_SECRET_ID" in line["stopped"]
    assert (auditing.codes(), logged.messages("ERROR")) == ([], [])


def test_a_crash_is_logged_and_raised(
    auditing: Audit, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise RuntimeError(EMAIL)

    monkeypatch.setattr(AuditService, "run", crash)
    with pytest.raises(RuntimeError):
        auditing.run()
    assert logged.messages() == ["unexpected error"]
    assert EMAIL not in logged.text


def test_a_broken_payment_does_not_hide_the_next(auditing: Audit) -> None:
    _unreadable(auditing, auditing.approved())
    auditing.price(str(submitted("u2")["id"]), 0)
    auditing.run()
    assert auditing.codes() == ["AMOUNT_WRONG", "UNREADABLE"]

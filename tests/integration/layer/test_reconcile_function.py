"""The scheduled function: counting and work do not stop each other."""

from datetime import timedelta

import pytest

from lunas.clock import now
from lunas.domain.enrollments import Delivery, Enrollment
from lunas.domain.payments import Payment
from lunas.services.gauges import GaugeService
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.enrollments import Enrollments
from lunas.storage.payment_items import payment_item
from lunas.storage.payments import Payments
from lunas.storage.schedule import Schedule
from lunas.storage.table import Table
from tests.support.api_requests import Context
from tests.support.builders import enrollment, payment
from tests.support.functions import load
from tests.support.logs import Logged

GAUGES = {"PaidNotEnrolled", "NotRevoked", "OpenAnomalies"}


class WithTime(Context):
    """A context with enough time left."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


def run() -> None:
    load("reconcile").handler({}, WithTime())


@pytest.fixture
def overdue(table: Table) -> Enrollment:
    """Write an enrollment of half an hour ago whose delivery was lost."""
    half_an_hour_ago = now() - timedelta(minutes=30)
    made = enrollment(created_at=half_an_hour_ago, delivery=Delivery(due_at=half_an_hour_ago))
    assert table.put(enrollment_item(made), "attribute_not_exists(#pk)")
    return made


@pytest.fixture
def payment_due(table: Table) -> Payment:
    """Write an open payment whose check at Duitku is due."""
    made = payment(check_at=now().replace(microsecond=0) - timedelta(minutes=1), gateway=None)
    assert table.put(payment_item(made), "attribute_not_exists(#pk)")
    return made


def asked_again(table: Table, made: Enrollment) -> bool:
    found = Enrollments(table).get(made.id)
    return found is not None and found.delivery.request > made.delivery.request


def test_a_run_counts_stuck_deliveries_and_requests_them_again(
    table: Table, overdue: Enrollment, logged: Logged
) -> None:
    run()
    assert logged.values() == {
        "PaidNotEnrolled": 1,
        "NotRevoked": 0,
        "OpenAnomalies": 0,
        "PlatformDisconnected": 0,
        "ReconcileRun": 1,
        "GatewayPaused": 0,
    }
    (line,) = (each for each in logged.lines if each["message"] == "paid and not enrolled")
    assert line["enrollment_ids"] == [overdue.id]
    assert asked_again(table, overdue)


def test_a_failing_task_is_counted_before_and_stops_no_other(
    table: Table,
    payment_due: Payment,
    overdue: Enrollment,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DUITKU_SECRET_ID")
    with pytest.raises(RuntimeError, match="1 of the run's items failed"):
        run()
    written = logged.values()
    assert written["PaidNotEnrolled"] == 1
    assert written["ReconcileRun"] == 1
    assert logged.messages("WARNING") == ["paid and not enrolled"]
    assert overdue.id in logged.text
    assert asked_again(table, overdue)
    assert Payments(table).get(payment_due.id) == payment_due


def test_a_failing_count_does_not_stop_the_work(
    table: Table, overdue: Enrollment, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("AccessDenied")

    monkeypatch.setattr(GaugeService, "measure", refused)
    with pytest.raises(RuntimeError):
        run()
    assert asked_again(table, overdue)
    assert logged.messages("ERROR") == ["unexpected error"]
    written = logged.values()
    assert (written["ReconcileRun"], written["UnexpectedError"]) == (1, 1)
    assert not GAUGES & set(written)


def test_a_pause_of_status_calls_is_a_gauge(table: Table, logged: Logged) -> None:
    Schedule(table).pause(now() + timedelta(minutes=5))
    run()
    assert logged.values()["GatewayPaused"] == 1


def test_a_site_that_has_to_be_connected_is_counted_and_logged(
    table: Table, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    del table
    monkeypatch.setenv("THINKIFIC_AUTHENTICATION", "oauth")
    run()
    assert logged.values()["PlatformDisconnected"] == 1
    (line,) = (each for each in logged.lines if each["message"] == "platform site not connected")
    assert line["todo"] == "see docs/runbooks/thinkific-refused.md"

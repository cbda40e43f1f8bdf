"""Gauges: three metrics each time, and a log line with some ids for each one above zero."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.api.gauges import NAMED, log_connection, log_gauges
from lunas.domain.anomalies import AnomalyKind, anomaly
from lunas.domain.sites import Authentication, Connection
from lunas.platforms.registry import is_disconnected
from lunas.services.gauges import Gauge, Gauges
from tests.support.builders import NOW, USER, enrollment
from tests.support.logs import Logged

NOTHING = Gauge((), full=False)
QUIET = Gauges(paid_not_enrolled=NOTHING, not_revoked=NOTHING, open_anomalies=NOTHING)
CONNECTION = Connection(
    subdomain="shop",
    actor="admin:a1",
    connected_at=NOW,
    renewed_at=NOW,
    expires_at=NOW + timedelta(days=1),
    revision=1,
)
ODD = anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", {"amount": "1"}, NOW)


def test_every_gauge_is_written_even_at_zero(logged: Logged) -> None:
    log_gauges(QUIET)
    assert logged.values() == {"PaidNotEnrolled": 0, "NotRevoked": 0, "OpenAnomalies": 0}
    assert logged.lines == []


def test_what_is_stuck_is_logged_with_ids_and_a_runbook(logged: Logged) -> None:
    one, two = enrollment("c1"), enrollment("c2", payment_id="pay2")
    log_gauges(replace(QUIET, paid_not_enrolled=Gauge((one, two), full=False)))
    (line,) = logged.lines
    assert (line["level"], line["message"], line["count"], line["more"]) == (
        "WARNING",
        "paid and not enrolled",
        2,
        False,
    )
    assert (line["enrollment_ids"], line["payment_ids"]) == ([one.id, two.id], ["pay1", "pay2"])
    assert line["todo"] == "see docs/runbooks/paid-not-enrolled.md"
    assert USER not in line.values()
    assert logged.values() == {"PaidNotEnrolled": 2, "NotRevoked": 0, "OpenAnomalies": 0}


def test_the_log_line_names_a_limited_number_of_ids(logged: Logged) -> None:
    many = tuple(enrollment(f"c{each}") for each in range(NAMED + 1))
    log_gauges(replace(QUIET, not_revoked=Gauge(many, full=True)))
    (line,) = logged.lines
    assert (line["message"], line["count"], line["more"]) == (
        "refunded and not revoked",
        NAMED + 1,
        True,
    )
    assert line["enrollment_ids"] == [each.id for each in many[:NAMED]]
    assert len(line["payment_ids"]) == NAMED
    assert logged.values()["NotRevoked"] == NAMED + 1


def test_an_open_anomaly_is_named_even_without_a_payment(logged: Logged) -> None:
    log_gauges(replace(QUIET, open_anomalies=Gauge((ODD,), full=False)))
    (line,) = logged.lines
    assert (line["message"], line["anomaly_ids"], line["payment_ids"]) == (
        "anomalies are open",
        [ODD.id],
        [None],
    )
    assert logged.values()["OpenAnomalies"] == 1


@pytest.mark.parametrize(
    "connection", [None, replace(CONNECTION, refused=True), replace(CONNECTION, subdomain="other")]
)
def test_oauth_without_a_usable_connection_is_logged_and_counted(
    connection: Connection | None, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THINKIFIC_SUBDOMAIN", "shop")
    monkeypatch.setenv("THINKIFIC_AUTHENTICATION", Authentication.OAUTH)
    log_connection(lost=is_disconnected(connection))
    assert logged.values() == {"PlatformDisconnected": 1}
    assert logged.messages("WARNING") == ["platform site not connected"]


@pytest.mark.parametrize("authentication", Authentication)
def test_a_working_connection_has_a_gauge_at_zero(
    authentication: Authentication, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THINKIFIC_SUBDOMAIN", "shop")
    connected = authentication is Authentication.OAUTH
    monkeypatch.setenv("THINKIFIC_AUTHENTICATION", authentication)
    log_connection(lost=is_disconnected(CONNECTION if connected else None))
    assert logged.values() == {"PlatformDisconnected": 0}
    assert logged.lines == []

"""``make sale-reports``: what waits for a person is shown, sent again, or dismissed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from lunas.aws import clients
from lunas.cli import sale_reports as command
from lunas.domain.payments import Status
from lunas.domain.sale_reports import SaleReportStatus
from lunas.storage.catalog import Catalog
from lunas.storage.sale_reports import SaleReports
from lunas.storage.table import Table
from tests.integration.layer.sale_reporting import COURSE, SaleReporting
from tests.support.http_stub import Reply

YES = Reply(201, {"id": 6_000_001})


@pytest.fixture
def reports(
    table: Table, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SaleReporting]:
    assert catalog.course("c1")
    monkeypatch.setattr(command, "MAX_WAIT", 0)
    made = SaleReporting.opened(table, monkeypatch)
    yield made
    made.close()


def run(reporting: SaleReporting, **choice: str) -> tuple[int, str]:
    """Run the command; return its exit code and its output."""
    reports = SaleReports(Table(clients.dynamodb(), "lunas"))
    queues = command.Queues(reporting.url, reporting.dead_letter_url, clients.sqs())
    lines: list[str] = []
    code = command.decide(reports, queues, command.Choice(**choice), lines.append)
    return code, "\n".join(lines)


@pytest.fixture
def uncertain(reports: SaleReporting) -> SaleReporting:
    """Make a sale whose report got no answer."""
    reports.sold(Status.REFUNDED)
    reports.thinkific(COURSE, requests.ReadTimeout())
    assert reports.report()
    return reports


def test_without_failures_nothing_waits(reports: SaleReporting) -> None:
    assert run(reports) == (0, "sale reports: 0 wait for a person")


def test_an_uncertain_report_is_retried_with_its_refund(
    uncertain: SaleReporting,
) -> None:
    code, output = run(uncertain, retry="pay1")
    assert code == 0
    assert "reopened   SALE of pay1 UNCERTAIN" in output
    provider = uncertain.thinkific(COURSE, YES, Reply(200, {}))
    assert uncertain.report()
    assert len(provider.asked) == 3
    stored = uncertain.stored()
    assert stored
    assert stored.status is SaleReportStatus.REPORTED


def test_a_dismissed_report_stays_uncertain_and_its_message_is_deleted(
    uncertain: SaleReporting,
) -> None:
    code, output = run(uncertain, dismiss="pay1")
    assert (code, output.splitlines()[0][:15]) == (0, "deleted    pay1")
    stored = uncertain.stored()
    assert stored
    assert stored.status is SaleReportStatus.UNCERTAIN
    assert run(uncertain)[0] == 0


def test_a_reported_sale_is_not_reopened_and_not_sent_twice(reports: SaleReporting) -> None:
    reports.sold()
    reports.thinkific(COURSE, YES)
    assert reports.report()
    code, output = run(reports, retry="pay1")
    assert code == 0
    assert "reopened" not in output
    provider = reports.thinkific()
    assert reports.report()
    assert provider.asked == []


def test_waiting_messages_are_shown_with_the_status_of_the_report(
    uncertain: SaleReporting,
) -> None:
    code, output = run(uncertain)
    assert code == 1
    assert "waiting    pay1: SALE: Thinkific did not answer in time" in output
    assert "SALE of pay1 UNCERTAIN" in output
    assert output.endswith("sale reports: 1 wait for a person")


def test_a_message_is_kept_until_its_report_is_recorded_as_uncertain(
    uncertain: SaleReporting,
) -> None:
    """The message comes before the record: a deletion in between would lose the failure."""
    stored = uncertain.stored()
    assert stored
    assert SaleReports(uncertain.table).note(replace(stored, status=SaleReportStatus.CLAIMED))
    code, output = run(uncertain, dismiss="pay1")
    assert code == 1
    assert "deleted" not in output

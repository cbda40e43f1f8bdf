"""``make sale-reports``: what waits for a person is shown, sent again, or left."""

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
    """Run the command; return its exit code, and what it said."""
    reports = SaleReports(Table(clients.dynamodb(), "lunas"))
    queues = command.Queues(reporting.url, reporting.dead_letter_url, clients.sqs())
    lines: list[str] = []
    code = command.decide(reports, queues, command.Choice(**choice), lines.append)
    return code, "\n".join(lines)


@pytest.fixture
def uncertain(reports: SaleReporting) -> SaleReporting:
    """Have a sale whose report got no answer."""
    reports.sold(Status.REFUNDED)
    reports.thinkific(COURSE, requests.ReadTimeout())
    assert reports.report()
    return reports


def test_nothing_waits_as_long_as_all_is_well(reports: SaleReporting) -> None:
    assert run(reports) == (0, "sale reports: 0 wait for a person")


def test_what_is_uncertain_is_sent_again_on_a_persons_word_with_its_refund(
    uncertain: SaleReporting,
) -> None:
    code, said = run(uncertain, retry="pay1")
    assert code == 0
    assert "reopened   SALE of pay1 UNCERTAIN" in said
    provider = uncertain.thinkific(COURSE, YES, Reply(200, {}))
    assert uncertain.report()
    assert len(provider.asked) == 3
    note = uncertain.note()
    assert note
    assert note.status is SaleReportStatus.REPORTED


def test_what_is_left_stays_as_it_is_and_its_letter_goes(
    uncertain: SaleReporting,
) -> None:
    code, said = run(uncertain, dismiss="pay1")
    assert (code, said.splitlines()[0][:15]) == (0, "deleted    pay1")
    note = uncertain.note()
    assert note
    assert note.status is SaleReportStatus.UNCERTAIN
    assert run(uncertain)[0] == 0


def test_what_was_reported_is_not_opened_and_not_sent_twice(reports: SaleReporting) -> None:
    reports.sold()
    reports.thinkific(COURSE, YES)
    assert reports.report()
    code, said = run(reports, retry="pay1")
    assert code == 0
    assert "reopened" not in said
    provider = reports.thinkific()
    assert reports.report()
    assert provider.asked == []


def test_letters_that_wait_are_shown_with_how_the_report_stands(
    uncertain: SaleReporting,
) -> None:
    code, said = run(uncertain)
    assert code == 1
    assert "waiting    pay1: SALE: Thinkific did not answer in time" in said
    assert "SALE of pay1 UNCERTAIN" in said
    assert said.endswith("sale reports: 1 wait for a person")


def test_a_letter_whose_report_is_not_noted_as_uncertain_yet_is_kept(
    uncertain: SaleReporting,
) -> None:
    """It is written before the note, and would be gone for good if it went in between."""
    note = uncertain.note()
    assert note
    assert SaleReports(uncertain.table).note(replace(note, status=SaleReportStatus.CLAIMED))
    code, said = run(uncertain, dismiss="pay1")
    assert code == 1
    assert "deleted" not in said

"""The bill multiplies what is used by its prices."""

import json
from pathlib import Path

import pytest

from benchmarks.costs import __main__ as page
from benchmarks.costs.bill import COLD, GROUPS, RESULTS, bill, operations, prices, used

SMALL, MIDDLE, LARGE = COLD


def test_every_price_is_in_one_line_of_the_bill() -> None:
    named = [name for names in GROUPS.values() for name in names]
    assert sorted(named) == sorted(prices())


def test_everything_used_has_a_price() -> None:
    assert used(SMALL).keys() <= prices().keys()


def test_a_line_is_amount_times_price() -> None:
    writes = sum(
        each.writes * each.times * (LARGE if each.each == "payment" else 1) for each in operations()
    )
    assert used(LARGE)["dynamodb_writes"] == pytest.approx(writes)
    assert bill(LARGE)["DynamoDB"] > writes * 0.625 / 1e6


def test_times_are_those_of_the_benchmark() -> None:
    found = {each.operation: each for each in operations()}
    results = json.loads(RESULTS.read_text())
    delivered = found["enrollment delivered"]
    assert delivered.milliseconds == results["events"]["deliver_enrollment-queue"]["latencyMs"]
    assert delivered.start == results["functions"]["deliver_enrollment"]["startMs"]
    callback = results["routes"]["POST /webhooks/duitku"]["duitku_webhook"]
    assert found["callback that settles"].milliseconds == callback["latencyMs"]
    assert found["audited"].milliseconds == found["audited"].start == 0


def test_alarms_and_keys_cost_the_same_at_any_volume() -> None:
    assert bill(SMALL)["Alarms and metrics"] == bill(LARGE)["Alarms and metrics"] > 0


def test_writes_grow_in_proportion_to_payments() -> None:
    fixed = used(SMALL)["dynamodb_writes"] * 100 - used(MIDDLE)["dynamodb_writes"]
    by_month = sum(each.writes * each.times for each in operations() if each.each == "month")
    assert fixed == pytest.approx(99 * by_month)


def test_a_page_with_another_sum_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = page.PAGE.read_text()
    assert page.main(["--check"]) == 0
    copy = tmp_path / "costs.md"
    copy.write_text(text.replace("**together**", "**altogether**"))
    monkeypatch.setattr(page, "PAGE", copy)
    assert page.main(["--check"]) == 1
    assert "python -m benchmarks.costs --write" in capsys.readouterr().out
    assert page.main(["--write"]) == 0
    assert copy.read_text() == text

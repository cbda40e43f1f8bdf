"""The page shows the results of the last run, and its first table what was missed."""

import json
from typing import Any

import pytest

from benchmarks import report, targets, units
from benchmarks.pages import HEAD, page, rows
from benchmarks.plots import images
from benchmarks.report import PAGE, results_of_last_run
from tests.support.metering import Cost

WAYS = "`.venv/bin/python -m benchmarks.report` writes it again"
LIST, BUY = "GET /payments", "POST /payments/initiate new"


def costs(read: float, written: float = 15) -> dict[str, Cost]:
    return {LIST: Cost(["Query"], read=read), BUY: Cost(["Put"], written=written)}


def test_page_and_charts_are_those_of_the_results() -> None:
    results = results_of_last_run()
    assert PAGE.read_text() == page(results), WAYS
    for path, content in images(results).items():
        assert path.read_text() == content, WAYS


def test_the_first_table_comes_first_and_has_every_target() -> None:
    results = results_of_last_run()
    text = page(results)
    first = next(line for line in text.splitlines() if line.startswith("|"))
    assert first == f"| {' | '.join(HEAD)} |"
    assert len(list(rows(results))) == len(results["targets"])


def test_a_target_keeps_its_three_values() -> None:
    for each in results_of_last_run()["targets"]:
        assert each.keys() == {"name", "value", "limit"}


def test_a_row_has_both_parts_of_a_ratio() -> None:
    results: dict[str, Any] = {
        "targets": [
            {"name": "start-up of a / FastAPI", "value": 0.5, "limit": 0.4},
            {"name": "calls of a list", "value": 1, "limit": 1},
        ],
        "compared": {
            "start-up of a / FastAPI": {"lunas": 500, "other": 1000, "unit": "ms CPU"},
        },
    }
    assert list(rows(results)) == [
        ("start-up of a, ms CPU", "500", "1,000: FastAPI", "0.50", "0.40", "**no**"),
        ("calls of a list", "1", "", "", "1", "yes"),
    ]


def test_the_operation_that_grows_most_decides() -> None:
    tables = units.as_json({1_000: costs(2), 1_000_000: costs(3)}, "now")
    found = targets.of_units(tables)
    assert found.name == "units of any request at 1,000,000 payments / at 1,000"
    assert (found.value, found.parts) == (1.5, (3, 2))


def test_constant_units_have_the_ratio_one() -> None:
    assert targets.of_units(units.as_json({10: costs(2), 20: costs(2)}, "now")).value == 1


def test_a_large_table_of_an_earlier_run_stays_as_long_as_the_units_are_the_same() -> None:
    earlier = units.as_json({1_000_000: costs(2)}, "earlier")
    same = units.merged(units.as_json({1_000: costs(2), 10_000: costs(2)}, "now"), earlier)
    assert {size: each["at"] for size, each in same.items()} == {
        "1000": "now",
        "10000": "now",
        "1000000": "earlier",
    }
    assert list(units.merged(units.as_json({1_000: costs(3)}, "now"), earlier)) == ["1000"]


def test_units_of_their_own_run_replace_their_target(capsys: pytest.CaptureFixture[str]) -> None:
    before = PAGE.read_text()
    report.write_units({1_000: costs(2), 1_000_000: costs(2)}, keep=False)
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split()[:2] == ["measure", "Lunas"]
    assert shown.count(targets.UNITS) == 1
    assert "at 1,000,000 payments, units" in shown
    assert PAGE.read_text() == before


def test_results_are_written_with_page_and_charts(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = results_of_last_run()
    operations = {
        name: Cost(["Query"], read=value)
        for name, value in results["units"]["1000"]["operations"].items()
    }
    written = {"RESULTS": tmp_path / "results.json", "PAGE": tmp_path / "page.md"}
    written["RESULTS"].write_text(json.dumps(results))
    for name, path in written.items():
        monkeypatch.setattr(report, name, path)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "images", lambda _: {})
    report.write_units({1_000: operations, 1_000_000: operations}, keep=True)
    assert "1000000" in json.loads(written["RESULTS"].read_text())["units"]
    assert "at 1,000,000 payments, units" in written["PAGE"].read_text()

"""Writes the results: a table on the terminal, the page with its charts, results.json.

``python -m benchmarks.report`` writes page and charts again from results.json, after a change of
``notes.md``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import machine, targets, units
from benchmarks.building import size_of
from benchmarks.costs import __main__ as costs
from benchmarks.events import function_of
from benchmarks.flow import Flow
from benchmarks.growth import Growth
from benchmarks.metering import percentile
from benchmarks.pages import HEAD, page, rows
from benchmarks.plots import images
from benchmarks.starts import Start
from benchmarks.targets import Target
from benchmarks.tls import Tls
from benchmarks.warm import Warm
from local.cloud.state import ROOT
from tests.support.metering import Cost

RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"


@dataclass(frozen=True)
class Results:
    """All results of one run."""

    sizes: Mapping[str, float]
    artifacts: Path
    starts: Mapping[str, Start]
    warm: Mapping[str, Mapping[str, Warm]]
    events: Mapping[str, Warm]
    growth: Growth
    flow: Mapping[int, Flow]
    tls: Tls
    given: Mapping[str, int]
    seconds: int = 0

    def targets(self) -> list[Target]:
        """Return the targets of this run, apart from that of the units."""
        _, largest = self.growth.ends
        return [
            *targets.of_starts(self.starts),
            *targets.of_warm(self.warm),
            *targets.of_calls(self.growth.costs[largest]),
            *targets.of_writes(self.growth.costs[largest]),
            *targets.of_growth(self.growth),
            Target("unzipped layers and functions, MB", size_of(self.artifacts) / 1e6, 45),
        ]


def write(results: Results, *, keep: bool) -> None:
    """Print the targets; with ``keep``, write the files as well."""
    shown = as_json(results)
    _add_units(shown, results.growth.costs, results_of_last_run())
    _publish(shown, keep=keep)
    if keep:
        costs.main(["--write"])


def write_units(measured: Mapping[int, Mapping[str, Cost]], *, keep: bool) -> None:
    """Put the units of a run of their own into the results of the last run."""
    shown = results_of_last_run()
    _add_units(shown, measured, shown)
    _publish(shown, keep=keep)


def results_of_last_run() -> dict[str, Any]:
    """Read results.json."""
    found: dict[str, Any] = json.loads(RESULTS.read_text())
    return found


def _add_units(
    shown: dict[str, Any], measured: Mapping[int, Mapping[str, Cost]], earlier: Mapping[str, Any]
) -> None:
    """Add the units of each table, and their target in place of the one before."""
    tables = units.merged(units.as_json(measured, _now()), earlier.get("units", {}))
    target = targets.of_units(tables)
    former = [each["name"] for each in shown["targets"] if each["name"].startswith(targets.UNITS)]
    shown["targets"] = [each for each in shown["targets"] if each["name"] not in former]
    shown["targets"].append(_target(target))
    shown["compared"] = {
        name: each for name, each in shown["compared"].items() if name not in former
    } | _compared([target])
    shown["units"] = tables


def _publish(shown: dict[str, Any], *, keep: bool) -> None:
    table = [HEAD, *rows(shown)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    for row in table:
        print(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        )
    if keep:
        RESULTS.write_text(json.dumps(shown, indent=2) + "\n")
        write_page(shown)


def write_page(shown: Mapping[str, Any]) -> None:
    """Write the page and its charts."""
    for path, content in {PAGE: page(shown), **images(shown)}.items():
        path.write_text(content)
        print(f"written: {path.relative_to(ROOT)}")


def _target(target: Target) -> dict[str, Any]:
    return {
        "name": target.name,
        "value": round(target.value, 3),
        "limit": target.limit,
    }


def _compared(found: Sequence[Target]) -> dict[str, dict[str, Any]]:
    """Return the parts of each ratio, by the target's name."""
    return {
        each.name: {
            "lunas": round(each.parts[0], 3),
            "other": round(each.parts[1], 3),
            "unit": each.unit,
        }
        for each in found
        if each.parts
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def as_json(results: Results) -> dict[str, Any]:
    """Return the results as plain values, rounded."""
    found = results.targets()
    shown = {
        "at": _now(),
        "machine": machine.machine(),
        "versions": machine.versions(),
        "given": dict(results.given),
        "seconds": results.seconds,
        "targets": [_target(each) for each in found],
        "compared": _compared(found),
        "functions": dict(_functions(results)),
        "routes": {
            route: {name: warm.shown() for name, warm in found.items()}
            for route, found in results.warm.items()
        },
        "events": {
            name: {"function": function_of(name), **warm.shown()}
            for name, warm in results.events.items()
        },
        "operations": _operations(results.growth),
        "growth": {
            route: {str(size): warm.shown() for size, warm in found.items()}
            for route, found in results.growth.times.items()
        },
        "flow": {str(size): _flow(flow) for size, flow in results.flow.items()},
        "tls": {
            "newListCpuMs": median(results.tls.new_list),
            "sharedListCpuMs": median(results.tls.shared_list),
            "keptCpuMs": median(results.tls.kept),
        },
    }
    rounded: dict[str, Any] = _rounded(shown)
    return rounded


def _flow(flow: Flow) -> dict[str, float]:
    seconds = flow.seconds_to_enrollment
    return {
        "settledPerSecond": flow.settled_per_second,
        "secondsToEnrollmentP50": median(seconds),
        "secondsToEnrollmentP95": percentile(seconds, 0.95),
    }


def _functions(results: Results) -> Iterator[tuple[str, dict[str, float]]]:
    for name, start in results.starts.items():
        yield name, {**start.shown(), "packageMb": results.sizes[name]}


def _operations(growth: Growth) -> dict[str, dict[str, Any]]:
    _, largest = growth.ends
    return {
        name: {
            "calls": len(cost.calls),
            "readUnits": cost.read,
            "writeUnits": cost.written,
            "bytesSent": cost.sent,
            "bytesReceived": cost.received,
        }
        for name, cost in growth.costs[largest].items()
    }


def _rounded(value: Any) -> Any:  # noqa: ANN401
    match value:
        case float():
            return round(value, 3)
        case dict():
            return {name: _rounded(each) for name, each in value.items()}
        case list():
            return [_rounded(each) for each in value]
    return value


if __name__ == "__main__":
    write_page(results_of_last_run())

"""Writes the results: a table on the terminal, benchmarks.md, benchmarks/results.json."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import machine, targets
from benchmarks.building import size_of
from benchmarks.costs import __main__ as costs
from benchmarks.events import function_of
from benchmarks.flow import Flow
from benchmarks.growth import Growth
from benchmarks.metering import percentile
from benchmarks.pages import page
from benchmarks.starts import Start
from benchmarks.targets import Target
from benchmarks.tls import Tls
from benchmarks.warm import Warm
from local.cloud.state import ROOT

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

    def targets(self) -> list[Target]:
        """Return every target with its value in this run."""
        _, largest = self.growth.ends
        return [
            *targets.of_starts(self.starts),
            *targets.of_warm(self.warm),
            *targets.of_calls(self.growth.costs[largest]),
            *targets.of_growth(self.growth),
            Target("unzipped layers and functions, MB", size_of(self.artifacts) / 1e6, 45),
        ]


def write(results: Results, *, keep: bool) -> None:
    """Print the targets; with ``keep``, write the files as well."""
    shown = as_json(results)
    print(f"{'target':86} {'value':>8} {'limit':>6}")
    for each in shown["targets"]:
        missed = "" if each["value"] <= each["limit"] else "  missed"
        print(f"{each['name']:86} {each['value']:8.2f} {each['limit']:6.2f}{missed}")
    if keep:
        RESULTS.write_text(json.dumps(shown, indent=2) + "\n")
        PAGE.write_text(page(shown))
        print(f"written: {RESULTS.relative_to(ROOT)}, {PAGE.relative_to(ROOT)}")
        costs.main(["--write"])


def as_json(results: Results) -> dict[str, Any]:
    """Return the results as plain values, rounded."""
    shown = {
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine.machine(),
        "versions": machine.versions(),
        "given": dict(results.given),
        "targets": [each._asdict() for each in results.targets()],
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

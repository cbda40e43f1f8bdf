"""Creates the page docs/reference/benchmarks.md from the results."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.plots import COLD_STARTS, UNITS
from local.cloud.state import ROOT

HEAD = ("measure", "Lunas", "peer", "ratio", "target: at most", "met")
WARM = ("cpuMs", "latencyMs", "latencyP95Ms", "memoryMb")
COSTS = ("calls", "readUnits", "writeUnits", "bytesSent", "bytesReceived")
WARM_HEAD = ("route", "function", "CPU ms", "latency ms", "p95 ms", "peak memory MB")
COSTS_HEAD = ("operation", "calls", "read units", "write units", "bytes sent", "bytes received")
WHOLE = ("settledPerSecond", "secondsToEnrollmentP50", "secondsToEnrollmentP95")
WHOLE_HEAD = (
    "payments in the table",
    "settled in a second, four callbacks at once",
    "s from callback to enrollment, median",
    "95 of 100",
)
WHOLE_FLOW = (
    "With the schedules running: {alone} payments one by one, each after the enrollment of the one "
    "before, then {together} at once."
)
TLS = {
    "newListCpuMs": "new, of a plain `requests` session: reads the list of authorities",
    "sharedListCpuMs": "new, of a session of Lunas: the list is read once in a process",
    "keptCpuMs": "kept alive, as for queries to Duitku",
}
NOTES = ROOT / "benchmarks" / "notes.md"
"""Remarks about the figures, written by a person; the end of the page."""


def page(results: Mapping[str, Any]) -> str:
    """Return the page."""
    parts = _summary(results), _measured(results), _figures(results)
    return "\n".join([line for part in parts for line in part] + [NOTES.read_text()])


def rows(results: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each target; a target that is no ratio has no peer."""
    for each in results["targets"]:
        value, limit = f"{each['value']:.2f}", f"{each['limit']:.2f}"
        met = "yes" if each["value"] <= each["limit"] else "**no**"
        measure, _, other = each["name"].partition(" / ")
        if parts := results["compared"].get(each["name"]):
            own, others = (_number(parts[name]) for name in ("lunas", "other"))
            yield f"{measure}, {parts['unit']}", own, f"{others}: {other}", value, limit, met
        else:
            yield measure, _number(each["value"]), "", "", _number(each["limit"]), met


def _summary(results: Mapping[str, Any]) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield "Lunas beside the same shop in FastAPI, Flask, a Chalice-style router and a bare handler."
    yield "`make bench` measures everything again and writes this page; remarks belong in"
    yield "`benchmarks/notes.md`."
    yield ""
    yield from _table(HEAD, rows(results))
    yield "A ratio is the value of Lunas by that of the peer: below 1, Lunas needs less."
    yield "[How it is measured](#how-it-is-measured), [how to repeat it](#repeating-it), also"
    yield "[on AWS](#repeating-it-on-aws)."
    yield ""
    for path, text in {
        COLD_STARTS: "processor time of a start, Lunas and the others",
        UNITS: "units of a request by payments in the table",
    }.items():
        yield f"![{text}](../images/{path.name})"
        yield ""


def _measured(results: Mapping[str, Any]) -> Iterator[str]:
    box, versions, given = results["machine"], results["versions"], results["given"]
    yield (
        f"Measured {results['at']} in one run on {box['cores']} cores of {box['processor']}, "
        f"{box['memoryGb']} GB, {box['system']}, load average {box['loadAverage']} at the end. "
        f"Medians of {given['starts']} starts of each function that a peer has and of each peer, "
        f"{given['other_starts']} of any other, and {given['requests']} warm requests."
    )
    if "seconds" in results:
        yield f"The run took {results['seconds'] / 60:.0f} minutes."
    yield ""
    for size, each in results["units"].items():
        if each["at"] != results["at"]:
            yield f"The units at {int(size):,} payments were measured {each['at']}."
            yield ""
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."
    yield ""


def _figures(results: Mapping[str, Any]) -> Iterator[str]:
    yield "## Start-up"
    yield ""
    starts = [
        (name, *_shown(each, "startMs", "startCpuMs", "startMemoryMb", "packageMb"))
        for name, each in results["functions"].items()
    ]
    yield from _table(("function", "ms", "CPU ms", "memory MB", "package MB"), starts)
    yield "## Warm requests"
    yield ""
    warm = [
        (route, name, *_shown(each, *WARM))
        for route, found in results["routes"].items()
        for name, each in found.items()
    ]
    yield from _table(WARM_HEAD, warm)
    requests = results["given"]["requests"] // 2
    yield f"The other functions, by an event of `events/`, {requests} times:"
    yield ""
    others = [
        (each["function"], f"`{name}`", *_shown(each, *WARM))
        for name, each in results["events"].items()
    ]
    yield from _table(("function", "event", *WARM_HEAD[2:]), others)
    yield "## Cost of each operation"
    yield ""
    costs = [(name, *_shown(each, *COSTS)) for name, each in results["operations"].items()]
    yield from _table(COSTS_HEAD, costs)
    yield "Read and write units together, by the number of payments in the table:"
    yield ""
    tables = results["units"]
    by_size = [
        (name, *(_number(each["operations"][name]) for each in tables.values()))
        for name in results["operations"]
        if all(name in each["operations"] for each in tables.values())
    ]
    yield from _table(("operation", *(f"at {int(size):,}" for size in tables)), by_size)
    yield "## With more payments in the table"
    yield ""
    growth = [
        (route, f"{int(size):,}", *_shown(each, "cpuMs", "latencyMs"))
        for route, found in results["growth"].items()
        for size, each in found.items()
    ]
    yield from _table(("route", "payments", "CPU ms", "latency ms"), growth)
    yield "## The whole flow"
    yield ""
    yield WHOLE_FLOW.format(**results["given"])
    yield ""
    whole = [
        (f"{int(size):,}", *(f"{each[name]:.2f}" for name in WHOLE))
        for size, each in results["flow"].items()
    ]
    yield from _table(WHOLE_HEAD, whole)
    yield "## A call by TLS"
    yield ""
    calls = [(shown, f"{results['tls'][name]:.1f}") for name, shown in TLS.items()]
    yield from _table(("connection", "CPU ms of the caller"), calls)


def _shown(row: Mapping[str, Any], *names: str) -> Sequence[str]:
    """Format numbers with one decimal, whole numbers without."""
    return [_number(row[name]) for name in names]


def _number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""

"""Reads the line that Lambda writes after each call, and sums up the calls of a function.

Lambda writes it as text (``REPORT RequestId: …``) or as JSON (``"type": "platform.report"``),
according to the function's ``LogFormat``.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Self

from benchmarks.metering import percentile

PATTERNS = {"JSON": '{ $.type = "platform.report" }', "Text": '"REPORT RequestId:"'}
"""CloudWatch's filters for these lines, by log format."""
_TEXT = re.compile(r"(?:^|\t)([A-Z][\w ]*): ([^\t\n]*)")
_VERSION = re.compile(r"\[(\$LATEST|\d+)\]")


@dataclass(frozen=True)
class Call:
    """One call: milliseconds of its parts, and megabytes.

    ``start``: of the function's start, or of the restore of its snapshot; None in a warm call.
    ``billed`` includes what is billed of it.
    """

    duration: float
    billed: float
    memory: int
    start: float | None = None
    failed: bool = False


@dataclass(frozen=True)
class Calls:
    """The calls of one function, of which there is at least one."""

    calls: Sequence[Call]

    @property
    def starts(self) -> list[float]:
        """Milliseconds of each start."""
        return [each.start for each in self.calls if each.start is not None]

    @property
    def warm(self) -> list[float]:
        """Milliseconds of each call that started nothing."""
        return [each.duration for each in self.calls if each.start is None]

    @property
    def failed(self) -> int:
        """The number of calls that ended in an error or a time-out."""
        return sum(each.failed for each in self.calls)

    @property
    def memory(self) -> int:
        """The largest peak memory in megabytes."""
        return max(each.memory for each in self.calls)

    @property
    def billed(self) -> float:
        """Billed milliseconds of a call, on average."""
        return sum(each.billed for each in self.calls) / len(self.calls)


@dataclass(frozen=True)
class Spread:
    """Median and 95th percentile, None without values."""

    half: float | None
    most: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Sum up values."""
        return cls(median(values), percentile(values, 0.95)) if values else cls(None, None)


def calls(lines: Iterable[str]) -> list[Call]:
    """Return the calls of those lines that are reports."""
    return [each for each in map(call, lines) if each is not None]


def call(line: str) -> Call | None:
    """Read a line; None if it is no report."""
    if line.startswith("REPORT RequestId:"):
        return _from_text(dict(_TEXT.findall(line.removeprefix("REPORT "))))
    if '"platform.report"' not in line:
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    is_report = isinstance(found, dict) and found.get("type") == "platform.report"
    return _from_json(found["record"]) if is_report else None


def version_of(log_stream: str) -> str | None:
    """Return the function's version that the name of a log stream holds."""
    found = _VERSION.search(log_stream)
    return found[1] if found else None


def _from_text(found: dict[str, str]) -> Call:
    start = found.get("Init Duration") or found.get("Restore Duration")
    return Call(
        duration=_number(found["Duration"]),
        billed=_number(found["Billed Duration"]),
        memory=int(_number(found["Max Memory Used"])),
        start=_number(start) if start else None,
        failed=found.get("Status", "success") != "success",
    )


def _from_json(record: dict[str, Any]) -> Call:
    metrics = record["metrics"]
    start = metrics.get("initDurationMs", metrics.get("restoreDurationMs"))
    return Call(
        duration=float(metrics["durationMs"]),
        billed=float(metrics["billedDurationMs"]),
        memory=int(metrics["maxMemoryUsedMB"]),
        start=None if start is None else float(start),
        failed=record.get("status", "success") != "success",
    )


def _number(text: str) -> float:
    """Return the number before a unit, as in ``12.5 ms``."""
    return float(text.split(" ", maxsplit=1)[0])

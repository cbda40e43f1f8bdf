"""The bill of a month: units of the operations, times their prices.

``units.csv`` has the usage of each operation: the request of the benchmark that shows its time, the
milliseconds that it waits for Duitku or Thinkific, units of DynamoDB, requests, and bytes of log
lines. ``prices.csv`` has the prices in US dollars with their sources at AWS. No free tier is
deducted.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MEMORY_GB = 0.5
RESULTS = FOLDER.parents[1] / "benchmarks" / "results.json"
"""Times of warm requests and of starts; a start is billed as work since August 2025."""
KEPT_KB = 10
"""Size of a payment's items in the table, with their copies in the indexes."""
KEPT_MONTHS = 12
SECONDS = 30 * 86_400
COLD = {1_000: 0.9, 100_000: 0.05, 10_000_000: 0.01}
"""Assumed share of calls that start an environment, by the number of payments a month."""
FIXED = {"secrets": 3, "keys": 1, "alarms": 90, "metrics": 35, "secret_calls": 30_000}
"""The usage of a month without any sale, alarms and metrics rounded up.

An alarm on an expression is billed for each metric in it. A secret is cached for five minutes.
"""
TEXTS = frozenset({"operation", "each", "function", "request", "route"})
GROUPS = {
    "Lambda": ("lambda_requests", "lambda_gb_seconds"),
    "DynamoDB": ("dynamodb_writes", "dynamodb_reads", "dynamodb_gb"),
    "HTTP API": ("api_requests",),
    "SQS": ("queue_requests",),
    "Logs and traces": ("logs_gb", "traces"),
    "Alarms and metrics": ("alarms", "metrics"),
    "Schedules, secrets, keys": ("schedules", "secrets", "secret_calls", "keys"),
}
"""The lines of the bill, with the prices in each."""


@dataclass(frozen=True)
class Operation:
    """The usage of an operation, which occurs ``times`` in each ``payment`` or ``month``."""

    operation: str
    times: float
    each: str
    function: str
    request: str
    waiting: float
    reads: float
    writes: float
    api_requests: float
    queue_requests: float
    log_bytes: float
    route: str

    @property
    def runs(self) -> bool:
        """Whether a function runs for it."""
        return bool(self.function)

    @property
    def milliseconds(self) -> float:
        """Milliseconds of a warm request."""
        if not self.runs:
            return 0
        results = measured()
        if self.request in results["events"]:
            return float(results["events"][self.request]["latencyMs"])
        return float(results["routes"][self.request][self.function]["latencyMs"])

    @property
    def start(self) -> float:
        """Milliseconds of a start of its function."""
        return float(measured()["functions"][self.function]["startMs"]) if self.runs else 0

    def uses(self, cold: float) -> Iterator[tuple[str, float]]:
        """Yield the usage of one time, by the names of the prices."""
        busy = self.milliseconds + self.waiting + cold * self.start
        yield "dynamodb_reads", self.reads
        yield "dynamodb_writes", self.writes
        yield "api_requests", self.api_requests
        yield "queue_requests", self.queue_requests
        yield "logs_gb", self.log_bytes / 1e9
        if self.runs:
            yield "lambda_requests", 1
            yield "lambda_gb_seconds", busy / 1000 * MEMORY_GB
            yield "traces", 1
            yield "schedules", float(self.each == "month")


@cache
def measured() -> dict[str, Any]:
    """Read the results of the last benchmark."""
    found: dict[str, Any] = json.loads(RESULTS.read_text())
    return found


def operations() -> list[Operation]:
    """Read the usage of each operation."""
    return [_operation(row) for row in _rows("units.csv")]


def prices() -> dict[str, float]:
    """Read the price of each unit in US dollars."""
    return {row["name"]: float(row["usd"]) / float(row["per"]) for row in _rows("prices.csv")}


def used(payments: int) -> Counter[str]:
    """Add up the usage of a month with so many payments, by the names of the prices."""
    found: Counter[str] = Counter(FIXED)
    for operation in operations():
        by_payment = operation.each == "payment"
        cold = COLD[payments] if by_payment else 0.0
        times = operation.times * (payments if by_payment else 1)
        for name, amount in operation.uses(cold):
            found[name] += times * amount  # type: ignore[assignment]
    found["traces"] = _sampled(found["traces"])
    found["dynamodb_gb"] += payments * KEPT_MONTHS * KEPT_KB / 1e6  # type: ignore[assignment]
    return found


def _sampled(calls: int) -> int:
    """Return the traces that X-Ray's default rule keeps: one a second, a twentieth of the rest."""
    return min(calls, SECONDS) + max(0, calls - SECONDS) // 20


def bill(payments: int) -> dict[str, float]:
    """Return the lines of a month's bill in US dollars."""
    price, amount = prices(), used(payments)
    return {
        line: sum(price[name] * amount[name] for name in names) for line, names in GROUPS.items()
    }


def _operation(row: Mapping[str, str]) -> Operation:
    values: dict[str, Any] = {
        name: value if name in TEXTS else float(value) for name, value in row.items()
    }
    return Operation(**values)


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(newline="") as file:
        return list(csv.DictReader(file))

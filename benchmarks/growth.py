"""Measures the cost of requests with 1,000, 10,000 and 100,000 payments in the table."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from time import perf_counter

import pytest
from botocore.config import Config

from benchmarks.subjects import Subject
from benchmarks.traffic import Traffic
from benchmarks.warm import FIRST, Contender, Warm, compare
from local.cloud import Stack
from lunas.aws import clients
from lunas.storage.table import Table
from tests.integration.api.conftest import forget
from tests.integration.api.test_capacity import costs_of_operations, seeded, stock, use
from tests.support.metering import Cost
from tests.support.seeding import dynamodb

ROUTES = {
    "POST /payments/initiate": "initiate_payment",
    "POST /webhooks/duitku": "duitku_webhook",
    "GET /payments": "payments",
}

LISTED = 10_000
"""Payments of the largest table whose lists the emulator returns within a function's time-out."""
MAX_WAIT = Config(read_timeout=300)
"""For lists of larger tables, whose calls are counted without timing them."""

CATALOG = {"packageId": "p1", "courseId": "c1"}
"""The purchase that is possible in the tables of this module."""


@dataclass(frozen=True)
class Growth:
    """By number of payments: the cost of each operation, and the time of each route."""

    costs: Mapping[int, Mapping[str, Cost]]
    times: Mapping[str, Mapping[int, Warm]]

    @property
    def ends(self) -> tuple[int, int]:
        """The smallest and the largest table."""
        return min(self.costs), max(self.costs)

    @property
    def listed(self) -> tuple[int, int]:
        """The smallest and the largest table whose lists were timed."""
        sizes = [
            size for route, found in self.times.items() if route.startswith("GET") for size in found
        ]
        return min(sizes), max(sizes)

    def units_ratio(self) -> float:
        """Return the largest ratio of units, large table to small, of any operation."""
        small, large = (self.costs[size] for size in self.ends)
        return max(
            _units(large[name]) / _units(small[name]) for name in small if _units(small[name])
        )

    def cpu_ratio(self, method: str) -> float:
        """Return the largest ratio of processor time, large table to small, of one method."""
        return max(
            found[max(found)].shown()["cpuMs"] / found[min(found)].shown()["cpuMs"]
            for route, found in self.times.items()
            if route.startswith(method)
        )


def measure(
    stack: Stack,
    ours: Mapping[str, Subject],
    sizes: Sequence[int],
    requests: int,
    report: Callable[[str], None],
) -> Growth:
    """Fill tables besides that of the stack, and send the same requests to each."""
    tables = {}
    for size in sizes:
        started = perf_counter()
        tables[size] = seeded(stack, size)
        report(f"{size} payments written: {perf_counter() - started:.0f} s")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "CONFIG", clients.CONFIG.merge(MAX_WAIT))
        use(stack, patch)
        # The functions run in this process and log to its standard output.
        with redirect_stdout(StringIO()):
            costs = {size: costs_of_operations(stack, table) for size, table in tables.items()}
    forget()
    for table in tables.values():
        # Measuring the costs has edited the catalog as well.
        stock(Table(dynamodb(stack), table))
    times = {
        route: _times(stack, ours[function], route, _timed(route, tables), requests)
        for route, function in ROUTES.items()
    }
    for table in tables.values():
        dynamodb(stack).delete_table(TableName=table)
    return Growth(costs, times)


def _timed(route: str, tables: Mapping[int, str]) -> dict[int, str]:
    """Choose the tables in which a route is timed."""
    most = LISTED if route.startswith("GET") else max(tables)
    return {size: table for size, table in tables.items() if size <= most}


def _times(
    stack: Stack, subject: Subject, route: str, tables: Mapping[int, str], requests: int
) -> dict[int, Warm]:
    contenders = []
    for size, table in tables.items():
        traffic = Traffic(stack, table)
        traffic.purchase = CATALOG
        make = {
            "POST /payments/initiate": traffic.initiate,
            "POST /webhooks/duitku": traffic.callback,
            "GET /payments": traffic.page,
        }[route]
        events = traffic.many(make, requests + FIRST)
        contenders.append(Contender(str(size), subject, events, table))
    return {int(name): warm for name, warm in compare(contenders).items()}


def _units(cost: Cost) -> float:
    return cost.read + cost.written

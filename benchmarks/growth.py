"""Measures requests with few and with many payments in the table: their cost and their time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import units
from benchmarks.subjects import Subject
from benchmarks.traffic import Traffic
from benchmarks.warm import FIRST, Contender, Warm, compare
from local.cloud import Stack
from lunas.storage.table import Table
from tests.integration.api.test_capacity import PURCHASE, stock
from tests.support.metering import Cost
from tests.support.seeding import dynamodb

ROUTES = {
    "POST /payments/initiate": "initiate_payment",
    "POST /webhooks/duitku": "duitku_webhook",
    "GET /payments": "payments",
}

LISTED = 10_000
"""Payments of the largest table whose lists the emulator returns within a function's time-out."""
TIMED_LISTS = 20
"""Requests of a list, each of which takes the emulator a second in the largest of these tables."""


@dataclass(frozen=True)
class Growth:
    """By number of payments: the cost of each operation, and the time of each route."""

    costs: Mapping[int, Mapping[str, Cost]]
    times: Mapping[str, Mapping[int, Warm]]

    @property
    def ends(self) -> tuple[int, int]:
        """The smallest and the largest table."""
        return min(self.costs), max(self.costs)

    def cpu(self, method: str) -> tuple[tuple[int, float], tuple[int, float]]:
        """Return size and processor milliseconds of the smallest and the largest timed table.

        They are those of the route of a method whose ratio is the largest.
        """
        routes = [found for route, found in self.times.items() if route.startswith(method)]
        ends = [
            tuple((size, found[size].shown()["cpuMs"]) for size in (min(found), max(found)))
            for found in routes
        ]
        small, large = max(ends, key=lambda each: each[1][1] / each[0][1])
        return small, large


def measure(
    stack: Stack,
    ours: Mapping[str, Subject],
    sizes: Sequence[int],
    requests: int,
    report: Callable[[str], None],
) -> Growth:
    """Fill tables besides that of the stack, and send the same requests to each."""
    tables = {size: units.filled(stack, size, report) for size in sizes}
    costs = units.measure(stack, tables)
    report("units measured")
    for table in tables.values():
        # Measuring the costs has edited the catalog as well.
        stock(Table(dynamodb(stack), table))
    times = {
        route: _times(stack, ours[function], route, *_timed(route, tables, requests))
        for route, function in ROUTES.items()
    }
    for table in tables.values():
        dynamodb(stack).delete_table(TableName=table)
    return Growth(costs, times)


def _timed(route: str, tables: Mapping[int, str], requests: int) -> tuple[dict[int, str], int]:
    """Choose the tables in which a route is timed, and the number of its requests."""
    if not route.startswith("GET"):
        return dict(tables), requests
    most = max(LISTED, min(tables))
    small = {size: table for size, table in tables.items() if size <= most}
    return small, min(requests, TIMED_LISTS)


def _times(
    stack: Stack, subject: Subject, route: str, tables: Mapping[int, str], requests: int
) -> dict[int, Warm]:
    contenders = []
    for size, table in tables.items():
        traffic = Traffic(stack, table)
        traffic.purchase = PURCHASE
        make = {
            "POST /payments/initiate": traffic.initiate,
            "POST /webhooks/duitku": traffic.callback,
            "GET /payments": traffic.page,
        }[route]
        events = traffic.many(make, requests + FIRST)
        contenders.append(Contender(str(size), subject, events, table))
    return {int(name): warm for name, warm in compare(contenders).items()}

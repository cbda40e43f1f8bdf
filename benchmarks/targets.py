"""The targets of the benchmark: values of a run and their limits."""

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any, NamedTuple

from benchmarks.growth import Growth
from benchmarks.starts import Start
from benchmarks.subjects import BARE, FASTAPI, OWN_BYTECODE
from benchmarks.warm import Warm
from tests.support.metering import Cost

CPU = "ms CPU"
UNITS = "units of any request"
LISTS = (
    "GET /payments",
    "GET /payments of 100",
    "GET /payments filtered",
    "GET /payments/user/{userId}",
    "GET /enrollments",
    "GET /enrollments/my-enrollments",
    "GET /anomalies",
    "GET /packages",
    "GET /courses",
)
PURCHASE = ("POST /payments/initiate", "POST /webhooks/duitku", "EVENT delivery")
"""What a purchase of one course consists of, from the order to COMPLETED."""
MODEL = "with derived index keys"
FORMER = {"a callback that settles": (30, 0.65), "a whole purchase": (79, 0.70)}
"""Write units of the same people's purchases before decision 0029, with the limits beside them."""
WARM = {"POST /payments/initiate": 0.60, "POST /webhooks/duitku": 0.75, "GET /payments": 0.60}
"""Limits of processor time beside FastAPI, which does the same work around each request."""


class Target(NamedTuple):
    """A value that should be at most its limit.

    A ratio has both of its parts, Lunas' and the other's, in ``unit``; its name has the form
    ``what / of which other``.
    """

    name: str
    value: float
    limit: float
    parts: tuple[float, float] | None = None
    unit: str = ""


def ratio(name: str, own: float, other: float, limit: float, unit: str = CPU) -> Target:
    """Compare a value of Lunas with another one."""
    return Target(name, own / other, limit, (own, other), unit)


def of_starts(starts: Mapping[str, Start]) -> Iterator[Target]:
    """Compare the starts of the two functions that a buyer waits for with those of the peers.

    Processor time is compared, since it does not depend on other load of the machine.
    """
    rivals = {
        f"{FASTAPI} as people deploy it": (FASTAPI, 0.35, 0.35),
        f"{FASTAPI} given our bytecode build": (f"{FASTAPI}{OWN_BYTECODE}", 0.70, 0.70),
        f"{BARE} with valid bytecode": (f"{BARE}{OWN_BYTECODE}", 1.00, 1.15),
    }
    for row, (rival, *limits) in rivals.items():
        for own, limit in zip(("duitku_webhook", "initiate_payment"), limits, strict=True):
            cpu = median(starts[own].cpu), median(starts[rival].cpu)
            yield ratio(f"start-up of {own} / {row}", *cpu, limit)


def of_warm(warm: Mapping[str, Mapping[str, Warm]]) -> Iterator[Target]:
    """Compare warm requests with those of FastAPI with Lunas' bytecode."""
    for route, found in warm.items():
        own, rival = next(iter(found)), f"{FASTAPI}{OWN_BYTECODE}"
        cpu = median(found[own].cpu), median(found[rival].cpu)
        yield ratio(f"warm CPU of {route} / {FASTAPI}", *cpu, WARM[route])


def of_calls(costs: Mapping[str, Cost]) -> Iterator[Target]:
    """Count the calls to DynamoDB."""
    callback = "POST /webhooks/duitku"
    yield Target("calls of a webhook, first time", _calls(costs, f"{callback} first"), 2)
    yield Target("calls of a webhook, duplicate", _calls(costs, f"{callback} again"), 1)
    yield Target("calls of an approval", _calls(costs, "PATCH /payments/{id}/approve"), 2)
    yield Target("calls of any list page", max(_calls(costs, name) for name in LISTS), 1)


def of_writes(costs: Mapping[str, Cost]) -> Iterator[Target]:
    """Compare the write units of a purchase, by whichever way to pay costs more, with FORMER."""
    ways = ("new", "first", ""), ("by QRIS",) * 3
    steps = [
        [costs[f"{step} {note}".strip()].written for step, note in zip(PURCHASE, way, strict=True)]
        for way in ways
    ]
    written = {"a callback that settles": max(each[1] for each in steps)}
    written["a whole purchase"] = max(map(sum, steps))
    for what, (former, limit) in FORMER.items():
        yield ratio(f"write units of {what} / {MODEL}", written[what], former, limit, "units")


def of_growth(growth: Growth) -> Iterator[Target]:
    """Compare a large table with a small one; lists are not timed in the largest."""
    yield _own_time("a purchase or callback", growth, "POST")
    yield _own_time("a list", growth, "GET")


def of_units(units: Mapping[str, Mapping[str, Any]]) -> Target:
    """Compare the units of the operation that grows most: smallest table and largest."""
    small, large = (choose(units, key=int) for choose in (min, max))
    most, least = (units[size]["operations"] for size in (large, small))
    grown = max(
        (name for name in least if least[name]),
        key=lambda name: (most[name] / least[name], most[name]),
    )
    name = f"{UNITS} at {int(large):,} payments / at {int(small):,}"
    return ratio(name, most[grown], least[grown], 1.0, "units")


def _own_time(what: str, growth: Growth, method: str) -> Target:
    (smallest, small), (largest, large) = growth.cpu(method)
    name = f"own time of {what} at {largest:,} payments / at {smallest:,}"
    return ratio(name, large, small, 1.1)


def _calls(costs: Mapping[str, Cost], name: str) -> int:
    return len(costs[name].calls)

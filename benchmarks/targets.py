"""The targets of the benchmark: values of a run and their limits."""

from collections.abc import Iterator, Mapping
from statistics import median
from typing import NamedTuple

from benchmarks.growth import Growth
from benchmarks.starts import Start
from benchmarks.subjects import BARE, FASTAPI, OWN_BYTECODE
from benchmarks.warm import Warm
from tests.support.metering import Cost

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


class Target(NamedTuple):
    """A value that should be at most its limit."""

    name: str
    value: float
    limit: float


def of_starts(starts: Mapping[str, Start]) -> Iterator[Target]:
    """Compare the starts of the two functions that a buyer waits for with those of the peers.

    Processor time is compared, since it does not depend on other load of the machine.
    """
    rivals = {
        f"{FASTAPI} as people deploy it": (FASTAPI, 0.35),
        f"{FASTAPI} given our bytecode build": (f"{FASTAPI}{OWN_BYTECODE}", 0.70),
        f"{BARE} with valid bytecode": (f"{BARE}{OWN_BYTECODE}", 1.20),
    }
    for row, (rival, limit) in rivals.items():
        for own in ("duitku_webhook", "initiate_payment"):
            ratio = median(starts[own].cpu) / median(starts[rival].cpu)
            yield Target(f"start-up of {own} / {row}", ratio, limit)


def of_warm(warm: Mapping[str, Mapping[str, Warm]]) -> Iterator[Target]:
    """Compare warm requests with those of FastAPI with Lunas' bytecode."""
    for route, found in warm.items():
        own, rival = next(iter(found)), f"{FASTAPI}{OWN_BYTECODE}"
        ratio = median(found[own].cpu) / median(found[rival].cpu)
        yield Target(f"warm CPU of {route} / {FASTAPI}", ratio, 0.60)


def of_calls(costs: Mapping[str, Cost]) -> Iterator[Target]:
    """Count the calls to DynamoDB."""
    callback = "POST /webhooks/duitku"
    yield Target("calls of a webhook, first time", _calls(costs, f"{callback} first"), 2)
    yield Target("calls of a webhook, duplicate", _calls(costs, f"{callback} again"), 1)
    yield Target("calls of an approval", _calls(costs, "PATCH /payments/{id}/approve"), 2)
    yield Target("calls of any list page", max(_calls(costs, name) for name in LISTS), 1)


def of_growth(growth: Growth) -> Iterator[Target]:
    """Compare a large table with a small one; lists are not timed in the largest."""
    ends = "at {1:,} payments / at {0:,}".format(*growth.ends)
    yield Target(f"units of any request {ends}", growth.units_ratio(), 1.0)
    yield Target(f"own time of a purchase or callback {ends}", growth.cpu_ratio("POST"), 1.1)
    smallest, largest = growth.listed
    if largest > smallest:
        listed = f"at {largest:,} payments / at {smallest:,}"
        yield Target(f"own time of a list {listed}", growth.cpu_ratio("GET"), 1.1)


def _calls(costs: Mapping[str, Cost], name: str) -> int:
    return len(costs[name].calls)

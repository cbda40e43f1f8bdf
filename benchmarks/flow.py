"""Measures the whole flow on the local stack, from a callback to the enrollment at Thinkific."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from benchmarks.pausing import stream_paused
from benchmarks.traffic import TIMEOUT, Traffic
from lunas.domain.enrollments import DeliveryStatus
from lunas.domain.payments import Payment
from lunas.storage.expressions import Item
from tests.integration.api.test_capacity import content
from tests.support.seeding import dynamodb, fill

AT_ONCE = 4
MAX_WAIT = 60.0
"""Seconds to wait for an enrollment."""
FIRST_WAIT = 600.0
"""Seconds to wait for the first one, while the stream still delivers the items of the new table."""
POLL = 0.01


@dataclass(frozen=True)
class Flow:
    """Callbacks settled per second when several come at once, and seconds to an enrollment."""

    settled_per_second: float
    seconds_to_enrollment: list[float]


def measure(
    traffic: Traffic,
    sizes: Sequence[int],
    alone: int,
    together: int,
    report: Callable[[str], None],
) -> dict[int, Flow]:
    """Fill the table to each size, smallest first, and send payments through the whole stack."""
    found, held = {}, 0
    for size in sorted(sizes):
        with stream_paused(traffic.stack):
            fill(dynamodb(traffic.stack), traffic.table, _quiet(held, size))
        held = size
        report(f"{size} payments in the table of the stack")
        found[size] = _measured(traffic, alone, together, report)
    return found


def _quiet(held: int, size: int) -> Iterator[Item]:
    """Yield the missing payments, with enrollments that do not wait for delivery."""
    waiting = DeliveryStatus.PENDING
    return (item for item in content(size, held) if item.get("deliveryStatus") != waiting)


def _measured(traffic: Traffic, alone: int, together: int, report: Callable[[str], None]) -> Flow:
    """Send callbacks one at a time, each until its enrollment; then many, four at once.

    The first ones, which start the functions, are not counted.
    """
    _settle_and_wait(traffic, FIRST_WAIT)
    seconds = [_settle_and_wait(traffic) for _ in range(alone)]
    report(f"{alone} payments delivered to Thinkific")
    _settle_at_once(traffic, 2 * AT_ONCE)
    taken = _settle_at_once(traffic, together)
    report(f"{together} payments settled in {taken:.1f} s")
    return Flow(together / taken, seconds)


def _settle_at_once(traffic: Traffic, number: int) -> float:
    """Send callbacks, four at once; return the seconds that they take."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        orders = list(pool.map(lambda _: traffic.order(), range(number)))
        started = time.perf_counter()
        list(pool.map(lambda order: _call_back(traffic, order), orders))
        return time.perf_counter() - started


def _settle_and_wait(traffic: Traffic, max_wait: float = MAX_WAIT) -> float:
    """Send a callback; return the seconds until the enrollment at Thinkific."""
    order = traffic.order()
    started = time.perf_counter()
    _call_back(traffic, order)
    while not _is_enrolled(traffic, order):
        if time.perf_counter() - started > max_wait:
            message = "an enrollment was not delivered: see the logs of the stack"
            raise TimeoutError(message)
        time.sleep(POLL)
    return time.perf_counter() - started


def _call_back(traffic: Traffic, order: Payment) -> None:
    url, form = traffic.stack.duitku_webhook_url, traffic.form(order)
    requests.post(url, data=form, timeout=TIMEOUT).raise_for_status()


def _is_enrolled(traffic: Traffic, order: Payment) -> bool:
    url = f"{traffic.stack.thinkific_url}/_sim/enrollments"
    enrollments = requests.get(url, timeout=TIMEOUT).json()["items"]
    return any(each["user_email"] == order.learner.email for each in enrollments)

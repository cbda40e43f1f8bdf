"""The whole way on the local stack: from a callback to the enrollment at Thinkific."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from benchmarks.traffic import TIMEOUT, Traffic
from lunas.rules.payments import Payment

AT_ONCE = 4
PATIENCE = 60.0
"""Seconds until an enrollment that has not come is missed."""
POLL = 0.01


@dataclass(frozen=True)
class Flow:
    """Callbacks answered in a second while several come at once, and seconds to an enrollment."""

    settled_per_second: float
    seconds_to_enrollment: list[float]


def measure(traffic: Traffic, alone: int, together: int, report: Callable[[str], None]) -> Flow:
    """Send callbacks one at a time and see each through; then many, four at once."""
    _settle_and_see(traffic)
    seconds = [_settle_and_see(traffic) for _ in range(alone)]
    report(f"{alone} payments seen through to Thinkific")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        orders = list(pool.map(lambda _: traffic.order(), range(together)))
        started = time.perf_counter()
        list(pool.map(lambda order: _call_back(traffic, order), orders))
        taken = time.perf_counter() - started
    report(f"{together} payments settled in {taken:.1f} s")
    return Flow(together / taken, seconds)


def _settle_and_see(traffic: Traffic) -> float:
    """Give the seconds from sending a callback to the enrollment at Thinkific."""
    order = traffic.order()
    started = time.perf_counter()
    _call_back(traffic, order)
    while not _is_enrolled(traffic, order):
        if time.perf_counter() - started > PATIENCE:
            message = "an enrollment did not come: see the logs of the stack"
            raise TimeoutError(message)
        time.sleep(POLL)
    return time.perf_counter() - started


def _call_back(traffic: Traffic, order: Payment) -> None:
    url, form = traffic.stack.duitku_webhook_url, traffic.form(order)
    requests.post(url, data=form, timeout=TIMEOUT).raise_for_status()


def _is_enrolled(traffic: Traffic, order: Payment) -> bool:
    url = f"{traffic.stack.thinkific_url}/_sim/enrollments"
    rows = requests.get(url, timeout=TIMEOUT).json()["items"]
    return any(row["user_email"] == order.learner.email for row in rows)

"""``make soak``: buys, breaks, waits until all is quiet, and compares."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local.cloud import Options, Stack, running_stack
from local.cloud.aws import Aws
from tests.soak import report
from tests.soak.audit import Actions, audit, is_quiet
from tests.soak.client import Api, SoakFailed
from tests.soak.facts import Facts, gather
from tests.soak.fault_schedule import (
    CHANGE_SECONDS,
    DUITKU_DIFFERENCES,
    KILL_SECONDS,
    THINKIFIC_DIFFERENCES,
    Chaos,
    FaultSchedule,
    repeat,
    spread_faults,
)
from tests.soak.operators import Operators
from tests.soak.plan import Basket, baskets
from tests.soak.shop import Shop
from tests.soak.simulators import Simulator

BUYERS = 24
"""Learners who buy at the same time."""
WORKERS = 6
"""Processes of each function at most: a killed one takes a second to come again."""
SITE_LIMIT, LIMITED_PAYMENTS = 120, 200
"""Thinkific's calls a minute, and the payments that this limit delivers in minutes."""
VISIBILITY = "45"
"""Seconds after which a message whose receiver died comes again; on AWS it is 450."""
BROKEN_SECONDS = QUIET_SECONDS = 1800.0
"""How long most deliveries may take under the faults, and the others once they have ended."""
FEW = 0.05
"""Share of the payments: when no more deliveries are on their way, the faults end."""
POLL_SECONDS = 10.0


@dataclass
class Soak:
    """One soak: its parts and its failures."""

    stack: Stack
    state: Path
    seed: int
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)  # noqa: S311  (faults that can be repeated)
        self.duitku = Simulator(str(self.stack.duitku_url))
        self.thinkific = Simulator(str(self.stack.thinkific_url))
        self.api = Api(self.stack)
        self.operators = Operators(self.stack, self.api, self.state)
        self.shop = Shop(self.api, self.duitku, self.operators)
        self.chaos = Chaos(self.state, chance)
        self.schedules = (
            FaultSchedule(self.duitku, DUITKU_DIFFERENCES, chance),
            FaultSchedule(self.thinkific, THINKIFIC_DIFFERENCES, chance),
        )
        self.struck: dict[str, dict[str, int]] = {}

    @property
    def actions(self) -> Actions:
        """What was done from outside so far."""
        return Actions(self.shop.approved, self.shop.refunded)

    def buy(self, plan: list[Basket]) -> None:
        """Make all purchases."""
        with ThreadPoolExecutor(BUYERS) as pool:
            try:
                list(pool.map(self._serve, plan))
            except BaseException:
                self.api.closed.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Make everything around Lunas fail while the block lasts; then end all faults."""
        spread_faults(self.duitku, self.thinkific)
        with self._again(KILL_SECONDS, self.chaos.kill), self._again(CHANGE_SECONDS, self._change):
            yield
        self.struck = {
            "Duitku": self.duitku.see("faults")["struck"],
            "Thinkific": self.thinkific.see("faults")["struck"],
        }
        for simulator, schedule in zip((self.duitku, self.thinkific), self.schedules, strict=True):
            simulator.forget_faults()
            schedule.calm()

    def deliver_most(self, say: Callable[[str], None]) -> None:
        """Return once few deliveries are left, still under the faults."""
        deadline = time.monotonic() + BROKEN_SECONDS
        while time.monotonic() < deadline:
            facts = gather(self.stack, self.duitku, self.thinkific)
            if facts.messages <= FEW * len(facts.payments):
                return
            say(report.waiting(facts))
            time.sleep(POLL_SECONDS)

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Let the operators work."""
        with (
            self._again(5.0, self.operators.check_unsettled),
            self._again(10.0, self.operators.run_reconcile),
            self._again(15.0, self.operators.end_block),
            self._again(20.0, self.operators.redrive),
            self._again(5.0, self.shop.refund),
        ):
            yield

    def wait_until_quiet(self, say: Callable[[str], None]) -> Facts:
        """Return the state once everything has ended, or when the time is up."""
        deadline = time.monotonic() + QUIET_SECONDS
        while True:
            facts = gather(self.stack, self.duitku, self.thinkific)
            refunds = self.shop.to_refund - self.shop.refunded
            if is_quiet(facts, self.actions) and not refunds:
                return facts
            if time.monotonic() > deadline:
                self.failures.append(f"not quiet after {QUIET_SECONDS:.0f} s")
                return facts
            say(report.waiting(facts))
            time.sleep(POLL_SECONDS)

    def _serve(self, basket: Basket) -> None:
        try:
            self.shop.serve(basket)
        except SoakFailed as error:
            self.failures.append(str(error))

    def _change(self) -> None:
        for schedule in self.schedules:
            schedule.change()

    @contextmanager
    def _again(self, seconds: float, action: Callable[[], None]) -> Iterator[None]:
        stop = threading.Event()
        thread = repeat(seconds, stop, action, self.failures)
        try:
            yield
        finally:
            stop.set()
            thread.join()


def run(state: Path, payments: int, seed: int) -> int:
    """Soak a stack of its own; returns 1 when something was lost, doubled or wrong."""
    limit = max(SITE_LIMIT, SITE_LIMIT * payments // LIMITED_PAYMENTS)
    options = Options(
        report=_say, workers=WORKERS, parameters={"ThinkificRequestsPerMinute": str(limit - 10)}
    )
    _say(f"{payments} payments, seed {seed}, Thinkific takes {limit} calls a minute")
    with running_stack(state, options) as stack:
        soak = Soak(stack, state, seed)
        soak.thinkific.do("settings", {"rateLimit": limit})
        _shorten_visibility(stack)
        began = time.monotonic()
        with soak.attended():
            with soak.broken():
                soak.buy(list(baskets(payments, seed)))
                bought = time.monotonic() - began
                _say(f"{bought:6.0f} s  all bought and paid")
                soak.deliver_most(_say)
            _say(f"{time.monotonic() - began:6.0f} s  all faults have ended")
            facts = soak.wait_until_quiet(_say)
        quiet = time.monotonic() - began
        found = audit(facts, soak.actions)
        report.show(_say, soak, facts, found, (bought, quiet))
    return 1 if found or soak.failures else 0


def _shorten_visibility(stack: Stack) -> None:
    """Let a message whose receiver was killed come again soon."""
    Aws(stack.aws_endpoint_url, stack.region).sqs.set_queue_attributes(
        QueueUrl=stack.delivery_queue_url, Attributes={"VisibilityTimeout": VISIBILITY}
    )


def _say(line: str) -> None:
    print(line, flush=True)

"""What happens by itself: streams, queues, callbacks and schedules go on as time moves.

Nothing else heals here: no person looks, no client repeats.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from re import fullmatch
from typing import Any, Protocol

from lunas.rules.times import from_iso
from tests.faults.world.aws import Aws
from tests.faults.world.clock import Clock
from tests.faults.world.fifo import FifoQueue, Message
from tests.faults.world.functions import Died, Functions, schedules
from tests.faults.world.peers import Callback, Courier

UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
RARELY = timedelta(hours=1)
"""A schedule that is so rare runs always; a more frequent one only when something is due."""
LONGEST_REST = 32
"""Runs that a schedule leaves out at most, after runs that changed nothing."""


class Source(Protocol):
    """Something that goes on by itself."""

    def next_at(self) -> datetime | None: ...

    def go_on(self) -> None: ...


class Deliveries:
    """The delivery queue on its way to deliver_enrollment, message by message."""

    def __init__(
        self,
        queue: FifoQueue,
        functions: Functions,
        chance: random.Random | None,
    ) -> None:
        self._queue, self._functions, self._chance = queue, functions, chance

    def next_at(self) -> datetime | None:
        """Return when the next message can be received."""
        return min((message.visible_at for message in self._queue.heads()), default=None)

    def go_on(self) -> None:
        """Hand one message over, and take it out of the queue if it was dealt with."""
        found = self._queue.receivable()
        message = self._queue.receive(self._chance.choice(found) if self._chance else found[0])
        if message is None:
            return
        handle = message.handle
        try:
            answer = self._functions.invoke("deliver_enrollment", {"Records": [_record(message)]})
        except Died:
            return
        if not answer["batchItemFailures"]:
            self._queue.delete(handle)


class Callbacks:
    """Duitku's callbacks, attempt by attempt."""

    def __init__(
        self,
        courier: Courier,
        clock: Clock,
        bring: Callable[[Callback], None],
        chance: random.Random | None,
    ) -> None:
        self._courier, self._clock, self._bring = courier, clock, bring
        self._chance = chance

    def next_at(self) -> datetime | None:
        """Return when the next attempt is due."""
        return min((each.at for each in self._courier.waiting), default=None)

    def go_on(self) -> None:
        """Make one attempt."""
        due = [each for each in self._courier.waiting if each.at <= self._clock.now()]
        self._bring(self._chance.choice(due) if self._chance else due[0])


@dataclass
class Schedule:
    """A function that runs every so often.

    A run of every minute that finds nothing due does nothing, and is left out here. With
    ``sparing``, runs that changed nothing are followed by ever longer rests.
    """

    name: str
    period: timedelta
    functions: Functions
    aws: Aws
    clock: Clock
    sparing: bool
    _next: datetime | None = None
    _rest: int = 0
    _written: int = 0

    def next_at(self) -> datetime | None:
        """Return when the function runs next, or None while a run would find nothing due."""
        now = self.clock.now()
        self._next = self._next or now + self.period
        if self.period >= RARELY:
            return self._next
        due = self._first_due()
        if due is None:
            return None
        if self._rest and self._written != len(self.aws.table.stream):
            self._next, self._rest = now, 0
        # Rounded up to a whole number of periods.
        runs = -((self._next - max(due, now)) // self.period)
        return self._next + self.period * max(runs, 0)

    def go_on(self) -> None:
        """Run once."""
        written = len(self.aws.table.stream)
        with suppress(Died):
            self.functions.invoke(self.name, {})
        self._written = len(self.aws.table.stream)
        idle = self.sparing and written == self._written
        self._rest = min(2 * self._rest + 1, LONGEST_REST) if idle else 0
        self._next = self.clock.now() + self.period * (1 + self._rest)

    def _first_due(self) -> datetime | None:
        """Return the earliest time that any item of the index byDue carries."""
        times = [item["dueAt"]["S"] for item in self.aws.table.items.values() if "dueAt" in item]
        return from_iso(min(times)) if times else None


class Upkeep:
    """Lets everything that happens by itself happen, in the order of time."""

    def __init__(self, clock: Clock, sources: list[Source], chance: random.Random | None) -> None:
        self._clock, self._sources, self._chance = clock, sources, chance

    def step(self) -> None:
        """Let one thing happen that is due at this moment, if there is any."""
        source = self._next_source(self._clock.now())
        if source is not None:
            source.go_on()

    def settle(self) -> None:
        """Go on until nothing is due at this moment."""
        self.reach(self._clock.now())

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with all that happens meanwhile."""
        self.reach(self._clock.now() + timedelta(seconds=seconds))

    def reach(self, end: datetime) -> None:
        """Let time pass up to a moment."""
        while (source := self._next_source(max(end, self._clock.now()))) is not None:
            source.go_on()
        self._clock.reach(end)

    def _next_source(self, end: datetime) -> Source | None:
        """Return who goes on next, at ``end`` at the latest; the time is theirs then."""
        times = [(source.next_at(), source) for source in self._sources]
        due = [(moment, source) for moment, source in times if moment and moment <= end]
        if not due:
            return None
        now = self._clock.now()
        ready = [source for moment, source in due if moment <= now]
        if ready:
            return self._chance.choice(ready) if self._chance else ready[0]
        moment, source = min(due, key=lambda each: each[0])
        self._clock.reach(moment)
        return source


def upkeep_schedules(
    functions: Functions, aws: Aws, clock: Clock, *, sparing: bool
) -> list[Schedule]:
    """Return the schedules of template.yaml."""
    return [
        Schedule(name, _period(expression), functions, aws, clock, sparing)
        for name, expression in schedules().items()
    ]


def _period(expression: str) -> timedelta:
    """Read ``rate(5 minutes)``, or a cron expression that means once a day."""
    if rate := fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        return int(rate[1]) * UNITS[rate[2]]
    if fullmatch(r"cron\(\d+ \d+ \* \* \? \*\)", expression):
        return UNITS["day"]
    raise NotImplementedError(expression)


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.received),
            "SentTimestamp": str(int(message.sent_at.timestamp() * 1000)),
            "MessageGroupId": message.group,
            "MessageDeduplicationId": message.deduplication,
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:1:delivery.fifo",
        "awsRegion": "ap-southeast-3",
    }

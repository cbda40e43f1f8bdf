"""What happens by itself: streams, queues, callbacks and schedules go on as time moves.

Nothing else heals: no person acts, no client repeats.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from tests.faults.world.clock import Clock
from tests.faults.world.fifo import FifoQueue, Message
from tests.faults.world.functions import Died, Functions
from tests.faults.world.providers import Callback, CallbackQueue


class Source(Protocol):
    """Something that goes on by itself."""

    def next_at(self) -> datetime | None: ...

    def go_on(self) -> None: ...


class Deliveries:
    """A queue on its way to the function that reads it, message by message."""

    def __init__(
        self,
        queue: FifoQueue,
        functions: Functions,
        chance: random.Random | None,
        function: str = "deliver_enrollment",
    ) -> None:
        self._queue, self._functions, self._chance = queue, functions, chance
        self._function = function

    def next_at(self) -> datetime | None:
        """Return when the next message can be received."""
        return min((message.visible_at for message in self._queue.heads()), default=None)

    def go_on(self) -> None:
        """Hand one message over, and take it out of the queue if it was handled."""
        found = self._queue.receivable()
        message = self._queue.receive(self._chance.choice(found) if self._chance else found[0])
        if message is None:
            return
        handle = message.handle
        try:
            answer = self._functions.invoke(self._function, {"Records": [_record(message)]})
        except Died:
            return
        if not answer["batchItemFailures"]:
            self._queue.delete(handle)


class Callbacks:
    """Duitku's callbacks, attempt by attempt."""

    def __init__(
        self,
        callback_queue: CallbackQueue,
        clock: Clock,
        bring: Callable[[Callback], None],
        chance: random.Random | None,
    ) -> None:
        self._callback_queue, self._clock, self._bring = callback_queue, clock, bring
        self._chance = chance

    def next_at(self) -> datetime | None:
        """Return when the next attempt is due."""
        return min((each.at for each in self._callback_queue.waiting), default=None)

    def go_on(self) -> None:
        """Make one attempt."""
        due = [each for each in self._callback_queue.waiting if each.at <= self._clock.now()]
        self._bring(self._chance.choice(due) if self._chance else due[0])


class Scheduler:
    """Lets everything that happens by itself happen, in the order of time."""

    def __init__(self, clock: Clock, sources: list[Source], chance: random.Random | None) -> None:
        self._clock, self._sources, self._chance = clock, sources, chance

    def add(self, *sources: Source) -> None:
        """Let something else go on by itself as well."""
        self._sources += sources

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
        """Return the source that goes on next, by ``end``, and move the clock to its time."""
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

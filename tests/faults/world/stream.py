"""The table's stream on its way to a function, as Lambda's event source mapping delivers it.

Records of one item stay in order; between items, any order is possible. A batch comes again, in
halves, until the function takes it; what it never takes is only reported
(docs/reference/data-model.md, Stream).
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.faults.world.clock import Clock
from tests.faults.world.functions import Died, Functions, folder_of
from tests.support import template
from tests.support.dynamodb.table import Change, Table

ENROLLMENTS, ORDERS = "PublishEnrollmentsFunction", "PublishSaleReportsFunction"
"""The functions that read the stream."""
AGAIN = timedelta(seconds=1)
"""Between two tries of one batch."""


@dataclass
class Batch:
    """Records that are handed over together, and when."""

    changes: list[Change]
    at: datetime
    tries: int = 0


class Stream:
    """Takes what the table writes and hands it to the function that reads it."""

    def __init__(
        self,
        table: Table,
        functions: Functions,
        clock: Clock,
        chance: random.Random | None,
        reader: str = ENROLLMENTS,
    ) -> None:
        self._function = folder_of(reader)
        properties = template.resources()[f"{reader}Stream"]["Properties"]
        self._patterns = [
            json.loads(each["Pattern"]) for each in properties["FilterCriteria"]["Filters"]
        ]
        self._most = int(properties["BatchSize"])
        self._tries = 1 + int(properties["MaximumRetryAttempts"])
        self._table, self._functions, self._clock = table, functions, clock
        self._chance = chance
        self._place = 0
        self._waiting: list[Change] = []
        self._batches: list[Batch] = []
        self._under_way: list[Batch] = []
        self.reported: list[Change] = []

    def next_at(self) -> datetime | None:
        """Return when there is something to hand over."""
        self._take_up()
        if self._batches:
            return min(batch.at for batch in self._batches)
        return self._clock.now() if self._free() else None

    def go_on(self) -> None:
        """Hand over one batch."""
        batch = self._next_batch()
        self._batches.remove(batch)
        self._under_way.append(batch)
        try:
            event = {"Records": [_record(each, place) for place, each in enumerate(batch.changes)]}
            answer = self._functions.invoke(self._function, event)
            failed = [int(each["itemIdentifier"]) for each in answer["batchItemFailures"]]
            if failed:
                # From the first one on: what comes after it is handed out again as well.
                self._again(Batch(batch.changes[min(failed) :], batch.at, batch.tries))
        except Died:
            self._again(batch)
        finally:
            self._under_way.remove(batch)

    def _take_up(self) -> None:
        written = self._table.stream
        self._waiting += [each for each in written[self._place :] if self._passes(each)]
        self._place = len(written)

    def _next_batch(self) -> Batch:
        if not self._batches:
            chosen = self._choose()
            for change in chosen:
                self._waiting.remove(change)
            self._batches.append(Batch(chosen, self._clock.now()))
        return min(self._batches, key=lambda batch: batch.at)

    def _free(self) -> list[Change]:
        """Return the records that may be handed over: no earlier one of their item is under way."""
        batches = [*self._batches, *self._under_way]
        taken = {change.key for batch in batches for change in batch.changes}
        return [change for change in self._waiting if change.key not in taken]

    def _choose(self) -> list[Change]:
        """Pick records for a batch: one by one without chance, else some of some items."""
        free = self._free()
        if self._chance is None:
            return free[:1]
        items = list(dict.fromkeys(change.key for change in free))
        self._chance.shuffle(items)
        picked = [change for key in items for change in free if change.key == key]
        return picked[: self._chance.randint(1, min(self._most, len(picked)))]

    def _again(self, batch: Batch) -> None:
        tries, at = batch.tries + 1, self._clock.now() + AGAIN
        if tries == self._tries:
            self.reported += batch.changes
            return
        middle = (len(batch.changes) + 1) // 2
        halves = [batch.changes[:middle], batch.changes[middle:]]
        self._batches += [Batch(half, at, tries) for half in halves if half]

    def _passes(self, change: Change) -> bool:
        return any(_matches(pattern, _record(change, 0)) for pattern in self._patterns)


def _matches(pattern: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Return whether a record passes a filter of an event source mapping."""
    for name, wanted in pattern.items():
        found = record.get(name)
        if isinstance(wanted, dict):
            if not isinstance(found, dict) or not _matches(wanted, found):
                return False
        elif found not in wanted:
            return False
    return True


def _record(change: Change, place: int) -> dict[str, Any]:
    pk, sk = change.key
    images = {"OldImage": change.old, "NewImage": change.new}
    return {
        "eventSource": "aws:dynamodb",
        "eventName": change.event,
        "dynamodb": {
            "SequenceNumber": str(place),
            "Keys": {"pk": {"S": pk}, "sk": {"S": sk}},
            **{name: image for name, image in images.items() if image is not None},
        },
    }

"""The schedules of template.yaml, on the world's time.

A run that can find nothing to do is left out, or nine quiet days would take a thousand runs of
each. The constants below name what is left out.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from re import fullmatch

from lunas.domain.times import from_iso
from tests.faults.world.aws import Aws
from tests.faults.world.clock import Clock
from tests.faults.world.functions import Died, Functions, schedules
from tests.support.dynamodb.table import Change

UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
RARELY = timedelta(hours=1)
"""A schedule with this period or a longer one always runs."""
BY_DUE_TIME = "reconcile"
"""Runs when an item of the index byDue is due; every other schedule runs after changes."""
LAST_RUNS = 3
"""Of such a schedule after the last change: enough for what it reads only after a while."""
LONGEST_REST = 32
"""Runs that a sparing schedule leaves out at most, after runs that changed nothing."""
OWN_ITEMS = {"audit", "limit"}
"""Types of items whose change gives a schedule no work: checkpoints, the rate limiter."""


@dataclass
class Schedule:
    """A function that runs every so often; if ``sparing``, ever more rarely while nothing changes.

    ``_idle`` counts the runs since the last change of anything.
    """

    name: str
    period: timedelta
    functions: Functions
    aws: Aws
    clock: Clock
    sparing: bool
    _next: datetime | None = None
    _place: int = 0
    _idle: int = 0
    _rest: int = 0

    def next_at(self) -> datetime | None:
        """Return when the function runs next, or None while it would find nothing to do."""
        now = self.clock.now()
        planned = self._next or now + self.period
        if self._look():
            self._idle = 0
            # A schedule that rested goes back to its period.
            planned = planned if not self._rest else max(now, planned - self._rest * self.period)
            self._rest = 0
        self._next = planned
        if self.period >= RARELY:
            return planned
        wake = self._wake()
        if wake is None:
            return None
        # Rounded up to a whole number of periods.
        runs = -((planned - max(wake, now)) // self.period)
        return planned + self.period * max(runs, 0)

    def go_on(self) -> None:
        """Run once."""
        with suppress(Died):
            self.functions.invoke(self.name, {})
        self._idle = 0 if self._look() else self._idle + 1
        self._rest = min(2 * self._rest + 1, LONGEST_REST) if self._idle and self.sparing else 0
        self._next = self.clock.now() + self.period * (1 + self._rest)

    def _wake(self) -> datetime | None:
        """Return from when on there is something to do."""
        if self.name != BY_DUE_TIME:
            return self.clock.now() if self._idle < LAST_RUNS else None
        times = [item["dueAt"]["S"] for item in self.aws.table.items.values() if "dueAt" in item]
        return from_iso(min(times)) if times else None

    def _look(self) -> bool:
        """Return whether anything changed since the last look."""
        written = self.aws.table.stream
        new, self._place = written[self._place :], len(written)
        return any(_is_work(change) for change in new)


def _is_work(change: Change) -> bool:
    image = change.new or change.old or {}
    return image.get("type", {}).get("S") not in OWN_ITEMS


def all_schedules(functions: Functions, aws: Aws, clock: Clock, *, sparing: bool) -> list[Schedule]:
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

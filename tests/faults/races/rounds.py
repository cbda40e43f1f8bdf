"""Rounds: two operations that start together, for every pair that can meet."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement

from lunas.storage.payments import Payments
from tests.faults.races.barrier import at_once
from tests.faults.races.operations import OPERATIONS, Answer, Attempt, Operation
from tests.faults.races.setups import Driver, RaceSetup, Stage
from tests.support.length import LONG, by_length

ROUNDS = by_length(1, 1, 3)
AT_ONCE = 3
"""Rounds that are played side by side; they share the stack, and no data."""
BUSY = 503
"""The status of a request that was not done and may be repeated."""
ADMIN = {"approve", "overbook", "reject"}
"""Operations that are for payments without Duitku."""
NEVER = {("deliver", "deliver")}
"""Pairs that cannot meet: the queue shows one message of a learner at a time."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two operations, and the stage at which they meet."""

    one: Operation
    other: Operation
    stage: Stage

    def __str__(self) -> str:
        return f"{self.one.name}+{self.other.name}-{self.stage}"


@dataclass(frozen=True, slots=True)
class Result:
    """An operation's attempt, with its answer."""

    operation: Operation
    attempt: Attempt
    answer: Answer

    @property
    def actor(self) -> str:
        """The operation's actor in the history."""
        return self.operation.actor(self.attempt)


@dataclass(frozen=True, slots=True)
class Round:
    """A round that was played; ``versions`` are those of the payments at its start."""

    setup: RaceSetup
    versions: dict[str, int]
    results: tuple[Result, Result]


def meetings(*, everywhere: bool = LONG) -> list[Meeting]:
    """Return every pair of operations that can meet.

    ``everywhere``: at each stage where both are possible. Else at one of the stages where most of
    the two find something to do, another one for each pair.
    """
    pairs = [
        (one, other)
        for one, other in combinations_with_replacement(OPERATIONS, 2)
        if (one.name, other.name) not in NEVER
    ]
    found: list[Meeting] = []
    for number, (one, other) in enumerate(pairs):
        stages = [stage for stage in Stage if stage in one.stages & other.stages]
        if not everywhere:
            best = _best(one, other, stages)
            stages = [best[number % len(best)]]
        found += [Meeting(one, other, stage) for stage in stages]
    return found


def _best(one: Operation, other: Operation, stages: Sequence[Stage]) -> list[Stage]:
    moving = {stage: (stage in one.moves) + (stage in other.moves) for stage in stages}
    return [stage for stage in stages if moving[stage] == max(moving.values())]


class Playing:
    """Plays rounds on a stack."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def play(self, wanted: Sequence[Meeting]) -> list[Round]:
        """Play a round of each meeting, some side by side; return them in order."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._play, wanted))

    def _play(self, meeting: Meeting) -> Round:
        pair, driver = (meeting.one, meeting.other), self._driver
        setup = self._set_up(meeting)
        attempts = [Attempt(setup, driver.users.admin(), driver.duitku, driver.cloud) for _ in pair]
        versions = self._versions(setup)
        calls = [partial(_insist, *each) for each in zip(pair, attempts, strict=True)]
        one, other = map(Result, pair, attempts, at_once(*calls))
        return Round(setup, versions, (one, other))

    def _set_up(self, meeting: Meeting) -> RaceSetup:
        pair = (meeting.one, meeting.other)
        names = {operation.name for operation in pair}
        others = {operation.other for operation in pair if operation.other}
        setup = self._driver.setup(meeting.stage, manual=bool(names & ADMIN), others=others)
        if "reconcile" in names:
            self._driver.make_due(setup)
        return setup

    def _versions(self, setup: RaceSetup) -> dict[str, int]:
        bought = [*([setup.payment] if setup.payment else []), *setup.others.values()]
        found = [Payments(self._driver.cloud.table).get(each["id"]) for each in bought]
        return {each.id: each.version for each in found if each}


def _insist(operation: Operation, attempt: Attempt) -> Answer:
    """Act, and once again if the answer is ``BUSY``."""
    answer = operation.action(attempt)
    return operation.action(attempt) if answer.status == BUSY else answer

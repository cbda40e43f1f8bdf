"""Effects: each call that a function makes to the outside, and what can happen beside it.

A function dies in two ways: before a call happens, or after it happened and before the answer
came. Which calls there are is found by recording, never listed by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import requests
from botocore.exceptions import ReadTimeoutError

from tests.faults.world.clock import Clock

SERVICES = ("dynamodb", "sqs", "secretsmanager")
"""Of AWS: calls of anything else go to a host."""


class Crash(BaseException):
    """The end of a process. No ``except Exception`` of the product can swallow it."""


class When(StrEnum):
    """On which side of a call something happens."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Effect:
    """A call to the outside: the function that made it, and what it called."""

    function: str
    what: str

    def __str__(self) -> str:
        return f"{self.function}: {self.what}"


type Strike = Callable[[Effect], None]
"""What happens beside a call."""


@dataclass(eq=False)
class Trap:
    """Something that happens once, beside the call that has this ``place`` from now on.

    Only the calls of ``function`` count, if one is named.
    """

    place: int
    when: When
    strike: Strike
    function: str | None = None
    passed: int = 0

    def counts(self, effect: Effect) -> bool:
        """Return whether a call counts for this trap."""
        return self.function in {None, effect.function}


def crash(_effect: Effect) -> None:
    """End the process."""
    raise Crash


def fail(effect: Effect) -> None:
    """Let the call fail, as one whose answer did not come in time; the process lives on."""
    if effect.what.partition(" ")[0] in SERVICES:
        raise ReadTimeoutError(endpoint_url=effect.what)
    raise requests.ReadTimeout


@dataclass
class Invocation:
    """One run of a function; ``deadline`` is when Lambda ends it."""

    function: str
    deadline: datetime
    dead: bool = False


@dataclass
class Effects:
    """Sees every call of every function."""

    clock: Clock
    running: list[Invocation] = field(default_factory=list)
    recorded: list[Effect] = field(default_factory=list)
    traps: list[Trap] = field(default_factory=list)

    def forget(self) -> None:
        """Start with nothing recorded and no trap."""
        self.recorded.clear()
        self.traps.clear()

    def begin(self, function: str, seconds: float) -> Invocation:
        """Note that a function runs, for ``seconds`` at most."""
        invocation = Invocation(function, self.clock.now() + timedelta(seconds=seconds))
        self.running.append(invocation)
        return invocation

    def end(self) -> None:
        """Note that the function that ran last is over."""
        self.running.pop()

    def perform[T](self, what: str, call: Callable[[], T]) -> T:
        """Make one call of the function that runs. A test's own calls are not recorded."""
        if not self.running:
            return call()
        invocation = self.running[-1]
        if invocation.dead:
            # A dead process does not clean up.
            raise Crash
        effect = Effect(invocation.function, what)
        self.recorded.append(effect)
        due = self._due(effect)
        self._strike(due, When.BEFORE, effect, invocation)
        try:
            return call()
        finally:
            self.clock.tick()
            self._strike(due, When.AFTER, effect, invocation)
            if self.clock.now() > invocation.deadline:
                self._kill(invocation)

    def _due(self, effect: Effect) -> list[Trap]:
        """Take out the traps that this call is for, and count it for the others."""
        following = [trap for trap in self.traps if trap.counts(effect)]
        due = [trap for trap in following if trap.passed == trap.place]
        for trap in following:
            trap.passed += 1
        self.traps = [trap for trap in self.traps if trap not in due]
        return due

    def _strike(self, due: list[Trap], when: When, effect: Effect, invocation: Invocation) -> None:
        for trap in due:
            if trap.when is not when:
                continue
            try:
                trap.strike(effect)
            except Crash:
                self._kill(invocation)

    @staticmethod
    def _kill(invocation: Invocation) -> None:
        invocation.dead = True
        raise Crash

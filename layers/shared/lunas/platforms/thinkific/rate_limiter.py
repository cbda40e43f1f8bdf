"""Limits the calls to Thinkific, so that all workers together respect its rate limit."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Protocol

from lunas.aws.settings import setting
from lunas.clock import epoch_milliseconds
from lunas.domain.rate_limit import RateLimit
from lunas.storage.rate_limits import SharedCalls
from lunas.storage.table import Table

MAX_WAIT = 6_000
"""Milliseconds that a call waits for a permit at most: long enough for six callers at the lowest
rate that the template allows, so that a backlog alone does not reject a call."""
SHORT_WAIT = 0
"""For calls without priority: they are sent only if no other caller waits."""
LAST_CALL = 10_000
"""Milliseconds before the end of an invocation in which no call begins: the answer may take eight
seconds (TIMEOUT in http.py), and its result has to be stored."""


class Limiter(Protocol):
    """Gives permits to call Thinkific."""

    def acquire(self) -> None:
        """Wait until the next call may be sent; raises NoPermit if that would take too long."""

    def rest(self, seconds: float) -> None:
        """Stop all calls for so long, as Thinkific demands."""


@dataclass(frozen=True, slots=True)
class SharedLimiter:
    """One invocation's access to the limiter that all workers share through the table."""

    calls: SharedCalls
    ends: int
    clock: Callable[[], int] = epoch_milliseconds
    sleep: Callable[[float], None] = time.sleep
    max_wait: int = MAX_WAIT

    @classmethod
    def from_environment(
        cls, table: Table, remaining: int, max_wait: int = MAX_WAIT
    ) -> "SharedLimiter":
        """Limit the calls of an invocation that has ``remaining`` milliseconds left.

        Each call waits at most ``max_wait`` milliseconds for a permit.
        """
        rate_limit = RateLimit.per_minute(int(setting("THINKIFIC_REQUESTS_PER_MINUTE")))
        calls = SharedCalls(table, "THINKIFIC", setting("THINKIFIC_SUBDOMAIN"), rate_limit)
        return cls(calls, epoch_milliseconds() + remaining, max_wait=max_wait)

    def acquire(self) -> None:
        """Reserve a permit and sleep until its time.

        Raises NoPermit, without a reservation, if the wait would be longer than ``max_wait`` or
        too long for this invocation; and StorageContention.
        """
        now = self.clock()
        permit = self.calls.reserve(now, min(now + self.max_wait, self.ends - LAST_CALL))
        # The reservation takes time itself.
        wait = permit - self.clock()
        if wait > 0:
            self.sleep(wait / 1000)

    def rest(self, seconds: float) -> None:
        """Stop the calls of all workers for so long; permits reserved before stay valid."""
        self.calls.rest_until(self.clock() + int(seconds * 1000))


CHANCE = SystemRandom()
"""The system's source: with a seed, environments restored from one snapshot would wait in step."""
MILLISECONDS_FROM = 1e11
SECONDS_FROM = 1e9
SHORTEST, LONGEST = 1.0, 65.0
"""Seconds; Thinkific counts calls by the minute, so no wait has to be longer."""
JITTER = 2.0


def reset_delay(header: str | None, now: float | None = None) -> float | None:
    """Return the seconds to wait, with jitter, or None if the header is not a number.

    The size of the value shows its unit: an epoch in milliseconds (the usual form), an epoch in
    seconds, or a duration in seconds (docs/reference/thinkific.md, Rate limit).
    """
    try:
        value = float(header or "")
    except ValueError:
        return None
    if value != value:  # noqa: PLR0124  (NaN, the one number that differs from itself)
        return None
    moment = time.time() if now is None else now
    if value > MILLISECONDS_FROM:
        wait = value / 1000 - moment
    elif value > SECONDS_FROM:
        wait = value - moment
    else:
        wait = value
    return min(max(wait, SHORTEST), LONGEST) + CHANCE.uniform(0, JITTER)

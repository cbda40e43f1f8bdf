"""Waiting for one's turn to call Thinkific, so that all workers together keep to its limit."""

import time
from collections.abc import Callable
from typing import Protocol

from lunas.aws.settings import setting
from lunas.clock import epoch_milliseconds
from lunas.domain.rate_limit import RateLimit
from lunas.storage.rate_limits import SharedCalls
from lunas.storage.table import Table

MAX_WAIT = 6_000
"""Milliseconds that a call waits for its turn at most: the places of six callers at the slowest
pace that the template allows, so that under a mere backlog nobody is sent away."""
SHORT_WAIT = 0
"""The patience of whoever shall not be in the others' way: a call goes only if nobody waits."""
LAST_CALL = 10_000
"""Milliseconds before the end of an invocation from which on no call begins: the answer may take
eight seconds (TIMEOUT in http.py), and what it brought has to be written down."""


class Limiter(Protocol):
    """Says when Thinkific may be called."""

    def acquire(self) -> None:
        """Return when the next call may be sent; NoPermit when that is too far away."""

    def rest(self, seconds: float) -> None:
        """Keep everybody from calling for so long, since Thinkific said so."""


class SharedLimiter:
    """The limiter of all workers that share a table, for one invocation of one of them."""

    def __init__(
        self,
        calls: SharedCalls,
        ends: int,
        clock: Callable[[], int] = epoch_milliseconds,
        sleep: Callable[[float], None] = time.sleep,
        *,
        max_wait: int = MAX_WAIT,
    ) -> None:
        self._calls = calls
        self._ends = ends
        self._clock = clock
        self._sleep = sleep
        self._max_wait = max_wait

    @classmethod
    def from_environment(
        cls, table: Table, remaining: int, max_wait: int = MAX_WAIT
    ) -> "SharedLimiter":
        """Limit the calls of an invocation that has ``remaining`` milliseconds left.

        Each waits for its turn no longer than ``patience`` milliseconds.
        """
        rate_limit = RateLimit.per_minute(int(setting("THINKIFIC_REQUESTS_PER_MINUTE")))
        calls = SharedCalls(table, "THINKIFIC", setting("THINKIFIC_SUBDOMAIN"), rate_limit)
        return cls(calls, epoch_milliseconds() + remaining, max_wait=max_wait)

    def acquire(self) -> None:
        """Take a turn and sleep until it comes.

        Raises NoPermit, having taken none, when it would come later than this caller waits, or
        too late for this invocation; and StorageContention.
        """
        now = self._clock()
        permit = self._calls.reserve(now, min(now + self._max_wait, self._ends - LAST_CALL))
        # Taking the turn may have taken time itself.
        wait = permit - self._clock()
        if wait > 0:
            self._sleep(wait / 1000)

    def rest(self, seconds: float) -> None:
        """Keep all workers from calling for so long; turns that were taken before stay."""
        self._calls.rest_until(self._clock() + int(seconds * 1000))

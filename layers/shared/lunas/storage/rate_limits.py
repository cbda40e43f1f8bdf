"""The rate limiter that all callers of a provider share: one item, one write for each call."""

from lunas.domain.errors import NoPermit, StorageContention
from lunas.domain.rate_limit import RateLimit
from lunas.storage import keys
from lunas.storage.expressions import Change
from lunas.storage.table import Table

MAX_ATTEMPTS = 6
"""How many times a permit is requested if others come first; a refusal shows the current state."""
SHORTEST_WAIT = 1_000
"""Milliseconds until the retry after NoPermit at least, even if a permit is free sooner."""
FURTHEST = 120_000
"""Milliseconds: a limiter that is busy for longer is ignored, since a caller with a wrong clock
must not stop all calls. At worst, some calls are sent too early."""


class SharedCalls:
    """Gives permits to call a provider's site, each to one caller, in the order of requests."""

    def __init__(self, table: Table, provider: str, site: str, rate_limit: RateLimit) -> None:
        self._table = table
        self._key = keys.call_limit(provider, site)
        self._rate_limit = rate_limit

    def reserve(self, now: int, latest: int) -> int:
        """Reserve the next permit and return its time, unless that is after ``latest``.

        Times are milliseconds since the epoch. Raises NoPermit, without a reservation, and
        StorageContention. The write depends on whether the limiter is idle or busy; if the guess is
        wrong, the refusal returns the item. While it is busy, callers add to a counter and do not
        conflict.
        """
        busy_until = 0
        for _ in range(MAX_ATTEMPTS):
            permit = self._rate_limit.permit(busy_until, now)
            if permit > latest:
                wait = max(permit - now, SHORTEST_WAIT)
                raise NoPermit("the next permit comes too late", wait / 1000)
            change = self._first(now) if _is_idle(busy_until, now) else self._next(now, latest)
            taken, item = self._table.update_returning(self._key, change)
            busy_until = int(item.get("busyUntil", 0))
            if taken:
                return self._rate_limit.permit(busy_until - self._rate_limit.interval, now)
        raise StorageContention("other callers kept taking the next permit; try again")

    def rest_until(self, moment: int) -> None:
        """Give no permit before ``moment`` to any caller; a later such moment stays."""
        change = Change(
            {"type": "limit", "busyUntil": self._rate_limit.resting_until(moment)},
            condition="attribute_not_exists(#busyUntil) OR #busyUntil < :busyUntil",
        )
        self._table.update(self._key, change)

    def _first(self, now: int) -> Change:
        """Take a permit while the limiter is idle; of two concurrent callers, one succeeds."""
        return Change(
            {"type": "limit", "busyUntil": self._rate_limit.taken(0, now)},
            condition="attribute_not_exists(#busyUntil) OR #busyUntil <= :now"
            " OR #busyUntil > :furthest",
            given={"now": now, "furthest": now + FURTHEST},
        )

    def _next(self, now: int, latest: int) -> Change:
        """Take the permit after those taken already, if it comes in time."""
        return Change(
            {},
            adds={"busyUntil": self._rate_limit.interval},
            condition="#busyUntil > :now AND #busyUntil <= :last",
            given={"now": now, "last": self._rate_limit.resting_until(latest)},
        )


def _is_idle(busy_until: int, now: int) -> bool:
    return busy_until <= now or busy_until > now + FURTHEST

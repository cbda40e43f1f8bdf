"""The share of calls that all workers have together at a peer: one item, one write for a call."""

from lunas.domain.errors import NoPermit, StorageContention
from lunas.domain.rate_limit import RateLimit
from lunas.storage import keys
from lunas.storage.expressions import Change
from lunas.storage.table import Table

ROUNDS = 6
"""How often a turn is asked for anew after others came first; each loss tells how it stands."""
SHORTEST_WAIT = 1_000
"""Milliseconds to come again after, also when a turn is nearer but there is no time for it."""
FURTHEST = 120_000
"""Milliseconds: no honest worker keeps the share busy for longer, so a worker whose clock is
wrong cannot stop all calls; at most it lets some go too early."""


class SharedCalls:
    """Hands out turns to call a peer's site, each to one caller only, in the order of asking."""

    def __init__(self, table: Table, provider: str, site: str, rate_limit: RateLimit) -> None:
        self._table = table
        self._key = keys.call_limit(provider, site)
        self._rate_limit = rate_limit

    def reserve(self, now: int, latest: int) -> int:
        """Take the next turn and return its moment, unless that is after ``latest``.

        Moments are milliseconds since the epoch. Raises NoPermit, which takes nothing, and
        StorageContention. The share is idle or busy; a write that guessed wrong learns how it
        stands from its refusal. While it is busy, callers add to it and none is in the other's way.
        """
        busy_until = 0
        for _ in range(ROUNDS):
            permit = self._rate_limit.permit(busy_until, now)
            if permit > latest:
                wait = max(permit - now, SHORTEST_WAIT)
                raise NoPermit("the turn of this call comes later", wait / 1000)
            change = self._first(now) if _is_idle(busy_until, now) else self._next(now, latest)
            taken, item = self._table.update_returning(self._key, change)
            busy_until = int(item.get("busyUntil", 0))
            if taken:
                return self._rate_limit.permit(busy_until - self._rate_limit.interval, now)
        raise StorageContention("others kept taking the next turn; try again")

    def rest_until(self, moment: int) -> None:
        """Let no turn come before ``moment``, for any worker; one that is later already stays."""
        change = Change(
            {"type": "limit", "busyUntil": self._rate_limit.resting_until(moment)},
            condition="attribute_not_exists(#busyUntil) OR #busyUntil < :busyUntil",
        )
        self._table.update(self._key, change)

    def _first(self, now: int) -> Change:
        """Take a turn while nothing is kept busy; two who try at once cannot both."""
        return Change(
            {"type": "limit", "busyUntil": self._rate_limit.taken(0, now)},
            condition="attribute_not_exists(#busyUntil) OR #busyUntil <= :now"
            " OR #busyUntil > :furthest",
            given={"now": now, "furthest": now + FURTHEST},
        )

    def _next(self, now: int, latest: int) -> Change:
        """Take a turn behind those taken already, if it comes in time."""
        return Change(
            {},
            adds={"busyUntil": self._rate_limit.interval},
            condition="#busyUntil > :now AND #busyUntil <= :last",
            given={"now": now, "last": self._rate_limit.resting_until(latest)},
        )


def _is_idle(busy_until: int, now: int) -> bool:
    return busy_until <= now or busy_until > now + FURTHEST

"""Payment channels: how long an invoice of each can be paid, and how fast buyers pay."""

from dataclasses import dataclass
from datetime import datetime, timedelta

DAY = 1440
SHORTEST_INVOICE = 10
"""Minutes: no invoice is opened for less, nor for less than half of the channel's longest."""


@dataclass(frozen=True, slots=True)
class Channel:
    """How a gateway treats the lifetime that an invoice requests, in minutes.

    ``fixed``: the lifetime of every invoice, whatever it requests. ``longest``: the most that
    can be requested. ``prompt``: buyers pay at once or not at all.
    """

    fixed: int | None = None
    longest: int | None = None
    prompt: bool = True

    def minutes(self, asked: int) -> int:
        """Return how many minutes an invoice that requests ``asked`` can be paid."""
        if self.fixed is not None:
            return self.fixed
        return asked if self.longest is None else min(asked, self.longest)

    def lifetime(self, wanted: timedelta) -> timedelta:
        """Return how long an invoice that requests ``wanted`` can be paid."""
        return timedelta(minutes=self.minutes(int(wanted.total_seconds() // 60)))

    def minutes_to_ask(self, start: datetime, end: datetime) -> int | None:
        """Return the minutes to request at ``start`` for an invoice that ends by ``end``.

        None when too few are left for an invoice. With fixed minutes it can be paid beyond
        ``end``.
        """
        left = max(0, int((end - start).total_seconds() // 60))
        enough = min(SHORTEST_INVOICE, (self.longest or DAY) // 2)
        return self.minutes(left) if left >= enough else None

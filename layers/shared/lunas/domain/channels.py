"""Payment channels: for how long each lets an invoice be paid, and how people pay by it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

DAY = 1440
SHORTEST_INVOICE = 10
"""Minutes: no invoice is opened that could be paid for less, or for less than half of the most
that its channel allows."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What a gateway makes of the minutes that an invoice asks for.

    ``fixed``: the minutes of every invoice, whatever is asked for. ``longest``: the most that
    can be asked for. ``prompt``: people pay at once or not at all.
    """

    fixed: int | None = None
    longest: int | None = None
    prompt: bool = True

    def minutes(self, asked: int) -> int:
        """Return for how many minutes an invoice can be paid that asks for ``asked``."""
        if self.fixed is not None:
            return self.fixed
        return asked if self.longest is None else min(asked, self.longest)

    def lifetime(self, wanted: timedelta) -> timedelta:
        """Return for how long an invoice can be paid that asks for ``wanted``."""
        return timedelta(minutes=self.minutes(int(wanted.total_seconds() // 60)))

    def minutes_to_ask(self, start: datetime, end: datetime) -> int | None:
        """Return the minutes of an invoice opened at ``start``, by ``end`` at the latest.

        None when too few are left to be worth an invoice. A channel with fixed minutes lets it be
        paid beyond ``end``.
        """
        left = max(0, int((end - start).total_seconds() // 60))
        enough = min(SHORTEST_INVOICE, (self.longest or DAY) // 2)
        return self.minutes(left) if left >= enough else None

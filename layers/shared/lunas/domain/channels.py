"""Duitku's payment channels: for how long each lets an invoice be paid.

Source: docs/reference/duitku.md, Channels and expiry. A code that is not listed here, as a new one
of Duitku's would be, is taken to keep to what it is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

DAY = 1440


@dataclass(frozen=True, slots=True)
class Channel:
    """What Duitku makes of the minutes that an invoice asks for.

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


PATIENT = Channel(prompt=False)
"""Virtual accounts and retail; also an invoice whose channel the buyer picks at Duitku."""
CHANNELS: Mapping[str, Channel] = {
    "VC": Channel(fixed=30),
    **dict.fromkeys(
        ("BC", "M2", "VA", "I1", "B1", "BT", "A1", "AG", "NC", "BR", "S1", "DM", "BV"), PATIENT
    ),
    **dict.fromkeys(("FT", "IR"), PATIENT),
    "OV": Channel(longest=DAY),
    "SA": Channel(longest=60),
    "LF": Channel(fixed=24),
    "LA": Channel(fixed=24),
    "DA": Channel(longest=DAY),
    "SL": Channel(fixed=30),
    "OL": Channel(fixed=15),
    "SP": Channel(longest=60),
    "SQ": Channel(longest=60),
    "NQ": Channel(longest=DAY),
    "DN": Channel(longest=DAY),
    "AT": Channel(longest=720),
    "JP": Channel(longest=10),
    **dict.fromkeys(("T1", "T2", "T3"), Channel(longest=DAY)),
}
SHORTEST_INVOICE = 10
"""Minutes: no invoice is opened that could be paid for less, or for less than half of the most
that its channel allows."""


def channel_of(code: str | None) -> Channel:
    """Return what is known of a channel; None is the buyer's choice on Duitku's page."""
    return CHANNELS.get(code, PATIENT) if code else PATIENT


def lifetime_of(code: str | None, wanted: timedelta) -> timedelta:
    """Return for how long an invoice by this channel can be paid that asks for ``wanted``."""
    return timedelta(minutes=channel_of(code).minutes(int(wanted.total_seconds() // 60)))


def minutes_to_ask(code: str | None, start: datetime, end: datetime) -> int | None:
    """Return the minutes that an invoice opened at ``start`` can be paid, by ``end`` at the latest.

    None when too few are left to be worth an invoice. A channel with fixed minutes lets it be
    paid beyond ``end``.
    """
    left = max(0, int((end - start).total_seconds() // 60))
    channel = channel_of(code)
    enough = min(SHORTEST_INVOICE, (channel.longest or DAY) // 2)
    return channel.minutes(left) if left >= enough else None

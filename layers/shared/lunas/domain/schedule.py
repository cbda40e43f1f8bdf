"""When reconcile checks something again; docs/reference/reconciliation.md shows the timetable.

A gateway may advise against polling and block callers that ask too often, so the checks become
rare. The last ones catch a success that arrives after the invoice's time.
"""

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


PROMPT_CHECKS = tuple(timedelta(minutes=each) for each in (3, 8, 15, 30, 60))
"""After opening a payment by a channel that buyers pay by at once or not at all."""
FIRST_CHECK = timedelta(minutes=15)
"""After opening any other payment."""
HOURLY = timedelta(minutes=55)
"""Between checks on the first day: with the minute until reconcile runs and the time that a run
takes, a paid order waits an hour at most."""
FIRST_DAY = timedelta(days=1)
RARELY = timedelta(hours=6)
"""Between checks after the first day, while the invoice can be paid."""
CLOSING = timedelta(minutes=15)
"""After the invoice's time: when the gateway is asked before the payment expires."""
LATE_CHECKS = tuple(timedelta(days=each) for each in (1, 3, 7))
"""After the invoice's time: when the gateway is asked for a late success."""
SOON = timedelta(minutes=1)
"""After a callback that the gateway does not confirm yet."""
DENIED = timedelta(seconds=15)
"""How long the gateway's first denial of a success that a callback reports does not end the
payment. Also the delay of one more check when an order has ended after its time."""
DENIED_CHECKS = tuple(timedelta(minutes=each) for each in (1, 3, 8, 15, 30))
"""After the gateway denied a success that a callback reports, or ended an order before its time:
it has done so for paid orders, and for how long is not known."""
ASKED_LATELY = timedelta(seconds=15)
"""How long after a check a buyer's request does not ask the gateway again."""
UNANSWERED = timedelta(minutes=5)
"""After a check without a response of the gateway."""
BLOCKED = timedelta(hours=1)
"""How long the gateway is not asked after it blocked Lunas."""
OVERDUE = timedelta(minutes=10)
"""After a delivery request: when delivery is requested again."""
STUCK = timedelta(minutes=15)
"""The age of an undelivered enrollment at which a person has to act."""


def next_check(
    created_at: datetime,
    expires_at: datetime,
    now: datetime,
    *,
    prompt: bool = False,
    denied_at: datetime | None = None,
) -> datetime | None:
    """Return when the gateway is asked next about a payment, in UTC; None: never again.

    ``prompt``: buyers pay by its channel at once or not at all. ``denied_at``: since when the
    gateway denies that it is paid, although it may be.
    """
    ages = [
        *(PROMPT_CHECKS if prompt else ()),
        *_while_open(expires_at - created_at, PROMPT_CHECKS[-1] if prompt else None),
        *(expires_at - created_at + each for each in (CLOSING, *LATE_CHECKS)),
    ]
    moments = [created_at + each for each in ages]
    if denied_at is not None:
        moments += [denied_at + each for each in DENIED_CHECKS]
    return min((each for each in moments if each > now), default=None)


def _while_open(lifetime: timedelta, last: timedelta | None) -> list[timedelta]:
    """Return the ages of an open invoice at which the gateway is asked, after ``last``.

    The end of the invoice is one of them, or a payment in its last minutes would wait for CLOSING.
    """
    found: list[timedelta] = []
    following = FIRST_CHECK if last is None else last + HOURLY
    while following < lifetime:
        found.append(following)
        following += HOURLY if following < FIRST_DAY else RARELY
    return [*found, lifetime] if last is None or lifetime > last else found

"""When reconcile looks at something again; docs/reference/reconciliation.md shows the timetable.

A gateway may advise against asking by schedule and block who asks too often, so the questions grow
rare, and the last ones are there for a success that came after everything was over.
"""

from datetime import datetime, timedelta

PROMPT_CHECKS = tuple(timedelta(minutes=each) for each in (3, 8, 15, 30, 60))
"""After opening a payment by a channel that people pay by at once or not at all."""
FIRST_CHECK = timedelta(minutes=15)
"""After opening any other payment."""
HOURLY = timedelta(minutes=55)
"""Between questions on the first day, so that with the minute until reconcile runs and the time
that a run takes, money waits an hour at most."""
FIRST_DAY = timedelta(days=1)
RARELY = timedelta(hours=6)
"""Between questions after the first day, while the invoice can be paid."""
CLOSING = timedelta(minutes=15)
"""After the invoice's time: when the gateway is asked before the payment expires here."""
LATE_CHECKS = tuple(timedelta(days=each) for each in (1, 3, 7))
"""After the invoice's time: when the gateway is asked for a late success."""
SOON = timedelta(minutes=1)
"""After a callback that the gateway does not confirm yet."""
DENIED = timedelta(seconds=15)
"""After the gateway first denied a success that a callback claims: for so long the same answer is
no second one, and the payment stays as it is. Also after it said that an order ended whose time is
over, when it is asked once more."""
DENIED_CHECKS = tuple(timedelta(minutes=each) for each in (1, 3, 8, 15, 30))
"""After the gateway denied that an order is paid of which a callback says so, or said that it ended
before its time was over: it has said so of paid orders, and how long it may is not known."""
ASKED_LATELY = timedelta(seconds=15)
"""After a question: for so long the gateway is not asked again about the payment for a buyer."""
UNANSWERED = timedelta(minutes=5)
"""After a question that the gateway did not answer."""
BLOCKED = timedelta(hours=1)
"""After the gateway refused to be asked: so long it is not asked."""
OVERDUE = timedelta(minutes=10)
"""After asking for a delivery: when it is asked for again."""
STUCK = timedelta(minutes=15)
"""After it was made: when a person has to look at an enrollment that is not at the platform."""


def next_check(
    created_at: datetime,
    expires_at: datetime,
    now: datetime,
    *,
    prompt: bool = False,
    denied_at: datetime | None = None,
) -> datetime | None:
    """Return when the gateway is asked next about a payment, in UTC; None: never again.

    ``prompt``: its channel is one that people pay by at once or not at all. ``denied_at``: since
    when the gateway denies that it is paid, though it may be.
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
    """Return when the gateway is asked while an invoice can be paid, after that at ``last``.

    Its end is the last of these, or money of the last minutes would wait for the closing.
    """
    found: list[timedelta] = []
    following = FIRST_CHECK if last is None else last + HOURLY
    while following < lifetime:
        found.append(following)
        following += HOURLY if following < FIRST_DAY else RARELY
    return [*found, lifetime] if last is None or lifetime > last else found

"""When reconcile looks at something again; docs/reconcile.md shows the timetable.

Duitku advises against asking by schedule and blocks who asks too often, so the questions grow
rare, and the last ones are there for a success that came after everybody had given up.
"""

from datetime import datetime, timedelta

OPEN_CHECKS = tuple(timedelta(minutes=each) for each in (15, 45, 120, 360, 720))
"""After opening a payment: when Duitku is asked while it can still be paid."""
CLOSING = timedelta(minutes=15)
"""After the invoice's time: when Duitku is asked before the payment expires here."""
LATE_CHECKS = tuple(timedelta(days=each) for each in (1, 3, 7))
"""After the invoice's time: when Duitku is asked for a late success."""
SOON = timedelta(minutes=1)
"""After a callback that Duitku does not confirm yet."""
UNANSWERED = timedelta(minutes=5)
"""After a question that Duitku did not answer."""
BLOCKED = timedelta(hours=1)
"""After Duitku refused to be asked: so long nobody is."""
OVERDUE = timedelta(minutes=10)
"""After asking for a delivery: when it is asked for again."""
STUCK = timedelta(minutes=15)
"""After it was made: when an enrollment that Thinkific does not have is a person's business."""


def next_check(created_at: datetime, expires_at: datetime, now: datetime) -> datetime | None:
    """Return when Duitku is asked next about a payment, in UTC; None: never again."""
    before = [created_at + each for each in OPEN_CHECKS if created_at + each < expires_at]
    after = [expires_at + CLOSING, *(expires_at + each for each in LATE_CHECKS)]
    return next((moment for moment in [*before, *after] if moment > now), None)

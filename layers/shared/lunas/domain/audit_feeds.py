"""The feeds that the audit reads, and its position in them."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

SETTLED_AFTER = timedelta(minutes=15)
"""The age of a change before the audit reads it: an index lags, and a write carries the time at
which its function began, up to two minutes earlier."""
FIRST_LOOK = timedelta(days=7)
"""How far back the first audit of a stack begins."""


class Feed(StrEnum):
    """What the audit reads in order: three feeds for checks in the table, two for the platform."""

    APPROVED = "APPROVED"
    """Payments with open deliveries, over and over: a delivery appears in no other feed."""
    PAYMENT = "PAYMENT"
    """Every new payment, by time."""
    HISTORY = "HISTORY"
    """Every later change of a payment, by time."""
    ENROLLMENT = "ENROLLMENT"
    """Every new enrollment: it must have a payment, which HISTORY cannot show."""
    PLATFORM = "PLATFORM"
    """Every change of a payment but its opening, to compare with the platform."""
    PLATFORM_AGAIN = "PLATFORM_AGAIN"
    """The same a day later: at the first comparison, a delivery or repair may have been pending."""


IN_TABLE = (Feed.APPROVED, Feed.PAYMENT, Feed.HISTORY, Feed.ENROLLMENT)
"""The feeds whose payments are checked against the table alone."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A payment to check, and the enrollment that led to it, if one did.

    ``place`` is its position in the feed, which begins with the time.
    """

    payment_id: str
    enrollment_id: str | None = None
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a feed yields at once, and the checkpoint to continue from."""

    refs: tuple[Ref, ...]
    checkpoint: str
    is_last: bool

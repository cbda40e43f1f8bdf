"""What the audit follows: which payments it looks at, and how far it has come."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

SETTLED_AFTER = timedelta(minutes=15)
"""So old is what the audit looks at: an index lags, and a write carries the time at which its
function began, which is two minutes before it at most."""
FIRST_LOOK = timedelta(days=7)
"""How far back the first audit of a stack begins."""


class Feed(StrEnum):
    """The lists of payments that the audit follows: three by the table, two to the platform."""

    APPROVED = "APPROVED"
    """What waits for its deliveries; again and again, since a delivery leaves no other trace."""
    HISTORY = "HISTORY"
    """Every change of a payment, in the order of time."""
    ENROLLMENT = "ENROLLMENT"
    """Every enrollment, as it was made: it must have a payment, which HISTORY cannot show."""
    PLATFORM = "PLATFORM"
    """Every change of a payment, to compare with the platform."""
    PLATFORM_AGAIN = "PLATFORM_AGAIN"
    """The same a day later: a delivery may have been on its way, or repaired, at the first look."""


IN_TABLE = (Feed.APPROVED, Feed.HISTORY, Feed.ENROLLMENT)
"""The feeds that are followed to prove that the table is right."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A payment to look at, and the enrollment that led to it, if one did.

    ``place`` is where it stands on its feed: on those of changes it begins with the time.
    """

    payment_id: str
    enrollment_id: str | None = None
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """A piece of a feed: what to look at, where to go on, and whether that was the end."""

    refs: tuple[Ref, ...]
    checkpoint: str
    is_last: bool

"""How the progress sync reads what changed at the platform, and goes on where it broke off."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lunas.domain.progress import Report

FIRST_LOOK = timedelta(days=30)
"""How far back the first progress sync of a stack begins."""
OVERLAP = timedelta(days=1)
"""How much of the time before is read again: each change is seen on two nights, so that a row
which slipped from one page to another meanwhile, or a delivery that was noted late, is not missed,
nor what clocks that differ would hide."""


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """A page of what changed: reports, and the number of the next page, None at the end."""

    reports: tuple[Report, ...]
    next_page: int | None


@dataclass(frozen=True, slots=True)
class Stand:
    """How far the progress sync is: it reads what changed ``since``, and has ``page`` before it.

    ``began`` is when this walk through the pages began, None between two walks.
    """

    since: datetime
    began: datetime | None = None
    page: int = 1

    def begun(self, now: datetime) -> "Stand":
        """Return the walk that is under way, or a new one."""
        return self if self.began else replace(self, began=now, page=1)

    def turned(self, page: int) -> "Stand":
        """Return the walk with another page before it."""
        return replace(self, page=page)

    def ended(self) -> "Stand":
        """Return where the next walk begins, once the last page was noted."""
        return Stand(max(self.since, (self.began or self.since) - OVERLAP))


def first_stand(now: datetime) -> Stand:
    """Return where a stack begins that has never progress synced."""
    return Stand(now - FIRST_LOOK)

"""Catching up with Thinkific: what changed there is read by night, so that a lost event heals.

The note how far it came is written after each page, so a run that breaks off repeats one page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lunas.domain.errors import RateLimited
from lunas.domain.progress import Followed
from lunas.domain.progress_sync import ChangedPage, Stand, first_stand
from lunas.services.progress_events import Follower, follow

if TYPE_CHECKING:
    from lunas.services.repositories import CatchUpKeeper, ChangeSource


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """Everything that a run needs.

    ``hurry`` tells whether its time is nearly over; ``rest`` sleeps for so many seconds.
    """

    keeper: CatchUpKeeper
    changes: ChangeSource
    follower: Follower
    hurry: Callable[[], bool]
    rest: Callable[[float], None]


@dataclass(slots=True)
class CaughtUp:
    """What a run did: rows by what became of them, and the page before it if it is not through."""

    rows: Counter[Followed] = field(default_factory=Counter)
    next_page: int | None = None


def catch_up(run: CatchUp) -> CaughtUp:
    """Read what changed since the last walk that came to its end, page by page.

    Raises DeliveryError and StoreBusy; the next run goes on with the page of this one.
    """
    done = CaughtUp()
    now = run.follower.now()
    stand = (run.keeper.stand() or first_stand(now)).begun(now)
    while not run.hurry():
        following = _page(run, stand, done)
        stand = stand.ended() if following is None else stand.turned(following)
        run.keeper.note(stand)
        if following is None:
            return done
    done.next_page = stand.page
    return done


def _page(run: CatchUp, stand: Stand, done: CaughtUp) -> int | None:
    page = _changed(run, stand)
    for report in page.reports:
        # In most rows there is nothing to note: the learner has not begun.
        if report.percent:
            done.rows[follow(run.follower, report)] += 1
    return page.next_page


def _changed(run: CatchUp, stand: Stand) -> ChangedPage:
    """Read a page, after as many rests as Thinkific's limit asks for and the time allows."""
    while True:
        try:
            return run.changes.changed(stand.since, stand.page)
        except RateLimited as limited:
            if run.hurry():
                raise
            run.rest(limited.retry_after or 1.0)

"""Catching up with the platform: what changed there is read by night, so that a lost event heals.

The note how far it came is written after each page, so a run that breaks off repeats one page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lunas.domain.errors import RateLimited
from lunas.domain.progress import ProgressResult
from lunas.domain.progress_sync import ChangedPage, Stand, first_stand
from lunas.services.progress_events import ProgressRecorder, follow

if TYPE_CHECKING:
    from lunas.services.repositories import ChangeSource, ProgressSyncRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressSync:
    """Everything that a run needs.

    ``hurry`` tells whether its time is nearly over; ``rest`` sleeps for so many seconds.
    """

    keeper: ProgressSyncRepository
    changes: ChangeSource
    recorder: ProgressRecorder
    deadline_is_near: Callable[[], bool]
    rest: Callable[[float], None]


@dataclass(slots=True)
class SyncedProgress:
    """What a run did: rows by what became of them, and the page before it if it is not through."""

    rows: Counter[ProgressResult] = field(default_factory=Counter)
    next_page: int | None = None


def sync_progress(run: ProgressSync) -> SyncedProgress:
    """Read what changed since the last walk that came to its end, page by page.

    Raises DeliveryError and StorageContention; the next run goes on with the page of this one.
    """
    done = SyncedProgress()
    now = run.recorder.now()
    stand = (run.keeper.stand() or first_stand(now)).begun(now)
    while not run.deadline_is_near():
        following = _page(run, stand, done)
        stand = stand.ended() if following is None else stand.turned(following)
        run.keeper.note(stand)
        if following is None:
            return done
    done.next_page = stand.page
    return done


def _page(run: ProgressSync, stand: Stand, done: SyncedProgress) -> int | None:
    page = _changed(run, stand)
    for report in page.reports:
        # In most rows there is nothing to note: the learner has not begun.
        if report.percent:
            done.rows[follow(run.recorder, report)] += 1
    return page.next_page


def _changed(run: ProgressSync, stand: Stand) -> ChangedPage:
    """Read a page, after as many rests as the platform's limit asks for and the time allows."""
    while True:
        try:
            return run.changes.changed(stand.since, stand.page)
        except RateLimited as limited:
            if run.deadline_is_near():
                raise
            run.rest(limited.retry_after or 1.0)

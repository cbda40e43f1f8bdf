"""Records learners' progress at the platform, from its events and from a sync every night.

Recorded progress never goes down. The sync records its position after each page, so a run that is
interrupted repeats one page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lunas.domain.enrollments import Enrollment
from lunas.domain.errors import ConcurrentUpdate, RateLimited, StorageContention
from lunas.domain.progress import (
    COMPLETE,
    ChangedPage,
    ProgressEvent,
    ProgressReport,
    ProgressResult,
    SyncPosition,
    advanced,
    concerned,
    first_position,
    is_open,
)

if TYPE_CHECKING:
    from lunas.platforms.base import CoursePlatform
    from lunas.services.repositories import Clock, ProgressRepository

MAX_ATTEMPTS = 6
"""How many times recording a report is tried again after a concurrent update."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressService:
    """Records the platform's reports of progress."""

    progress: ProgressRepository
    platform: CoursePlatform
    now: Clock

    def record_event(self, event: ProgressEvent) -> ProgressResult:
        """Record an event once; after a crash it can be repeated.

        Raises DeliveryError when the platform has to be asked and cannot be, and StorageContention.
        """
        if self.progress.is_processed(event.id):
            return ProgressResult.DUPLICATE
        result = self.record(event.report, event.id)
        if result not in {ProgressResult.NOTED, ProgressResult.DUPLICATE}:
            self.progress.note_processed(event.id, self.now())
        return result

    def record(self, report: ProgressReport, event_id: str | None = None) -> ProgressResult:
        """Record a report; with ``event_id``, the event's id in the same transaction.

        Raises as :meth:`record_event` does.
        """
        for _ in range(MAX_ATTEMPTS):
            ours = concerned(
                report, self.progress.of_platform_enrollment(report.platform_enrollment_id)
            )
            if not ours:
                return ProgressResult.NOT_OURS
            left = [each for each in ours if is_open(each)]
            if not left:
                return ProgressResult.REVOKED
            plain = self._plain(report, left)
            if plain is None:
                return ProgressResult.UNREADABLE
            try:
                return self._raise(left, plain, event_id)
            except ConcurrentUpdate:
                report = plain
        raise StorageContention("other requests kept changing this enrollment; try again")

    def _plain(self, report: ProgressReport, ours: list[Enrollment]) -> ProgressReport | None:
        """Return the report with an unambiguous progress, asking the platform if needed.

        It is not asked about a learner who has completed the course.
        """
        if report.percent is not None:
            return report
        if all(each.progress == COMPLETE for each in ours):
            return replace(report, percent=COMPLETE)
        current = self.platform.progress(report.platform_enrollment_id)
        if current is None or current.percent is None:
            return None
        return replace(report, percent=current.percent)

    def _raise(
        self, ours: list[Enrollment], report: ProgressReport, event_id: str | None
    ) -> ProgressResult:
        at = self.now()
        further = [after for each in ours if (after := advanced(each, report, at)) != each]
        if not further:
            return ProgressResult.NOTHING_NEW
        # Without one in the report, the stored certificate is kept: it may have changed since.
        changed = [replace(each, certificate_url=report.certificate_url) for each in further]
        is_new = self.progress.raise_to(changed, event_id, at)
        return ProgressResult.NOTED if is_new else ProgressResult.DUPLICATE


@dataclass(slots=True)
class SyncedProgress:
    """What a run did: reports by their result, and the next page if it did not reach the end."""

    results: Counter[ProgressResult] = field(default_factory=Counter)
    next_page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressSyncService:
    """Reads what changed at the platform, so that a lost event does no harm.

    ``deadline_is_near`` returns whether the run has to end; ``sleep`` takes seconds.
    """

    service: ProgressService
    deadline_is_near: Callable[[], bool]
    sleep: Callable[[float], None]

    def sync(self) -> SyncedProgress:
        """Read what changed since the last complete pass, page by page.

        Raises DeliveryError and StorageContention; the next run continues with the same page.
        """
        done = SyncedProgress()
        now, progress = self.service.now(), self.service.progress
        position = (progress.position() or first_position(now)).begun(now)
        while not self.deadline_is_near():
            following = self._record_page(position, done)
            position = position.ended() if following is None else position.turned(following)
            progress.note_position(position)
            if following is None:
                return done
        done.next_page = position.page
        return done

    def _record_page(self, position: SyncPosition, done: SyncedProgress) -> int | None:
        page = self._changed(position)
        for report in page.reports:
            # Most reports hold nothing to record: the learner has not begun.
            if report.percent:
                done.results[self.service.record(report)] += 1
        return page.next_page

    def _changed(self, position: SyncPosition) -> ChangedPage:
        """Read a page; wait for the platform's rate limit as long as the time allows."""
        while True:
            try:
                return self.service.platform.changed(position.since, position.page)
            except RateLimited as limited:
                if self.deadline_is_near():
                    raise
                self.sleep(limited.retry_after or 1.0)

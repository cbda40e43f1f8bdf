"""The progress sync continues where it stopped, and moves its start only when it is done."""

from datetime import timedelta

import pytest

from lunas.domain.errors import DeliveryDelayed, RateLimited
from lunas.domain.progress import (
    FIRST_LOOK,
    OVERLAP,
    ChangedPage,
    ProgressResult,
    SyncPosition,
)
from lunas.services.progress import ProgressSyncService, SyncedProgress
from tests.support.builders import LATER, NOW
from tests.support.progress_fakes import (
    PLATFORM_ENROLLMENT,
    FakeProgress,
    FakeProgressPlatform,
    delivered,
    recorder,
    report,
)
from tests.unit.services.fakes import FakeStore

PAGES = (
    ChangedPage((report(60), report(80, platform_enrollment_id="9")), 2),
    ChangedPage((report(0), report(None)), 3),
    ChangedPage((report(90),), None),
)


class Sync:
    """A progress sync of three pages; a run has time for ``pages`` of them."""

    def __init__(self, kept: SyncPosition | None = None) -> None:
        store = FakeStore()
        store.add(delivered())
        self.progress = FakeProgress(store, kept)
        self.platform = FakeProgressPlatform(*PAGES)
        self.slept: list[float] = []

    def run(self, pages: int = 9) -> SyncedProgress:
        left = iter([False] * pages)
        return ProgressSyncService(
            service=recorder(self.progress, self.platform),
            deadline_is_near=lambda: next(left, True),
            sleep=self.slept.append,
        ).sync()

    def known(self) -> int:
        return self.progress.store.enrollments[delivered().id].progress


def test_every_page_is_read_and_missed_progress_recorded() -> None:
    sync = Sync()
    done = sync.run()
    assert sync.known() == 90
    assert done.results == {ProgressResult.NOTED: 2, ProgressResult.NOT_OURS: 1}
    assert sync.platform.asked == [(LATER - FIRST_LOOK, page) for page in (1, 2, 3)]


def test_the_next_sync_starts_a_day_before_this_one_began() -> None:
    sync = Sync()
    sync.run()
    assert sync.progress.kept == SyncPosition(LATER - OVERLAP)


def test_a_run_out_of_time_is_continued_at_its_page_the_next_night() -> None:
    since = NOW - timedelta(days=3)
    before = SyncPosition(since, began=NOW, page=1)
    sync = Sync(before)
    assert sync.run(pages=1).next_page == 2
    assert sync.progress.kept == before.turned(2)
    assert sync.run().next_page is None
    assert sync.platform.asked == [(since, page) for page in (1, 2, 3)]
    assert sync.progress.kept == SyncPosition(NOW - OVERLAP)


def test_a_second_run_of_the_same_night_moves_nothing_back() -> None:
    sync = Sync(SyncPosition(LATER - timedelta(hours=1)))
    sync.run()
    assert sync.progress.kept == SyncPosition(LATER - timedelta(hours=1))


def test_a_page_that_fails_is_read_again_from_the_same_start() -> None:
    sync = Sync(SyncPosition(NOW))
    sync.platform.failures = [lambda: None, DeliveryDelayed("down")]
    with pytest.raises(DeliveryDelayed):
        sync.run()
    assert sync.progress.kept == SyncPosition(NOW, began=LATER, page=2)
    sync.run()
    assert sync.platform.asked[-2:] == [(NOW, 2), (NOW, 3)]


def test_a_crash_within_a_page_repeats_the_page() -> None:
    sync = Sync(SyncPosition(NOW))
    sync.progress.before_raise = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        sync.run()
    assert sync.progress.kept == SyncPosition(NOW)
    sync.run()
    assert sync.known() == 90


def test_a_rate_limited_sync_waits() -> None:
    sync = Sync()
    sync.platform.failures = [RateLimited("429", 31.0), RateLimited("not yet", 2.0)]
    sync.run()
    assert sync.slept == [31.0, 2.0]
    assert sync.known() == 90


def test_a_lasting_rate_limit_ends_the_run_and_loses_nothing() -> None:
    sync = Sync(SyncPosition(NOW))
    sync.platform.failures = [RateLimited("429", 31.0)] * 3
    with pytest.raises(RateLimited):
        sync.run(pages=2)
    assert (sync.slept, sync.progress.kept) == ([31.0], SyncPosition(NOW))


def test_progress_on_a_page_is_not_looked_up_again() -> None:
    sync = Sync()
    sync.run()
    assert PLATFORM_ENROLLMENT not in sync.platform.asked

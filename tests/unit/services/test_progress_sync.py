"""The walk through what changed: it goes on where it broke off, and only its end moves the mark."""

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
    ROW,
    FakeProgress,
    FakeRows,
    delivered,
    recorder,
    report,
)
from tests.unit.services.fakes import FakeStore

PAGES = (
    ChangedPage((report(60), report(80, platform_enrollment_id=9)), 2),
    ChangedPage((report(0), report(None)), 3),
    ChangedPage((report(90),), None),
)


class Walk:
    """A progress sync with three pages before it; ``pages`` is how many fit into a run."""

    def __init__(self, kept: SyncPosition | None = None) -> None:
        store = FakeStore()
        store.add(delivered())
        self.progress = FakeProgress(store, kept)
        self.rows = FakeRows(*PAGES)
        self.rested: list[float] = []

    def run(self, pages: int = 9) -> SyncedProgress:
        left = iter([False] * pages)
        return ProgressSyncService(
            service=recorder(self.progress, self.rows),
            deadline_is_near=lambda: next(left, True),
            sleep=self.rested.append,
        ).sync()

    def known(self) -> int:
        return self.progress.store.enrollments[delivered().id].progress


def test_every_page_is_read_and_what_was_lost_is_noted() -> None:
    walk = Walk()
    done = walk.run()
    assert walk.known() == 90
    assert done.rows == {ProgressResult.NOTED: 2, ProgressResult.NOT_OURS: 1}
    assert walk.rows.asked == [(LATER - FIRST_LOOK, page) for page in (1, 2, 3)]


def test_the_next_walk_begins_a_day_before_this_one_began() -> None:
    walk = Walk()
    walk.run()
    assert walk.progress.kept == SyncPosition(LATER - OVERLAP)


def test_a_run_without_time_goes_on_with_its_page_the_next_night() -> None:
    since = NOW - timedelta(days=3)
    before = SyncPosition(since, began=NOW, page=1)
    walk = Walk(before)
    assert walk.run(pages=1).next_page == 2
    assert walk.progress.kept == before.turned(2)
    assert walk.run().next_page is None
    assert walk.rows.asked == [(since, page) for page in (1, 2, 3)]
    assert walk.progress.kept == SyncPosition(NOW - OVERLAP)


def test_a_second_run_of_the_same_night_moves_nothing_back() -> None:
    walk = Walk(SyncPosition(LATER - timedelta(hours=1)))
    walk.run()
    assert walk.progress.kept == SyncPosition(LATER - timedelta(hours=1))


def test_a_page_that_fails_is_read_again_and_the_mark_stays() -> None:
    walk = Walk(SyncPosition(NOW))
    walk.rows.failures = [lambda: None, DeliveryDelayed("down")]
    with pytest.raises(DeliveryDelayed):
        walk.run()
    assert walk.progress.kept == SyncPosition(NOW, began=LATER, page=2)
    walk.run()
    assert walk.rows.asked[-2:] == [(NOW, 2), (NOW, 3)]


def test_a_break_in_the_midst_of_a_page_repeats_the_page() -> None:
    walk = Walk(SyncPosition(NOW))
    walk.progress.before_raise = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        walk.run()
    assert walk.progress.kept == SyncPosition(NOW)
    walk.run()
    assert walk.known() == 90


def test_a_reached_limit_is_waited_for() -> None:
    walk = Walk()
    walk.rows.failures = [RateLimited("429", 31.0), RateLimited("not yet", 2.0)]
    walk.run()
    assert walk.rested == [31.0, 2.0]
    assert walk.known() == 90


def test_a_limit_that_stays_ends_the_run_and_loses_nothing() -> None:
    walk = Walk(SyncPosition(NOW))
    walk.rows.failures = [RateLimited("429", 31.0)] * 3
    with pytest.raises(RateLimited):
        walk.run(pages=2)
    assert (walk.rested, walk.progress.kept) == ([31.0], SyncPosition(NOW))


def test_thinkific_is_not_asked_again_about_a_row_that_it_just_told() -> None:
    walk = Walk()
    walk.run()
    assert ROW not in walk.rows.asked

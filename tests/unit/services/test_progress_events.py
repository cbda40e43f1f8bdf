"""Progress events: each is recorded once, lowers nothing, and survives a crash."""

from dataclasses import replace
from functools import partial

import pytest

from lunas.domain.enrollments import EnrollmentStatus
from lunas.domain.errors import DeliveryDelayed, StorageContention
from lunas.domain.progress import ProgressEvent, ProgressResult
from lunas.services.progress import ROUNDS
from tests.support.progress_fakes import (
    ROW,
    FakeProgress,
    FakeRows,
    delivered,
    recorder,
    report,
)
from tests.unit.services.fakes import FakeStore

EVENT = ProgressEvent(id="71", report=report(60))
UNCLEAR = ProgressEvent(id="72", report=report(None))


@pytest.fixture
def progress() -> FakeProgress:
    store = FakeStore()
    store.add(delivered())
    return FakeProgress(store)


@pytest.fixture
def rows() -> FakeRows:
    return FakeRows()


def known(progress: FakeProgress) -> int:
    return progress.store.enrollments[delivered().id].progress


def test_an_event_raises_the_progress_without_a_call(
    progress: FakeProgress, rows: FakeRows
) -> None:
    assert recorder(progress, rows).record_event(EVENT) is ProgressResult.NOTED
    assert (known(progress), rows.asked) == (60, [])


def test_a_repeated_event_is_known_by_its_id(progress: FakeProgress, rows: FakeRows) -> None:
    run = recorder(progress, rows)
    run.record_event(EVENT)
    higher = replace(EVENT, report=report(90))
    assert run.record_event(higher) is ProgressResult.DUPLICATE
    assert known(progress) == 60


def test_thinkific_is_asked_once_about_an_event(progress: FakeProgress, rows: FakeRows) -> None:
    rows.reports[ROW] = report(50)
    run = recorder(progress, rows)
    run.record_event(UNCLEAR)
    assert run.record_event(UNCLEAR) is ProgressResult.DUPLICATE
    assert rows.asked == [ROW]


def test_events_out_of_order_keep_the_highest_progress(
    progress: FakeProgress, rows: FakeRows
) -> None:
    run = recorder(progress, rows)
    for number, percent in enumerate([80, 60, 100, 70, 0]):
        run.record_event(ProgressEvent(id=str(number), report=report(percent)))
    assert known(progress) == 100


def test_after_a_crash_before_the_write_the_event_is_handled_again(
    progress: FakeProgress, rows: FakeRows
) -> None:
    run = recorder(progress, rows)
    progress.before_raise = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        run.record_event(EVENT)
    assert (known(progress), progress.received) == (40, set())
    assert run.record_event(EVENT) is ProgressResult.NOTED
    assert known(progress) == 60


def test_of_two_concurrent_events_the_second_is_a_duplicate(
    progress: FakeProgress, rows: FakeRows
) -> None:
    progress.before_raise = [lambda: progress.received.add("71")]
    assert recorder(progress, rows).record_event(EVENT) is ProgressResult.DUPLICATE


def test_an_ambiguous_percentage_is_looked_up_at_thinkific(
    progress: FakeProgress, rows: FakeRows
) -> None:
    rows.reports[ROW] = report(50)
    assert recorder(progress, rows).record_event(UNCLEAR) is ProgressResult.NOTED
    assert (known(progress), rows.asked) == (50, [ROW])


def test_a_completed_course_is_not_looked_up(rows: FakeRows) -> None:
    store = FakeStore()
    store.add(delivered(progress=100))
    found = recorder(FakeProgress(store), rows).record_event(UNCLEAR)
    assert (found, rows.asked) == (ProgressResult.NOTHING_NEW, [])


def test_after_a_failed_lookup_the_event_is_handled_again(
    progress: FakeProgress, rows: FakeRows
) -> None:
    rows.failures = [DeliveryDelayed("down")]
    with pytest.raises(DeliveryDelayed):
        recorder(progress, rows).record_event(UNCLEAR)
    assert progress.received == set()


@pytest.mark.parametrize("row", [None, report(None)])
def test_an_event_without_progress_at_thinkific_is_ignored(
    progress: FakeProgress, rows: FakeRows, row: None
) -> None:
    rows.reports[ROW] = row
    assert recorder(progress, rows).record_event(UNCLEAR) is ProgressResult.UNREADABLE
    assert (known(progress), progress.received) == (40, {"72"})


@pytest.mark.parametrize(
    "others", [{"platform_enrollment_id": 9}, {"user_id": 9}, {"course_id": 9}]
)
def test_an_event_of_another_enrollment_is_ignored(
    progress: FakeProgress, rows: FakeRows, others: dict[str, int]
) -> None:
    event = ProgressEvent(id="73", report=report(90, **others))
    assert recorder(progress, rows).record_event(event) is ProgressResult.NOT_OURS
    assert (known(progress), progress.received) == (40, {"73"})


def test_a_refunded_enrollment_is_not_changed(rows: FakeRows) -> None:
    store = FakeStore()
    store.add(delivered(status=EnrollmentStatus.NOT_ENROLLED))
    progress = FakeProgress(store)
    assert recorder(progress, rows).record_event(EVENT) is ProgressResult.REVOKED
    assert known(progress) == 40


def test_both_users_of_a_shared_account_get_the_progress(
    progress: FakeProgress, rows: FakeRows
) -> None:
    other = delivered("c9", user_id="u2")
    progress.store.add(other)
    recorder(progress, rows).record_event(EVENT)
    assert known(progress) == progress.store.enrollments[other.id].progress == 60


def test_a_concurrent_refund_wins(progress: FakeProgress, rows: FakeRows) -> None:
    revoked = delivered(status=EnrollmentStatus.NOT_ENROLLED)
    progress.before_raise = [lambda: progress.store.add(revoked)]
    assert recorder(progress, rows).record(report(60)) is ProgressResult.REVOKED
    assert progress.store.enrollments[revoked.id] == revoked


def test_a_concurrent_higher_progress_is_kept(progress: FakeProgress, rows: FakeRows) -> None:
    progress.before_raise = [lambda: progress.store.add(delivered(progress=70))]
    assert recorder(progress, rows).record(report(60)) is ProgressResult.NOTHING_NEW
    assert known(progress) == 70


def test_thinkific_is_asked_once_despite_concurrent_updates(
    progress: FakeProgress, rows: FakeRows
) -> None:
    rows.reports[ROW] = report(60)
    moved = replace(delivered(), payment_id="pay2")
    progress.before_raise = [lambda: progress.store.add(moved)]
    assert recorder(progress, rows).record(report(None)) is ProgressResult.NOTED
    assert rows.asked == [ROW]


def test_endless_concurrent_updates_of_progress_end_as_storage_contention(
    progress: FakeProgress, rows: FakeRows
) -> None:
    steps = [replace(delivered(), payment_id=f"pay{number}") for number in range(2, 2 + ROUNDS)]
    progress.before_raise = [partial(progress.store.add, step) for step in steps]
    with pytest.raises(StorageContention):
        recorder(progress, rows).record(report(60))

"""What becomes of an event: noted once, never down, and lost by no break on the way."""

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


def test_an_event_raises_the_progress_and_asks_nobody(
    progress: FakeProgress, rows: FakeRows
) -> None:
    assert recorder(progress, rows).record_event(EVENT) is ProgressResult.NOTED
    assert (known(progress), rows.asked) == (60, [])


def test_the_same_event_again_is_known_by_its_id(progress: FakeProgress, rows: FakeRows) -> None:
    run = recorder(progress, rows)
    run.record_event(EVENT)
    higher = replace(EVENT, report=report(90))
    assert run.record_event(higher) is ProgressResult.DUPLICATE
    assert known(progress) == 60


def test_nobody_is_asked_twice_about_the_same_event(progress: FakeProgress, rows: FakeRows) -> None:
    rows.reports[ROW] = report(50)
    run = recorder(progress, rows)
    run.record_event(UNCLEAR)
    assert run.record_event(UNCLEAR) is ProgressResult.DUPLICATE
    assert rows.asked == [ROW]


def test_events_in_the_wrong_order_leave_the_highest(
    progress: FakeProgress, rows: FakeRows
) -> None:
    run = recorder(progress, rows)
    for number, percent in enumerate([80, 60, 100, 70, 0]):
        run.record_event(ProgressEvent(id=str(number), report=report(percent)))
    assert known(progress) == 100


def test_a_break_before_the_write_leaves_the_event_to_be_heard_again(
    progress: FakeProgress, rows: FakeRows
) -> None:
    run = recorder(progress, rows)
    progress.before_raise = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        run.record_event(EVENT)
    assert (known(progress), progress.received) == (40, set())
    assert run.record_event(EVENT) is ProgressResult.NOTED
    assert known(progress) == 60


def test_of_two_at_once_the_second_finds_the_event_noted(
    progress: FakeProgress, rows: FakeRows
) -> None:
    progress.before_raise = [lambda: progress.received.add("71")]
    assert recorder(progress, rows).record_event(EVENT) is ProgressResult.DUPLICATE


def test_a_number_that_can_mean_two_things_is_asked_about(
    progress: FakeProgress, rows: FakeRows
) -> None:
    rows.reports[ROW] = report(50)
    assert recorder(progress, rows).record_event(UNCLEAR) is ProgressResult.NOTED
    assert (known(progress), rows.asked) == (50, [ROW])


def test_nobody_asks_about_a_learner_who_is_through(rows: FakeRows) -> None:
    store = FakeStore()
    store.add(delivered(progress=100))
    found = recorder(FakeProgress(store), rows).record_event(UNCLEAR)
    assert (found, rows.asked) == (ProgressResult.NOTHING_NEW, [])


def test_a_peer_that_cannot_be_asked_leaves_the_event_to_be_heard_again(
    progress: FakeProgress, rows: FakeRows
) -> None:
    rows.failures = [DeliveryDelayed("down")]
    with pytest.raises(DeliveryDelayed):
        recorder(progress, rows).record_event(UNCLEAR)
    assert progress.received == set()


@pytest.mark.parametrize("row", [None, report(None)])
def test_what_thinkific_itself_does_not_say_is_dropped(
    progress: FakeProgress, rows: FakeRows, row: None
) -> None:
    rows.reports[ROW] = row
    assert recorder(progress, rows).record_event(UNCLEAR) is ProgressResult.UNREADABLE
    assert (known(progress), progress.received) == (40, {"72"})


@pytest.mark.parametrize(
    "others", [{"platform_enrollment_id": 9}, {"user_id": 9}, {"course_id": 9}]
)
def test_a_learner_whom_others_enrolled_is_passed_over(
    progress: FakeProgress, rows: FakeRows, others: dict[str, int]
) -> None:
    event = ProgressEvent(id="73", report=report(90, **others))
    assert recorder(progress, rows).record_event(event) is ProgressResult.NOT_OURS
    assert (known(progress), progress.received) == (40, {"73"})


def test_a_refunded_enrollment_is_left_alone(rows: FakeRows) -> None:
    store = FakeStore()
    store.add(delivered(status=EnrollmentStatus.NOT_ENROLLED))
    progress = FakeProgress(store)
    assert recorder(progress, rows).record_event(EVENT) is ProgressResult.REVOKED
    assert known(progress) == 40


def test_two_users_of_one_account_both_get_on(progress: FakeProgress, rows: FakeRows) -> None:
    other = delivered("c9", user_id="u2")
    progress.store.add(other)
    recorder(progress, rows).record_event(EVENT)
    assert known(progress) == progress.store.enrollments[other.id].progress == 60


def test_a_refund_in_the_midst_of_it_wins(progress: FakeProgress, rows: FakeRows) -> None:
    revoked = delivered(status=EnrollmentStatus.NOT_ENROLLED)
    progress.before_raise = [lambda: progress.store.add(revoked)]
    assert recorder(progress, rows).record(report(60)) is ProgressResult.REVOKED
    assert progress.store.enrollments[revoked.id] == revoked


def test_a_higher_progress_in_the_midst_of_it_stays(progress: FakeProgress, rows: FakeRows) -> None:
    progress.before_raise = [lambda: progress.store.add(delivered(progress=70))]
    assert recorder(progress, rows).record(report(60)) is ProgressResult.NOTHING_NEW
    assert known(progress) == 70


def test_thinkific_is_asked_once_however_often_the_write_collides(
    progress: FakeProgress, rows: FakeRows
) -> None:
    rows.reports[ROW] = report(60)
    moved = replace(delivered(), payment_id="pay2")
    progress.before_raise = [lambda: progress.store.add(moved)]
    assert recorder(progress, rows).record(report(None)) is ProgressResult.NOTED
    assert rows.asked == [ROW]


def test_others_who_never_stop_make_it_busy(progress: FakeProgress, rows: FakeRows) -> None:
    steps = [replace(delivered(), payment_id=f"pay{number}") for number in range(2, 2 + ROUNDS)]
    progress.before_raise = [partial(progress.store.add, step) for step in steps]
    with pytest.raises(StorageContention):
        recorder(progress, rows).record(report(60))

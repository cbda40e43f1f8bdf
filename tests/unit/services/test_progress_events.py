"""Progress events: each is recorded once, lowers nothing, and survives a crash."""

from dataclasses import replace
from functools import partial

import pytest

from lunas.domain.enrollments import EnrollmentStatus
from lunas.domain.errors import DeliveryDelayed, StorageContention
from lunas.domain.progress import ProgressEvent, ProgressResult
from lunas.services.progress import MAX_ATTEMPTS
from tests.support.progress_fakes import (
    PLATFORM_ENROLLMENT,
    FakeProgress,
    FakeProgressPlatform,
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
def platform() -> FakeProgressPlatform:
    return FakeProgressPlatform()


def known(progress: FakeProgress) -> int:
    return progress.store.enrollments[delivered().id].progress


def test_an_event_raises_the_progress_without_a_call(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    assert recorder(progress, platform).record_event(EVENT) is ProgressResult.NOTED
    assert (known(progress), platform.asked) == (60, [])


def test_a_repeated_event_is_known_by_its_id(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    run = recorder(progress, platform)
    run.record_event(EVENT)
    higher = replace(EVENT, report=report(90))
    assert run.record_event(higher) is ProgressResult.DUPLICATE
    assert known(progress) == 60


def test_thinkific_is_asked_once_about_an_event(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    platform.reports[PLATFORM_ENROLLMENT] = report(50)
    run = recorder(progress, platform)
    run.record_event(UNCLEAR)
    assert run.record_event(UNCLEAR) is ProgressResult.DUPLICATE
    assert platform.asked == [PLATFORM_ENROLLMENT]


def test_events_out_of_order_keep_the_highest_progress(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    run = recorder(progress, platform)
    for number, percent in enumerate([80, 60, 100, 70, 0]):
        run.record_event(ProgressEvent(id=str(number), report=report(percent)))
    assert known(progress) == 100


def test_after_a_crash_before_the_write_the_event_is_handled_again(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    run = recorder(progress, platform)
    progress.before_raise = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        run.record_event(EVENT)
    assert (known(progress), progress.received) == (40, set())
    assert run.record_event(EVENT) is ProgressResult.NOTED
    assert known(progress) == 60


def test_of_two_concurrent_events_the_second_is_a_duplicate(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    progress.before_raise = [lambda: progress.received.add("71")]
    assert recorder(progress, platform).record_event(EVENT) is ProgressResult.DUPLICATE


def test_an_ambiguous_percentage_is_looked_up_at_thinkific(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    platform.reports[PLATFORM_ENROLLMENT] = report(50)
    assert recorder(progress, platform).record_event(UNCLEAR) is ProgressResult.NOTED
    assert (known(progress), platform.asked) == (50, [PLATFORM_ENROLLMENT])


def test_a_completed_course_is_not_looked_up(platform: FakeProgressPlatform) -> None:
    store = FakeStore()
    store.add(delivered(progress=100))
    found = recorder(FakeProgress(store), platform).record_event(UNCLEAR)
    assert (found, platform.asked) == (ProgressResult.NOTHING_NEW, [])


def test_after_a_failed_lookup_the_event_is_handled_again(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    platform.failures = [DeliveryDelayed("down")]
    with pytest.raises(DeliveryDelayed):
        recorder(progress, platform).record_event(UNCLEAR)
    assert progress.received == set()


@pytest.mark.parametrize("answer", [None, report(None)])
def test_an_event_without_progress_at_thinkific_is_ignored(
    progress: FakeProgress, platform: FakeProgressPlatform, answer: None
) -> None:
    platform.reports[PLATFORM_ENROLLMENT] = answer
    assert recorder(progress, platform).record_event(UNCLEAR) is ProgressResult.UNREADABLE
    assert (known(progress), progress.received) == (40, {"72"})


@pytest.mark.parametrize(
    "others", [{"platform_enrollment_id": 9}, {"user_id": 9}, {"course_id": 9}]
)
def test_an_event_of_another_enrollment_is_ignored(
    progress: FakeProgress, platform: FakeProgressPlatform, others: dict[str, int]
) -> None:
    event = ProgressEvent(id="73", report=report(90, **others))
    assert recorder(progress, platform).record_event(event) is ProgressResult.NOT_OURS
    assert (known(progress), progress.received) == (40, {"73"})


def test_a_refunded_enrollment_is_not_changed(platform: FakeProgressPlatform) -> None:
    store = FakeStore()
    store.add(delivered(status=EnrollmentStatus.NOT_ENROLLED))
    progress = FakeProgress(store)
    assert recorder(progress, platform).record_event(EVENT) is ProgressResult.REVOKED
    assert known(progress) == 40


def test_both_users_of_a_shared_account_get_the_progress(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    other = delivered("c9", user_id="u2")
    progress.store.add(other)
    recorder(progress, platform).record_event(EVENT)
    assert known(progress) == progress.store.enrollments[other.id].progress == 60


def test_a_concurrent_refund_wins(progress: FakeProgress, platform: FakeProgressPlatform) -> None:
    revoked = delivered(status=EnrollmentStatus.NOT_ENROLLED)
    progress.before_raise = [lambda: progress.store.add(revoked)]
    assert recorder(progress, platform).record(report(60)) is ProgressResult.REVOKED
    assert progress.store.enrollments[revoked.id] == revoked


def test_a_concurrent_higher_progress_is_kept(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    progress.before_raise = [lambda: progress.store.add(delivered(progress=70))]
    assert recorder(progress, platform).record(report(60)) is ProgressResult.NOTHING_NEW
    assert known(progress) == 70


def test_thinkific_is_asked_once_despite_concurrent_updates(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    platform.reports[PLATFORM_ENROLLMENT] = report(60)
    moved = replace(delivered(), payment_id="pay2")
    progress.before_raise = [lambda: progress.store.add(moved)]
    assert recorder(progress, platform).record(report(None)) is ProgressResult.NOTED
    assert platform.asked == [PLATFORM_ENROLLMENT]


def test_endless_concurrent_updates_of_progress_end_as_storage_contention(
    progress: FakeProgress, platform: FakeProgressPlatform
) -> None:
    steps = [
        replace(delivered(), payment_id=f"pay{number}") for number in range(2, 2 + MAX_ATTEMPTS)
    ]
    progress.before_raise = [partial(progress.store.add, step) for step in steps]
    with pytest.raises(StorageContention):
        recorder(progress, platform).record(report(60))

"""Progress events: each is recorded once, lowers nothing, and survives a crash."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import DeliveryDelayed, StorageContention
from lunas.domain.progress import ProgressEvent, ProgressReport, ProgressResult
from lunas.services.progress import MAX_ATTEMPTS, ProgressService, ProgressSyncService
from tests.support import progress_fakes
from tests.support.builders import EMAIL
from tests.support.platforms.site import ObservedPlatform, PlatformSite
from tests.support.progress_fakes import FakeProgress, recorder
from tests.unit.services.fakes import FakeStore


class Setup:
    """A progress service over fakes, and an enrollment delivered to the site of a platform."""

    def __init__(self, site: PlatformSite) -> None:
        self.site, self.platform = site, ObservedPlatform(site)
        self.account, self.place = site.add_account(EMAIL), site.course(1)
        self.platform_enrollment = site.add_access(self.account, self.place)
        self.progress = FakeProgress(FakeStore())
        self.store()

    def delivered(self, course_id: str = "c1", **changes: Any) -> Enrollment:
        """Build an enrollment with the platform enrollment, at 40 percent."""
        delivery = Delivery(
            status=DeliveryStatus.DELIVERED,
            platform_user_id=self.account,
            platform_enrollment_id=self.platform_enrollment,
        )
        given = {"delivery": delivery, "platform_course_id": self.place, **changes}
        return progress_fakes.delivered(course_id, **given)

    def store(self, course_id: str = "c1", **changes: Any) -> Enrollment:
        made = self.delivered(course_id, **changes)
        self.progress.store.add(made)
        return made

    def report(self, percent: int | None, **changes: str) -> ProgressReport:
        ids = {
            "platform_enrollment_id": self.platform_enrollment,
            "user_id": self.account,
            "course_id": self.place,
        }
        return progress_fakes.report(percent, **{**ids, **changes})

    def event(self, percent: int | None, event_id: str = "71") -> ProgressEvent:
        return ProgressEvent(id=event_id, report=self.report(percent))

    def advance(self, percent: int) -> None:
        """Let the learner get on at the platform."""
        self.site.advance(self.account, self.place, percent)

    @property
    def service(self) -> ProgressService:
        return recorder(self.progress, self.platform)

    @property
    def known(self) -> int:
        """Return the stored progress."""
        return self.progress.store.enrollments[self.delivered().id].progress


@pytest.fixture
def setup(site: PlatformSite) -> Setup:
    return Setup(site)


def test_an_event_raises_the_progress_without_a_call(setup: Setup) -> None:
    assert setup.service.record_event(setup.event(60)) is ProgressResult.NOTED
    assert (setup.known, setup.platform.calls) == (60, [])


def test_a_repeated_event_is_known_by_its_id(setup: Setup) -> None:
    run = setup.service
    run.record_event(setup.event(60))
    higher = setup.event(90)
    assert run.record_event(higher) is ProgressResult.DUPLICATE
    assert setup.known == 60


def test_the_platform_is_asked_once_about_an_event(setup: Setup) -> None:
    setup.advance(50)
    run = setup.service
    run.record_event(setup.event(None))
    assert run.record_event(setup.event(None)) is ProgressResult.DUPLICATE
    assert setup.platform.calls == ["progress"]


def test_events_out_of_order_keep_the_highest_progress(setup: Setup) -> None:
    run = setup.service
    for number, percent in enumerate([80, 60, 100, 70, 0]):
        run.record_event(setup.event(percent, str(number)))
    assert setup.known == 100


def test_after_a_crash_before_the_write_the_event_is_handled_again(setup: Setup) -> None:
    run = setup.service
    setup.progress.before_raise = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        run.record_event(setup.event(60))
    assert (setup.known, setup.progress.received) == (40, set())
    assert run.record_event(setup.event(60)) is ProgressResult.NOTED
    assert setup.known == 60


def test_of_two_concurrent_events_the_second_is_a_duplicate(setup: Setup) -> None:
    setup.progress.before_raise = [lambda: setup.progress.received.add("71")]
    assert setup.service.record_event(setup.event(60)) is ProgressResult.DUPLICATE


def test_an_ambiguous_percentage_is_looked_up_at_the_platform(setup: Setup) -> None:
    setup.advance(50)
    assert setup.service.record_event(setup.event(None)) is ProgressResult.NOTED
    assert (setup.known, setup.platform.calls) == (50, ["progress"])


def test_a_completed_course_is_not_looked_up(setup: Setup) -> None:
    setup.store(progress=100)
    found = setup.service.record_event(setup.event(None))
    assert (found, setup.platform.calls) == (ProgressResult.NOTHING_NEW, [])


def test_after_a_failed_lookup_the_event_is_handled_again(setup: Setup) -> None:
    setup.platform.read_failures = [DeliveryDelayed("down")]
    with pytest.raises(DeliveryDelayed):
        setup.service.record_event(setup.event(None))
    assert setup.progress.received == set()


def test_an_event_of_a_platform_enrollment_that_is_gone_is_ignored(setup: Setup) -> None:
    setup.site.remove_account(setup.account)
    assert setup.service.record_event(setup.event(None)) is ProgressResult.UNREADABLE
    assert (setup.known, setup.progress.received) == (40, {"71"})


def test_an_event_without_progress_at_the_platform_is_ignored(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup.platform, "progress", lambda _: setup.report(None))
    assert setup.service.record_event(setup.event(None)) is ProgressResult.UNREADABLE
    assert (setup.known, setup.progress.received) == (40, {"71"})


@pytest.mark.parametrize(
    "others", [{"platform_enrollment_id": "9"}, {"user_id": "9"}, {"course_id": "9"}]
)
def test_an_event_of_another_enrollment_is_ignored(setup: Setup, others: dict[str, str]) -> None:
    event = ProgressEvent(id="71", report=setup.report(90, **others))
    assert setup.service.record_event(event) is ProgressResult.NOT_OURS
    assert (setup.known, setup.progress.received) == (40, {"71"})


def test_a_refunded_enrollment_is_not_changed(setup: Setup) -> None:
    setup.store(status=EnrollmentStatus.NOT_ENROLLED)
    assert setup.service.record_event(setup.event(60)) is ProgressResult.REVOKED
    assert setup.known == 40


def test_both_users_of_a_shared_account_get_the_progress(setup: Setup) -> None:
    other = setup.delivered("c9", user_id="u2")
    setup.progress.store.add(other)
    setup.service.record_event(setup.event(60))
    assert setup.known == setup.progress.store.enrollments[other.id].progress == 60


def test_a_concurrent_refund_wins(setup: Setup) -> None:
    revoked = setup.delivered(status=EnrollmentStatus.NOT_ENROLLED)
    setup.progress.before_raise = [lambda: setup.progress.store.add(revoked)]
    assert setup.service.record(setup.report(60)) is ProgressResult.REVOKED
    assert setup.progress.store.enrollments[revoked.id] == revoked


def test_a_concurrent_higher_progress_is_kept(setup: Setup) -> None:
    setup.progress.before_raise = [lambda: setup.progress.store.add(setup.delivered(progress=70))]
    assert setup.service.record(setup.report(60)) is ProgressResult.NOTHING_NEW
    assert setup.known == 70


def test_the_platform_is_asked_once_despite_concurrent_updates(setup: Setup) -> None:
    setup.advance(60)
    moved = replace(setup.delivered(), payment_id="pay2")
    setup.progress.before_raise = [lambda: setup.progress.store.add(moved)]
    assert setup.service.record(setup.report(None)) is ProgressResult.NOTED
    assert setup.platform.calls == ["progress"]


def test_endless_concurrent_updates_of_progress_end_as_storage_contention(setup: Setup) -> None:
    steps = [
        replace(setup.delivered(), payment_id=f"pay{number}")
        for number in range(2, 2 + MAX_ATTEMPTS)
    ]
    setup.progress.before_raise = [partial(setup.progress.store.add, step) for step in steps]
    with pytest.raises(StorageContention):
        setup.service.record(setup.report(60))


def test_the_sync_finds_progress_that_no_event_reported(setup: Setup) -> None:
    setup.advance(70)
    sync = ProgressSyncService(
        service=setup.service, deadline_is_near=lambda: False, sleep=lambda _: None
    )
    assert sync.sync().results == {ProgressResult.NOTED: 1}
    assert setup.known == 70

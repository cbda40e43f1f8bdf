"""Delivering a bundle: one call for all its courses, and every way in which that can fail."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.delivery import DeliveryRequest
from lunas.domain.errors import DeliveryDelayed, DeliveryImpossible
from lunas.domain.payments import Status
from lunas.services.delivery import DeliveryResult, DeliveryService
from lunas.services.placement import MAX_WAIT
from tests.support.builders import USER, bought, course, enrollment, payment, request_of
from tests.unit.services.fakes import (
    FakeCatalogue,
    FakeClock,
    FakeEnrollments,
    FakeLearners,
    FakePayments,
    FakePlatform,
    FakeStore,
)

FIRST, SECOND = request_of(enrollment("c1")), request_of(enrollment("c2"))
SOLD = payment(
    Status.APPROVED,
    courses=bought("c1", "c2"),
    undelivered=frozenset({"c1", "c2"}),
    platform_bundle_id=4,
)


class Round:
    """A service over fakes, with one approved bundle that Thinkific knows as bundle 4."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.store.add(SOLD, enrollment("c1"), enrollment("c2"))
        self.store.add(course("c1", platform_course_id=11), course("c2", platform_course_id=12))
        self.store.links[USER] = 7
        self.platform = FakePlatform()
        self.platform.bundle_holdings = {4: {11, 12}}
        self.clock = FakeClock()
        self.service = DeliveryService(
            enrollments=FakeEnrollments(self.store),
            payments=FakePayments(self.store),
            learners=FakeLearners(self.store),
            catalog=FakeCatalogue(self.store),
            platform=self.platform,
            now=self.clock,
        )

    def deliver(self, request: DeliveryRequest = FIRST) -> DeliveryResult:
        return self.service.deliver(request)

    def waits(self, request: DeliveryRequest = FIRST) -> None:
        with pytest.raises(DeliveryDelayed):
            self.deliver(request)


@pytest.fixture
def at_work() -> Round:
    return Round()


def test_a_bundle_is_asked_for_once_and_each_course_is_followed_up(at_work: Round) -> None:
    for request in (FIRST, SECOND):
        assert at_work.deliver(request) is DeliveryResult.DELIVERED
    expected = ["bundle_courses", "enroll_in_bundle", "enroll", "enroll"]
    assert at_work.platform.calls == expected
    assert at_work.store.payments["pay1"].status is Status.COMPLETED


def test_a_bundle_that_comes_later_is_waited_for(at_work: Round) -> None:
    at_work.platform.bundles_later = True
    at_work.waits(FIRST)
    at_work.waits(SECOND)
    at_work.platform.rows = {(7, 11): 1, (7, 12): 2}
    assert at_work.deliver(FIRST) is DeliveryResult.DELIVERED
    assert at_work.platform.calls.count("enroll_in_bundle") == 1


def test_a_bundle_that_never_comes_is_enrolled_course_by_course(at_work: Round) -> None:
    at_work.platform.bundles_later = True
    at_work.waits()
    at_work.clock.forward(MAX_WAIT)
    for request in (FIRST, SECOND):
        assert at_work.deliver(request) is DeliveryResult.DELIVERED
    assert set(at_work.platform.rows) == {(7, 11), (7, 12)}


@pytest.mark.parametrize("held", [{11}, {11, 12, 13}, set()], ids=["fewer", "more", "no bundle"])
def test_a_bundle_of_other_courses_than_were_paid_is_never_asked_for(
    at_work: Round, held: set[int]
) -> None:
    at_work.platform.bundle_holdings = {4: held}
    for request in (FIRST, SECOND):
        assert at_work.deliver(request) is DeliveryResult.DELIVERED
    assert at_work.platform.calls == ["bundle_courses", "enroll", "enroll"]
    assert set(at_work.platform.rows) == {(7, 11), (7, 12)}


def test_a_bundle_that_is_refused_is_enrolled_course_by_course(at_work: Round) -> None:
    at_work.platform.bundle_failures = [DeliveryImpossible("no")]
    for request in (FIRST, SECOND):
        assert at_work.deliver(request) is DeliveryResult.DELIVERED
    assert at_work.platform.calls.count("enroll_in_bundle") == 1


def test_where_courses_were_owned_the_new_ones_are_enrolled_alone(at_work: Round) -> None:
    at_work.store.add(replace(SOLD, overlap=("c2",), undelivered=frozenset({"c1"})))
    assert at_work.deliver() is DeliveryResult.DELIVERED
    assert at_work.platform.calls == ["enroll"]


def test_a_crash_between_the_note_and_the_call_heals_by_itself(at_work: Round) -> None:
    at_work.platform.bundle_failures = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        at_work.deliver()
    at_work.waits()
    at_work.clock.forward(MAX_WAIT)
    assert at_work.deliver() is DeliveryResult.DELIVERED


def test_the_end_of_access_is_sent(at_work: Round) -> None:
    end = at_work.clock.now + timedelta(days=30)
    at_work.store.add(replace(SOLD, platform_bundle_id=None))
    at_work.store.add(enrollment("c1", expires_at=end))
    at_work.deliver()
    assert at_work.platform.ends == {(7, 11): end}


def test_access_that_was_over_before_it_began_waits_for_a_person(at_work: Round) -> None:
    at_work.store.add(enrollment("c1", expires_at=at_work.clock.now))
    with pytest.raises(DeliveryImpossible, match="over"):
        at_work.deliver()
    assert at_work.platform.calls == []

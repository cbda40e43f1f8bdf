"""Delivering a bundle by one call for all its courses, and what happens when it fails."""

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
    FakeCatalog,
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
    platform_bundle_id="4",
)


class Setup:
    """A delivery service over fakes, with an approved bundle that is bundle 4 at Thinkific."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.store.add(SOLD, enrollment("c1"), enrollment("c2"))
        self.store.add(course("c1", platform_course_id="11"), course("c2", platform_course_id="12"))
        self.store.links[USER] = "7"
        self.platform = FakePlatform()
        self.platform.bundle_holdings = {"4": {"11", "12"}}
        self.clock = FakeClock()
        self.service = DeliveryService(
            enrollments=FakeEnrollments(self.store),
            payments=FakePayments(self.store),
            learners=FakeLearners(self.store),
            catalog=FakeCatalog(self.store),
            platform=self.platform,
            now=self.clock,
        )

    def deliver(self, request: DeliveryRequest = FIRST) -> DeliveryResult:
        return self.service.deliver(request)

    def assert_delayed(self, request: DeliveryRequest = FIRST) -> None:
        with pytest.raises(DeliveryDelayed):
            self.deliver(request)


@pytest.fixture
def setup() -> Setup:
    return Setup()


def test_a_bundle_is_enrolled_by_one_call_and_each_course_is_checked(setup: Setup) -> None:
    for request in (FIRST, SECOND):
        assert setup.deliver(request) is DeliveryResult.DELIVERED
    expected = ["bundle_courses", "enroll_in_bundle", "enroll", "enroll"]
    assert setup.platform.calls == expected
    assert setup.store.payments["pay1"].status is Status.COMPLETED


def test_a_delivery_waits_for_a_pending_bundle(setup: Setup) -> None:
    setup.platform.bundles_later = True
    setup.assert_delayed(FIRST)
    setup.assert_delayed(SECOND)
    setup.platform.enrollments = {("7", "11"): "1", ("7", "12"): "2"}
    assert setup.deliver(FIRST) is DeliveryResult.DELIVERED
    assert setup.platform.calls.count("enroll_in_bundle") == 1


def test_a_bundle_that_never_arrives_is_enrolled_course_by_course(setup: Setup) -> None:
    setup.platform.bundles_later = True
    setup.assert_delayed()
    setup.clock.forward(MAX_WAIT)
    for request in (FIRST, SECOND):
        assert setup.deliver(request) is DeliveryResult.DELIVERED
    assert set(setup.platform.enrollments) == {("7", "11"), ("7", "12")}


@pytest.mark.parametrize(
    "held", [{"11"}, {"11", "12", "13"}, set()], ids=["fewer", "more", "no bundle"]
)
def test_a_bundle_whose_courses_differ_from_those_paid_is_not_used(
    setup: Setup, held: set[str]
) -> None:
    setup.platform.bundle_holdings = {"4": held}
    for request in (FIRST, SECOND):
        assert setup.deliver(request) is DeliveryResult.DELIVERED
    assert setup.platform.calls == ["bundle_courses", "enroll", "enroll"]
    assert set(setup.platform.enrollments) == {("7", "11"), ("7", "12")}


def test_a_bundle_that_is_refused_is_enrolled_course_by_course(setup: Setup) -> None:
    setup.platform.bundle_failures = [DeliveryImpossible("no")]
    for request in (FIRST, SECOND):
        assert setup.deliver(request) is DeliveryResult.DELIVERED
    assert setup.platform.calls.count("enroll_in_bundle") == 1


def test_only_the_new_courses_of_a_partly_owned_bundle_are_enrolled(setup: Setup) -> None:
    setup.store.add(replace(SOLD, overlap=("c2",), undelivered=frozenset({"c1"})))
    assert setup.deliver() is DeliveryResult.DELIVERED
    assert setup.platform.calls == ["enroll"]


def test_a_delivery_recovers_from_a_crash_between_the_write_and_the_call(setup: Setup) -> None:
    setup.platform.bundle_failures = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        setup.deliver()
    setup.assert_delayed()
    setup.clock.forward(MAX_WAIT)
    assert setup.deliver() is DeliveryResult.DELIVERED


def test_the_end_of_access_is_sent(setup: Setup) -> None:
    end = setup.clock.now + timedelta(days=30)
    setup.store.add(replace(SOLD, platform_bundle_id=None))
    setup.store.add(enrollment("c1", expires_at=end))
    setup.deliver()
    assert setup.platform.ends == {("7", "11"): end}


def test_access_that_ended_before_its_delivery_cannot_be_delivered(setup: Setup) -> None:
    setup.store.add(enrollment("c1", expires_at=setup.clock.now))
    with pytest.raises(DeliveryImpossible, match="over"):
        setup.deliver()
    assert setup.platform.calls == []

"""Delivering a bundle by one call for all its courses, and what happens when it fails."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.delivery import DeliveryRequest
from lunas.domain.errors import DeliveryDelayed, DeliveryImpossible
from lunas.domain.payments import Status
from lunas.services.delivery import DeliveryResult, DeliveryService
from lunas.services.placement import MAX_WAIT
from tests.support.builders import EMAIL, USER, bought, course, enrollment, payment, request_of
from tests.support.platforms.site import ObservedPlatform, PlatformSite
from tests.unit.services.fakes import (
    FakeCatalog,
    FakeClock,
    FakeEnrollments,
    FakeLearners,
    FakePayments,
    FakeStore,
)

FIRST, SECOND = request_of(enrollment("c1")), request_of(enrollment("c2"))
SOLD = payment(
    Status.APPROVED,
    courses=bought("c1", "c2"),
    undelivered=frozenset({"c1", "c2"}),
)

MINUTE = timedelta(minutes=1)


class Setup:
    """A delivery service over fakes, with an approved bundle that is one at the platform."""

    def __init__(self, site: PlatformSite, clock: FakeClock) -> None:
        self.site, self.clock = site, clock
        self.courses = [site.course(1), site.course(2)]
        self.account = site.add_account(EMAIL)
        self.store = FakeStore()
        self.store.add(enrollment("c1"), enrollment("c2"))
        for name, mapped in zip(("c1", "c2"), self.courses, strict=True):
            self.store.add(course(name, platform_course_id=mapped))
        self.store.links[USER] = self.account
        self.sell(site.add_bundle(self.courses))
        self.platform = ObservedPlatform(site)
        self.service = DeliveryService(
            enrollments=FakeEnrollments(self.store),
            payments=FakePayments(self.store),
            learners=FakeLearners(self.store),
            catalog=FakeCatalog(self.store),
            platform=self.platform,
            now=self.clock,
        )

    def sell(self, bundle: str | None) -> None:
        """Store the payment as bought when the package had this bundle at the platform."""
        self.store.add(replace(SOLD, platform_bundle_id=bundle))

    @property
    def enrolled(self) -> set[str]:
        """Return the courses that the learner has."""
        return {place for account, place in self.site.access() if account == self.account}

    def deliver(self, request: DeliveryRequest = FIRST) -> DeliveryResult:
        return self.service.deliver(request)

    def assert_delayed(self, request: DeliveryRequest = FIRST) -> None:
        with pytest.raises(DeliveryDelayed):
            self.deliver(request)


@pytest.fixture
def setup(site: PlatformSite, clock: FakeClock) -> Setup:
    return Setup(site, clock)


def test_a_bundle_is_enrolled_by_one_call_and_each_course_is_checked(setup: Setup) -> None:
    for request in (FIRST, SECOND):
        assert setup.deliver(request) is DeliveryResult.DELIVERED
    expected = ["bundle_courses", "enroll_in_bundle", "enroll", "enroll"]
    assert setup.platform.calls == expected
    assert setup.store.payments["pay1"].status is Status.COMPLETED


def test_a_delivery_waits_for_a_pending_bundle(setup: Setup) -> None:
    setup.site.delay_bundles(MINUTE)
    setup.assert_delayed(FIRST)
    setup.assert_delayed(SECOND)
    setup.clock.forward(MINUTE)
    assert setup.deliver(FIRST) is DeliveryResult.DELIVERED
    assert setup.platform.calls.count("enroll_in_bundle") == 1


def test_a_bundle_that_never_arrives_is_enrolled_course_by_course(setup: Setup) -> None:
    setup.site.delay_bundles(2 * MAX_WAIT)
    setup.assert_delayed()
    setup.clock.forward(MAX_WAIT)
    for request in (FIRST, SECOND):
        assert setup.deliver(request) is DeliveryResult.DELIVERED
    assert setup.enrolled == set(setup.courses)


@pytest.mark.parametrize("held", [1, 3, 0], ids=["fewer", "more", "no bundle"])
def test_a_bundle_whose_courses_differ_from_those_paid_is_not_used(setup: Setup, held: int) -> None:
    bundle = setup.site.add_bundle(setup.site.course(number) for number in range(1, held + 1))
    if not held:
        setup.site.remove_bundle(bundle)
    setup.sell(bundle)
    for request in (FIRST, SECOND):
        assert setup.deliver(request) is DeliveryResult.DELIVERED
    assert setup.platform.calls == ["bundle_courses", "enroll", "enroll"]
    assert setup.enrolled == set(setup.courses)


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
    end = setup.clock.now.replace(microsecond=0) + timedelta(days=30)
    setup.sell(None)
    setup.store.add(enrollment("c1", expires_at=end))
    setup.deliver()
    assert setup.site.access() == {(setup.account, setup.courses[0]): end}


def test_access_that_ended_before_its_delivery_cannot_be_delivered(setup: Setup) -> None:
    setup.store.add(enrollment("c1", expires_at=setup.clock.now))
    with pytest.raises(DeliveryImpossible, match="over"):
        setup.deliver()
    assert setup.platform.calls == []


def test_a_bundle_lasts_as_long_as_its_own_payment_pays_for(setup: Setup) -> None:
    end = setup.clock().replace(microsecond=0) + timedelta(days=1)
    longer = replace(enrollment("c2"), claims={"pay1": end, "pay2": None})
    setup.store.add(replace(enrollment("c1"), expires_at=end), longer)
    setup.store.add(payment(Status.COMPLETED, id="pay2", courses=bought("c2")))
    # The course with the longer access comes first, and asks for the bundle.
    for request in (SECOND, FIRST):
        setup.deliver(request)
    first, second = ((setup.account, place) for place in setup.courses)
    assert setup.site.access() == {first: end, second: None}

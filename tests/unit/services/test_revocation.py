"""Revoking a refunded enrollment at the platform, whatever happened there."""

from dataclasses import replace

import pytest

from lunas.domain.access_claims import Place
from lunas.domain.enrollments import (
    Delivery,
    DeliveryStatus,
    Enrollment,
    EnrollmentStatus,
    enrollment_id,
)
from lunas.domain.errors import (
    ConcurrentUpdate,
    DeliveryDelayed,
    DeliveryImpossible,
    StorageContention,
)
from lunas.domain.payments import Status
from lunas.services.delivery import DeliveryResult, DeliveryService
from tests.support.builders import EMAIL, USER, course, enrollment, payment, request_of
from tests.support.platforms.site import ObservedPlatform, PlatformSite
from tests.unit.services.fakes import (
    FakeCatalog,
    FakeClock,
    FakeEnrollments,
    FakeLearners,
    FakePayments,
    FakeStore,
)

REFUNDED = enrollment("c1", status=EnrollmentStatus.NOT_ENROLLED, delivery=Delivery(request=2))
REQUEST = request_of(REFUNDED)


class Setup:
    """A delivery service over fakes, with a refunded payment that still has its course."""

    def __init__(self, site: PlatformSite, clock: FakeClock) -> None:
        self.site = site
        self.account = site.add_account(EMAIL)
        self.place = Place(self.account, site.course(1))
        delivery = Delivery(
            request=2,
            platform_user_id=self.account,
            platform_enrollment_id=site.add_access(self.account, self.place.course_id),
        )
        self.store = FakeStore()
        self.store.add(
            payment(Status.REFUNDED),
            replace(REFUNDED, delivery=delivery, platform_course_id=self.place.course_id),
            course("c1", platform_course_id=self.place.course_id),
        )
        self.enrollments = FakeEnrollments(self.store)
        self.platform = ObservedPlatform(site)
        self.claims = FakeLearners(self.store)
        self.claims.claim(self.place, REFUNDED.id, None)
        self.service = DeliveryService(
            enrollments=self.enrollments,
            payments=FakePayments(self.store),
            learners=self.claims,
            catalog=FakeCatalog(self.store),
            platform=self.platform,
            now=clock,
        )

    def revoke(self) -> DeliveryResult:
        return self.service.deliver(REQUEST)

    @property
    def enrollment(self) -> Enrollment:
        return self.store.enrollments[REFUNDED.id]


@pytest.fixture
def setup(site: PlatformSite, clock: FakeClock) -> Setup:
    return Setup(site, clock)


def test_a_revocation_ends_access_and_is_recorded(setup: Setup) -> None:
    assert setup.revoke() is DeliveryResult.REVOKED
    assert setup.site.access() == {}
    stored = setup.enrollment
    assert (stored.delivery.status, stored.delivery.due_at) == (DeliveryStatus.REVOKED, None)
    assert (stored.status, stored.counted) == (EnrollmentStatus.NOT_ENROLLED, False)


def test_a_revocation_creates_no_account(setup: Setup) -> None:
    setup.site.remove_account(setup.account)
    setup.store.add(REFUNDED)
    assert setup.revoke() is DeliveryResult.REVOKED
    assert setup.site.created() == []


@pytest.mark.parametrize("known", ["recorded", "linked"])
def test_a_delivery_that_was_not_recorded_is_revoked_too(setup: Setup, known: str) -> None:
    account = setup.account if known == "recorded" else None
    setup.store.add(replace(REFUNDED, delivery=Delivery(request=2, platform_user_id=account)))
    setup.store.links = {USER: setup.account} if known == "linked" else {}
    setup.revoke()
    assert setup.site.access() == {}


def test_an_account_with_only_the_address_of_the_payment_is_left_alone(setup: Setup) -> None:
    """It may belong to another person: without one in the token, the invoice gives the address."""
    setup.store.add(REFUNDED)
    setup.store.links = {USER: setup.site.add_account("own@example.com")}
    setup.revoke()
    assert list(setup.site.access()) == [(setup.account, setup.place.course_id)]


@pytest.mark.parametrize(("status", "kept"), [("ENROLLED", True), ("NOT_ENROLLED", False)])
def test_a_platform_enrollment_of_another_user_of_the_account_is_kept(
    setup: Setup, status: str, kept: bool
) -> None:
    other = enrollment_id("u2", "c1")
    theirs = enrollment("c1", id=other, user_id="u2", status=EnrollmentStatus(status))
    setup.store.add(theirs)
    setup.store.links = {USER: setup.account, "u2": setup.account}
    setup.claims.claim(setup.place, other, None)
    assert setup.revoke() is DeliveryResult.REVOKED
    assert bool(setup.site.access()) is kept


def test_a_remapped_course_is_revoked_at_its_former_mapping_too(setup: Setup) -> None:
    remapped = setup.site.course(2)
    setup.store.add(course("c1", platform_course_id=remapped))
    setup.site.add_access(setup.account, remapped)
    setup.claims.claim(Place(setup.account, remapped), REFUNDED.id, None)
    setup.revoke()
    assert setup.site.access() == {}


def test_a_transient_failure_is_recorded_and_rescheduled(setup: Setup) -> None:
    setup.platform.failures = [DeliveryDelayed("Thinkific answered 502")]
    with pytest.raises(DeliveryDelayed):
        setup.revoke()
    stored = setup.enrollment
    assert stored.delivery.last_error == "Thinkific answered 502"
    assert (stored.delivery.status, stored.counted) == (DeliveryStatus.PENDING, True)
    assert setup.revoke() is DeliveryResult.REVOKED


def test_a_permanently_failed_revocation_waits_for_a_person(setup: Setup) -> None:
    setup.platform.failures = [DeliveryImpossible("refused")]
    with pytest.raises(DeliveryImpossible) as raised:
        setup.revoke()
    setup.service.record_dead_letter(REQUEST, raised.value)
    assert setup.enrollment.delivery.status is DeliveryStatus.FAILED
    assert setup.enrollment.status is EnrollmentStatus.NOT_ENROLLED


def test_a_course_bought_again_meanwhile_is_not_revoked(
    setup: Setup,
) -> None:
    again = enrollment("c1", payment_id="pay2")
    setup.enrollments.before_record = [lambda: setup.store.add(again)]
    assert setup.revoke() is DeliveryResult.NOTHING_TO_DO
    assert setup.enrollment == again


def test_a_revocation_received_twice_is_made_once(setup: Setup) -> None:
    setup.revoke()
    calls = len(setup.platform.calls)
    assert setup.revoke() is DeliveryResult.NOTHING_TO_DO
    assert len(setup.platform.calls) == calls


def test_endless_concurrent_updates_leave_the_delivery_to_the_next_message(setup: Setup) -> None:
    setup.enrollments.before_record = [ConcurrentUpdate(stale=True)] * 50
    with pytest.raises(StorageContention):
        setup.revoke()
    assert setup.enrollment.delivery.status is DeliveryStatus.PENDING

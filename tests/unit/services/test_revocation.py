"""Taking a refunded enrollment back at Thinkific, whatever had happened there."""

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
from tests.unit.services.fakes import (
    FakeCatalogue,
    FakeClock,
    FakeEnrollments,
    FakeLearners,
    FakePayments,
    FakePlatform,
    FakeStore,
)

REFUNDED = enrollment(
    "c1",
    status=EnrollmentStatus.NOT_ENROLLED,
    delivery=Delivery(request=2, platform_user_id=42, platform_enrollment_id=500),
    platform_course_id=2_000_001,
)
REQUEST = request_of(REFUNDED)


class Round:
    """A service over fakes, with one refunded payment whose course is there still."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.store.add(payment(Status.REFUNDED), REFUNDED, course("c1"))
        self.enrollments = FakeEnrollments(self.store)
        self.platform = FakePlatform({EMAIL: 42})
        self.platform.rows = {(42, 2_000_001): 500}
        self.claims = FakeLearners(self.store)
        self.claims.claim(Place(42, 2_000_001), REFUNDED.id, None)
        self.service = DeliveryService(
            enrollments=self.enrollments,
            payments=FakePayments(self.store),
            learners=self.claims,
            catalog=FakeCatalogue(self.store),
            platform=self.platform,
            now=FakeClock(),
        )

    def revoke(self) -> DeliveryResult:
        return self.service.deliver(REQUEST)

    @property
    def enrollment(self) -> Enrollment:
        return self.store.enrollments[REFUNDED.id]


@pytest.fixture
def at_work() -> Round:
    return Round()


def test_access_ends_and_is_noted(at_work: Round) -> None:
    assert at_work.revoke() is DeliveryResult.REVOKED
    assert at_work.platform.rows == {}
    stored = at_work.enrollment
    assert (stored.delivery.status, stored.delivery.due_at) == (DeliveryStatus.REVOKED, None)
    assert (stored.status, stored.counted) == (EnrollmentStatus.NOT_ENROLLED, False)


def test_nobody_gets_an_account_for_a_revocation(at_work: Round) -> None:
    at_work.platform.accounts = {}
    at_work.store.add(replace(REFUNDED, delivery=Delivery(request=2)))
    assert at_work.revoke() is DeliveryResult.REVOKED
    assert at_work.platform.created == []


@pytest.mark.parametrize("known", ["noted", "linked"])
def test_a_delivery_that_was_never_noted_is_taken_back_all_the_same(
    at_work: Round, known: str
) -> None:
    noted = 42 if known == "noted" else None
    at_work.store.add(replace(REFUNDED, delivery=Delivery(request=2, platform_user_id=noted)))
    at_work.store.links = {USER: 42} if known == "linked" else {}
    at_work.revoke()
    assert at_work.platform.rows == {}


def test_an_account_that_only_has_the_address_of_the_payment_is_left_alone(at_work: Round) -> None:
    """It may be somebody else's: the address comes from the invoice where the token has none."""
    at_work.store.add(replace(REFUNDED, delivery=Delivery(request=2)))
    at_work.store.links = {USER: 41}
    at_work.revoke()
    assert at_work.platform.rows == {(42, 2_000_001): 500}


@pytest.mark.parametrize(("status", "kept"), [("ENROLLED", True), ("NOT_ENROLLED", False)])
def test_a_row_that_serves_another_user_of_the_same_account_stays(
    at_work: Round, status: str, kept: bool
) -> None:
    other = enrollment_id("u2", "c1")
    theirs = enrollment("c1", id=other, user_id="u2", status=EnrollmentStatus(status))
    at_work.store.add(theirs)
    at_work.store.links = {USER: 42, "u2": 42}
    at_work.claims.claim(Place(42, 2_000_001), other, None)
    assert at_work.revoke() is DeliveryResult.REVOKED
    assert bool(at_work.platform.rows) is kept


def test_a_course_that_was_mapped_anew_is_taken_back_where_it_was_given(at_work: Round) -> None:
    at_work.store.add(course("c1", platform_course_id=2_000_009))
    at_work.platform.rows[42, 2_000_009] = 501
    at_work.claims.claim(Place(42, 2_000_009), REFUNDED.id, None)
    at_work.revoke()
    assert at_work.platform.rows == {}


def test_a_passing_failure_is_noted_and_asks_for_another_try(at_work: Round) -> None:
    at_work.platform.failures = [DeliveryDelayed("Thinkific answered 502")]
    with pytest.raises(DeliveryDelayed):
        at_work.revoke()
    stored = at_work.enrollment
    assert stored.delivery.last_error == "Thinkific answered 502"
    assert (stored.delivery.status, stored.counted) == (DeliveryStatus.PENDING, True)
    assert at_work.revoke() is DeliveryResult.REVOKED


def test_a_failure_for_good_waits_for_a_person(at_work: Round) -> None:
    at_work.platform.failures = [DeliveryImpossible("refused")]
    with pytest.raises(DeliveryImpossible) as raised:
        at_work.revoke()
    at_work.service.record_dead_letter(REQUEST, raised.value)
    assert at_work.enrollment.delivery.status is DeliveryStatus.FAILED
    assert at_work.enrollment.status is EnrollmentStatus.NOT_ENROLLED


def test_a_course_that_is_bought_again_meanwhile_is_left_to_its_new_payment(
    at_work: Round,
) -> None:
    again = enrollment("c1", payment_id="pay2")
    at_work.enrollments.before_record = [lambda: at_work.store.add(again)]
    assert at_work.revoke() is DeliveryResult.NOTHING_TO_DO
    assert at_work.enrollment == again


def test_a_revocation_that_comes_twice_is_made_once(at_work: Round) -> None:
    at_work.revoke()
    calls = len(at_work.platform.calls)
    assert at_work.revoke() is DeliveryResult.NOTHING_TO_DO
    assert len(at_work.platform.calls) == calls


def test_endless_collisions_are_given_up_until_the_message_comes_again(at_work: Round) -> None:
    at_work.enrollments.before_record = [ConcurrentUpdate(stale=True)] * 50
    with pytest.raises(StorageContention):
        at_work.revoke()
    assert at_work.enrollment.delivery.status is DeliveryStatus.PENDING

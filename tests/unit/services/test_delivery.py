"""Delivering enrollments to the platform, despite failures and races."""

from dataclasses import replace

import pytest

from lunas.domain.access_claims import Place
from lunas.domain.anomalies import AnomalyKind
from lunas.domain.delivery import DeliveryRequest
from lunas.domain.enrollments import Delivery, DeliveryStatus, EnrollmentStatus, enrollment_id
from lunas.domain.errors import (
    ConcurrentUpdate,
    DeliveryDelayed,
    DeliveryImpossible,
    NoPermit,
    RateLimited,
    StorageContention,
)
from lunas.domain.payments import Payment, Status
from lunas.services.delivery import DeliveryResult, DeliveryService
from tests.support.builders import EMAIL, NOW, USER, bought, course, enrollment, payment, request_of
from tests.support.platforms.site import ObservedPlatform, PlatformSite
from tests.unit.services.fakes import (
    FakeCatalog,
    FakeClock,
    FakeEnrollments,
    FakeLearners,
    FakePayments,
    FakeStore,
)

REQUEST = request_of(enrollment("c1"))
SECOND = request_of(enrollment("c2"))


def approved(*waiting: str) -> Payment:
    return payment(Status.APPROVED, courses=bought("c1", "c2"), undelivered=frozenset(waiting))


class Setup:
    """A delivery service over fakes, with an approved payment whose course c1 is undelivered."""

    def __init__(self, site: PlatformSite, clock: FakeClock) -> None:
        self.site = site
        self.store = FakeStore()
        self.store.add(approved("c1"), enrollment("c1"))
        for number, each in enumerate(("c1", "c2"), 1):
            self.store.add(course(each, platform_course_id=site.course(number)))
        self.enrollments = FakeEnrollments(self.store)
        self.platform = ObservedPlatform(site)
        self.service = DeliveryService(
            enrollments=self.enrollments,
            payments=FakePayments(self.store),
            learners=FakeLearners(self.store),
            catalog=FakeCatalog(self.store),
            platform=self.platform,
            now=clock,
        )

    def deliver(self, request: DeliveryRequest = REQUEST) -> DeliveryResult:
        """Deliver as the queue does, and record what is dead-lettered."""
        try:
            return self.service.deliver(request)
        except DeliveryImpossible as error:
            self.service.record_dead_letter(request, error)
            raise

    def link(self, email: str = EMAIL) -> str:
        """Link the learner to an account that exists at the platform; return its id."""
        account = self.store.links[USER] = self.site.add_account(email)
        return account

    def delivery(self, request: DeliveryRequest = REQUEST) -> Delivery:
        """Return the stored delivery of the enrollment."""
        return self.store.enrollments[request.enrollment_id].delivery

    @property
    def payment(self) -> Payment:
        """Return the stored payment."""
        return self.store.payments["pay1"]


@pytest.fixture
def setup(site: PlatformSite, clock: FakeClock) -> Setup:
    return Setup(site, clock)


def test_a_known_learner_is_enrolled_with_one_call(setup: Setup) -> None:
    account = setup.link()
    assert setup.deliver() is DeliveryResult.DELIVERED
    assert setup.platform.calls == ["enroll"]
    assert setup.delivery().platform_user_id == account


def test_an_existing_account_is_found_by_address_and_linked(setup: Setup) -> None:
    account = setup.site.add_account(EMAIL)
    setup.deliver()
    assert setup.platform.calls == ["ensure_user", "enroll"]
    assert setup.store.links == {USER: account}
    assert setup.site.created() == []


def test_an_unknown_learner_gets_an_account_with_the_learner_of_the_payment(setup: Setup) -> None:
    setup.deliver()
    assert setup.platform.calls == ["ensure_user", "enroll"]
    assert setup.site.created() == [approved().learner]
    ((account, _),) = setup.site.access()
    assert setup.store.links == {USER: account}


def test_a_delivery_is_recorded_with_the_platforms_ids(setup: Setup) -> None:
    setup.deliver()
    delivery = setup.delivery()
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)
    account, place = setup.store.links[USER], setup.site.course(1)
    assert delivery.platform_user_id == account
    assert delivery.platform_enrollment_id == setup.site.platform.enroll(
        account, place, NOW, None, create=False
    )


def test_the_last_course_completes_the_payment(setup: Setup) -> None:
    setup.store.add(approved("c1", "c2"), enrollment("c2"))
    statuses = []
    for request in (REQUEST, SECOND):
        setup.deliver(request)
        statuses.append(setup.payment.status)
    assert statuses == [Status.APPROVED, Status.COMPLETED]
    (event,) = setup.store.history["pay1"]
    assert (event.actor, event.target) == ("lunas:deliver", Status.COMPLETED)
    assert event.evidence == {"platformEnrollmentId": setup.delivery(SECOND).platform_enrollment_id}


@pytest.mark.parametrize(
    "stored",
    [
        {"payment_id": "pay2"},
        {"delivery": Delivery(status=DeliveryStatus.DELIVERED)},
        {"delivery": Delivery(status=DeliveryStatus.FAILED)},
    ],
    ids=["bought again", "delivered", "dead-lettered"],
)
def test_an_outdated_request_makes_no_call(setup: Setup, stored: dict[str, object]) -> None:
    stored_now = enrollment("c1", **stored)
    setup.store.add(stored_now)
    assert setup.deliver() is DeliveryResult.NOTHING_TO_DO
    assert setup.platform.calls == []
    assert setup.store.enrollments[stored_now.id] == stored_now


def test_an_older_request_still_delivers(
    setup: Setup,
) -> None:
    """Else a backlog of more than ten minutes would never shrink."""
    setup.store.add(enrollment("c1", delivery=Delivery(request=5)))
    assert setup.deliver() is DeliveryResult.DELIVERED
    assert setup.delivery().request == 5


def test_a_request_for_a_missing_enrollment_makes_no_call(setup: Setup) -> None:
    setup.store.enrollments.clear()
    assert setup.deliver() is DeliveryResult.NOTHING_TO_DO
    assert setup.platform.calls == []


def test_a_transient_failure_is_recorded_and_rescheduled(setup: Setup) -> None:
    setup.platform.failures = [DeliveryDelayed("Thinkific answered 502", 30)]
    with pytest.raises(DeliveryDelayed) as raised:
        setup.deliver()
    assert raised.value.retry_after == 30
    delivery = setup.delivery()
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 1)
    assert delivery.last_error == "Thinkific answered 502"
    assert setup.payment.status is Status.APPROVED


@pytest.mark.parametrize("tried", [0, 7])
def test_a_failure_counts_the_failed_attempts(setup: Setup, tried: int) -> None:
    setup.store.add(enrollment("c1", delivery=Delivery(attempts=tried)))
    setup.platform.failures = [DeliveryDelayed("Thinkific answered 502")]
    with pytest.raises(DeliveryDelayed) as raised:
        setup.deliver()
    assert raised.value.failures == setup.delivery().attempts == tried + 1


@pytest.mark.parametrize("limit", [NoPermit("later", 30), RateLimited("429", 30)], ids=repr)
def test_a_rate_limited_delivery_is_not_a_failed_attempt(setup: Setup, limit: RateLimited) -> None:
    before = enrollment("c1", delivery=Delivery(attempts=2, last_error="busy"))
    setup.store.add(before)
    setup.platform.failures = [limit]
    with pytest.raises(RateLimited):
        setup.deliver()
    assert setup.store.enrollments[before.id] == before
    assert setup.deliver() is DeliveryResult.DELIVERED


def test_after_a_transient_failure_the_next_attempt_delivers(setup: Setup) -> None:
    setup.platform.failures = [DeliveryDelayed("busy")]
    with pytest.raises(DeliveryDelayed):
        setup.deliver()
    assert setup.deliver() is DeliveryResult.DELIVERED
    assert (setup.delivery().attempts, setup.delivery().last_error) == (2, None)
    assert setup.payment.status is Status.COMPLETED


def test_a_permanent_failure_is_recorded_and_not_retried(setup: Setup) -> None:
    setup.platform.failures = [DeliveryImpossible("no such course")]
    with pytest.raises(DeliveryImpossible):
        setup.deliver()
    delivery = setup.delivery()
    assert (delivery.status, delivery.last_error) == (DeliveryStatus.FAILED, "no such course")
    assert setup.payment.status is Status.APPROVED


def test_a_permanent_failure_is_recorded_only_after_its_message_is_dead_lettered(
    setup: Setup,
) -> None:
    setup.platform.failures = [DeliveryImpossible("no such course")]
    with pytest.raises(DeliveryImpossible):
        setup.service.deliver(REQUEST)
    assert setup.delivery().status is DeliveryStatus.PENDING


def test_a_late_dead_letter_does_not_change_a_newer_request(setup: Setup) -> None:
    again = enrollment("c1", delivery=Delivery(request=2))
    setup.store.add(again)
    setup.service.record_dead_letter(REQUEST, DeliveryImpossible("old"))
    assert setup.store.enrollments[again.id] == again


def test_in_a_long_backlog_a_permanent_failure_is_recorded_on_the_latest_request(
    setup: Setup,
) -> None:
    """Reconcile requested it again before the attempt began, and not since."""
    setup.store.add(enrollment("c1", delivery=Delivery(request=5)))
    setup.platform.failures = [DeliveryImpossible("no such course")]
    with pytest.raises(DeliveryImpossible):
        setup.deliver()
    assert (setup.delivery().status, setup.delivery().request) == (DeliveryStatus.FAILED, 5)


@pytest.mark.parametrize("mapped", [True, False])
def test_an_unmapped_or_missing_course_cannot_be_delivered(setup: Setup, mapped: bool) -> None:
    if mapped:
        del setup.store.courses["c1"]
    else:
        setup.store.add(course("c1", platform_course_id=None))
    with pytest.raises(DeliveryImpossible, match="c1"):
        setup.deliver()
    assert setup.platform.calls == []
    assert setup.delivery().status is DeliveryStatus.FAILED


def test_a_delivery_of_a_missing_payment_is_dead_lettered(setup: Setup) -> None:
    del setup.store.payments["pay1"]
    with pytest.raises(DeliveryImpossible):
        setup.deliver()
    assert setup.delivery().status is DeliveryStatus.FAILED


def test_a_concurrent_update_is_decided_again_on_what_is_stored(setup: Setup) -> None:
    setup.store.add(approved("c1", "c2"), enrollment("c2"))
    setup.enrollments.before_record = [lambda: setup.store.add(approved("c1"))]
    assert setup.deliver() is DeliveryResult.DELIVERED
    assert setup.payment.status is Status.COMPLETED
    assert setup.enrollments.records == 2
    assert setup.platform.calls.count("enroll") == 1


@pytest.mark.parametrize(("overbook", "flagged"), [(False, ["c1"]), (True, [])])
def test_a_course_counted_on_delivery_is_flagged_beyond_its_quota(
    setup: Setup, overbook: bool, flagged: list[str]
) -> None:
    setup.store.add(replace(approved("c1"), overbook=overbook))
    full = replace(setup.store.courses["c1"], quota=1, enrolled=1)
    setup.store.add(enrollment("c1", counted=False), full)
    assert setup.deliver() is DeliveryResult.DELIVERED
    found = setup.store.anomalies.values()
    assert [each.evidence["courses"] for each in found] == flagged
    assert {each.kind for each in found} <= {AnomalyKind.OVERBOOKED}
    assert setup.store.enrollments[REQUEST.enrollment_id].counted


def test_a_refund_during_a_delivery_revokes_at_once(setup: Setup) -> None:
    revoked = enrollment("c1", status=EnrollmentStatus.NOT_ENROLLED)

    def refund() -> None:
        setup.store.add(payment(Status.REFUNDED), revoked)

    setup.enrollments.before_record = [refund]
    assert setup.deliver() is DeliveryResult.REVOKED
    assert setup.site.access() == {}


def test_endless_concurrent_updates_leave_the_delivery_to_the_next_message(setup: Setup) -> None:
    setup.enrollments.before_record = [ConcurrentUpdate(stale=True)] * 50
    with pytest.raises(StorageContention):
        setup.deliver()
    assert setup.delivery().status is DeliveryStatus.PENDING


def test_a_crash_between_the_call_and_the_write_leaves_one_platform_enrollment(
    setup: Setup,
) -> None:
    setup.enrollments.before_record = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        setup.deliver()
    assert setup.delivery().status is DeliveryStatus.PENDING
    assert setup.deliver() is DeliveryResult.DELIVERED
    assert len(setup.site.access()) == 1
    assert len(setup.site.created()) == 1
    assert setup.payment.status is Status.COMPLETED


def test_after_a_crash_the_created_account_is_used(setup: Setup) -> None:
    setup.platform.failures = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        setup.deliver()
    setup.store.links.clear()
    setup.deliver()
    assert len(setup.site.created()) == 1
    assert [setup.delivery().platform_user_id] == [account for account, _ in setup.site.access()]


def test_a_message_received_twice_delivers_once(setup: Setup) -> None:
    setup.deliver()
    assert setup.deliver() is DeliveryResult.NOTHING_TO_DO
    assert setup.platform.calls.count("enroll") == 1
    assert len(setup.store.history["pay1"]) == 1


def test_an_enrollment_not_counted_when_created_is_counted_when_delivered(setup: Setup) -> None:
    setup.store.add(replace(enrollment("c1"), counted=False))
    setup.deliver()
    assert setup.store.enrollments[REQUEST.enrollment_id].counted


def test_the_catalogs_current_mapping_takes_precedence_over_the_one_bought(setup: Setup) -> None:
    account = setup.link()
    setup.store.add(enrollment("c1", platform_course_id=setup.site.course(3)))
    setup.deliver()
    assert list(setup.site.access()) == [(account, setup.site.course(1))]


@pytest.mark.parametrize("listed", [True, False])
def test_without_a_current_mapping_the_one_bought_is_delivered(setup: Setup, listed: bool) -> None:
    account = setup.link()
    setup.store.add(course("c1", platform_course_id=None))
    setup.store.add(enrollment("c1", platform_course_id=setup.site.course(3)))
    if not listed:
        del setup.store.courses["c1"]
    assert setup.deliver() is DeliveryResult.DELIVERED
    assert list(setup.site.access()) == [(account, setup.site.course(3))]


@pytest.mark.parametrize("another", [False, True], ids=["none", "another"])
def test_a_link_to_a_deleted_account_is_replaced_and_the_delivery_continues(
    setup: Setup, another: bool
) -> None:
    setup.site.remove_account(setup.link())
    known = setup.site.add_account(EMAIL) if another else None
    assert setup.deliver() is DeliveryResult.DELIVERED
    ((account, place),) = setup.site.access()
    assert known in {None, account}
    assert setup.store.links == {USER: account}
    assert place == setup.site.course(1)
    assert setup.delivery().platform_user_id == account


def test_a_link_to_an_existing_account_is_kept_when_the_delivery_is_impossible(
    setup: Setup,
) -> None:
    account = setup.link()
    setup.store.add(course("c1", platform_course_id="9"))
    with pytest.raises(DeliveryImpossible):
        setup.deliver()
    assert setup.store.links == {USER: account}
    assert setup.platform.calls == ["enroll", "find_user"]


def test_a_delay_keeps_the_link(setup: Setup) -> None:
    account = setup.link()
    setup.platform.failures = [DeliveryDelayed("busy")]
    with pytest.raises(DeliveryDelayed):
        setup.deliver()
    assert setup.store.links == {USER: account}
    assert setup.platform.calls == ["enroll"]


def test_a_delivery_with_a_new_link_is_attempted_once(setup: Setup) -> None:
    setup.link("former@example.com")
    revoking = [lambda: None]
    setup.platform.failures = [
        DeliveryImpossible("gone"),
        *revoking,
        DeliveryImpossible("no course"),
    ]
    with pytest.raises(DeliveryImpossible, match="no course"):
        setup.deliver()
    assert setup.platform.calls.count("enroll") == 2


def test_enrollments_at_a_former_account_are_delivered_again(setup: Setup) -> None:
    """A correction covers only what fits in a transaction; a delivery does the rest."""
    former, place = setup.site.add_account("former@example.com"), setup.site.course(2)
    setup.store.former[USER] = frozenset({former})
    other = enrollment("c2", delivery=Delivery(status=DeliveryStatus.DELIVERED))
    strange = replace(other, id=enrollment_id("u9", "c2"), user_id="u9")
    setup.store.add(other, strange)
    for each in (other, strange):
        FakeLearners(setup.store).claim(Place(former, place), each.id, None)
    setup.deliver()
    stored = setup.store.enrollments
    assert stored[other.id].delivery.status is DeliveryStatus.PENDING
    assert stored[strange.id] == strange

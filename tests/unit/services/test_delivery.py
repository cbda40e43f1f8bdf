"""Bringing enrollments to Thinkific, whatever fails on the way."""

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
from tests.support.builders import EMAIL, USER, bought, course, enrollment, payment, request_of
from tests.unit.services.fakes import (
    FakeCatalogue,
    FakeClock,
    FakeEnrollments,
    FakeLearners,
    FakePayments,
    FakePlatform,
    FakeStore,
)

REQUEST = request_of(enrollment("c1"))
SECOND = request_of(enrollment("c2"))


def approved(*waiting: str) -> Payment:
    return payment(Status.APPROVED, courses=bought("c1", "c2"), undelivered=frozenset(waiting))


class Round:
    """A service over fakes, with one approved payment that waits for c1."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.store.add(approved("c1"), enrollment("c1"), course("c1"))
        self.store.add(course("c2", platform_course_id=2_000_002))
        self.enrollments = FakeEnrollments(self.store)
        self.platform = FakePlatform()
        self.service = DeliveryService(
            enrollments=self.enrollments,
            payments=FakePayments(self.store),
            learners=FakeLearners(self.store),
            catalog=FakeCatalogue(self.store),
            platform=self.platform,
            now=FakeClock(),
        )

    def deliver(self, request: DeliveryRequest = REQUEST) -> DeliveryResult:
        """Deliver as the queue does, with the note that follows a dead letter."""
        try:
            return self.service.deliver(request)
        except DeliveryImpossible as error:
            self.service.record_dead_letter(request, error)
            raise

    def delivery(self, request: DeliveryRequest = REQUEST) -> Delivery:
        """Return how a delivery stands."""
        return self.store.enrollments[request.enrollment_id].delivery

    @property
    def payment(self) -> Payment:
        """Return the payment as it stands."""
        return self.store.payments["pay1"]


@pytest.fixture
def at_work() -> Round:
    return Round()


def test_a_known_learner_is_enrolled_with_one_call(at_work: Round) -> None:
    at_work.store.links[USER] = 77
    assert at_work.deliver() is DeliveryResult.DELIVERED
    assert at_work.platform.calls == ["enroll"]
    assert at_work.delivery().platform_user_id == 77


def test_a_learner_who_has_an_account_is_found_by_address_and_remembered(at_work: Round) -> None:
    at_work.platform.accounts = {EMAIL: 42}
    at_work.deliver()
    assert at_work.platform.calls == ["find_user", "enroll"]
    assert at_work.store.links == {USER: 42}


def test_an_unknown_learner_gets_an_account_in_the_name_of_the_payment(at_work: Round) -> None:
    at_work.deliver()
    assert at_work.platform.calls == ["find_user", "create_user", "enroll"]
    assert at_work.platform.created == [approved().learner]
    assert at_work.store.links == {USER: 100}


def test_a_delivery_is_noted_with_the_rows_of_thinkific(at_work: Round) -> None:
    at_work.deliver()
    delivery = at_work.delivery()
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)
    assert (delivery.platform_user_id, delivery.platform_enrollment_id) == (100, 500)


def test_the_last_course_completes_the_payment(at_work: Round) -> None:
    at_work.store.add(approved("c1", "c2"), enrollment("c2"))
    statuses = []
    for request in (REQUEST, SECOND):
        at_work.deliver(request)
        statuses.append(at_work.payment.status)
    assert statuses == [Status.APPROVED, Status.COMPLETED]
    (event,) = at_work.store.history["pay1"]
    assert (event.actor, event.target) == ("lunas:deliver", Status.COMPLETED)
    assert event.evidence == {"platformEnrollmentId": "501"}


@pytest.mark.parametrize(
    "stored",
    [
        {"payment_id": "pay2"},
        {"delivery": Delivery(status=DeliveryStatus.DELIVERED)},
        {"delivery": Delivery(status=DeliveryStatus.FAILED)},
    ],
    ids=["bought again", "delivered", "given up"],
)
def test_a_request_that_was_overtaken_calls_nobody(
    at_work: Round, stored: dict[str, object]
) -> None:
    overtaken = enrollment("c1", **stored)
    at_work.store.add(overtaken)
    assert at_work.deliver() is DeliveryResult.NOTHING_TO_DO
    assert at_work.platform.calls == []
    assert at_work.store.enrollments[overtaken.id] == overtaken


def test_a_request_that_waited_until_it_was_asked_for_again_delivers_all_the_same(
    at_work: Round,
) -> None:
    """Else a backlog of more than ten minutes would never be worked off."""
    at_work.store.add(enrollment("c1", delivery=Delivery(request=5)))
    assert at_work.deliver() is DeliveryResult.DELIVERED
    assert at_work.delivery().request == 5


def test_a_request_for_an_enrollment_that_is_not_there_calls_nobody(at_work: Round) -> None:
    at_work.store.enrollments.clear()
    assert at_work.deliver() is DeliveryResult.NOTHING_TO_DO
    assert at_work.platform.calls == []


def test_a_passing_failure_is_noted_and_asks_for_another_try(at_work: Round) -> None:
    at_work.platform.failures = [DeliveryDelayed("Thinkific answered 502", 30)]
    with pytest.raises(DeliveryDelayed) as raised:
        at_work.deliver()
    assert raised.value.retry_after == 30
    delivery = at_work.delivery()
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 1)
    assert delivery.last_error == "Thinkific answered 502"
    assert at_work.payment.status is Status.APPROVED


@pytest.mark.parametrize("tried", [0, 7])
def test_a_failure_tells_how_many_tries_failed_with_it(at_work: Round, tried: int) -> None:
    at_work.store.add(enrollment("c1", delivery=Delivery(attempts=tried)))
    at_work.platform.failures = [DeliveryDelayed("Thinkific answered 502")]
    with pytest.raises(DeliveryDelayed) as raised:
        at_work.deliver()
    assert raised.value.failures == at_work.delivery().attempts == tried + 1


@pytest.mark.parametrize("limit", [NoPermit("later", 30), RateLimited("429", 30)], ids=repr)
def test_waiting_for_the_limit_is_no_try_that_failed(at_work: Round, limit: RateLimited) -> None:
    before = enrollment("c1", delivery=Delivery(attempts=2, last_error="busy"))
    at_work.store.add(before)
    at_work.platform.failures = [limit]
    with pytest.raises(RateLimited):
        at_work.deliver()
    assert at_work.store.enrollments[before.id] == before
    assert at_work.deliver() is DeliveryResult.DELIVERED


def test_after_a_passing_failure_the_next_try_delivers(at_work: Round) -> None:
    at_work.platform.failures = [DeliveryDelayed("busy")]
    with pytest.raises(DeliveryDelayed):
        at_work.deliver()
    assert at_work.deliver() is DeliveryResult.DELIVERED
    assert (at_work.delivery().attempts, at_work.delivery().last_error) == (2, None)
    assert at_work.payment.status is Status.COMPLETED


def test_a_failure_for_good_is_noted_and_ends_the_tries(at_work: Round) -> None:
    at_work.platform.failures = [DeliveryImpossible("no such course")]
    with pytest.raises(DeliveryImpossible):
        at_work.deliver()
    delivery = at_work.delivery()
    assert (delivery.status, delivery.last_error) == (DeliveryStatus.FAILED, "no such course")
    assert at_work.payment.status is Status.APPROVED


def test_what_cannot_be_delivered_is_not_noted_before_its_dead_letter_is_safe(
    at_work: Round,
) -> None:
    at_work.platform.failures = [DeliveryImpossible("no such course")]
    with pytest.raises(DeliveryImpossible):
        at_work.service.deliver(REQUEST)
    assert at_work.delivery().status is DeliveryStatus.PENDING


def test_a_late_note_does_not_touch_what_was_asked_for_anew(at_work: Round) -> None:
    again = enrollment("c1", delivery=Delivery(request=2))
    at_work.store.add(again)
    at_work.service.record_dead_letter(REQUEST, DeliveryImpossible("old"))
    assert at_work.store.enrollments[again.id] == again


def test_in_a_long_backlog_a_failure_for_good_is_noted_on_the_latest_request(
    at_work: Round,
) -> None:
    """Reconcile had asked again before the try began; nobody has since."""
    at_work.store.add(enrollment("c1", delivery=Delivery(request=5)))
    at_work.platform.failures = [DeliveryImpossible("no such course")]
    with pytest.raises(DeliveryImpossible):
        at_work.deliver()
    assert (at_work.delivery().status, at_work.delivery().request) == (DeliveryStatus.FAILED, 5)


@pytest.mark.parametrize("mapped", [True, False])
def test_a_course_without_a_counterpart_cannot_be_delivered(at_work: Round, mapped: bool) -> None:
    if mapped:
        del at_work.store.courses["c1"]
    else:
        at_work.store.add(course("c1", platform_course_id=None))
    with pytest.raises(DeliveryImpossible, match="c1"):
        at_work.deliver()
    assert at_work.platform.calls == []
    assert at_work.delivery().status is DeliveryStatus.FAILED


def test_a_vanished_payment_is_given_up_and_noted(at_work: Round) -> None:
    del at_work.store.payments["pay1"]
    with pytest.raises(DeliveryImpossible):
        at_work.deliver()
    assert at_work.delivery().status is DeliveryStatus.FAILED


def test_a_collision_is_decided_anew_on_what_is_there(at_work: Round) -> None:
    at_work.store.add(approved("c1", "c2"), enrollment("c2"))
    at_work.enrollments.before_record = [lambda: at_work.store.add(approved("c1"))]
    assert at_work.deliver() is DeliveryResult.DELIVERED
    assert at_work.payment.status is Status.COMPLETED
    assert at_work.enrollments.records == 2
    assert at_work.platform.calls.count("enroll") == 1


@pytest.mark.parametrize(("overbook", "flagged"), [(False, ["c1"]), (True, [])])
def test_a_course_that_is_counted_late_is_flagged_beyond_its_quota(
    at_work: Round, overbook: bool, flagged: list[str]
) -> None:
    at_work.store.add(replace(approved("c1"), overbook=overbook))
    at_work.store.add(enrollment("c1", counted=False), course("c1", quota=1, enrolled=1))
    assert at_work.deliver() is DeliveryResult.DELIVERED
    found = at_work.store.anomalies.values()
    assert [each.evidence["courses"] for each in found] == flagged
    assert {each.kind for each in found} <= {AnomalyKind.OVERBOOKED}
    assert at_work.store.enrollments[REQUEST.enrollment_id].counted


def test_a_refund_that_came_first_is_followed_at_once(at_work: Round) -> None:
    revoked = enrollment("c1", status=EnrollmentStatus.NOT_ENROLLED)

    def refund() -> None:
        at_work.store.add(payment(Status.REFUNDED), revoked)

    at_work.enrollments.before_record = [refund]
    assert at_work.deliver() is DeliveryResult.REVOKED
    assert at_work.platform.rows == {}


def test_endless_collisions_are_given_up_until_the_message_comes_again(at_work: Round) -> None:
    at_work.enrollments.before_record = [ConcurrentUpdate(stale=True)] * 50
    with pytest.raises(StorageContention):
        at_work.deliver()
    assert at_work.delivery().status is DeliveryStatus.PENDING


def test_a_crash_between_thinkific_and_the_note_leaves_one_enrollment_there(
    at_work: Round,
) -> None:
    at_work.enrollments.before_record = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        at_work.deliver()
    assert at_work.delivery().status is DeliveryStatus.PENDING
    assert at_work.deliver() is DeliveryResult.DELIVERED
    assert len(at_work.platform.rows) == 1
    assert len(at_work.platform.created) == 1
    assert at_work.payment.status is Status.COMPLETED


def test_a_crash_after_the_account_was_made_uses_that_account(at_work: Round) -> None:
    at_work.platform.failures = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        at_work.deliver()
    at_work.store.links.clear()
    at_work.deliver()
    assert len(at_work.platform.created) == 1
    assert at_work.delivery().platform_user_id == 100


def test_a_message_that_comes_twice_delivers_once(at_work: Round) -> None:
    at_work.deliver()
    assert at_work.deliver() is DeliveryResult.NOTHING_TO_DO
    assert at_work.platform.calls.count("enroll") == 1
    assert len(at_work.store.history["pay1"]) == 1


def test_an_enrollment_not_counted_when_made_is_counted_when_delivered(at_work: Round) -> None:
    at_work.store.add(replace(enrollment("c1"), counted=False))
    at_work.deliver()
    assert at_work.store.enrollments[REQUEST.enrollment_id].counted


def test_the_catalogs_present_mapping_goes_before_the_one_bought(at_work: Round) -> None:
    at_work.store.links[USER] = 77
    at_work.store.add(enrollment("c1", platform_course_id=4711))
    at_work.deliver()
    assert list(at_work.platform.rows) == [(77, 2_000_001)]


@pytest.mark.parametrize("listed", [True, False])
def test_without_a_present_mapping_the_one_bought_is_delivered(
    at_work: Round, listed: bool
) -> None:
    at_work.store.links[USER] = 77
    at_work.store.add(course("c1", platform_course_id=None))
    at_work.store.add(enrollment("c1", platform_course_id=4711))
    if not listed:
        del at_work.store.courses["c1"]
    assert at_work.deliver() is DeliveryResult.DELIVERED
    assert list(at_work.platform.rows) == [(77, 4711)]


@pytest.mark.parametrize("accounts", [{}, {EMAIL: 42}], ids=["none", "another"])
def test_a_link_to_an_account_that_is_gone_is_replaced_and_the_delivery_goes_on(
    at_work: Round, accounts: dict[str, int]
) -> None:
    at_work.store.links[USER] = 77
    at_work.platform.accounts = dict(accounts)
    at_work.platform.failures = [DeliveryImpossible("no such user")]
    assert at_work.deliver() is DeliveryResult.DELIVERED
    present = accounts.get(EMAIL, 100)
    assert at_work.store.links == {USER: present}
    assert list(at_work.platform.rows) == [(present, 2_000_001)]
    assert at_work.delivery().platform_user_id == present


def test_a_link_to_an_account_that_stands_is_kept_when_the_delivery_is_impossible(
    at_work: Round,
) -> None:
    at_work.store.links[USER] = 42
    at_work.platform.accounts = {EMAIL: 42}
    at_work.platform.failures = [DeliveryImpossible("no such course")]
    with pytest.raises(DeliveryImpossible, match="no such course"):
        at_work.deliver()
    assert at_work.store.links == {USER: 42}
    assert at_work.platform.calls == ["enroll", "find_user"]


def test_a_delay_says_nothing_against_a_link(at_work: Round) -> None:
    at_work.store.links[USER] = 77
    at_work.platform.failures = [DeliveryDelayed("busy")]
    with pytest.raises(DeliveryDelayed):
        at_work.deliver()
    assert at_work.store.links == {USER: 77}
    assert at_work.platform.calls == ["enroll"]


def test_a_new_link_is_tried_once(at_work: Round) -> None:
    at_work.store.links[USER] = 77
    taken_back = [lambda: None]
    at_work.platform.failures = [
        DeliveryImpossible("gone"),
        *taken_back,
        DeliveryImpossible("no course"),
    ]
    with pytest.raises(DeliveryImpossible, match="no course"):
        at_work.deliver()
    assert at_work.platform.calls.count("enroll") == 2


def test_what_the_user_has_at_a_former_account_follows(at_work: Round) -> None:
    """A correction has no room for more than a transaction takes; the rest comes along here."""
    at_work.store.former[USER] = frozenset({41})
    other = enrollment("c2", delivery=Delivery(status=DeliveryStatus.DELIVERED))
    strange = replace(other, id=enrollment_id("u9", "c2"), user_id="u9")
    at_work.store.add(other, strange)
    for each in (other, strange):
        FakeLearners(at_work.store).claim(Place(41, 2_000_002), each.id, None)
    at_work.deliver()
    stored = at_work.store.enrollments
    assert stored[other.id].delivery.status is DeliveryStatus.PENDING
    assert stored[strange.id] == strange

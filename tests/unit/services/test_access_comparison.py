"""Comparing access with the platform: differences are reported once and repaired."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.access_claims import Place
from lunas.domain.anomalies import Anomaly
from lunas.domain.audit_feeds import SETTLED_AFTER, Feed, Ref
from lunas.domain.enrollments import DeliveryStatus, Enrollment
from lunas.domain.errors import (
    ConcurrentUpdate,
    ConfigurationError,
    DeliveryDelayed,
    DeliveryImpossible,
    Malformed,
    RateLimited,
)
from lunas.domain.times import to_iso
from lunas.services.access_comparison import CALLS, MAX_WAIT, AccessComparisonService, Compared
from tests.support.builders import EMAIL, LATER
from tests.support.lifecycles import Life, handed_in, ordered
from tests.support.platforms.site import ObservedPlatform, PlatformSite
from tests.unit.services.fakes import (
    FakeAnomalies,
    FakeClock,
    FakeEnrollments,
    FakeLearners,
    FakePayments,
    FakeSchedule,
    FakeStore,
)


def refused() -> DeliveryDelayed:
    """Return the error of a key that the platform refuses."""
    error = DeliveryDelayed("401")
    error.misconfigured = True
    return error


class Setup:
    """A comparison over fakes; after ``steps`` checks of the time the deadline is near."""

    def __init__(self, site: PlatformSite, clock: FakeClock) -> None:
        self.site, self.clock = site, clock
        self.place = Place(site.add_account(EMAIL), site.course(1))
        self.store = FakeStore()
        self.feeds = FakeSchedule(self.store)
        self.payments = FakePayments(self.store)
        self.enrollments = FakeEnrollments(self.store)
        self.claims = FakeLearners(self.store)
        self.platform = ObservedPlatform(site)
        self.reported: list[Anomaly] = []
        self.unread: list[str] = []
        self.steps = 1_000
        self.waiting = timedelta(minutes=1)

    def store_life(self, life: Life, account: str | None = None) -> None:
        """Store a payment, and its enrollments as delivered to an account and claimed there."""
        place = replace(self.place, account_id=account or self.place.account_id)
        self.store.add(life.payment)
        self.store.history[life.payment.id] = list(life.history)
        for each in life.enrollments:
            delivery = replace(each.delivery, platform_user_id=place.account_id)
            self.store.add(replace(each, delivery=delivery, platform_course_id=place.course_id))
            if each.delivery.status is DeliveryStatus.DELIVERED:
                self.claims.claim(place, each.id, each.expires_at)

    def add_batch(self, *payment_ids: str, feed: Feed = Feed.PLATFORM) -> None:
        """Add a batch to a feed, of changes that are old enough to compare."""
        place = to_iso(LATER - SETTLED_AFTER - self.waiting)
        self.feeds.batches[feed].append([Ref(each, None, place) for each in payment_ids])

    def make_late(self, *others: str) -> None:
        """Make the first change late, and put healthy payments of other accounts behind it."""
        self.feeds.batches[Feed.PLATFORM].clear()
        self.waiting = MAX_WAIT + timedelta(seconds=1)
        self.add_batch("pay1", *others)
        for each in others:
            self.store_healthy(each)

    def store_healthy(self, payment_id: str) -> None:
        """Store a delivered purchase of another user, whose account has the course."""
        life = ordered("c1", id=payment_id, user_id=payment_id).settled().delivered("c1")
        account = self.site.add_account(f"{payment_id}@example.com")
        self.store_life(life, account)
        self.give_access(account)

    def give_access(self, account: str | None = None) -> None:
        self.site.add_access(account or self.place.account_id, self.place.course_id)

    def run(self) -> Compared:
        return AccessComparisonService(
            schedule=self.feeds,
            payments=self.payments,
            enrollments=self.enrollments,
            learners=self.claims,
            platform=lambda: self.platform,
            anomalies=FakeAnomalies(self.store),
            on_difference=self.reported.append,
            on_skip=lambda payment_id, _: self.unread.append(payment_id),
            deadline_is_near=self._deadline_near,
            now=self.clock,
        ).run()

    def enrollment(self) -> Enrollment:
        (found,) = self.store.enrollments.values()
        return found

    def _deadline_near(self) -> bool:
        self.steps -= 1
        return self.steps < 0


HEALTHY = ordered("c1").settled().delivered("c1")
REFUNDED = HEALTHY.refunded().revoked()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(LATER)


@pytest.fixture
def setup(site: PlatformSite, clock: FakeClock) -> Setup:
    return Setup(site, clock)


@pytest.fixture
def broken(setup: Setup) -> Setup:
    """Return a setup with a delivered purchase that the platform does not have."""
    setup.store_life(HEALTHY)
    setup.add_batch("pay1")
    return setup


def test_a_healthy_purchase_costs_one_call(setup: Setup) -> None:
    setup.store_life(HEALTHY)
    setup.add_batch("pay1")
    setup.give_access()
    assert setup.run() == Compared(asked=1, seen={"pay1"})
    assert setup.store.anomalies == {}


def test_changes_are_compared_soon_and_again_a_day_later(setup: Setup) -> None:
    setup.run()
    assert [feed for feed, _ in setup.feeds.batch_reads] == [Feed.PLATFORM, Feed.PLATFORM_AGAIN]
    assert setup.feeds.ends == {LATER - SETTLED_AFTER, LATER - timedelta(days=1)}


@pytest.mark.parametrize("life", [ordered("c1"), handed_in("c1"), ordered("c1").settled()])
def test_an_undelivered_purchase_costs_no_call(setup: Setup, life: Life) -> None:
    setup.store_life(life)
    setup.add_batch("pay1", "pay404")
    assert setup.run().asked == 0


def test_missing_access_is_reported_recorded_and_requested_again(broken: Setup) -> None:
    before = broken.enrollment()
    done = broken.run()
    assert (done.asked, done.differences, done.fixed, done.stopped) == (2, 1, 1, None)
    (found,) = broken.store.anomalies.values()
    assert broken.reported == [found]
    assert (found.payment_id, found.evidence["code"]) == ("pay1", "ACCESS_MISSING")
    assert found.evidence["repair"] == "delivery requested again"
    asked = broken.enrollment().delivery
    assert (asked.status, asked.request) == (DeliveryStatus.PENDING, before.delivery.request + 1)


def test_a_difference_is_reported_once_and_its_repair_is_retried(broken: Setup) -> None:
    broken.enrollments.before_change = [ConcurrentUpdate(stale=True)]
    assert (broken.run().fixed, broken.run().fixed) == (0, 0)
    broken.feeds.checkpoints.clear()
    done = broken.run()
    assert (done.differences, done.fixed) == (0, 1)
    assert len(broken.reported) == 1


def test_a_difference_that_returns_after_its_repair_is_reported_again(broken: Setup) -> None:
    broken.run()
    delivery = replace(broken.enrollment().delivery, status=DeliveryStatus.DELIVERED)
    broken.store.add(replace(broken.enrollment(), delivery=delivery))
    broken.feeds.checkpoints.clear()
    assert broken.run().differences == 1
    assert len(broken.store.anomalies) == 2


def test_a_difference_must_show_in_two_reads(broken: Setup) -> None:
    broken.platform.read_failures = [lambda: None, broken.give_access]
    done = broken.run()
    assert (done.asked, done.differences, done.fixed) == (2, 0, 0)


def test_an_enrollment_that_keeps_changing_is_not_reported(broken: Setup) -> None:
    def move() -> None:
        own = broken.enrollment()
        broken.store.add(replace(own, updated_at=own.updated_at + timedelta(seconds=1)))

    broken.platform.read_failures = [move] * 9
    done = broken.run()
    assert (done.differences, done.fixed) == (0, 0)
    assert done.asked == 4


def test_a_delivered_enrollment_counts_without_a_recorded_claim(broken: Setup) -> None:
    broken.store.claims.clear()
    assert broken.run().fixed == 1


def test_access_left_after_a_refund_is_reported_and_revoked(setup: Setup) -> None:
    setup.store_life(HEALTHY)
    setup.claims.release(setup.place, setup.enrollment().id)
    setup.claims.forget(setup.place, setup.enrollment().id)
    setup.store_life(REFUNDED)
    setup.add_batch("pay1")
    setup.give_access()
    assert setup.run().fixed == 1
    (claims,) = setup.store.claims.values()
    assert claims.released == {setup.enrollment().id}
    assert setup.enrollment().delivery.status is DeliveryStatus.PENDING
    (found,) = setup.store.anomalies.values()
    assert found.evidence["code"] == "ACCESS_LEFT"


def test_a_course_that_another_user_of_the_account_paid_for_is_owed_after_a_refund(
    setup: Setup,
) -> None:
    setup.store_life(REFUNDED)
    shared = ordered("c1", id="pay2", user_id="u2").settled().delivered("c1")
    setup.store_life(shared)
    setup.add_batch("pay1")
    setup.give_access()
    assert setup.run().fixed == 0
    setup.site.end_access()
    setup.add_batch("pay1")
    assert setup.run().fixed == 1


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("no room"),
        DeliveryDelayed("down"),
        Malformed("no list of enrollments"),
        ConfigurationError("THINKIFIC_SECRET_ID"),
    ],
)
def test_a_failed_call_stops_the_run_before_its_checkpoint(broken: Setup, error: Exception) -> None:
    broken.feeds.batches[Feed.PLATFORM].clear()
    broken.add_batch("pay1", "pay2")
    broken.store_healthy("pay2")
    broken.platform.read_failures = [error]
    assert broken.run().stopped == str(error)
    assert (broken.unread, broken.feeds.checkpoints) == ([], {})
    assert broken.run().fixed == 1


def test_a_list_without_an_end_is_reported_and_skipped(broken: Setup) -> None:
    broken.platform.read_failures = [DeliveryImpossible("does not end")]
    done = broken.run()
    assert (broken.unread, done.stopped) == (["pay1"], None)
    assert broken.feeds.checkpoints == {Feed.PLATFORM: "1"}


def test_a_run_makes_a_limited_number_of_calls_and_the_next_one_continues(setup: Setup) -> None:
    ids = [f"pay{number}" for number in range(CALLS + 5)]
    for each in ids:
        setup.store_healthy(each)
        setup.add_batch(each)
    done = setup.run()
    assert done.asked == setup.platform.calls.count("access") == CALLS
    assert done.stopped
    again = setup.run()
    assert (again.asked, again.stopped) == (5, None)


def test_a_run_out_of_time_is_continued_by_the_next(broken: Setup) -> None:
    broken.steps = 0
    done = broken.run()
    assert (done.asked, done.stopped) == (0, "the time of the run is over")
    broken.steps = 1
    assert broken.run().fixed == 1


def test_a_payment_is_compared_once_a_run(setup: Setup) -> None:
    setup.store_life(HEALTHY)
    setup.give_access()
    setup.add_batch("pay1", "pay1")
    setup.add_batch("pay1", feed=Feed.PLATFORM_AGAIN)
    assert setup.run().asked == 1


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError])
def test_an_unreadable_item_is_reported_and_skipped(
    broken: Setup, error: Callable[[], Exception]
) -> None:
    broken.payments.before_read = [error()]
    assert broken.run().stopped is None
    assert (broken.unread, broken.feeds.checkpoints) == (["pay1"], {Feed.PLATFORM: "1"})


def test_an_unreadable_enrollment_of_another_user_is_skipped_too(
    broken: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(ids: list[str]) -> list[Enrollment]:
        if ids == ["enr-of-another"]:
            raise ValueError("delivery.status")
        return FakeEnrollments.get_many(broken.enrollments, ids)

    broken.claims.claim(broken.place, "enr-of-another", None)
    monkeypatch.setattr(broken.enrollments, "get_many", unreadable)
    assert broken.run().stopped is None
    assert broken.unread == ["pay1"]


def test_two_courses_of_a_payment_that_lead_to_one_place_are_one_difference(setup: Setup) -> None:
    setup.store_life(ordered("c1", "c2").settled().delivered("c1", "c2"))
    setup.add_batch("pay1")
    done = setup.run()
    assert (done.differences, done.fixed) == (1, 1)


@pytest.mark.parametrize("error", [DeliveryDelayed("500"), Malformed("no course_id")])
def test_one_account_that_keeps_failing_does_not_block_the_others(
    broken: Setup, error: Exception
) -> None:
    broken.make_late("pay2")
    broken.platform.read_failures = [error]
    done = broken.run()
    assert (broken.unread, done.stopped) == (["pay1"], None)
    assert broken.feeds.checkpoints == {Feed.PLATFORM: "1"}


@pytest.mark.parametrize("error", [DeliveryDelayed("500"), Malformed("no list of enrollments")])
def test_while_every_account_fails_no_payment_is_skipped(broken: Setup, error: Exception) -> None:
    broken.make_late("pay2")
    broken.platform.read_failures = [error] * 2
    done = broken.run()
    assert (broken.unread, done.stopped, done.late) == ([], str(error), True)
    assert broken.feeds.checkpoints == {}


def test_an_account_that_fails_at_the_second_look_does_not_count_as_another(broken: Setup) -> None:
    broken.make_late()
    broken.platform.read_failures = [lambda: None, DeliveryDelayed("500")]
    done = broken.run()
    assert (broken.unread, done.stopped) == ([], "500")


def test_a_skipped_payment_is_not_compared_again_in_the_same_run(broken: Setup) -> None:
    broken.make_late("pay2")
    broken.add_batch("pay1", feed=Feed.PLATFORM_AGAIN)
    broken.platform.read_failures = [DeliveryDelayed("500")]
    done = broken.run()
    assert (broken.unread, done.asked, done.differences) == (["pay1"], 2, 0)


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError])
def test_an_error_in_a_write_is_not_mistaken_for_an_unreadable_item(
    broken: Setup, error: type[Exception]
) -> None:
    broken.enrollments.before_change = [error("a mistake in the code")]
    with pytest.raises(error):
        broken.run()
    assert (broken.unread, broken.feeds.checkpoints) == ([], {})


@pytest.mark.parametrize("error", [RateLimited("no room"), ConfigurationError("no key"), refused()])
def test_an_error_that_concerns_all_accounts_stops_even_a_late_run(
    broken: Setup, error: Exception
) -> None:
    broken.make_late("pay2")
    broken.platform.read_failures = [error]
    done = broken.run()
    assert (broken.unread, done.stopped, done.late) == ([], str(error), True)

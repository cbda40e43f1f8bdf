"""Comparing with Thinkific: told once, mended, and never in the way of deliveries."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lunas.domain.access_claims import Place
from lunas.domain.access_comparison import PlatformAccess
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
from lunas.services.access_comparison import CALLS, MAX_WAIT, Compared, Comparer, compare
from tests.support.builders import LATER
from tests.support.lifecycles import Life, handed_in, ordered
from tests.unit.services.fakes import (
    FakeAnomalies,
    FakeClock,
    FakeEnrollments,
    FakeLearners,
    FakePayments,
    FakePlatform,
    FakeSchedule,
    FakeStore,
    Interruption,
    interrupt,
)

ACCOUNT, COURSE = 42, 2_000_001


def refused() -> DeliveryDelayed:
    """Return the error of a key that Thinkific refuses."""
    error = DeliveryDelayed("401")
    error.misconfigured = True
    return error


class FakeStanding(FakePlatform):
    """A platform that is set up by account; ``before`` interrupts a question."""

    def __init__(self) -> None:
        super().__init__()
        self.there: dict[int, list[PlatformAccess]] = {}
        self.asked: list[int] = []
        self.before: list[Interruption] = []

    def access(self, account_id: int, now: datetime) -> list[PlatformAccess]:
        assert now >= LATER
        self.asked.append(account_id)
        interrupt(self.before)
        return self.there.get(account_id, [])


class Yard:
    """A comparison with everything around it; ``looks`` is how often there is time to look."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.feeds = FakeSchedule(self.store)
        self.payments = FakePayments(self.store)
        self.enrollments = FakeEnrollments(self.store)
        self.claims = FakeLearners(self.store)
        self.platform = FakeStanding()
        self.reported: list[Anomaly] = []
        self.unread: list[str] = []
        self.looks = 1_000
        self.waiting = timedelta(minutes=1)
        self.clock = FakeClock(LATER)

    def put(self, life: Life, account: int = ACCOUNT) -> None:
        """Put a payment, and its enrollments as they are noted and claimed at an account."""
        self.store.add(life.payment)
        self.store.history[life.payment.id] = list(life.history)
        for each in life.enrollments:
            noted = replace(each.delivery, platform_user_id=account)
            self.store.add(replace(each, delivery=noted, platform_course_id=COURSE))
            if each.delivery.status is DeliveryStatus.DELIVERED:
                self.claims.claim(Place(account, COURSE), each.id, each.expires_at)

    def lay(self, *payment_ids: str, feed: Feed = Feed.PLATFORM) -> None:
        """Lay a batch on a feed, of changes that are as old as they have to be."""
        place = to_iso(LATER - SETTLED_AFTER - self.waiting)
        self.feeds.batches[feed].append([Ref(each, None, place) for each in payment_ids])

    def waits_for_long(self, *others: str) -> None:
        """Let what is on the feed be late, with healthy payments of other accounts behind it."""
        self.feeds.batches[Feed.PLATFORM].clear()
        self.waiting = MAX_WAIT + timedelta(seconds=1)
        self.lay("pay1", *others)
        for number, each in enumerate(others, ACCOUNT + 1):
            self.put(ordered("c1", id=each, user_id=each).settled().delivered("c1"), number)
            self.give(number)

    def give(self, account: int = ACCOUNT) -> None:
        self.platform.there[account] = [PlatformAccess(COURSE, None)]

    def run(self) -> Compared:
        return compare(
            Comparer(
                feeds=self.feeds,
                payments=self.payments,
                enrollments=self.enrollments,
                learners=self.claims,
                platform=lambda: self.platform,
                anomalies=FakeAnomalies(self.store),
                report=self.reported.append,
                unread=lambda payment_id, _: self.unread.append(payment_id),
                deadline_is_near=self._deadline_near,
                now=self.clock,
            )
        )

    def enrollment(self) -> Enrollment:
        (found,) = self.store.enrollments.values()
        return found

    def _deadline_near(self) -> bool:
        self.looks -= 1
        return self.looks < 0


HEALTHY = ordered("c1").settled().delivered("c1")
REFUNDED = HEALTHY.refunded().revoked()


@pytest.fixture
def yard() -> Yard:
    return Yard()


@pytest.fixture
def broken(yard: Yard) -> Yard:
    """Lay out a delivered purchase of which Thinkific knows nothing."""
    yard.put(HEALTHY)
    yard.lay("pay1")
    return yard


def test_a_healthy_purchase_costs_one_question(yard: Yard) -> None:
    yard.put(HEALTHY)
    yard.lay("pay1")
    yard.give()
    assert yard.run() == Compared(asked=1, seen={"pay1"})
    assert yard.store.anomalies == {}


def test_what_changed_is_looked_at_soon_and_again_a_day_later(yard: Yard) -> None:
    yard.run()
    assert [feed for feed, _ in yard.feeds.followed] == [Feed.PLATFORM, Feed.PLATFORM_AGAIN]
    assert yard.feeds.ends == {LATER - SETTLED_AFTER, LATER - timedelta(days=1)}


@pytest.mark.parametrize("life", [ordered("c1"), handed_in("c1"), ordered("c1").settled()])
def test_what_thinkific_does_not_know_yet_costs_no_question(yard: Yard, life: Life) -> None:
    yard.put(life)
    yard.lay("pay1", "pay404")
    assert yard.run().asked == 0


def test_missing_access_is_told_kept_and_asked_for_again(broken: Yard) -> None:
    before = broken.enrollment()
    done = broken.run()
    assert (done.asked, done.differences, done.fixed, done.stopped) == (2, 1, 1, None)
    (found,) = broken.store.anomalies.values()
    assert broken.reported == [found]
    assert (found.payment_id, found.evidence["code"]) == ("pay1", "ACCESS_MISSING")
    assert found.evidence["repair"] == "delivery requested again"
    asked = broken.enrollment().delivery
    assert (asked.status, asked.request) == (DeliveryStatus.PENDING, before.delivery.request + 1)


def test_a_difference_is_told_once_and_mended_until_it_is(broken: Yard) -> None:
    broken.enrollments.before_change = [ConcurrentUpdate(stale=True)]
    assert (broken.run().fixed, broken.run().fixed) == (0, 0)
    broken.feeds.checkpoints.clear()
    done = broken.run()
    assert (done.differences, done.fixed) == (0, 1)
    assert len(broken.reported) == 1


def test_a_difference_that_comes_back_after_it_was_mended_is_told_again(broken: Yard) -> None:
    broken.run()
    delivery = replace(broken.enrollment().delivery, status=DeliveryStatus.DELIVERED)
    broken.store.add(replace(broken.enrollment(), delivery=delivery))
    broken.feeds.checkpoints.clear()
    assert broken.run().differences == 1
    assert len(broken.store.anomalies) == 2


def test_a_difference_is_looked_at_twice(broken: Yard) -> None:
    broken.platform.before = [lambda: None, broken.give]
    done = broken.run()
    assert (done.asked, done.differences, done.fixed) == (2, 0, 0)


def test_what_moves_meanwhile_is_left_to_its_own_change(broken: Yard) -> None:
    def move() -> None:
        own = broken.enrollment()
        broken.store.add(replace(own, updated_at=own.updated_at + timedelta(seconds=1)))

    broken.platform.before = [move] * 9
    done = broken.run()
    assert (done.differences, done.fixed) == (0, 0)
    assert done.asked == 4


def test_a_delivered_enrollment_counts_where_no_claim_is_noted(broken: Yard) -> None:
    broken.store.claims.clear()
    assert broken.run().fixed == 1


def test_access_that_is_left_over_is_named_at_its_place_and_taken_away(yard: Yard) -> None:
    yard.put(HEALTHY)
    yard.claims.release(Place(ACCOUNT, COURSE), yard.enrollment().id)
    yard.claims.forget(Place(ACCOUNT, COURSE), yard.enrollment().id)
    yard.put(REFUNDED)
    yard.lay("pay1")
    yard.give()
    assert yard.run().fixed == 1
    (claims,) = yard.store.claims.values()
    assert claims.released == {yard.enrollment().id}
    assert yard.enrollment().delivery.status is DeliveryStatus.PENDING
    (found,) = yard.store.anomalies.values()
    assert found.evidence["code"] == "ACCESS_LEFT"


def test_what_another_user_of_the_account_paid_for_is_owed_after_a_refund(yard: Yard) -> None:
    yard.put(REFUNDED)
    shared = ordered("c1", id="pay2", user_id="u2").settled().delivered("c1")
    yard.put(shared)
    yard.lay("pay1")
    yard.give()
    assert yard.run().fixed == 0
    yard.platform.there.clear()
    yard.lay("pay1")
    assert yard.run().fixed == 1


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("no room"),
        DeliveryDelayed("down"),
        Malformed("no list of rows"),
        ConfigurationError("THINKIFIC_SECRET_ID"),
    ],
)
def test_thinkific_without_room_or_answer_stops_the_run_before_its_mark(
    broken: Yard, error: Exception
) -> None:
    broken.platform.before = [error]
    assert broken.run().stopped == str(error)
    assert broken.feeds.checkpoints == {}
    assert broken.run().fixed == 1


def test_a_list_that_does_not_end_is_reported_and_passed(broken: Yard) -> None:
    broken.platform.before = [DeliveryImpossible("does not end")]
    done = broken.run()
    assert (broken.unread, done.stopped) == (["pay1"], None)
    assert broken.feeds.checkpoints == {Feed.PLATFORM: "1"}


def test_a_run_asks_so_often_and_goes_on_in_the_next(yard: Yard) -> None:
    ids = [f"pay{number}" for number in range(CALLS + 5)]
    for number, name in enumerate(ids):
        life = ordered("c1", id=name, user_id=f"u{number}").settled().delivered("c1")
        yard.put(life, 100 + number)
        yard.give(100 + number)
        yard.lay(name)
    done = yard.run()
    assert done.asked == len(yard.platform.asked) == CALLS
    assert done.stopped
    again = yard.run()
    assert (again.asked, again.stopped) == (5, None)


def test_a_run_whose_time_is_over_goes_on_in_the_next(broken: Yard) -> None:
    broken.looks = 0
    done = broken.run()
    assert (done.asked, done.stopped) == (0, "the time of the run is over")
    broken.looks = 1
    assert broken.run().fixed == 1


def test_a_payment_is_asked_about_once_a_run(yard: Yard) -> None:
    yard.put(HEALTHY)
    yard.give()
    yard.lay("pay1", "pay1")
    yard.lay("pay1", feed=Feed.PLATFORM_AGAIN)
    assert yard.run().asked == 1


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError])
def test_what_cannot_be_read_is_told_and_passed(
    broken: Yard, error: Callable[[], Exception]
) -> None:
    broken.payments.before_read = [error()]
    assert broken.run().stopped is None
    assert (broken.unread, broken.feeds.checkpoints) == (["pay1"], {Feed.PLATFORM: "1"})


def test_an_enrollment_of_another_user_that_cannot_be_read_is_passed_too(
    broken: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(ids: list[str]) -> list[Enrollment]:
        if ids == ["enr-of-another"]:
            raise ValueError("delivery.status")
        return FakeEnrollments.get_many(broken.enrollments, ids)

    broken.claims.claim(Place(ACCOUNT, COURSE), "enr-of-another", None)
    monkeypatch.setattr(broken.enrollments, "get_many", unreadable)
    assert broken.run().stopped is None
    assert broken.unread == ["pay1"]


def test_two_courses_of_a_payment_that_lead_to_one_place_are_one_difference(yard: Yard) -> None:
    yard.put(ordered("c1", "c2").settled().delivered("c1", "c2"))
    yard.lay("pay1")
    done = yard.run()
    assert (done.differences, done.fixed) == (1, 1)


@pytest.mark.parametrize("error", [DeliveryDelayed("500"), Malformed("no course_id")])
def test_one_account_without_an_answer_does_not_hold_up_the_others_for_good(
    broken: Yard, error: Exception
) -> None:
    broken.waits_for_long("pay2")
    broken.platform.before = [error]
    done = broken.run()
    assert (broken.unread, done.stopped) == (["pay1"], None)
    assert broken.feeds.checkpoints == {Feed.PLATFORM: "1"}


@pytest.mark.parametrize("error", [DeliveryDelayed("500"), Malformed("no list of rows")])
def test_while_no_account_has_an_answer_nothing_is_passed_however_old(
    broken: Yard, error: Exception
) -> None:
    broken.waits_for_long("pay2")
    broken.platform.before = [error] * 2
    done = broken.run()
    assert (broken.unread, done.stopped, done.late) == ([], str(error), True)
    assert broken.feeds.checkpoints == {}


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError])
def test_an_error_in_a_write_is_not_taken_for_an_item_that_cannot_be_read(
    broken: Yard, error: type[Exception]
) -> None:
    broken.enrollments.before_change = [error("a mistake in the code")]
    with pytest.raises(error):
        broken.run()
    assert (broken.unread, broken.feeds.checkpoints) == ([], {})


@pytest.mark.parametrize("error", [RateLimited("no room"), ConfigurationError("no key"), refused()])
def test_what_concerns_all_accounts_stops_the_run_however_long(
    broken: Yard, error: Exception
) -> None:
    broken.waits_for_long()
    broken.platform.before = [error]
    done = broken.run()
    assert (broken.unread, done.stopped, done.late) == ([], str(error), True)

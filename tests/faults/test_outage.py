"""After an outage of Thinkific of some ten minutes, every learner is enrolled soon.

On the world's clock, with as many learners as the shared limit serves in about two minutes.
"""

from collections.abc import Callable
from datetime import datetime

import pytest

from lunas.domain.delivery import LONGEST_RETRY
from lunas.domain.rate_limit import MINUTE, RateLimit
from tests.faults.world.deployment import ENVIRONMENT
from tests.faults.world.ledger import Actors
from tests.faults.world.users import Person
from tests.faults.world.watch import Watch
from tests.faults.world.world import World

LEARNERS = 50
FEW = 12
OUTAGE = 680.0
"""Seconds: more than ten tries of every learner, and no multiple of what they wait."""
ORDER_OUTAGE = 600.0
"""Seconds; every sale waits behind the first one, so only one message was ever tried."""
ADMIN = Person("ayu", "ADMIN")
CALLS = 4
"""Calls to Thinkific for the first enrollment of a learner."""
RATE_LIMIT = RateLimit.per_minute(int(ENVIRONMENT["THINKIFIC_REQUESTS_PER_MINUTE"]))
MORE_COURSES = (("entry", "literasi-data"), ("intermediate", "analisis-sql"))
OVERHEAD = 10.0
"""Seconds for all but the calls to Thinkific: a run of reconcile, the writes of each delivery."""

type Break = Callable[[World], None]


def answers(status: int) -> Break:
    """Let every call be answered with a status."""
    return lambda world: world.thinkific.fault(
        "*", "answer", times=10**9, status=status, body="<html>"
    )


def silence(world: World) -> None:
    """Let every call take longer than any caller waits."""
    world.thinkific.fault("*", "slow", times=10**9, seconds=30)


def cut(world: World) -> None:
    """Let every connection end without an answer."""
    world.thinkific.fault("*", "drop", times=10**9)


BROKEN: dict[str, tuple[Break, int]] = {
    "503": (answers(503), LEARNERS),
    "401": (answers(401), LEARNERS),
    "500": (answers(500), FEW),
    "520": (answers(520), FEW),
    "404": (answers(404), FEW),
    "silent": (silence, FEW),
    "cut off": (cut, FEW),
}


class Rush:
    """Learners who have paid during the outage."""

    def __init__(self, world: World, break_it: Break, learners: int = LEARNERS) -> None:
        world.start()
        self.world = world
        self.actors = Actors(world)
        self.learners = [Person(f"learner{number:03d}") for number in range(learners)]
        break_it(world)

    def buy(self, package: str, course: str) -> None:
        """Let every learner buy a course, paid at once."""
        for learner in self.learners:
            payment = self.actors.submit(learner, package, course).body["id"]
            assert self.actors.approve(ADMIN, payment).ok

    def recover(self) -> datetime:
        """Let the outage last, then end it; return the moment."""
        self.world.scheduler.pass_time(OUTAGE)
        assert self.delivered() == 0
        self.world.calm()
        return self.world.clock.now()

    def delivered(self) -> int:
        """Return how many enrollments are delivered."""
        items = self.world.aws.table.of_type("enrollment")
        return sum(item["deliveryStatus"]["S"] == "DELIVERED" for item in items)

    def seconds_until(self, number: int) -> float:
        """Return the seconds from now until so many are delivered."""
        began = self.world.clock.now()
        while self.delivered() < number:
            self.world.scheduler.pass_time(1)
            assert (self.world.clock.now() - began).total_seconds() < 1_800
        return (self.world.clock.now() - began).total_seconds()

    def check(self) -> None:
        """Check that nothing was lost or doubled."""
        watch = Watch(self.world, self.actors.ledger)
        assert watch.wrong() == []
        assert watch.unfinished() == []


def limit_bound(calls: int) -> float:
    """Return the seconds that the shared limit takes for so many calls."""
    return calls * RATE_LIMIT.interval * 60 / MINUTE


@pytest.mark.parametrize(("break_it", "learners"), BROKEN.values(), ids=BROKEN)
def test_after_an_outage_every_learner_is_enrolled_within_two_minutes_and_the_limit(
    world: World, break_it: Break, learners: int
) -> None:
    rush = Rush(world, break_it, learners)
    rush.buy("entry", "python-dasar")
    rush.recover()
    took = rush.seconds_until(learners)
    assert took <= LONGEST_RETRY + limit_bound(CALLS * learners) + OVERHEAD
    rush.check()


def test_a_learners_later_courses_follow_the_first_without_a_wait_of_their_own(
    world: World,
) -> None:
    """One group holds a learner's courses in order; only its first message was ever rescheduled."""
    rush = Rush(world, answers(503), learners=20)
    rush.buy("entry", "python-dasar")
    for purchase in MORE_COURSES:
        rush.buy(*purchase)
    rush.recover()
    took = rush.seconds_until(3 * 20)
    later = 2 * len(MORE_COURSES)
    assert took <= LONGEST_RETRY + limit_bound((CALLS + later) * 20) + OVERHEAD
    rush.check()


def test_deliveries_are_not_all_retried_at_one_moment(world: World) -> None:
    rush = Rush(world, answers(503))
    rush.buy("entry", "python-dasar")
    now = rush.recover()
    heads = world.aws.queues["DeliveryQueue"].heads()
    waits = sorted((head.visible_at - now).total_seconds() for head in heads)
    assert len(waits) == LEARNERS
    assert waits[-1] <= LONGEST_RETRY
    quarters = {int(wait * 4 // LONGEST_RETRY) for wait in waits}
    assert quarters == {0, 1, 2, 3}


def test_one_more_failure_after_the_outage_makes_a_learner_wait_no_longer(world: World) -> None:
    """The enrollment has ten failures by then, and one more must not cost ten minutes."""
    rush = Rush(world, answers(503), learners=1)
    rush.buy("entry", "python-dasar")
    rush.recover()
    world.thinkific.fault("createEnrollment", "answer", status=500, body="<html>")
    took = rush.seconds_until(1)
    assert took <= 2 * LONGEST_RETRY + OVERHEAD
    rush.check()


def test_after_an_outage_sales_are_reported_within_two_minutes_and_the_limit(world: World) -> None:
    """Reports wait in one group, and its first message must not hold up the others for long."""
    rush = Rush(world, lambda _: None, learners=10)
    world.report_sales()
    world.thinkific.fault("createExternalOrder", "answer", times=10**9, status=429)
    rush.buy("entry", "python-dasar")
    world.scheduler.pass_time(ORDER_OUTAGE)
    world.calm()
    began = world.clock.now()
    while len(world.thinkific.site.external_orders) < len(rush.learners):
        world.scheduler.pass_time(1)
        assert (world.clock.now() - began).total_seconds() < 1_800
    took = (world.clock.now() - began).total_seconds()
    assert took <= LONGEST_RETRY + limit_bound(2 * len(rush.learners)) + OVERHEAD

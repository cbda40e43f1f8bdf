"""A rush of learners at the simulated limit of the real site, on the world's clock.

The long form of test_call_limit.py does the same on a deployed stack and the real clock; this test
also counts the calls of each enrollment.
"""

from collections import Counter

import pytest

from tests.faults.world.ledger import Actors
from tests.faults.world.users import Person
from tests.faults.world.watch import Watch
from tests.faults.world.world import World
from tests.support.figures import Figures
from tests.support.length import by_length

LEARNERS = by_length(40, 200, 200)
PURCHASES = (
    ("entry", "python-dasar"),
    ("entry", "literasi-data"),
    ("intermediate", "analisis-sql"),
)
ADMIN = Person("ayu", "ADMIN")
NEW, KNOWN = 4, 2
"""Calls to Thinkific for an enrollment of a learner without a known account, and with one."""
SHARE_LIMITED = 0.01
HOURS = 3


@pytest.fixture
def rush(world: World) -> World:
    """Have all learners buy three courses each, course by course, before anything is delivered."""
    world.start()
    actors = Actors(world)
    learners = [Person(f"learner{number:03d}") for number in range(LEARNERS)]
    for purchase in PURCHASES:
        for learner in learners:
            payment = actors.submit(learner, *purchase).body["id"]
            assert actors.approve(ADMIN, payment).ok
    world.scheduler.pass_time(HOURS * 3600)
    watch = Watch(world, actors.ledger)
    assert watch.wrong() == []
    assert watch.unfinished() == []
    return world


def calls_of(world: World) -> dict[str, list[int]]:
    """Return the calls for each learner's enrollments, in the order of their purchase."""
    made: dict[str, list[tuple[str, int]]] = {}
    for item in world.aws.table.of_type("enrollment"):
        traced = world.thinkific.simulation.traffic.traced(item["correlationId"]["S"])
        place = (item["enrolledAt"]["S"], sum(traced.values()))
        made.setdefault(item["userId"]["S"], []).append(place)
    return {user: [calls for _, calls in sorted(each)] for user, each in made.items()}


def test_a_rush_takes_few_calls_meets_no_limit_and_keeps_each_learners_order(
    rush: World, figures: Figures
) -> None:
    calls = calls_of(rush)
    first = [each[0] for each in calls.values()]
    later = [number for each in calls.values() for number in each[1:]]
    traffic = rush.thinkific.simulation.traffic.summary()
    figures.note(
        f"{LEARNERS} learners x {len(PURCHASES)} courses: {traffic['calls']} calls to Thinkific, "
        f"{traffic['limited']} of them 429; {sum(first) / len(first):.2f} for an enrollment of a "
        f"new learner ({max(first)} at most), {sum(later) / len(later):.2f} of a known one "
        f"({max(later)} at most)"
    )
    assert len(first) == LEARNERS
    assert len(later) == LEARNERS * (len(PURCHASES) - 1)
    assert max(first) <= NEW
    assert max(later) <= KNOWN
    compared = [
        fields["asked"] for line, fields in rush.logged if line == "compared with the platform"
    ]
    assert traffic["calls"] == sum(first) + sum(later) + sum(compared), "calls of no enrollment"
    # A payment is compared once while three hours pass, and again a day later.
    assert 0 < sum(compared) <= LEARNERS * len(PURCHASES)
    assert traffic["limited"] <= SHARE_LIMITED * traffic["calls"]
    assert _orders(rush) == Counter({tuple(_names(rush)): LEARNERS})


def _names(world: World) -> list[str]:
    """Return the names of the courses in the order of the purchases."""
    courses = {each["id"]["S"]: each["name"]["S"] for each in world.aws.table.of_type("course")}
    return [courses[course] for _, course in PURCHASES]


def _orders(world: World) -> Counter[tuple[str, ...]]:
    """Count how often Thinkific got a learner's courses in each order."""
    site = world.thinkific.site
    got: dict[int, list[str]] = {}
    for each in sorted(site.enrollments.values(), key=lambda each: each.id):
        got.setdefault(each.user_id, []).append(site.courses[each.course_id].name)
    return Counter(tuple(each) for each in got.values())

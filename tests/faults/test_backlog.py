"""A rush of learners at the simulated limit of the real site, on the world's clock.

The long form of test_call_limit.py does the same on a deployed stack and the real clock; here it
is known of each enrollment how many calls it took.
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
"""Calls to Thinkific for an enrollment of a learner whom Lunas does not know, or does."""
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
        place = (item["createdAt"]["S"], sum(traced.values()))
        made.setdefault(item["userId"]["S"], []).append(place)
    return {user: [calls for _, calls in sorted(each)] for user, each in made.items()}


def test_a_rush_takes_few_calls_meets_no_limit_and_keeps_each_learners_order(
    rush: World, figures: Figures
) -> None:
    calls = calls_of(rush)
    first = [each[0] for each in calls.values()]
    later = [number for each in calls.values() for number in each[1:]]
    reply = rush.thinkific.simulation.traffic.summary()
    figures.say(
        f"{LEARNERS} learners x {len(PURCHASES)} courses: {reply['calls']} calls to Thinkific, "
        f"{reply['limited']} of them 429; {sum(first) / len(first):.2f} for an enrollment of a new "
        f"learner ({max(first)} at most), {sum(later) / len(later):.2f} of a known one "
        f"({max(later)} at most)"
    )
    assert len(first) == LEARNERS
    assert len(later) == LEARNERS * (len(PURCHASES) - 1)
    assert max(first) <= NEW
    assert max(later) <= KNOWN
    compared = [
        fields["asked"] for said, fields in rush.said if said == "compared with the platform"
    ]
    assert reply["calls"] == sum(first) + sum(later) + sum(compared), "calls of nobody"
    # A payment is compared once while three hours pass, and again a day later.
    assert 0 < sum(compared) <= LEARNERS * len(PURCHASES)
    assert reply["limited"] <= SHARE_LIMITED * reply["calls"]
    assert _orders(rush) == Counter({tuple(_names(rush)): LEARNERS})


def _names(world: World) -> list[str]:
    """Return the names of the courses in the order in which everybody bought them."""
    courses = {each["id"]["S"]: each["name"]["S"] for each in world.aws.table.of_type("course")}
    return [courses[course] for _, course in PURCHASES]


def _orders(world: World) -> Counter[tuple[str, ...]]:
    """Count the orders in which Thinkific got the learners' courses, and how often each was."""
    site = world.thinkific.site
    got: dict[int, list[str]] = {}
    for row in sorted(site.enrollments.values(), key=lambda each: each.id):
        got.setdefault(row.user_id, []).append(site.courses[row.course_id].name)
    return Counter(tuple(each) for each in got.values())

"""A change at Thinkific that Lunas did not make, after a purchase, is reported and fixed."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.test_longest_access import DAY, FIRST, SAME, SECOND, School, school
from tests.faults.world.effects import Trap, When, crash

__all__ = ["school"]

HOUR = 3_600


def enrollments(school: School) -> list[Any]:
    """Return all enrollments at Thinkific, active or not."""
    return list(school.world.thinkific.site.enrollments.values())


def codes(school: School) -> list[str]:
    items = school.world.aws.table.of_type("anomaly")
    return sorted(item["finding"]["M"]["evidence"]["M"]["code"]["S"] for item in items)


def deleted(school: School) -> None:
    site = school.world.thinkific.site
    for each in enrollments(school):
        del site.enrollments[each.id]


def ended(school: School) -> None:
    for each in enrollments(school):
        each.expiry_date = school.world.clock.now() - DAY


def shortened(school: School) -> None:
    for each in enrollments(school):
        each.expiry_date = school.world.clock.now() + 2 * DAY


def made_a_trial(school: School) -> None:
    for each in enrollments(school):
        each.activated_at = None


DAMAGES = [deleted, ended, shortened, made_a_trial]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("days", [None, 30])
def test_missing_access_is_reported_and_given_again(
    school: School, damage: Callable[[School], None], days: int | None
) -> None:
    payment = school.buy(FIRST, days)
    before = school.ends()
    damage(school)
    assert school.ends() != before
    school.world.scheduler.pass_time(HOUR)
    assert (codes(school), school.ends()) == (["ACCESS_MISSING"], before)
    assert school.enrollment()["delivery"]["status"] == "DELIVERED"
    assert school.status(payment) == "COMPLETED"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_difference_that_comes_back_is_reported_again_a_day_later(
    school: School, damage: Callable[[School], None]
) -> None:
    school.buy()
    damage(school)
    school.world.scheduler.pass_time(HOUR)
    damage(school)
    school.world.scheduler.pass_time(2 * DAY.total_seconds())
    school.buy(SECOND)
    school.world.scheduler.pass_time(HOUR)
    assert (codes(school), school.ends()) == (["ACCESS_MISSING"] * 2, [None])


def reopen(school: School) -> None:
    """Give revoked access back at Thinkific."""
    for each in enrollments(school):
        each.expiry_date = None


def test_access_that_came_back_after_a_refund_is_reported_and_revoked(school: School) -> None:
    school.refund(school.buy())
    reopen(school)
    assert school.ends() == [None]
    school.world.scheduler.pass_time(HOUR)
    assert (codes(school), school.ends()) == (["ACCESS_LEFT"], [])
    assert school.enrollment()["delivery"]["status"] == "REVOKED"


def test_access_that_another_user_of_the_account_paid_for_stays_after_a_refund(
    school: School,
) -> None:
    school.buy(person=SAME)
    school.refund(school.buy())
    school.world.scheduler.pass_time(HOUR)
    assert (codes(school), school.ends()) == ([], [None])


def test_the_longer_end_that_is_left_after_a_refund_is_reported_and_shortened(
    school: School,
) -> None:
    short, long = school.order(FIRST, 30), school.order(FIRST, 90)
    for payment in (short, long):
        school.approve(payment)
    school.rest()
    (end,) = school.ends()
    school.refund(long)
    for each in enrollments(school):
        each.expiry_date = end
    school.world.scheduler.pass_time(HOUR)
    assert codes(school) == ["ACCESS_LEFT"]
    assert school.ends() == [school.end_in(30, short)]


def test_access_that_a_person_gave_at_thinkific_stays(school: School) -> None:
    school.refund(school.buy(FIRST, 30))
    until = school.world.clock.now().replace(microsecond=0) + 45 * DAY
    for each in enrollments(school):
        each.expiry_date = until
    school.world.scheduler.pass_time(HOUR)
    assert (codes(school), school.ends()) == ([], [until])


def test_access_that_ended_in_its_time_is_no_difference(school: School) -> None:
    school.buy(FIRST, 1)
    school.check()
    school.world.scheduler.pass_time(3 * DAY.total_seconds())
    school.buy(SECOND)
    school.world.scheduler.pass_time(HOUR)
    assert codes(school) == []


@pytest.mark.parametrize("status", [503, 401, 429])
def test_a_comparison_that_failed_is_made_later(school: School, status: int) -> None:
    school.buy()
    deleted(school)
    school.world.thinkific.fault("listEnrollments", "answer", status=status, times=1_000)
    school.world.scheduler.pass_time(HOUR)
    assert codes(school) == []
    school.world.thinkific.calm()
    school.world.scheduler.pass_time(HOUR)
    school.world.run("audit")
    school.rest()
    assert (codes(school), school.ends()) == (["ACCESS_MISSING"], [None])


@pytest.mark.parametrize("when", When)
def test_a_crash_at_any_call_of_the_comparison_loses_nothing(school: School, when: When) -> None:
    place, cut = 0, True
    while cut:
        school.world.start()
        school.buy()
        deleted(school)
        school.world.clock.move(HOUR)
        trap = Trap(place, when, crash, "audit")
        school.world.effects.traps.append(trap)
        school.world.run("audit")
        cut = trap not in school.world.effects.traps
        school.world.effects.traps.clear()
        school.world.scheduler.pass_time(HOUR)
        assert (codes(school), school.ends()) == (["ACCESS_MISSING"], [None]), place
        place += 1
    assert place > 10

"""Duitku's status denies a payment for a while: the money is there soon after it no longer does.

A developer's log shows the buyer sent back with 00, and status 02 in the same second, for an order
that was paid. How long that may last nobody knows, so it is tried for many lengths of time, on the
world's clock.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from local.simulators.duitku.settings import CallbackPlan
from lunas.domain.schedule import DENIED_CHECKS
from tests.faults.world.story import PYTHON, Story
from tests.faults.world.world import World

DENIALS = {
    "ended": {"statusCode": "02", "statusMessage": "CANCELED"},
    "open": {"statusCode": "01", "statusMessage": "PROCESS"},
}
ROUTES = ("popTransactionStatus", "transactionStatus")
DAY = timedelta(days=1)
HOUR = 3_600.0
RUN = 1.0
"""Seconds that a run of reconcile takes at most."""
CHANNELS = [None, "SP", "BC"]

type Action = Callable[[Story], None]


@pytest.fixture
def story(world: World) -> Story:
    world.start()
    return Story(world)


def deny(story: Story, how: str = "ended") -> None:
    """Let Duitku say of every order that it has ended, or that nobody has paid it."""
    story.world.duitku.gateway.change({"answers": dict.fromkeys(ROUTES, DENIALS[how])})


def tell_the_truth(story: Story) -> None:
    story.world.duitku.gateway.change({"answers": {}})


def buy(story: Story, channel: str | None, minutes: float) -> None:
    """Open an order that the buyer pays after some minutes."""
    story.initiate(PYTHON, **({"channel": channel} if channel else {}))
    story.wait(minutes)


def by_callback(story: Story) -> None:
    """Pay, and have a callback say so at once."""
    story.pay()
    story.rest()


def by_return(story: Story) -> None:
    """Pay, and come back with 00: no callback comes, and the buyer's page asks."""
    story.pay_unheard()
    story.check()


def questions(story: Story) -> int:
    counts = story.world.duitku.gateway.traffic.counts
    return sum(counts.get(route, 0) for route in ROUTES)


def seconds_until_settled(story: Story) -> float:
    began = story.world.clock.now()
    while story.status() not in {"APPROVED", "COMPLETED"}:
        story.world.upkeep.pass_time(1)
        assert (story.world.clock.now() - began).total_seconds() < 2 * HOUR, story.status()
    return (story.world.clock.now() - began).total_seconds()


@pytest.mark.parametrize("channel", CHANNELS, ids=str)
@pytest.mark.parametrize("paid_after", [0.2, 7.3], ids=["at once", "later"])
@pytest.mark.parametrize("pay", [by_callback, by_return])
@pytest.mark.parametrize(
    ("denied", "settled_after"),
    [(0.5, 120), (10, 110), (50, 70), (100, 140), (170, 70), (400, 140), (800, 160), (1500, 360)],
    ids=lambda seconds: f"{seconds} s",
)
def test_a_paid_order_is_settled_soon_after_the_denial_is_taken_back(
    denied: float,
    settled_after: float,
    pay: Action,
    paid_after: float,
    channel: str | None,
    story: Story,
) -> None:
    buy(story, channel, paid_after)
    deny(story)
    pay(story)
    assert story.status() == ("PENDING" if pay is by_callback else "FAILED")
    story.world.upkeep.pass_time(denied)
    tell_the_truth(story)

    took = seconds_until_settled(story)

    assert took <= settled_after + RUN
    story.rest()
    assert story.watch.wrong() == []


@pytest.mark.parametrize("channel", CHANNELS, ids=str)
@pytest.mark.parametrize(
    ("denied", "settled_after"), [(0.5, 120), (100, 140), (400, 140), (800, 160), (1500, 360)]
)
def test_a_claimed_success_that_duitku_calls_open_is_settled_soon_as_well(
    denied: float, settled_after: float, channel: str | None, story: Story
) -> None:
    buy(story, channel, 20.2)
    deny(story, "open")
    by_callback(story)
    assert story.status() == "PENDING"
    story.world.upkeep.pass_time(denied)
    tell_the_truth(story)
    assert seconds_until_settled(story) <= settled_after + RUN


@pytest.mark.parametrize("paid_after", [minutes / 10 for minutes in range(1, 11)])
def test_a_claimed_success_is_asked_about_again_within_a_minute(
    paid_after: float, story: Story
) -> None:
    buy(story, None, paid_after)
    deny(story)
    by_callback(story)
    assert story.status() == "PENDING"
    tell_the_truth(story)
    assert seconds_until_settled(story) <= 60 + RUN


def test_a_payment_stays_as_it_is_while_a_claimed_success_was_denied_just_now(
    story: Story,
) -> None:
    """The next run comes at any moment; what Duitku says in the same second is one answer."""
    buy(story, None, 0.9)
    deny(story)
    by_callback(story)
    asked = questions(story)
    story.world.upkeep.pass_time(7)
    story.check()
    assert questions(story) > asked
    assert story.status() == "PENDING"
    story.world.upkeep.pass_time(120)
    assert story.status() == "FAILED"


def test_what_stays_denied_is_asked_about_ever_more_rarely_and_no_more_than_that(
    story: Story,
) -> None:
    """After the questions that a denial causes, the timetable goes on as it would have."""
    buy(story, None, 0.2)
    deny(story)
    by_callback(story)
    asked = questions(story)
    story.world.upkeep.pass_time(DENIED_CHECKS[-1].total_seconds() + 90)
    soon = questions(story) - asked
    assert len(DENIED_CHECKS) < soon <= len(DENIED_CHECKS) + 3
    story.world.upkeep.pass_time(DAY.total_seconds())
    assert questions(story) - asked - soon <= 27
    assert story.status() == "FAILED"


def test_callbacks_again_and_again_do_not_keep_a_payment_open(story: Story) -> None:
    buy(story, None, 0.2)
    deny(story)
    story.pay_unheard()
    for _ in range(12):
        story.world.duitku.send(story.order(), CallbackPlan())
        story.world.upkeep.pass_time(10)
    assert story.status() == "FAILED"


def test_a_success_that_is_claimed_once_more_is_asked_about_from_the_start(story: Story) -> None:
    buy(story, None, 0.2)
    deny(story)
    by_return(story)
    story.wait(16)
    by_callback(story)
    story.world.upkeep.pass_time(100)
    tell_the_truth(story)
    assert seconds_until_settled(story) <= 140


def test_an_order_that_ended_with_its_time_is_asked_about_once_more(story: Story) -> None:
    """Most orders that nobody pays end so; there the timetable is enough."""
    buy(story, "SP", 0)
    story.world.upkeep.reach(story.order().expires_at + timedelta(seconds=90))
    assert story.status() == "EXPIRED"
    asked = questions(story)
    story.world.upkeep.pass_time(12 * 60)
    assert questions(story) == asked


def test_an_order_that_was_paid_as_its_time_ended_is_settled_by_the_second_question(
    story: Story,
) -> None:
    buy(story, "SP", 0)
    story.world.upkeep.reach(story.order().expires_at - timedelta(seconds=1))
    deny(story)
    story.pay_unheard()
    while story.status() == "PENDING":
        story.world.upkeep.pass_time(1)
    assert story.status() == "EXPIRED"
    tell_the_truth(story)
    assert seconds_until_settled(story) <= 75 + RUN

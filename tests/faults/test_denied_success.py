"""Duitku's status denies a paid order for a while; the order settles soon after that ends.

A developer's log shows the buyer sent back with 00, and status 02 in the same second, for an order
that was paid. How long that may last is unknown, so it is tried for many durations, on the world's
clock.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from local.simulators.duitku.settings import CallbackPlan
from lunas.domain.schedule import DENIED_CHECKS
from tests.faults.world.scenario import PYTHON, Scenario
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

type Action = Callable[[Scenario], None]


@pytest.fixture
def scenario(world: World) -> Scenario:
    world.start()
    return Scenario(world)


def deny(scenario: Scenario, how: str = "ended") -> None:
    """Let Duitku's status show every order as ended, or as unpaid."""
    scenario.world.duitku.gateway.change({"answers": dict.fromkeys(ROUTES, DENIALS[how])})


def stop_denying(scenario: Scenario) -> None:
    scenario.world.duitku.gateway.change({"answers": {}})


def buy(scenario: Scenario, channel: str | None, minutes: float) -> None:
    """Open an order that the buyer pays after some minutes."""
    scenario.initiate(PYTHON, **({"channel": channel} if channel else {}))
    scenario.wait(minutes)


def by_callback(scenario: Scenario) -> None:
    """Pay, and get the callback at once."""
    scenario.pay()
    scenario.rest()


def by_return(scenario: Scenario) -> None:
    """Pay, and come back with 00: no callback comes, and the buyer's page checks."""
    scenario.pay_silently()
    scenario.check()


def checks(scenario: Scenario) -> int:
    counts = scenario.world.duitku.gateway.traffic.counts
    return sum(counts.get(route, 0) for route in ROUTES)


def seconds_until_settled(scenario: Scenario) -> float:
    began = scenario.world.clock.now()
    while scenario.status() not in {"APPROVED", "COMPLETED"}:
        scenario.world.scheduler.pass_time(1)
        assert (scenario.world.clock.now() - began).total_seconds() < 2 * HOUR, scenario.status()
    return (scenario.world.clock.now() - began).total_seconds()


@pytest.mark.parametrize("channel", CHANNELS, ids=str)
@pytest.mark.parametrize("paid_after", [0.2, 7.3], ids=["at once", "later"])
@pytest.mark.parametrize("pay", [by_callback, by_return])
@pytest.mark.parametrize(
    ("denied", "settled_after"),
    [(0.5, 120), (10, 110), (50, 70), (100, 140), (170, 70), (400, 140), (800, 160), (1500, 360)],
    ids=lambda seconds: f"{seconds} s",
)
def test_a_paid_order_is_settled_soon_after_the_denial_ends(
    denied: float,
    settled_after: float,
    pay: Action,
    paid_after: float,
    channel: str | None,
    scenario: Scenario,
) -> None:
    buy(scenario, channel, paid_after)
    deny(scenario)
    pay(scenario)
    assert scenario.status() == ("PENDING" if pay is by_callback else "FAILED")
    scenario.world.scheduler.pass_time(denied)
    stop_denying(scenario)

    took = seconds_until_settled(scenario)

    assert took <= settled_after + RUN
    scenario.rest()
    assert scenario.watch.wrong() == []


@pytest.mark.parametrize("channel", CHANNELS, ids=str)
@pytest.mark.parametrize(
    ("denied", "settled_after"), [(0.5, 120), (100, 140), (400, 140), (800, 160), (1500, 360)]
)
def test_a_claimed_success_that_duitku_shows_as_open_is_settled_soon_as_well(
    denied: float, settled_after: float, channel: str | None, scenario: Scenario
) -> None:
    buy(scenario, channel, 20.2)
    deny(scenario, "open")
    by_callback(scenario)
    assert scenario.status() == "PENDING"
    scenario.world.scheduler.pass_time(denied)
    stop_denying(scenario)
    assert seconds_until_settled(scenario) <= settled_after + RUN


@pytest.mark.parametrize("paid_after", [minutes / 10 for minutes in range(1, 11)])
def test_a_claimed_success_is_checked_again_within_a_minute(
    paid_after: float, scenario: Scenario
) -> None:
    buy(scenario, None, paid_after)
    deny(scenario)
    by_callback(scenario)
    assert scenario.status() == "PENDING"
    stop_denying(scenario)
    assert seconds_until_settled(scenario) <= 60 + RUN


def test_a_payment_stays_pending_right_after_a_claimed_success_is_denied(
    scenario: Scenario,
) -> None:
    """The next run may come at any moment; a second denial within seconds ends no payment."""
    buy(scenario, None, 0.9)
    deny(scenario)
    by_callback(scenario)
    asked = checks(scenario)
    scenario.world.scheduler.pass_time(7)
    scenario.check()
    assert checks(scenario) > asked
    assert scenario.status() == "PENDING"
    scenario.world.scheduler.pass_time(120)
    assert scenario.status() == "FAILED"


def test_a_success_that_stays_denied_is_checked_ever_more_rarely(
    scenario: Scenario,
) -> None:
    """After the checks that a denial causes, the usual timetable goes on."""
    buy(scenario, None, 0.2)
    deny(scenario)
    by_callback(scenario)
    asked = checks(scenario)
    scenario.world.scheduler.pass_time(DENIED_CHECKS[-1].total_seconds() + 90)
    soon = checks(scenario) - asked
    assert len(DENIED_CHECKS) < soon <= len(DENIED_CHECKS) + 3
    scenario.world.scheduler.pass_time(DAY.total_seconds())
    assert checks(scenario) - asked - soon <= 27
    assert scenario.status() == "FAILED"


def test_repeated_callbacks_do_not_keep_a_payment_open(scenario: Scenario) -> None:
    buy(scenario, None, 0.2)
    deny(scenario)
    scenario.pay_silently()
    for _ in range(12):
        scenario.world.duitku.send(scenario.order(), CallbackPlan())
        scenario.world.scheduler.pass_time(10)
    assert scenario.status() == "FAILED"


def test_a_success_that_is_claimed_again_is_checked_from_the_start(
    scenario: Scenario,
) -> None:
    buy(scenario, None, 0.2)
    deny(scenario)
    by_return(scenario)
    scenario.wait(16)
    by_callback(scenario)
    scenario.world.scheduler.pass_time(100)
    stop_denying(scenario)
    assert seconds_until_settled(scenario) <= 140


def test_an_expired_order_without_a_claim_is_checked_by_the_timetable_alone(
    scenario: Scenario,
) -> None:
    """Most unpaid orders end so."""
    buy(scenario, "SP", 0)
    scenario.world.scheduler.reach(scenario.order().expires_at + timedelta(seconds=90))
    assert scenario.status() == "EXPIRED"
    asked = checks(scenario)
    scenario.world.scheduler.pass_time(12 * 60)
    assert checks(scenario) == asked


def test_an_order_that_was_paid_as_it_expired_is_settled_by_the_second_check(
    scenario: Scenario,
) -> None:
    buy(scenario, "SP", 0)
    scenario.world.scheduler.reach(scenario.order().expires_at - timedelta(seconds=1))
    deny(scenario)
    scenario.pay_silently()
    while scenario.status() == "PENDING":
        scenario.world.scheduler.pass_time(1)
    assert scenario.status() == "EXPIRED"
    stop_denying(scenario)
    assert seconds_until_settled(scenario) <= 75 + RUN

"""Learners, admins, callbacks, faults and crashes in any order, checked against the ledger.

After each step nothing may be wrong; once the faults have ended and time has passed, nothing may
be left undone. ``docs/guides/testing.md`` lists what both mean.
"""

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import rule, run_state_machine_as_test

from tests.faults.machine.admins import Deciding, Passing
from tests.faults.machine.base import ADMINS, BaseMachine, pick
from tests.faults.machine.faults import Dying, Failing
from tests.faults.machine.learners import CallingBack, Learning
from tests.faults.world.world import World
from tests.support.figures import Figures
from tests.support.length import EXHAUSTIVE, by_length

MINUTE = 60
HEALED = 15 * MINUTE
"""Seconds within which everything that Lunas knows of heals by itself (P5)."""
AGES = 9 * 24 * 60 * MINUTE
"""Seconds after which the timetable of every payment is over (docs/reference/reconciliation.md)."""
PARTS, EXAMPLES, STEPS = by_length((1, 20, 30), (6, 150, 50), (8, 500, 50))
"""Parts that run beside each other, each with so many runs of so many steps."""


class Lunas(Learning, CallingBack, Deciding, Passing, Dying, Failing):
    """Lunas, its users, its providers, and their faults."""

    @rule(number=pick)
    def rest(self, number: int) -> None:
        """Come to rest sometimes, and go on afterwards."""
        if number == 0:
            self.come_to_rest()

    def come_to_rest(self) -> None:
        """End all faults and let time pass; a person requests failed deliveries again."""
        self.world.calm()
        self.world.effects.traps.clear()
        self.world.scheduler.pass_time(HEALED)
        self.nothing_is_wrong()
        self.expect_none(self.watch.undelivered())
        for each in self.enrollments():
            if each["deliveryStatus"] == "FAILED":
                self.actors.redeliver(ADMINS[0], each["id"])
        self.world.scheduler.pass_time(AGES)
        self.nothing_is_wrong()
        self.expect_none(self.watch.unfinished())

    def teardown(self) -> None:
        """End every run at rest."""
        if hasattr(self, "watch"):
            self.come_to_rest()


@pytest.mark.parametrize("part", range(PARTS))
def test_in_any_order_of_events_nothing_is_lost_doubled_or_given_away(
    part: int, world: World, figures: Figures
) -> None:
    Lunas.world, BaseMachine.steps = world, 0
    run_state_machine_as_test(
        # The same runs every time, so that a failure comes again; at random only to search.
        Lunas if EXHAUSTIVE else seed(part)(Lunas),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    figures.add("steps of the state machine", f"{EXAMPLES} runs, part {part}", BaseMachine.steps)

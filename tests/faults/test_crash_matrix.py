"""Every workflow, cut at its calls to the outside, heals.

The calls are found by recording. A cut ends the process, and the next invocation starts cold.
Then only what would happen by itself happens, and after a quarter of an hour (or by the timetable
of docs/reference/reconciliation.md, where only Duitku knows of the money) nothing is left undone.

The short form cuts after each call that may change something, and before all of them: a process
that dies anywhere else leaves what one of these has left. The long form cuts before and after
each call, also lets each call fail without killing the process, and cuts the healing once more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from tests.faults.world.effects import Effect, Strike, Trap, When, crash, fail
from tests.faults.world.scenario import Scenario
from tests.faults.world.workflows import QUARTER, WORKFLOWS, Workflow
from tests.faults.world.world import World
from tests.support.figures import Figures
from tests.support.length import EXHAUSTIVE, LONG, by_length, only_long

FIXED = "COMPLETED|REFUNDED"
READING = ("GET", "Get", "Query", "BatchGet")
"""Prefixes of the calls that change nothing."""
APART = by_length(3, 3, 1)
"""Calls between two second cuts of a healing; each first cut starts with another offset."""

type Faults = Callable[[tuple[Effect, ...]], Iterator[tuple[Trap, ...]]]


@dataclass(frozen=True)
class Run:
    """A workflow's calls, what is wrong after it, and the minutes that it took to heal."""

    calls: tuple[Effect, ...]
    wrong: tuple[str, ...]
    minutes: int


def run(world: World, workflow: Workflow, *traps: Trap) -> Run:
    """Run a workflow, with faults at calls of its function."""
    world.start()
    scenario = Scenario(world)
    workflow.prepare(scenario)
    world.effects.recorded.clear()
    armed = [replace(each, function=workflow.function) for each in traps]
    world.effects.traps = armed
    workflow.action(scenario)
    assert armed[:1] != world.effects.traps[:1] or not armed, "the workflow did not reach the trap"
    calls = [each for each in world.effects.recorded if each.function == workflow.function]
    workflow.afterwards(scenario)
    minutes = _heal(scenario, workflow)
    world.effects.traps.clear()
    wrong = [*scenario.watch.wrong(), *_unfinished(scenario, workflow)]
    if workflow.then is not None and _unfinished(scenario, replace(workflow, ends=FIXED)):
        workflow.then(scenario)
        scenario.wait(workflow.minutes)
        wrong += [*scenario.watch.wrong(), *_unfinished(scenario, replace(workflow, ends=FIXED))]
    if all(trap.strike is crash for trap in traps):
        wrong += scenario.watch.unexpected()
    return Run(tuple(calls), tuple(wrong), minutes)


def _heal(scenario: Scenario, workflow: Workflow) -> int:
    """Let the time pass that healing may take; return after how many minutes it had healed."""
    for minute in range(1, workflow.minutes + 1):
        scenario.wait(1)
        if not _unfinished(scenario, workflow):
            scenario.wait(workflow.minutes - minute)
            return minute
    return workflow.minutes


def _unfinished(scenario: Scenario, workflow: Workflow) -> list[str]:
    status, left = scenario.status() or "none", scenario.watch.unfinished()
    return left if status in workflow.ends.split("|") else [*left, f"the payment is {status}"]


def changes(call: Effect) -> bool:
    """Return whether a call may change something outside."""
    return not call.what.split()[1].startswith(READING)


def after_changes(calls: tuple[Effect, ...]) -> Iterator[tuple[Trap, ...]]:
    """Return a cut for each state of the outside that a process can leave."""
    yield (Trap(0, When.BEFORE, crash),)
    yield from (
        (Trap(index, When.AFTER, crash),) for index, call in enumerate(calls) if changes(call)
    )


def singly(calls: tuple[Effect, ...], strike: Strike = crash) -> Iterator[tuple[Trap, ...]]:
    """Return a fault on each side of each call."""
    for index in range(len(calls)):
        yield from ((Trap(index, when, strike),) for when in When)


def doubly(calls: tuple[Effect, ...]) -> Iterator[tuple[Trap, ...]]:
    """Return two cuts at a time, the second one in what the first one left to be done.

    To die after one call or before the next is the same, so one side is enough.
    """
    firsts = [index for index, call in enumerate(calls) if EXHAUSTIVE or changes(call)]
    for number, first in enumerate(firsts):
        for second in range(number % APART, len(calls), APART):
            cuts = (Trap(index, When.AFTER, crash) for index in (first, first + 1 + second))
            yield tuple(cuts)


def survive(world: World, workflow: Workflow, faults: Faults) -> tuple[int, int]:
    """Run a workflow with each fault; return the number of faults, and the longest healing."""
    whole = run(world, workflow)
    assert whole.wrong == ()
    assert whole.calls
    lost: dict[str, tuple[str, ...]] = {}
    number, longest = 0, 0
    for traps in faults(whole.calls):
        faulty = run(world, workflow, *traps)
        number, longest = number + 1, max(longest, faulty.minutes)
        if faulty.wrong:
            lost[" and ".join(_description(trap, whole.calls) for trap in traps)] = faulty.wrong
    assert lost == {}
    return number, longest


def _description(trap: Trap, calls: tuple[Effect, ...]) -> str:
    call = calls[trap.place] if trap.place < len(calls) else f"call {trap.place}"
    return f"{trap.strike.__name__} {trap.when} {call}"


by_name = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda each: each.name)


@by_name
def test_a_crash_at_any_call_loses_and_doubles_nothing(
    world: World, workflow: Workflow, figures: Figures
) -> None:
    cuts, minutes = survive(world, workflow, singly if LONG else after_changes)
    figures.add("cuts", workflow.name, cuts, f"healed within {minutes} min")


@only_long
@by_name
def test_a_failed_call_or_a_lost_answer_loses_and_doubles_nothing(
    world: World, workflow: Workflow, figures: Figures
) -> None:
    failures, minutes = survive(world, workflow, lambda calls: singly(calls, fail))
    figures.add("failed calls", workflow.name, failures, f"healed within {minutes} min")


@only_long
@by_name
def test_a_second_crash_while_it_heals_loses_and_doubles_nothing(
    world: World, workflow: Workflow, figures: Figures
) -> None:
    longer = replace(workflow, minutes=workflow.minutes + QUARTER)
    cuts, minutes = survive(world, longer, doubly)
    figures.add("cuts twice", workflow.name, cuts, f"healed within {minutes} min")

"""Measures start-up: the time until Lambda's runtime client asks for the first event."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.subjects import Subject
from tests.support.lambda_runtime import RuntimeFailed

NOTHING = {"version": "2.0", "routeKey": "GET /nowhere", "rawPath": "/nowhere", "headers": {},
           "requestContext": {"requestId": "r", "stage": "$default", "http": {
               "method": "GET", "path": "/nowhere", "sourceIp": "127.0.0.1"}}}  # fmt: skip
"""An event that starts a function and that every function refuses."""


@dataclass
class Start:
    """Starts of one function: milliseconds of the emulator's clock and of the processor, MB."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def shown(self) -> dict[str, float]:
        """Return the medians."""
        return {
            "startMs": median(self.wall),
            "startCpuMs": median(self.cpu),
            "startMemoryMb": median(self.memory),
        }


def measure(
    subjects: Mapping[str, Subject], rounds: Mapping[str, int], report: Callable[[str], None]
) -> dict[str, Start]:
    """Start each subject so many times, one after the other in every round.

    So other load of the machine affects all of them.
    """
    found = {name: Start() for name in subjects}
    for number in range(max(rounds.values())):
        started = perf_counter()
        for name in _wanted(subjects, rounds, number):
            _start_once(subjects[name], found[name])
        report(f"start-up, round {number + 1}: {perf_counter() - started:.0f} s")
    return found


def _wanted(
    subjects: Mapping[str, Subject], rounds: Mapping[str, int], number: int
) -> Sequence[str]:
    """Return the subjects that start in a round; each round begins with another one."""
    names = [name for name in subjects if number < rounds[name]]
    first = number * len(names) // max(rounds.values())
    return names[first:] + names[:first]


def _start_once(subject: Subject, start: Start) -> None:
    with subject.metered() as (run, meter):
        event: dict[str, Any] = NOTHING
        # A function without routes fails on the event, but it has started by then.
        with suppress(RuntimeFailed):
            run.invoke(event)
        start.wall.append(run.init_milliseconds())
        start.cpu.append(meter.start_cpu())
        start.memory.append(float(meter.readings()[0]["rss"]) / 1024)

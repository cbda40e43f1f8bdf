"""Measures warm requests: the same request to each function in turn."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.metering import Meter, percentile
from benchmarks.subjects import CHALICE, FASTAPI, FLASK, OWN_BYTECODE, Subject
from benchmarks.traffic import Event, Traffic
from tests.support.lambda_runtime import Running, RuntimeFailed

FIRST = 5
"""First requests of each function, which load modules and are not counted."""
RIVALS = tuple(f"{name}{OWN_BYTECODE}" for name in (FASTAPI, FLASK, CHALICE))


@dataclass
class Warm:
    """Requests to one function: milliseconds of processor and clock, and peak memory in MB."""

    cpu: list[float] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    memory: float = 0.0

    def shown(self) -> dict[str, float]:
        """Return median and 95th percentile."""
        return {
            "cpuMs": median(self.cpu),
            "latencyMs": median(self.latency),
            "latencyP95Ms": percentile(self.latency, 0.95),
            "memoryMb": self.memory,
        }


@dataclass(frozen=True)
class Contender:
    """A function with its requests, and with another table than its own if there is one."""

    name: str
    subject: Subject
    events: Sequence[Event]
    table: str | None = None


def compare(contenders: Sequence[Contender]) -> dict[str, Warm]:
    """Send requests, one to each contender in turn; raises RuntimeFailed unless all succeed."""
    with ExitStack() as stack:
        runs: list[tuple[Contender, Running, Meter]] = []
        for each in contenders:
            settings = {"TABLE_NAME": each.table} if each.table else {}
            runs.append((each, *stack.enter_context(each.subject.metered(**settings))))
        found = {each.name: Warm() for each in contenders}
        for number in range(min(len(each.events) for each in contenders)):
            for each, run, _ in runs:
                taken = _ask(run, each.events[number])
                if number >= FIRST:
                    found[each.name].latency.append(taken)
        for each, run, meter in runs:
            _note_one_more(run, each)
            found[each.name].cpu = meter.request_cpu()[FIRST : len(each.events)]
            found[each.name].memory = meter.megabytes()
    return found


def routes(
    ours: Mapping[str, Subject],
    peers: Mapping[str, Subject],
    traffic: Traffic,
    requests: int,
) -> dict[str, dict[str, Warm]]:
    """Compare Lunas' function of each route with the peers, which have all routes in one."""
    made: Mapping[str, tuple[str, Callable[[], Event]]] = {
        "POST /payments/initiate": ("initiate_payment", traffic.initiate),
        "POST /webhooks/duitku": ("duitku_webhook", traffic.callback),
        "GET /payments": ("payments", traffic.page),
    }
    found = {}
    for route, (own, make) in made.items():
        subjects = [ours[own], *(peers[name] for name in RIVALS)]
        found[route] = compare(
            [Contender(each.name, each, traffic.many(make, requests + FIRST)) for each in subjects]
        )
    return found


def _ask(run: Running, event: Event) -> float:
    """Send one request; return the milliseconds until its answer."""
    started = perf_counter()
    answer: Any = run.invoke(event)
    taken = (perf_counter() - started) * 1000
    if isinstance(answer, dict) and int(answer.get("statusCode", 200)) >= 300:  # noqa: PLR2004
        raise RuntimeFailed(f"{run.function.name}: {answer}\n{run.tail()}")
    return taken


def _note_one_more(run: Running, contender: Contender) -> None:
    """Send one more request, so that there is a reading after the last counted one.

    The client writes a reading when it asks for the next event, which may be after the answer.
    """
    run.invoke(contender.events[-1])

"""The functions of template.yaml, as Lambda runs them: processes that stay warm until they die."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from re import sub
from types import CodeType, ModuleType
from typing import Any

from tests.faults.world.aws import forget_secrets
from tests.faults.world.clock import Clock
from tests.faults.world.effects import Crash, Effects
from tests.support import template
from tests.support.api_requests import Context

FUNCTIONS = Path(__file__).parents[3] / "functions"
USUAL_TIMEOUT = int(template.globals_of_functions()["Timeout"])
"""Seconds."""


def folder_of(resource: str) -> str:
    """Return the folder of a function by its name in the template."""
    return sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", resource.removesuffix("Function")).lower()


def _timeouts() -> dict[str, int]:
    return {
        folder_of(name): each.get("Timeout", USUAL_TIMEOUT)
        for name, each in template.functions().items()
    }


class Died(Exception):
    """An invocation that gave no answer: the process died, or the handler raised."""


class Invoked(Context):
    """The context that Lambda gives to a handler."""

    def __init__(self, request_id: str, seconds: float, clock: Clock) -> None:
        super().__init__()
        self._aws_request_id = request_id
        self._end = clock.now().timestamp() + seconds
        self._clock = clock

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]
        """Return how much of the time-out is left."""
        return int((self._end - self._clock.now().timestamp()) * 1000)


@dataclass
class Process:
    """A process that has loaded a function."""

    module: ModuleType
    busy: bool = False


@dataclass
class Functions:
    """All functions by the name of their folder."""

    clock: Clock
    effects: Effects
    timeouts: Mapping[str, int] = field(default_factory=_timeouts)
    _processes: dict[str, list[Process]] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    def invoke(self, name: str, event: dict[str, Any]) -> Any:
        """Run a function; raises Died when it gave no answer."""
        process = self._process(name)
        process.busy = True
        seconds = self.timeouts[name]
        context = Invoked(f"invocation-{next(self._numbers)}", seconds, self.clock)
        self.effects.begin(name, seconds)
        try:
            return process.module.handler(event, context)
        except Crash:
            # The next invocation starts cold: another process, which remembers nothing.
            self._processes[name].remove(process)
            forget_secrets()
            raise Died(f"{name} crashed") from None
        except Exception as error:
            raise Died(f"{name} raised {error!r}") from error
        finally:
            process.busy = False
            self.effects.end()

    def _process(self, name: str) -> Process:
        """Return a process that is free: one runs a single invocation at a time."""
        processes = self._processes.setdefault(name, [])
        free = next((each for each in processes if not each.busy), None)
        if free is None:
            free = Process(_loaded(name))
            processes.append(free)
        return free


def _loaded(name: str) -> ModuleType:
    module = ModuleType(f"world_{name}")
    exec(_code(name), vars(module))  # noqa: S102  (as a loader does)
    return module


@cache
def _code(name: str) -> CodeType:
    """Compile a function once; each process that starts cold runs it again."""
    path = FUNCTIONS / name / "app.py"
    return compile(path.read_text(encoding="utf-8"), path, "exec")


def routes() -> dict[str, str]:
    """Return the function of each route of the HTTP API, e.g. of ``GET /payments/{id}``."""
    return {
        f"{event['Properties']['Method']} {event['Properties']['Path']}": folder_of(name)
        for name, each in template.functions().items()
        for event in each.get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }


def schedules() -> dict[str, str]:
    """Return the schedule of each function that has one, e.g. ``rate(1 minute)``."""
    return {
        folder_of(name): event["Properties"]["ScheduleExpression"]
        for name, each in template.functions().items()
        for event in each.get("Events", {}).values()
        if event["Type"] == "ScheduleV2"
    }

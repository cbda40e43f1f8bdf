"""One time for the product, the simulators and AWS; it moves only when the world moves it."""

import datetime as dt
import importlib
import itertools
import pkgutil
import random
import time
import types
from collections.abc import Generator
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace

import jwt.api_jwt
import pytest
from aws_lambda_powertools.utilities.idempotency import base as idempotency
from aws_lambda_powertools.utilities.idempotency.persistence import base, datarecord, dynamodb

import lunas
from local import simulators
from local.simulators import faults
from local.simulators.duitku import pop
from local.simulators.thinkific import ratelimit
from lunas import clock as product_clock
from lunas.clock import epoch_milliseconds
from lunas.platforms.thinkific.rate_limiter import MAX_WAIT, SharedLimiter

START = datetime(2026, 11, 2, 2, tzinfo=UTC)
TICK = timedelta(milliseconds=7)
"""What a call to the outside takes."""


class Clock:
    """The world's time, in UTC; it has the methods of the simulators' own clock."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        """Return the time."""
        return self._now

    def tick(self) -> None:
        """Let the time of one call pass."""
        self._now += TICK

    def move(self, seconds: float) -> None:
        """Let time pass; it never goes back."""
        self._now += timedelta(seconds=max(seconds, 0))

    def reach(self, moment: datetime) -> None:
        """Let time pass up to a moment, unless it is over."""
        self._now = max(self._now, moment)

    def reset(self) -> None:
        """Return to the first moment."""
        self._now = START


@types.coroutine
def nap(seconds: float) -> Generator[float]:
    """Sleep, in a simulator: the caller that drives its coroutine decides what that means."""
    yield seconds


def install(clock: Clock, patch: pytest.MonkeyPatch) -> None:
    """Make every module read the world's clock, and make chance the same in every run."""
    moments = _datetime_by(clock)
    for module in (product_clock, jwt.api_jwt, ratelimit):
        patch.setattr(module, "datetime", moments)
    package = SimpleNamespace(**{**vars(dt), "datetime": moments})
    for powertools in (idempotency, base, datarecord, dynamodb):
        patch.setattr(powertools, "dt", package)
    seconds = SimpleNamespace(
        time=lambda: clock.now().timestamp(),
        time_ns=lambda: int(clock.now().timestamp() * 1e9),
        monotonic=lambda: clock.now().timestamp(),
        sleep=clock.move,
    )
    for module in _modules():
        if vars(module).get("time") is time:
            patch.setattr(module, "time", seconds)
        if vars(module).get("random") is random:
            patch.setattr(module, "random", random.Random(1))  # noqa: S311
    # A default was evaluated when the class was made.
    defaults = (epoch_milliseconds, clock.move, MAX_WAIT)
    patch.setattr(SharedLimiter.__init__, "__defaults__", defaults)
    for sleeping in (faults, pop):
        patch.setattr(sleeping, "asyncio", SimpleNamespace(sleep=nap))
    numbers = itertools.count(1)
    patch.setattr(
        product_clock,
        "uuid",
        SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=f"{next(numbers):032x}")),
    )


def _modules() -> list[types.ModuleType]:
    """Return every module of the layer and of the simulators, loaded by then."""
    packages = (lunas, simulators)
    return [
        importlib.import_module(found.name)
        for package in packages
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not found.name.endswith("__main__")
    ]


def _datetime_by(clock: Clock) -> type[datetime]:
    class Moment(datetime):
        """``datetime``, whose present is the clock's."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            moment = clock.now()
            return moment.astimezone(tz) if tz else moment.astimezone().replace(tzinfo=None)

    return Moment

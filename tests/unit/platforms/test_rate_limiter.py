"""Waiting for a permit: a near one is awaited, a distant one refused and not taken."""

import time
from typing import Any

import pytest

from lunas import clock
from lunas.domain.errors import ConfigurationError, NoPermit
from lunas.domain.rate_limit import CALLERS, RateLimit
from lunas.platforms.thinkific.http import TIMEOUT
from lunas.platforms.thinkific.rate_limiter import LAST_CALL, MAX_WAIT, SharedLimiter
from lunas.storage.rate_limits import SharedCalls

START = 1_800_000_000_000
MINUTE = 60_000


class InMemoryCalls(SharedCalls):
    """The shared calls in memory, for one thread."""

    def __init__(self, rate_limit: RateLimit) -> None:
        self._rate_limit = rate_limit
        self.busy_until = 0

    def reserve(self, now: int, latest: int) -> int:
        """Take the next permit."""
        permit = self._rate_limit.permit(self.busy_until, now)
        if permit > latest:
            raise NoPermit("later", (permit - now) / 1000)
        self.busy_until = self._rate_limit.taken(self.busy_until, now)
        return permit

    def rest_until(self, moment: int) -> None:
        """Give no permit before this moment."""
        self.busy_until = max(self.busy_until, self._rate_limit.resting_until(moment))


class Setup:
    """A clock that only sleeping moves, and limiters that use it."""

    def __init__(self, calls_per_minute: int = 110) -> None:
        self.now = START
        self.calls = InMemoryCalls(RateLimit.per_minute(calls_per_minute))

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        assert seconds > 0
        self.now += round(seconds * 1000)

    def limiter(self, remaining: int = 75_000) -> SharedLimiter:
        """Return the limiter of a fresh invocation."""
        return SharedLimiter(self.calls, self.now + remaining, lambda: self.now, self.sleep)


def test_the_first_calls_after_a_pause_go_at_once() -> None:
    setup = Setup()
    limiter = setup.limiter()
    for _ in range(4):
        limiter.acquire()
    assert setup.now == START


def test_a_call_is_sent_at_its_permit() -> None:
    setup = Setup()
    limiter = setup.limiter()
    for _ in range(60):
        permit = setup.calls._rate_limit.permit(setup.calls.busy_until, setup.now)  # noqa: SLF001
        limiter.acquire()
        assert setup.now == permit


def test_a_distant_permit_is_refused_with_its_delay_and_not_taken() -> None:
    setup = Setup()
    setup.limiter().rest(30)
    before = setup.calls.busy_until
    with pytest.raises(NoPermit) as raised:
        setup.limiter().acquire()
    assert raised.value.retry_after == 30
    assert (setup.now, setup.calls.busy_until) == (START, before)


def test_a_pause_applies_to_every_limiter_and_ends() -> None:
    setup = Setup()
    setup.limiter().rest(3.5)
    setup.limiter().acquire()
    assert setup.now == START + 3_500


def test_no_call_begins_when_its_response_could_come_too_late() -> None:
    setup = Setup()
    limiter = setup.limiter(LAST_CALL + 1)
    limiter.acquire()
    setup.now += 2
    before = setup.calls.busy_until
    with pytest.raises(NoPermit):
        limiter.acquire()
    assert setup.calls.busy_until == before


def test_a_limiter_never_waits_beyond_the_last_call_of_an_invocation() -> None:
    setup = Setup()
    limiter = setup.limiter(20_000)

    def call_repeatedly() -> None:
        for _ in range(100):
            limiter.acquire()

    with pytest.raises(NoPermit):
        call_repeatedly()
    assert START + 9_000 < setup.now <= START + 20_000 - LAST_CALL


def test_the_longest_response_and_its_writes_fit_after_the_last_call() -> None:
    assert sum(TIMEOUT) * 1000 < LAST_CALL


def test_in_a_backlog_every_caller_gets_its_permit_in_time() -> None:
    """At the lowest rate that the template allows, with every caller always waiting."""
    slowest = RateLimit.per_minute(60)
    assert CALLERS * slowest.interval <= MAX_WAIT


@pytest.fixture
def opened_with(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Record how the shared calls are opened."""
    made: dict[str, Any] = {}

    def opened(*arguments: object) -> InMemoryCalls:
        made["arguments"] = arguments
        return InMemoryCalls(RateLimit.per_minute(110))

    monkeypatch.setattr("lunas.platforms.thinkific.rate_limiter.SharedCalls", opened)
    monkeypatch.setenv("THINKIFIC_SUBDOMAIN", "shop")
    monkeypatch.setenv("THINKIFIC_REQUESTS_PER_MINUTE", "600")
    return made


def test_the_calls_are_shared_by_site_at_the_configured_rate(opened_with: dict[str, Any]) -> None:
    table: Any = object()
    SharedLimiter.from_environment(table, 75_000)
    assert opened_with["arguments"] == (table, "THINKIFIC", "shop", RateLimit(100))


def test_an_invocation_near_its_deadline_makes_no_call(opened_with: dict[str, Any]) -> None:
    table: Any = object()
    SharedLimiter.from_environment(table, LAST_CALL + 5_000).acquire()
    with pytest.raises(NoPermit):
        SharedLimiter.from_environment(table, LAST_CALL - 1).acquire()
    assert opened_with


def test_without_a_configured_rate_no_call_is_made(
    opened_with: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THINKIFIC_REQUESTS_PER_MINUTE")
    table: Any = object()
    with pytest.raises(ConfigurationError, match="THINKIFIC_REQUESTS_PER_MINUTE"):
        SharedLimiter.from_environment(table, 75_000)
    assert opened_with == {}


def test_permits_are_in_milliseconds_since_the_epoch() -> None:
    before = time.time()
    now = clock.epoch_milliseconds()
    assert before - 1 <= now / 1000 <= time.time() + 1

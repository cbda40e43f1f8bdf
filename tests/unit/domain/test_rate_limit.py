"""The rate limit keeps Thinkific's limit whatever its callers do."""

import random
from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.rate_limit import BURST, CALLERS, MINUTE, RateLimit

LIMIT = 120
DEFAULT = RateLimit.per_minute(110)
START = 1_800_000_000_000
LONGEST_CALL = 8_000
rates = st.integers(1, 60_000)
gaps = st.lists(st.integers(0, 5_000), min_size=1, max_size=60)


def most_in_a_minute(moments: list[int]) -> int:
    """Return the most moments that any span of 60 s holds, its end left out."""
    ordered = sorted(moments)
    return max(bisect_left(ordered, first + MINUTE) - place for place, first in enumerate(ordered))


def permits(rate_limit: RateLimit, asked: list[int]) -> list[int]:
    """Return the permits that are requested at these moments, one after the other."""
    busy_until, times = 0, []
    for now in asked:
        times.append(rate_limit.permit(busy_until, now))
        busy_until = rate_limit.taken(busy_until, now)
    return times


def moments(gaps: list[int]) -> list[int]:
    """Return moments with these gaps in between."""
    now, found = START, []
    for gap in gaps:
        now += gap
        found.append(now)
    return found


def test_the_default_leaves_room_for_every_caller_under_thinkifics_limit() -> None:
    assert MINUTE // DEFAULT.interval + BURST + CALLERS <= LIMIT


@given(rates)
def test_a_rate_limit_never_exceeds_the_rate_requested(calls: int) -> None:
    assert MINUTE / RateLimit.per_minute(calls).interval <= calls


def test_after_a_pause_a_burst_goes_at_once_and_the_rest_at_even_intervals() -> None:
    times = permits(DEFAULT, [START] * 10)
    assert times[:BURST] == [START] * BURST
    assert times[BURST:] == [START + DEFAULT.interval * each for each in (1, 2, 3, 4, 5)]


def test_a_pause_allows_no_more_than_the_burst() -> None:
    later = START + 10 * MINUTE
    assert permits(DEFAULT, [START, *[later] * (BURST + 1)])[-2:] == [
        later,
        later + DEFAULT.interval,
    ]


@given(rates, gaps)
def test_permits_are_given_in_order_and_never_in_the_past(calls: int, gaps: list[int]) -> None:
    asked = moments(gaps)
    times = permits(RateLimit.per_minute(calls), asked)
    assert times == sorted(times)
    assert all(permit >= now for permit, now in zip(times, asked, strict=True))


@given(rates, gaps)
def test_beyond_the_burst_permits_keep_their_interval(calls: int, gaps: list[int]) -> None:
    rate_limit = RateLimit.per_minute(calls)
    times = permits(rate_limit, moments(gaps))
    for first, last in zip(times, times[BURST:], strict=False):
        assert last - first >= rate_limit.interval


@given(rates, st.integers(0, 10 * MINUTE), st.integers(0, 10 * MINUTE))
def test_a_pause_ends_on_time(calls: int, rest: int, later: int) -> None:
    rate_limit = RateLimit.per_minute(calls)
    now, until = START + later, START + rest
    assert rate_limit.permit(rate_limit.resting_until(until), now) == max(now, until)


class BusyCallers:
    """Callers that call as fast as permitted, with calls of any length."""

    def __init__(self, seed: int, callers: int, idle: int, slow: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311
        self._callers = callers
        self._idle, self._slow = idle, slow

    def arrivals(self, rate_limit: RateLimit, calls: int) -> list[int]:
        """Return when the calls arrive at Thinkific: any time until their caller has its answer."""
        busy_until, seen = 0, []
        free = [START] * self._callers
        for _ in range(calls):
            caller = min(range(self._callers), key=free.__getitem__)
            now = free[caller]
            permit = rate_limit.permit(busy_until, now)
            busy_until = rate_limit.taken(busy_until, now)
            answered = permit + self._chance.randint(0, self._slow)
            seen.append(self._chance.randint(permit, answered))
            free[caller] = answered + self._chance.randint(0, self._idle)
        return seen


@given(
    st.builds(
        BusyCallers,
        st.integers(0, 2**32),
        st.integers(1, CALLERS),
        st.sampled_from([0, 100, 1_000, 10_000]),
        st.sampled_from([0, 100, 1_000, LONGEST_CALL]),
    )
)
def test_thinkific_receives_at_most_its_limit_in_any_minute(callers: BusyCallers) -> None:
    assert most_in_a_minute(callers.arrivals(DEFAULT, 300)) <= LIMIT


def test_the_worst_minute_is_the_calculated_one() -> None:
    """Every caller has a call on the way during a pause, and all of them arrive at its end."""
    arrive = START + LONGEST_CALL
    times = permits(DEFAULT, [START] * CALLERS + [arrive] * 200)
    seen = [arrive] * CALLERS + times[CALLERS:]
    assert most_in_a_minute(times[CALLERS:]) == MINUTE // DEFAULT.interval + BURST
    assert most_in_a_minute(seen) == LIMIT


def test_callers_are_not_delayed_without_need() -> None:
    seen = BusyCallers(1, CALLERS, 0, 0).arrivals(DEFAULT, 330)
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] <= 3 * MINUTE

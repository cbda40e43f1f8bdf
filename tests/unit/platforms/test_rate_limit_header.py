"""The header RateLimit-Reset in each of its forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.platforms.thinkific.rate_limiter import JITTER, LONGEST, SHORTEST, reset_delay

NOW = 1_704_220_051.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1704220081000", 30),
        ("1704220081", 30),
        ("30", 30),
        ("30.5", 30.5),
        (" 30 ", 30),
        ("0", SHORTEST),
        ("-5", SHORTEST),
        ("1704220000", SHORTEST),
        ("1704220000000", SHORTEST),
        ("600", LONGEST),
        ("1704999999", LONGEST),
        ("9999999999999999", LONGEST),
        ("inf", LONGEST),
        ("1e400", LONGEST),
        ("-inf", SHORTEST),
    ],
)
def test_the_size_of_the_value_decides_its_unit(header: str, seconds: float) -> None:
    delay = reset_delay(header, NOW)
    assert delay is not None
    assert seconds <= delay <= seconds + JITTER


@pytest.mark.parametrize("header", [None, "", " ", "soon", "nan", "NaN", "30s", "1,5", "0x10"])
def test_a_value_that_is_not_a_number_is_ignored(header: str | None) -> None:
    assert reset_delay(header, NOW) is None


@given(st.one_of(st.text(), st.floats().map(str), st.integers().map(str)))
def test_the_delay_is_a_minute_at_most_for_any_value(header: str) -> None:
    delay = reset_delay(header, NOW)
    assert delay is None or SHORTEST <= delay <= LONGEST + JITTER


def test_delays_are_spread() -> None:
    assert len({reset_delay("30", NOW) for _ in range(20)}) > 1

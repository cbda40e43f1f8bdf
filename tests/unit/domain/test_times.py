"""Times as text."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.times import from_iso, to_iso

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(9000, 1, 1), timezones=ZONES)  # noqa: DTZ001
WHOLE = MOMENTS.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))


def test_a_time_is_written_in_utc_with_milliseconds_and_z() -> None:
    jakarta = timezone(timedelta(hours=7))
    moment = datetime(2026, 11, 22, 10, 4, 5, 678900, tzinfo=jakarta)
    assert to_iso(moment) == "2026-11-22T03:04:05.678Z"


@given(WHOLE)
def test_reading_gives_the_time_that_was_written(moment: datetime) -> None:
    assert from_iso(to_iso(moment)) == moment
    assert from_iso(to_iso(moment)).tzinfo is UTC


@given(WHOLE, WHOLE)
def test_texts_sort_as_their_times(one: datetime, other: datetime) -> None:
    assert (to_iso(one) < to_iso(other)) is (one < other)


def test_another_offset_is_read_as_the_same_moment() -> None:
    assert to_iso(from_iso("2026-11-22T10:04:05+07:00")) == "2026-11-22T03:04:05.000Z"

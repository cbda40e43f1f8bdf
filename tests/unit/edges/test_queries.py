"""Times in a query: ISO 8601, in UTC, within years that every shift can bear."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from lunas.edges.queries import Moment
from lunas.rules.times import to_iso

MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T03:04:05", datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)),
        ("2026-11-22T03:04:05Z", datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)),
        ("2026-11-22T03:04:05+07:00", datetime(2026, 11, 21, 20, 4, 5, tzinfo=UTC)),
        ("2000-01-01", datetime(2000, 1, 1, tzinfo=UTC)),
        ("9000-12-31", datetime(9000, 12, 31, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_utc(given: str, read: datetime) -> None:
    assert MOMENT.validate_python(given) == read


@pytest.mark.parametrize("given", ["2000-01-01T00:00:00+14:00", "9000-12-31T23:59:59-12:00"])
def test_at_the_edge_of_the_years_a_shift_does_no_harm(given: str) -> None:
    assert to_iso(MOMENT.validate_python(given))


@pytest.mark.parametrize(
    "given", ["1999-12-31", "0001-01-01T00:00:00+14:00", "9001-01-01", "9999-12-31T23:00:00-12:00"]
)
def test_a_year_out_of_reach_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="between the years 2000 and 9000"):
        MOMENT.validate_python(given)


@pytest.mark.parametrize("given", ["", "yesterday", "2026-13-01", "1700000000", "-1", "0", "2026"])
def test_what_is_no_iso_time_is_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python(given)

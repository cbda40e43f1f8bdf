"""Times in a query: ISO 8601, days of the configured zone, years from 2000 to 9000."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from lunas.api.parameters import FirstMoment, LastMoment
from lunas.domain.lists import Span
from lunas.domain.times import to_iso
from tests.support.logs import Logged

FROM: TypeAdapter[datetime] = TypeAdapter(FirstMoment)
TO: TypeAdapter[datetime] = TypeAdapter(LastMoment)


@pytest.mark.parametrize(
    ("given", "begin", "end"),
    [
        ("2026-11-29", "2026-11-28T17:00:00.000Z", "2026-11-29T17:00:00.000Z"),
        (" 2026-11-29 ", "2026-11-28T17:00:00.000Z", "2026-11-29T17:00:00.000Z"),
        ("2024-02-29", "2024-02-28T17:00:00.000Z", "2024-02-29T17:00:00.000Z"),
        ("2000-01-01", "1999-12-31T17:00:00.000Z", "2000-01-01T17:00:00.000Z"),
        ("9000-12-31", "9000-12-30T17:00:00.000Z", "9000-12-31T17:00:00.000Z"),
        ("2026-11-29\u200b", "2026-11-28T17:00:00.000Z", "2026-11-29T17:00:00.000Z"),
        ("2026-11-29+07:00", "2026-11-28T17:00:00.000Z", "2026-11-29T17:00:00.000Z"),
        ("2026-11-29+0900", "2026-11-28T15:00:00.000Z", "2026-11-29T15:00:00.000Z"),
        ("2026-11-29+07", "2026-11-28T17:00:00.000Z", "2026-11-29T17:00:00.000Z"),
        ("2026-11-29-03:30", "2026-11-29T03:30:00.000Z", "2026-11-30T03:30:00.000Z"),
        ("2026-11-29+14:00", "2026-11-28T10:00:00.000Z", "2026-11-29T10:00:00.000Z"),
        ("2026-11-29Z", "2026-11-29T00:00:00.000Z", "2026-11-30T00:00:00.000Z"),
    ],
)
def test_a_date_is_a_whole_day_of_the_configured_zone(given: str, begin: str, end: str) -> None:
    assert to_iso(FROM.validate_python(given)) == begin
    assert to_iso(TO.validate_python(given)) == end


def test_the_same_date_as_start_and_end_is_one_day() -> None:
    span = Span(FROM.validate_python("2026-11-29"), TO.validate_python("2026-11-29"))
    assert span.start
    assert span.end
    assert (span.end - span.start).total_seconds() == 86_400


@pytest.mark.parametrize(
    ("zone", "begin", "hours"),
    [
        ("UTC", "2026-03-29T00:00:00.000Z", 24),
        ("Asia/Jayapura", "2026-03-28T15:00:00.000Z", 24),
        # The night in which clocks go forward there is an hour shorter.
        ("Europe/Berlin", "2026-03-28T23:00:00.000Z", 23),
    ],
)
def test_the_zone_is_a_setting(
    zone: str, begin: str, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIME_ZONE", zone)
    first, last = FROM.validate_python("2026-03-29"), TO.validate_python("2026-03-29")
    assert to_iso(first) == begin
    assert (last - first).total_seconds() == hours * 3600


@pytest.mark.parametrize("zone", ["Asia/Jakart", "../etc/passwd", "WIB ", "/", "Asia"])
def test_an_invalid_zone_is_logged_for_the_operator_and_means_jakarta(
    zone: str, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setenv("TIME_ZONE", zone)
    assert to_iso(FROM.validate_python("2026-11-29")) == "2026-11-28T17:00:00.000Z"
    assert logged.messages("ERROR") == ["misconfigured"]
    assert "TimeZone" in logged.lines[0]["reason"]
    assert logged.metrics() == ["ServerError"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-11-22T03:04:05", datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)),
        ("2026-11-22T03:04:05Z", datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)),
        ("2026-11-22T00:00:00Z", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T03:04:05+07:00", datetime(2026, 11, 21, 20, 4, 5, tzinfo=UTC)),
        ("2026-11-22T03:04:05 07:00", datetime(2026, 11, 21, 20, 4, 5, tzinfo=UTC)),
        ("2026-11-22T03:04:05.678 0700", datetime(2026, 11, 21, 20, 4, 5, 678_000, tzinfo=UTC)),
        ("2026-11-22 03:04 07:00", datetime(2026, 11, 21, 20, 4, tzinfo=UTC)),
        ("2026-11-22 03:04:05", datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)),
        ("2026-11-22 03:04Z", datetime(2026, 11, 22, 3, 4, tzinfo=UTC)),
        ("2026-11-22T03:04", datetime(2026, 11, 22, 3, 4, tzinfo=UTC)),
        ("2026-11-22T03:04:05 07", datetime(2026, 11, 21, 20, 4, 5, tzinfo=UTC)),
        ("2026-11-22T03:04:05-07:00", datetime(2026, 11, 22, 10, 4, 5, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_its_instant(given: str, read: datetime) -> None:
    assert FROM.validate_python(given) == TO.validate_python(given) == read


@pytest.mark.parametrize("given", ["2000-01-01T00:00:00+14:00", "9000-12-31T23:59:59-12:00"])
def test_an_offset_may_cross_the_limits_of_the_years(given: str) -> None:
    assert to_iso(FROM.validate_python(given))


@pytest.mark.parametrize(
    "given", ["1999-12-31", "0001-01-01T00:00:00+14:00", "9001-01-01", "9999-12-31T23:00:00-12:00"]
)
def test_a_year_out_of_range_is_refused(given: str) -> None:
    for adapter in (FROM, TO):
        with pytest.raises(ValidationError, match="between the years 2000 and 9000"):
            adapter.validate_python(given)


@pytest.mark.parametrize(
    "given", ["2026-11-29 07:00", "2026-11-29 0700", "2026-11-29 07", " 2026-11-29 23:59\u200b"]
)
def test_a_time_that_may_be_an_offset_without_its_plus_is_refused(given: str) -> None:
    for adapter in (FROM, TO):
        with pytest.raises(ValidationError, match="T before its time, or %2B for the plus"):
            adapter.validate_python(given)


@pytest.mark.parametrize(
    "given",
    [
        "2026-11-29+15:00",
        "2026-11-29+07:60",
        "2026-11-29+7",
        "2026-02-30+07:00",
        "2026-11-29 07:00x",
    ],
)
def test_a_date_with_an_invalid_offset_is_refused(given: str) -> None:
    for adapter in (FROM, TO):
        with pytest.raises(ValidationError):
            adapter.validate_python(given)


@pytest.mark.parametrize(
    "given",
    ["", "yesterday", "2026-13-01", "2026-02-30", "1700000000", "-1", "0", "2026", "2026-11-29x"],
)
def test_a_text_that_is_not_an_iso_time_is_refused(given: str) -> None:
    for adapter in (FROM, TO):
        with pytest.raises(ValidationError):
            adapter.validate_python(given)

"""Query parameters that lists share."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import (
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from lunas import observability
from lunas.api.auth import MAX_ID
from lunas.api.parameters import BLANK, blank_is
from lunas.aws.settings import optional
from lunas.domain.errors import ConfigurationError
from lunas.domain.texts import plain

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

TIME_ZONE, JAKARTA = "TIME_ZONE", "Asia/Jakarta"
"""Environment variable with the zone of the shop, whose days a bare date means; its default."""
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LOST_PLUS = re.compile(r"([0-9-]{10}[Tt ][0-9:.,]+) ([0-9]{2}(?::?[0-9]{2})?)")
"""A time whose offset has lost its plus, which a query writes as ``%2B`` or else means a space."""
HOURS_AHEAD = re.compile(r"([Tt ][0-9:.,]+[+-][0-9]{2})$")
"""An offset without minutes, as ISO 8601 allows and pydantic does not."""
DATE_AND_OFFSET = re.compile(r"([0-9-]{10})(Z|z|([+-])([0-9]{2})(?::?([0-5][0-9]))?)")
DATE_AND_CLOCK = re.compile(r"[0-9-]{10} [0-9]{2}(:?[0-9]{2})?")
"""A time of that day, or a date whose offset has lost its plus: nobody can tell which."""
FURTHEST = timedelta(hours=14)
"""Between any zone and UTC."""
FIRST_YEAR, LAST_YEAR = 2000, 9000
"""Within them, no shift to UTC leaves the calendar."""
DAY = timedelta(days=1)


def _from(given: object, read: ValidatorFunctionWrapHandler) -> datetime:
    return _moment(given, timedelta(), read)


def _to(given: object, read: ValidatorFunctionWrapHandler) -> datetime:
    return _moment(given, DAY, read)


def _moment(given: object, whole_day: timedelta, read: ValidatorFunctionWrapHandler) -> datetime:
    """Read a time, or a bare date as the moment so much after the begin of the shop's day.

    A date with an offset is a day there. Bare numbers are refused, which pydantic would take for
    seconds since 1970.
    """
    text = plain(given) if isinstance(given, str) else ""
    if not ISO_DATE.match(text):
        raise ValueError("must be an ISO 8601 time or date")
    if ISO_DATE.fullmatch(text):
        return (_midnight(text) + whole_day).replace(tzinfo=shop_zone()).astimezone(UTC)
    if day := DATE_AND_OFFSET.fullmatch(text):
        return (_midnight(day[1]) - _offset(day) + whole_day).replace(tzinfo=UTC)
    if DATE_AND_CLOCK.fullmatch(text):
        raise ValueError(
            "must have a T before its time, or %2B for the plus of an offset: a bare + is a space"
        )
    whole = LOST_PLUS.sub(r"\1+\2", text)
    moment = _within_years(read(HOURS_AHEAD.sub(r"\1:00", whole)))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _midnight(day: str) -> datetime:
    return _within_years(datetime.combine(date.fromisoformat(day), time()))


def _offset(day: re.Match[str]) -> timedelta:
    """Return by how much clocks are ahead of UTC where a day with an offset is meant."""
    ahead = timedelta(hours=int(day[4] or 0), minutes=int(day[5] or 0))
    if ahead > FURTHEST:
        raise ValueError("must have an offset of 14 hours at most")
    return -ahead if day[3] == "-" else ahead


def _within_years(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment


def shop_zone() -> "ZoneInfo":
    """Return the time zone of the shop; where the setting names none, that of Jakarta.

    ``make deploy`` lets no such setting out. One that was changed by other means must not take
    the lists away, so it rings the alarm that every wrong setting rings, each time it is used.
    """
    try:
        return _zone(optional(TIME_ZONE) or JAKARTA)
    except ConfigurationError as error:
        observability.log_exception(error)
        return _zone(JAKARTA)


@cache
def _zone(name: str) -> "ZoneInfo":
    # Only who asks by a date pays for the import.
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ConfigurationError(
            f"TimeZone names no zone of the IANA database: days are those of {JAKARTA} meanwhile"
        ) from None


type FirstMoment = Annotated[datetime, WrapValidator(_from)]
"""An ISO 8601 time, or a date: the begin of that day. A time without an offset is UTC."""
type LastMoment = Annotated[datetime, WrapValidator(_to)]
"""An ISO 8601 time, or a date: the end of that day. A time without an offset is UTC."""

PAGE = 25
"""Items of a page when the caller does not say."""


Identity = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID)]
"""The id of a user, which may be any text."""
Limit = Annotated[int, Field(ge=1, le=100), blank_is(PAGE), Query()]
Cursor = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None, BLANK, Query()
]
From = Annotated[FirstMoment | None, BLANK, Query(alias="from")]
To = Annotated[LastMoment | None, BLANK, Query()]

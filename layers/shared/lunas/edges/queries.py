"""Query parameters that lists share."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from lunas.adapters.settings import optional
from lunas.edges import telemetry
from lunas.edges.auth import MAX_ID
from lunas.rules.errors import Misconfigured
from lunas.rules.texts import prose

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

TIME_ZONE, JAKARTA = "TIME_ZONE", "Asia/Jakarta"
"""Environment variable with the zone of the shop, whose days a bare date means; its default."""
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LOST_PLUS = re.compile(r"([0-9-]{10}[Tt ][0-9:.,]+) ([0-9]{2}:?[0-9]{2})")
"""A time whose offset has lost its plus, which a query writes as ``%2B`` or else means a space."""
FIRST_YEAR, LAST_YEAR = 2000, 9000
"""Within them, no shift to UTC leaves the calendar."""
DAY = timedelta(days=1)


def _from(given: object, read: ValidatorFunctionWrapHandler) -> datetime:
    return _moment(given, timedelta(), read)


def _to(given: object, read: ValidatorFunctionWrapHandler) -> datetime:
    return _moment(given, DAY, read)


def _moment(given: object, whole_day: timedelta, read: ValidatorFunctionWrapHandler) -> datetime:
    """Read a time, or a bare date as the moment so much after the begin of the shop's day.

    Bare numbers are refused, which pydantic would take for seconds since 1970.
    """
    text = given.strip() if isinstance(given, str) else ""
    if not ISO_DATE.match(text):
        raise ValueError("must be an ISO 8601 time or date")
    if ISO_DATE.fullmatch(text):
        midnight = _within_years(datetime.combine(date.fromisoformat(text), time()))
        return (midnight + whole_day).replace(tzinfo=shop_zone()).astimezone(UTC)
    moment = _within_years(read(LOST_PLUS.sub(r"\1+\2", text)))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


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
    except Misconfigured as error:
        telemetry.crashed(error)
        return _zone(JAKARTA)


@cache
def _zone(name: str) -> "ZoneInfo":
    # Only who asks by a date pays for the import.
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise Misconfigured(
            f"TimeZone names no zone of the IANA database: days are those of {JAKARTA} meanwhile"
        ) from None


type FirstMoment = Annotated[datetime, WrapValidator(_from)]
"""An ISO 8601 time, or a date: the begin of that day. A time without an offset is UTC."""
type LastMoment = Annotated[datetime, WrapValidator(_to)]
"""An ISO 8601 time, or a date: the end of that day. A time without an offset is UTC."""

PAGE = 25
"""Items of a page when the caller does not say."""


def blank_is(default: object) -> BeforeValidator:
    """Take a parameter that was left blank for one that was left out, which is the default."""
    return BeforeValidator(
        lambda given: default if isinstance(given, str) and not prose(given) else given
    )


BLANK = blank_is(None)
"""For what has no default. What a value must be like stands before it: after it, and in Query, it
would be asked of None as well."""
Identity = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID)]
"""The id of a user, which may be any text."""
Limit = Annotated[int, Field(ge=1, le=100), blank_is(PAGE), Query()]
Cursor = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None, BLANK, Query()
]
From = Annotated[FirstMoment | None, BLANK, Query(alias="from")]
To = Annotated[LastMoment | None, BLANK, Query()]

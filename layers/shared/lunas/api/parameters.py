"""Parameters of routes: the values of paths, queries and headers.

Invisible characters and surrounding spaces, which people and their tools send, are dropped, and a
blank value counts as left out (``lunas.api.requests`` reads bodies in the same way).
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from lunas import observability
from lunas.api.auth import MAX_ID
from lunas.aws.settings import optional
from lunas.domain.errors import ConfigurationError
from lunas.domain.texts import plain, prose

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
CHANNEL = r"^[A-Z0-9]{2}$"
SEPARATOR = r"^[,;]?$"
PATTERN_MESSAGES = {
    ID: "must be of 1 to 64 letters, digits, dots, hyphens and underscores, and begin with a "
    "letter or digit",
    CHANNEL: "must be two letters or digits, as GET /payments/methods names the channel",
    SEPARATOR: "must be a comma or a semicolon",
}
"""Messages for values that do not match a pattern."""
TIME_ZONE, JAKARTA = "TIME_ZONE", "Asia/Jakarta"
"""Environment variable with the shop's time zone, in which a bare date is read, and its default."""
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LOST_PLUS = re.compile(r"([0-9-]{10}[Tt ][0-9:.,]+) ([0-9]{2}(?::?[0-9]{2})?)")
"""A time whose offset has lost its plus: in a query, only ``%2B`` is a plus, and ``+`` a space."""
HOURS_AHEAD = re.compile(r"([Tt ][0-9:.,]+[+-][0-9]{2})$")
"""An offset without minutes, as ISO 8601 allows and pydantic does not."""
DATE_AND_OFFSET = re.compile(r"([0-9-]{10})(Z|z|([+-])([0-9]{2})(?::?([0-5][0-9]))?)")
DATE_AND_CLOCK = re.compile(r"[0-9-]{10} [0-9]{2}(:?[0-9]{2})?")
"""Ambiguous: a time of that day, or a date whose offset has lost its plus."""
FURTHEST = timedelta(hours=14)
"""The largest offset of any zone from UTC."""
FIRST_YEAR, LAST_YEAR = 2000, 9000
"""Between them, no conversion to UTC leaves Python's calendar."""
DAY = timedelta(days=1)
PAGE = 25
"""Items of a page if the caller gives no ``limit``."""


def blank_is(default: object, clean: Callable[[str], str] = plain) -> BeforeValidator:
    """Return a validator that cleans a text, or returns ``default`` without visible characters."""

    def cleaned(given: object) -> object:
        if not isinstance(given, str):
            return given
        return clean(given) if prose(given) else default

    return BeforeValidator(cleaned)


BLANK = blank_is(None)
"""For parameters without a default. Constraints come before it in ``Annotated``: after it, or in
``Query``, they would apply to None as well."""
AS_IS = blank_is(None, str)
"""The same for values that may contain any character: none is dropped."""


def _from(given: object, read: ValidatorFunctionWrapHandler) -> datetime:
    return _moment(given, timedelta(), read)


def _to(given: object, read: ValidatorFunctionWrapHandler) -> datetime:
    return _moment(given, DAY, read)


def _moment(given: object, whole_day: timedelta, read: ValidatorFunctionWrapHandler) -> datetime:
    """Return a time in UTC; a bare date is the start of that day at the shop, plus ``whole_day``.

    A date with an offset is a day at that offset. A bare number raises ValueError: pydantic would
    read it as seconds since 1970.
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
    """Return the offset from UTC of a date with an offset."""
    ahead = timedelta(hours=int(day[4] or 0), minutes=int(day[5] or 0))
    if ahead > FURTHEST:
        raise ValueError("must have an offset of 14 hours at most")
    return -ahead if day[3] == "-" else ahead


def _within_years(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment


def shop_zone() -> "ZoneInfo":
    """Return the time zone of the shop, or Jakarta's if the setting names no zone.

    ``make deploy`` refuses such a setting. If it was changed by other means, lists must still
    work, so each use logs an error, which raises the alarm for wrong settings.
    """
    try:
        return _zone(optional(TIME_ZONE) or JAKARTA)
    except ConfigurationError as error:
        observability.log_exception(error)
        return _zone(JAKARTA)


@cache
def _zone(name: str) -> "ZoneInfo":
    # Only requests that name a date pay for the import.
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ConfigurationError(
            f"TimeZone names no zone of the IANA database: days are those of {JAKARTA} meanwhile"
        ) from None


type FirstMoment = Annotated[datetime, WrapValidator(_from)]
type LastMoment = Annotated[datetime, WrapValidator(_to)]
Identity = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID)]
"""The id of a user, which may be any text."""
Limit = Annotated[
    int, Field(ge=1, le=100), blank_is(PAGE), Query(description="Items of a page of JSON.")
]
Cursor = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None, BLANK, Query()
]
From = Annotated[
    FirstMoment | None,
    BLANK,
    Query(
        alias="from",
        description="The first moment: an ISO 8601 time, or a date, which starts with its day in "
        "the shop's time zone, or at its offset. A time without an offset is UTC; a `+` in a query "
        "is a space, so write the plus of an offset as `%2B`.",
    ),
]
To = Annotated[
    LastMoment | None,
    BLANK,
    Query(
        description="The end: an ISO 8601 time, exclusive, or a date, which ends with its day in "
        "the shop's time zone, or at its offset. A time without an offset is UTC."
    ),
]
Separator = Annotated[
    str, Query(pattern=SEPARATOR, description="With CSV: what separates cells, `,` or `;`.")
]
"""A bare ``;`` in an address may arrive as an empty text, and counts as ``;``."""
IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=255)] | None,
    AS_IS,
    Header(
        alias="idempotency-key",
        description="The same key has the same effect once, for a day. With another body: 422; "
        "while the first request runs: 409. A blank key counts as left out.",
    ),
]
"""Separates a repetition from a new request; without a key, every request is new."""

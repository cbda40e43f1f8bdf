"""Query parameters that lists share."""

import re
from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, BeforeValidator

ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_YEAR, LAST_YEAR = 2000, 9000
"""Within them, no shift to UTC leaves the calendar."""


def _dated(given: object) -> object:
    """Refuse bare numbers, which would be taken for seconds since 1970."""
    if isinstance(given, str) and not ISO_DATE.match(given):
        raise ValueError("must be an ISO 8601 time or date")
    return given


def _in_utc(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


type Moment = Annotated[datetime, BeforeValidator(_dated), AfterValidator(_in_utc)]
"""An ISO 8601 time or date; without an offset it is UTC."""

Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(min_length=1, max_length=2000)]
From = Annotated[Moment | None, Query(alias="from")]
To = Annotated[Moment | None, Query()]

PAGE = 25
"""Items of a page when the caller does not say."""

"""Rows of Thinkific's lists, and the terms of an enrollment (thinkific.md, Enrollments)."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lunas.domain.errors import DeliveryImpossible, Malformed
from lunas.platforms.thinkific.fields import flag, id_of, malformed, number, part, text

if TYPE_CHECKING:
    from lunas.platforms.thinkific.http import ThinkificApi

PAGE = 250
"""Rows of one page, Thinkific's maximum."""
MAX_PAGES = 200
"""Pages read before a list that never ends is given up."""
FOREVER = timedelta(days=36_500)
"""An end that far ahead stands for access that does not end."""
MARGIN = timedelta(minutes=1)
"""An enrollment is activated this much in the past, so that clocks that differ do not lock it."""


def every_item(
    api: "ThinkificApi", path: str, query: Mapping[str, str | int]
) -> Iterator[Mapping[str, Any]]:
    """Read a list page by page to its end, which next_page tells; raises DeliveryError.

    A page that only repeats the one before is Malformed: reading on would not end.
    """
    page: int | None = 1
    before: list[Mapping[str, Any]] = []
    for _ in range(MAX_PAGES):
        rows, page = read_page(api, path, query, page or 1)
        if rows and rows == before:
            raise Malformed(f"Thinkific's list {path} gives the same page again")
        yield from rows
        if page is None:
            return
        before = rows
    raise DeliveryImpossible(f"Thinkific's list {path} does not end")


def read_page(
    api: "ThinkificApi", path: str, query: Mapping[str, str | int], page: int
) -> tuple[list[Mapping[str, Any]], int | None]:
    """Read one page of a list: its rows, and the next page, None at the end.

    Raises Malformed where the next page would be none after this one.
    """
    answer = api.get(path, {**query, "page": page, "limit": PAGE})
    following = _next_page(answer)
    if following is not None and following <= page:
        raise Malformed(f"Thinkific's list {path} names page {following} after page {page}")
    return _items(answer), following


def _items(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = answer.get("items")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Malformed("Thinkific answered without a list of rows")
    return rows


def _next_page(answer: Mapping[str, Any]) -> int | None:
    following = part(part(answer, "meta"), "pagination").get("next_page")
    if following in ("", None):
        return None
    page = following if type(following) is int else id_of(following)
    if page is None:
        raise malformed("next_page")
    # 0 stands for "none" as null does: samples show it as prev_page of page 1.
    return page or None


def object_id(row: Mapping[str, Any]) -> int:
    """Return the id of a row: an integer, or digits."""
    return number(row, "id")


def seconds(moment: datetime) -> str:
    """Write a time as Thinkific takes it: ISO 8601 in UTC, seconds, with Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def terms(now: datetime, until: datetime | None) -> dict[str, str]:
    """Write when access begins, and when it ends, if ever."""
    end = {"expiry_date": seconds(until)} if until else {}
    return {"activated_at": seconds(now - MARGIN), **end}


def lasts(row: Mapping[str, Any], until: datetime | None) -> bool:
    """Tell whether access lasts for good, or at least ``until``."""
    expiry = text(row, "expiry_date")
    if not expiry:
        return True
    try:
        end = datetime.fromisoformat(expiry)
        return until is not None and end >= until.replace(microsecond=0)
    except (ValueError, TypeError):
        return False


def end_of(row: Mapping[str, Any]) -> datetime | None:
    """Return when the access of a row ends, None if never; ValueError for what is no time."""
    expiry = text(row, "expiry_date")
    if not expiry:
        return None
    end = datetime.fromisoformat(expiry)
    if end.tzinfo is None:
        raise ValueError("a time without its offset")
    return end.replace(microsecond=0)


def is_given(row: Mapping[str, Any], given: AbstractSet[datetime | None], now: datetime) -> bool:
    """Tell whether a row ends when Lunas gave it an end, or does not end and was given so."""
    try:
        end = end_of(row)
    except ValueError:
        return False
    if end is None or end > now + FOREVER / 2:
        return None in given
    return end in {each.replace(microsecond=0) for each in given if each is not None}


def lasts_longer(row: Mapping[str, Any], until: datetime | None) -> bool:
    """Tell whether the access of a row ends later than ``until``."""
    try:
        end = end_of(row)
    except ValueError:
        return False
    return until is not None and (end is None or end > until.replace(microsecond=0))


def is_active(row: Mapping[str, Any]) -> bool:
    """Tell full access from a trial (no activated_at) and from an expired row."""
    over, trial = flag(row, "expired"), flag(row, "is_free_trial")
    return bool(text(row, "activated_at")) and not over and not trial

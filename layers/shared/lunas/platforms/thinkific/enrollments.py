"""Lists and enrollments of Thinkific's API (thinkific.md, Enrollments)."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lunas.domain.errors import DeliveryImpossible, Malformed
from lunas.platforms.thinkific.fields import flag, malformed, number_of, part, required_id, text

if TYPE_CHECKING:
    from lunas.platforms.thinkific.http import ThinkificApi

PAGE = 250
"""Items of one page, Thinkific's maximum."""
MAX_PAGES = 200
"""Pages after which a list counts as endless."""
FOREVER = timedelta(days=36_500)
"""An end this far ahead means access without an end."""
MARGIN = timedelta(minutes=1)
"""How far in the past an enrollment is activated: a clock that is behind must not lock it."""


def every_item(
    api: "ThinkificApi", path: str, query: Mapping[str, str | int]
) -> Iterator[Mapping[str, Any]]:
    """Read all pages of a list, following next_page; raises DeliveryError.

    Raises Malformed if a page repeats the one before, since reading might never end.
    """
    page: int | None = 1
    before: list[Mapping[str, Any]] = []
    for _ in range(MAX_PAGES):
        items, page = read_page(api, path, query, page or 1)
        if items and items == before:
            raise Malformed(f"Thinkific's list {path} gives the same page again")
        yield from items
        if page is None:
            return
        before = items
    raise DeliveryImpossible(f"Thinkific's list {path} does not end")


def read_page(
    api: "ThinkificApi", path: str, query: Mapping[str, str | int], page: int
) -> tuple[list[Mapping[str, Any]], int | None]:
    """Read one page of a list: its items and the number of the next page, None at the end.

    Raises Malformed if the next page is not after this one.
    """
    answer = api.get(path, {**query, "page": page, "limit": PAGE})
    following = _next_page(answer)
    if following is not None and following <= page:
        raise Malformed(f"Thinkific's list {path} names page {following} after page {page}")
    return _items(answer), following


def _items(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = answer.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Malformed("Thinkific answered without a list of items")
    return items


def _next_page(answer: Mapping[str, Any]) -> int | None:
    following = part(part(answer, "meta"), "pagination").get("next_page")
    if following in ("", None):
        return None
    page = following if type(following) is int else number_of(following)
    if page is None:
        raise malformed("next_page")
    # 0 means "none", as null does: samples show it as prev_page of page 1.
    return page or None


def object_id(item: Mapping[str, Any]) -> str:
    """Return the id of an item, which is an integer or digits."""
    return required_id(item, "id")


def seconds(moment: datetime) -> str:
    """Format a time for Thinkific: ISO 8601 in UTC, to the second, with Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def terms(now: datetime, until: datetime | None) -> dict[str, str]:
    """Return the fields for the begin of access, and for its end if it has one."""
    end = {"expiry_date": seconds(until)} if until else {}
    return {"activated_at": seconds(now - MARGIN), **end}


def lasts(enrollment: Mapping[str, Any], until: datetime | None) -> bool:
    """Return whether access has no end or lasts at least until ``until``."""
    expiry = text(enrollment, "expiry_date")
    if not expiry:
        return True
    try:
        end = datetime.fromisoformat(expiry)
        return until is not None and end >= until.replace(microsecond=0)
    except (ValueError, TypeError):
        return False


def end_of(enrollment: Mapping[str, Any]) -> datetime | None:
    """Return the end of an enrollment, None without one; ValueError if it is not a time."""
    expiry = text(enrollment, "expiry_date")
    if not expiry:
        return None
    end = datetime.fromisoformat(expiry)
    if end.tzinfo is None:
        raise ValueError("a time without its offset")
    return end.replace(microsecond=0)


def is_given(
    enrollment: Mapping[str, Any], given: AbstractSet[datetime | None], now: datetime
) -> bool:
    """Return whether an enrollment ends at a ``given`` time, or has no end and None is given."""
    try:
        end = end_of(enrollment)
    except ValueError:
        return False
    if end is None or end > now + FOREVER / 2:
        return None in given
    return end in {each.replace(microsecond=0) for each in given if each is not None}


def lasts_longer(enrollment: Mapping[str, Any], until: datetime | None) -> bool:
    """Return whether the access of an enrollment ends later than ``until``."""
    try:
        end = end_of(enrollment)
    except ValueError:
        return False
    return until is not None and (end is None or end > until.replace(microsecond=0))


def is_active(enrollment: Mapping[str, Any]) -> bool:
    """Return whether an enrollment gives full access: activated, not expired and no trial."""
    expired, trial = flag(enrollment, "expired"), flag(enrollment, "is_free_trial")
    return bool(text(enrollment, "activated_at")) and not expired and not trial

"""Reads one page of a list, newest first: one Query of one index."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lunas.domain.lists import Position, Span
from lunas.domain.times import to_iso
from lunas.storage.expressions import Item, placeholders
from lunas.storage.table import Table

EVER = Span()
EARLIEST, LATEST = "0", ":"
"""Below and above every creation time as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A partition of an index, a span of time, and attributes to filter by."""

    index: str
    key: str
    partition: str
    span: Span = EVER
    where: Mapping[str, str | None] = field(default_factory=dict)


def read_page(
    table: Table, listing: Listing, limit: int, after: Position | None
) -> tuple[list[Item], Position | None]:
    """Read up to ``limit`` items; return those that match, and the position of the last one."""
    items, last = table.query(_request(listing, limit), dict(after) if after else None)
    return items, last


def places(listing: Listing, items: Iterable[Item]) -> tuple[Position, ...]:
    """Return the position after each item, in the form of the position after a page."""
    key = ("pk", "sk", listing.key, "listSort")
    return tuple({name: item[name] for name in key} for item in items)


def _request(listing: Listing, limit: int) -> dict[str, Any]:
    start, end = listing.span.start, listing.span.end
    values = {
        "partition": listing.partition,
        # The sort key is the creation time, "#" and the id. So an item of exactly ``start`` sorts
        # after that text and is read, and one of exactly ``end`` is not.
        "start": to_iso(start) if start else EARLIEST,
        "end": to_iso(end) if end else LATEST,
    }
    names = {"#partition": listing.key, "#sort": "listSort"}
    request: dict[str, Any] = {
        "IndexName": listing.index,
        "KeyConditionExpression": "#partition = :partition AND #sort BETWEEN :start AND :end",
        "ScanIndexForward": False,
        "Limit": limit,
    }
    where = {name: value for name, value in listing.where.items() if value is not None}
    if where:
        request["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in where)
        names |= {f"#{name}": name for name in where}
    return {
        **request,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": placeholders({**values, **where}),
    }

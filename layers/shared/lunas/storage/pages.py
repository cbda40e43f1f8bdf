"""Reads one page of a list, newest first: one Query of one index.

The sort key of every index of lists is a time of creation, then ``pk``, which has the id.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lunas.domain.lists import Position, Span
from lunas.domain.times import to_iso
from lunas.storage.expressions import Item, placeholders
from lunas.storage.table import Table

EVER = Span()
EARLIEST, LATEST = "0", ":"
"""Below and above every creation time as text."""
RESOLUTION = timedelta(milliseconds=1)
"""The smallest difference between two stored times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A partition of an index, by its key attributes; a span of time; attributes to filter by.

    ``sort`` is the attribute with the time of creation.
    """

    index: str
    partition: Mapping[str, str]
    sort: str = "createdAt"
    span: Span = EVER
    where: Mapping[str, str | None] = field(default_factory=dict)


def read_page(
    table: Table, listing: Listing, limit: int, after: Position | None
) -> tuple[list[Item], Position | None]:
    """Read up to ``limit`` items; return those that match, and the position of the last one."""
    start, end = listing.span.start, listing.span.end
    first = to_iso(start) if start else EARLIEST
    # The end is exclusive.
    last = to_iso(end - RESOLUTION) if end else LATEST
    if first > last:
        # Within a millisecond: DynamoDB refuses a range whose end comes first.
        return [], None
    request = {
        **in_partition(listing.index, listing.partition, listing.sort, first, last),
        "ScanIndexForward": False,
        "Limit": limit,
    }
    return table.query(_filtered(request, listing.where), dict(after) if after else None)


def places(listing: Listing, items: Iterable[Item]) -> tuple[Position, ...]:
    """Return the position after each item, in the form of the position after a page."""
    key = ("pk", "sk", listing.sort, *listing.partition)
    return tuple({name: item[name] for name in key} for item in items)


def in_partition(
    index: str, partition: Mapping[str, str], sort: str, first: str, last: str
) -> dict[str, Any]:
    """Return the Query of a partition's items whose time ``sort`` is from ``first`` to ``last``."""
    equal = [f"#{name} = :{name}" for name in partition]
    return {
        "IndexName": index,
        "KeyConditionExpression": " AND ".join([*equal, f"#{sort} BETWEEN :first AND :last"]),
        "ExpressionAttributeNames": {f"#{name}": name for name in (*partition, sort)},
        "ExpressionAttributeValues": placeholders({**partition, "first": first, "last": last}),
    }


def _filtered(request: dict[str, Any], where: Mapping[str, str | None]) -> dict[str, Any]:
    given = {name: value for name, value in where.items() if value is not None}
    if not given:
        return request
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    return {
        **request,
        "FilterExpression": " AND ".join(f"#{name} = :{name}" for name in given),
        "ExpressionAttributeNames": names | {f"#{name}": name for name in given},
        "ExpressionAttributeValues": values | placeholders(given),
    }

"""Reads one page of a list, newest first: one Query of one index.

The sort key of every index of lists is ``createdAt``, then ``pk``, which has the id.
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
    """A partition of an index, by its key attributes; a span of time; attributes to filter by."""

    index: str
    partition: Mapping[str, str]
    span: Span = EVER
    where: Mapping[str, str | None] = field(default_factory=dict)


def read_page(
    table: Table, listing: Listing, limit: int, after: Position | None
) -> tuple[list[Item], Position | None]:
    """Read up to ``limit`` items; return those that match, and the position of the last one."""
    request = {**_request(listing), "ScanIndexForward": False, "Limit": limit}
    return table.query(request, dict(after) if after else None)


def places(listing: Listing, items: Iterable[Item]) -> tuple[Position, ...]:
    """Return the position after each item, in the form of the position after a page."""
    key = ("pk", "sk", "createdAt", *listing.partition)
    return tuple({name: item[name] for name in key} for item in items)


def in_partition(index: str, partition: Mapping[str, str], first: str, last: str) -> dict[str, Any]:
    """Return the Query of a partition's items that were created from ``first`` to ``last``."""
    condition = " AND ".join([*(f"#{name} = :{name}" for name in partition), CREATED])
    return {
        "IndexName": index,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in (*partition, "createdAt")},
        "ExpressionAttributeValues": placeholders({**partition, "first": first, "last": last}),
    }


CREATED = "#createdAt BETWEEN :first AND :last"


def _request(listing: Listing) -> dict[str, Any]:
    start, end = listing.span.start, listing.span.end
    request = in_partition(
        listing.index,
        listing.partition,
        to_iso(start) if start else EARLIEST,
        # The end is exclusive.
        to_iso(end - RESOLUTION) if end else LATEST,
    )
    where = {name: value for name, value in listing.where.items() if value is not None}
    if not where:
        return request
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    return {
        **request,
        "FilterExpression": " AND ".join(f"#{name} = :{name}" for name in where),
        "ExpressionAttributeNames": names | {f"#{name}": name for name in where},
        "ExpressionAttributeValues": values | placeholders(where),
    }

"""A Query of the table in memory: what matches, in order, page by page."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.support.dynamodb.errors import Unsupported, invalid
from tests.support.dynamodb.expressions import comparable, condition
from tests.support.dynamodb.schema import TABLE, Index
from tests.support.dynamodb.validity import size

type Wire = dict[str, Any]
type Rank = Callable[[Wire], Any]

PAGE_BYTES = 1024 * 1024
PARTITION = re.compile(r"(#?\w+) = (:\w+)(?: AND |$)")


def query(items: Iterable[Wire], request: Wire, index: Index) -> Wire:
    """Return a page of the items of one partition of an index, or of the table itself."""
    names, values = (
        request.get("ExpressionAttributeNames", {}),
        request["ExpressionAttributeValues"],
    )
    text = request["KeyConditionExpression"]
    partition = _partition(text, names, values, index)
    wanted = condition(text)
    rank: Rank = lambda item: (comparable(item[index.sort]), *_key(item))  # noqa: E731
    found = [
        item
        for item in items
        # Checked first, because there are thousands of items.
        if item.get(index.partition) == partition
        and index.sort in item
        and wanted((item, names, values))
    ]
    found.sort(key=rank, reverse=not request.get("ScanIndexForward", True))
    page, is_last = _page(_after(found, request, rank), request.get("Limit"))
    last = {} if is_last else {"LastEvaluatedKey": _keys_of(page[-1], index)}
    read = len(page)
    if "FilterExpression" in request:
        kept = condition(request["FilterExpression"])
        page = [item for item in page if kept((item, names, values))]
    shown = [_keys_of(item, index) for item in page] if index.keys_only else page
    return {"Items": shown, "Count": len(shown), "ScannedCount": read, **last}


def _partition(text: str, names: Wire, values: Wire, index: Index) -> Wire:
    """Return the partition that a key condition names first, as all of ours do."""
    found = PARTITION.match(text)
    if found is None:
        raise Unsupported(text)
    name, value = found.groups()
    if names.get(name, name) != index.partition:
        raise invalid("Query condition missed key schema element")
    wanted: Wire = values[value]
    return wanted


def _after(found: list[Wire], request: Wire, rank: Rank) -> list[Wire]:
    """Return what comes after the last item of the page before, even if it was deleted."""
    start = request.get("ExclusiveStartKey")
    if start is None:
        return found
    if request.get("ScanIndexForward", True):
        return [item for item in found if rank(item) > rank(start)]
    return [item for item in found if rank(item) < rank(start)]


def _page(found: list[Wire], limit: int | None) -> tuple[list[Wire], bool]:
    """Return the items of one page, and whether it is the last one.

    DynamoDB does not check whether more items follow a full page.
    """
    most = len(found) + 1 if limit is None else limit
    room = PAGE_BYTES
    for place, item in enumerate(found[:most]):
        room -= size(item)
        if room < 0:
            return found[:place], False
    return found[:most], len(found) < most


def _key(item: Wire) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _keys_of(item: Wire, index: Index) -> Wire:
    names = (TABLE.partition, TABLE.sort, index.partition, index.sort)
    return {name: item[name] for name in names}

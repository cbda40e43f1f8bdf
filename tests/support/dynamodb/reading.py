"""A Query of the table in memory: what matches, in order, page by page."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.support.dynamodb.errors import invalid
from tests.support.dynamodb.expressions import Condition, attributes, comparable, condition
from tests.support.dynamodb.key_conditions import partition
from tests.support.dynamodb.schema import TABLE, Index
from tests.support.dynamodb.validity import size

type Wire = dict[str, Any]
type Rank = Callable[[Wire], Any]

PAGE_BYTES = 1024 * 1024


def query(items: Iterable[Wire], request: Wire, index: Index, types: Mapping[str, str]) -> Wire:
    """Return a page of the items of one partition of an index, or of the table itself."""
    wanted, kept = _holds("KeyConditionExpression", request), _holds("FilterExpression", request)
    shared = partition(request, index, types).items()
    name, value = next(iter(shared))
    _check_filter(request, index)
    _check_start(request, index, wanted)
    found = [
        item
        for item in items
        # One attribute first, because there are thousands of items.
        if item.get(name) == value
        and shared <= item.items()
        and all(each in item for each in index.sort)
        and wanted(item)
    ]
    rank = _rank(index)
    found.sort(key=rank, reverse=not request.get("ScanIndexForward", True))
    page, is_last = _page(_after(found, request, rank), request.get("Limit"), index)
    last = {} if is_last else {"LastEvaluatedKey": index.key_of(page[-1])}
    shown = [item for item in page if kept(item)]
    return {"Items": shown, "Count": len(shown), "ScannedCount": len(page), **last}


def _holds(expression: str, request: Wire) -> Callable[[Wire], bool]:
    """Return whether an item matches an expression of the request, if it has one."""
    if expression not in request:
        return lambda _: True
    holds: Condition = condition(request[expression])
    names = request.get("ExpressionAttributeNames", {})
    values = request["ExpressionAttributeValues"]
    return lambda item: holds((item, names, values))


def _check_filter(request: Wire, index: Index) -> None:
    """Raise Refused for a filter by keys, or by what the index does not hold."""
    text, names = request.get("FilterExpression", ""), request.get("ExpressionAttributeNames", {})
    used = attributes(text, names)
    if keys := used & set(index.keys):
        raise invalid(f"Filter Expression can only contain non-primary key attributes: {keys}")
    if index.attributes is not None and (missing := used - index.attributes):
        raise invalid(f"Secondary index does not project one or more filter attributes: {missing}")


def _check_start(request: Wire, index: Index, wanted: Callable[[Wire], bool]) -> None:
    """Raise Refused for a start that no page of this query could have returned."""
    start = request.get("ExclusiveStartKey")
    if start is None:
        return
    if start.keys() != {*TABLE.keys, *index.keys}:
        raise invalid("The provided starting key is invalid")
    if not wanted(start):
        raise invalid(
            "The provided starting key is outside query boundaries based on provided conditions"
        )


def _rank(index: Index) -> Rank:
    """Return the order of an index: its sort key, among equals the table's keys."""
    names = (*index.sort, *TABLE.keys)
    return lambda item: tuple(comparable(item[name]) for name in names)


def _after(found: list[Wire], request: Wire, rank: Rank) -> list[Wire]:
    """Return what comes after the last item of the page before, even if it was deleted."""
    start = request.get("ExclusiveStartKey")
    if start is None:
        return found
    if request.get("ScanIndexForward", True):
        return [item for item in found if rank(item) > rank(start)]
    return [item for item in found if rank(item) < rank(start)]


def _page(found: list[Wire], limit: int | None, index: Index) -> tuple[list[Wire], bool]:
    """Return the items of one page as the index holds them, and whether it is the last one.

    DynamoDB does not check whether more items follow a full page.
    """
    most = len(found) + 1 if limit is None else limit
    page: list[Wire] = []
    room = PAGE_BYTES
    for item in map(index.projected, found[:most]):
        room -= size(item)
        if room < 0:
            return page, False
        page.append(item)
    return page, len(found) < most

"""The table, in memory: items, indexes and stream as template.yaml has them, one thread only.

Moto answers a read in 10 ms and copies the whole table for every action of a transaction; here
hundreds of thousands of calls have to be answered. ``test_world.py`` compares the two.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from tests.support.dynamodb.expressions import Unsupported, comparable, condition, updated
from tests.support.template import resources

type Wire = dict[str, Any]
"""An item, a request or an answer in DynamoDB's notation."""
type Key = tuple[str, str]
type Images = tuple[Wire | None, Wire | None]

MAX_ACTIONS = 100


class Refused(Exception):
    """DynamoDB's no: error code, message, and what else the answer carries."""

    def __init__(self, code: str, message: str = "", **more: Any) -> None:
        super().__init__(code)
        self.answer = {"Error": {"Code": code, "Message": message}, **more}


CONDITION_FAILED = "ConditionalCheckFailed"


@dataclass(frozen=True)
class Index:
    """Keys of a global secondary index, and whether it holds only the keys."""

    partition: str
    sort: str
    keys_only: bool


@dataclass(frozen=True)
class Change:
    """A record of the stream."""

    key: Key
    old: Wire | None
    new: Wire | None

    @property
    def event(self) -> str:
        """Return what happened, in the stream's words."""
        if self.old is None:
            return "INSERT"
        return "MODIFY" if self.new is not None else "REMOVE"


def indexes() -> dict[str, Index]:
    """Return the indexes of template.yaml by name."""
    found = resources()["Table"]["Properties"]["GlobalSecondaryIndexes"]
    return {each["IndexName"]: _index(each) for each in found}


def _index(properties: Mapping[str, Any]) -> Index:
    partition, sort = (key["AttributeName"] for key in properties["KeySchema"])
    return Index(partition, sort, properties["Projection"]["ProjectionType"] == "KEYS_ONLY")


class Table:
    """One table; every method of a capital letter answers DynamoDB's operation of that name."""

    def __init__(self) -> None:
        self._indexes = indexes()
        self.items: dict[Key, Wire] = {}
        self.stream: list[Change] = []
        self._operations: Mapping[str, Callable[[Wire], Wire]] = {
            "GetItem": self._get_item,
            "BatchGetItem": self._batch_get_item,
            "Query": self._query,
            "PutItem": self._put_item,
            "UpdateItem": self._update_item,
            "DeleteItem": self._delete_item,
            "TransactWriteItems": self._transact_write_items,
        }

    def clear(self) -> None:
        """Forget everything."""
        self.items.clear()
        self.stream.clear()

    def answer(self, operation: str, request: Wire) -> Wire:
        """Answer one call; raises Refused."""
        if operation not in self._operations:
            raise Unsupported(operation)
        return self._operations[operation](request)

    def of_type(self, name: str) -> Iterator[Wire]:
        """Return the items of one type."""
        return (item for item in self.items.values() if item.get("type") == {"S": name})

    def _get_item(self, request: Wire) -> Wire:
        item = self.items.get(_key(request["Key"]))
        return {"Item": item} if item is not None else {}

    def _batch_get_item(self, request: Wire) -> Wire:
        ((table, asked),) = request["RequestItems"].items()
        found = [self.items.get(_key(each)) for each in asked["Keys"]]
        return {
            "Responses": {table: [item for item in found if item is not None]},
            "UnprocessedKeys": {},
        }

    def _query(self, request: Wire) -> Wire:
        index = self._indexes.get(request.get("IndexName", ""))
        sort = itemgetter("sk" if index is None else index.sort)
        names = request.get("ExpressionAttributeNames", {})
        values = request["ExpressionAttributeValues"]
        wanted = condition(request["KeyConditionExpression"])
        held = (item for item in self.items.values() if index is None or index.sort in item)
        found = [item for item in held if wanted((item, names, values))]
        found.sort(
            key=lambda item: (comparable(sort(item)), _key(item)),
            reverse=not request.get("ScanIndexForward", True),
        )
        page, last = _page(found, request)
        if "FilterExpression" in request:
            kept = condition(request["FilterExpression"])
            page = [item for item in page if kept((item, names, values))]
        shown = [_keys_of(item, index) for item in page] if index and index.keys_only else page
        return {"Items": shown} | ({"LastEvaluatedKey": _keys_of(last, index)} if last else {})

    def _put_item(self, request: Wire) -> Wire:
        self._write([self._put(request)])
        return {}

    def _update_item(self, request: Wire) -> Wire:
        images = self._update(request)
        self._write([images])
        return {"Attributes": images[1]} if request.get("ReturnValues") == "ALL_NEW" else {}

    def _delete_item(self, request: Wire) -> Wire:
        self._write([self._delete(request)])
        return {}

    def _transact_write_items(self, request: Wire) -> Wire:
        actions = request["TransactItems"]
        if len(actions) > MAX_ACTIONS:
            raise Refused("ValidationException", f"more than {MAX_ACTIONS} actions")
        reasons, images = [], []
        for action in actions:
            ((kind, asked),) = action.items()
            try:
                images.append(self._action(kind, asked))
                reasons.append({"Code": "None"})
            except Refused as refused:
                shown = {name: refused.answer[name] for name in ("Item",) if name in refused.answer}
                reasons.append({"Code": CONDITION_FAILED, **shown})
        if any(reason["Code"] != "None" for reason in reasons):
            raise Refused("TransactionCanceledException", CancellationReasons=reasons)
        keys = [_key(new or old or {}) for old, new in images]
        if len(set(keys)) != len(keys):
            raise Refused("ValidationException", "two actions on one item")
        self._write(images)
        return {}

    def _action(self, kind: str, request: Wire) -> Images:
        match kind:
            case "Put":
                return self._put(request)
            case "Update":
                return self._update(request)
            case "Delete":
                return self._delete(request)
            case "ConditionCheck":
                old = self._checked(request, _key(request["Key"]))
                return old, old
        raise Unsupported(kind)

    def _put(self, request: Wire) -> Images:
        return self._checked(request, _key(request["Item"])), request["Item"]

    def _update(self, request: Wire) -> Images:
        old = self._checked(request, _key(request["Key"]))
        new = updated(
            old if old is not None else request["Key"],
            request["UpdateExpression"],
            request.get("ExpressionAttributeNames", {}),
            request.get("ExpressionAttributeValues", {}),
        )
        return old, new

    def _delete(self, request: Wire) -> Images:
        return self._checked(request, _key(request["Key"])), None

    def _checked(self, request: Wire, key: Key) -> Wire | None:
        """Return the item as it is; raises Refused when the condition does not hold."""
        old = self.items.get(key)
        text = request.get("ConditionExpression")
        names = request.get("ExpressionAttributeNames", {})
        values = request.get("ExpressionAttributeValues", {})
        if text is not None and not condition(text)((old or {}, names, values)):
            wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            shown: Wire = {"Item": old} if wanted and old else {}
            raise Refused(f"{CONDITION_FAILED}Exception", **shown)
        return old

    def _write(self, images: list[Images]) -> None:
        for old, new in images:
            key = _key(new or old or {})
            if new is None:
                self.items.pop(key, None)
            else:
                self.items[key] = new
            if old != new:
                self.stream.append(Change(key, old, new))


def _key(item: Mapping[str, Any]) -> Key:
    return (item["pk"]["S"], item["sk"]["S"]) if item else ("", "")


def _keys_of(item: Wire, index: Index | None) -> Wire:
    names = ("pk", "sk") if index is None else ("pk", "sk", index.partition, index.sort)
    return {name: item[name] for name in names}


def _page(found: list[Wire], request: Wire) -> tuple[list[Wire], Wire | None]:
    """Return one page, and its last item when the page is full."""
    start = request.get("ExclusiveStartKey")
    if start is not None:
        places = [_key(item) for item in found]
        # An item that left the index meanwhile is looked for by where it stood; not needed yet.
        found = found[places.index(_key(start)) + 1 :]
    limit = request.get("Limit", len(found) + 1)
    page = found[:limit]
    return page, page[-1] if len(page) == limit else None

"""The table, in memory: items, indexes and stream as template.yaml has them, one thread only.

It supports what Lunas uses of DynamoDB; anything else fails loudly. That it answers as DynamoDB
does is shown by the tests of tests/integration/dynamodb, which ask ministack the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.dynamodb import reading
from tests.support.dynamodb.errors import Refused, invalid
from tests.support.dynamodb.expressions import condition
from tests.support.dynamodb.schema import TABLE, Schema, schema
from tests.support.dynamodb.updates import check_update, updated
from tests.support.dynamodb.validity import (
    MAX_ACTIONS,
    MAX_KEYS,
    MAX_WRITES,
    TRANSACTION_BYTES,
    check_item,
    check_key,
    check_request,
    size,
)

type Wire = dict[str, Any]
"""An item, a request or an answer in DynamoDB's notation."""
type Key = tuple[str, str]
type Images = tuple[Wire | None, Wire | None]

FAILED = "ConditionalCheckFailed"


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


class Table:
    """One table, that of template.yaml or another one; its methods answer DynamoDB's operations."""

    def __init__(self, name: str = "lunas", shape: Schema | None = None) -> None:
        self.name = name
        self.items: dict[Key, Wire] = {}
        self.stream: list[Change] = []
        self._schema = shape or schema()
        self._tokens: dict[str, Wire] = {}
        self._operations: Mapping[str, Callable[[Wire], Wire]] = {
            "GetItem": self._get_item,
            "BatchGetItem": self._batch_get_item,
            "BatchWriteItem": self._batch_write_item,
            "Query": self._query,
            "Scan": self._scan,
            "PutItem": self._put_item,
            "UpdateItem": self._update_item,
            "DeleteItem": self._delete_item,
            "TransactWriteItems": self._transact_write_items,
        }

    def clear(self) -> None:
        """Delete everything."""
        self.items.clear()
        self.stream.clear()
        self._tokens.clear()

    def answer(self, operation: str, request: Wire) -> Wire:
        """Answer one call; raises Refused, or Unsupported for an unsupported request."""
        check_request(operation, request)
        if request.get("TableName", self.name) != self.name:
            raise Refused("ResourceNotFoundException", "Requested resource not found")
        return self._operations[operation](request)

    def of_type(self, name: str) -> Iterator[Wire]:
        """Return the items of one type."""
        return (item for item in self.items.values() if item.get("type") == {"S": name})

    # ── Reads ────────────────────────────────────────────────────────────────────────────────────

    def _get_item(self, request: Wire) -> Wire:
        item = self._found(request["Key"])
        return {"Item": item} if item is not None else {}

    def _batch_get_item(self, request: Wire) -> Wire:
        keys = self._of_this_table(request["RequestItems"])["Keys"]
        if len(keys) > MAX_KEYS:
            raise invalid(f"Too many items requested for the BatchGetItem call: {len(keys)}")
        if len({_key(each) for each in keys}) != len(keys):
            raise invalid("Provided list of item keys contains duplicates")
        found = [item for each in keys if (item := self._found(each)) is not None]
        return {"Responses": {self.name: found}, "UnprocessedKeys": {}}

    def _query(self, request: Wire) -> Wire:
        index = TABLE
        if "IndexName" in request:
            index = self._schema.indexes[request["IndexName"]]
            if request.get("ConsistentRead"):
                raise invalid("Consistent reads are not supported on global secondary indexes")
        return reading.query(self.items.values(), request, index, self._schema.types)

    def _scan(self, _request: Wire) -> Wire:
        found = list(self.items.values())
        return {"Items": found, "Count": len(found), "ScannedCount": len(found)}

    def _found(self, key: Wire) -> Wire | None:
        check_key(key, self._schema)
        return self.items.get(_key(key))

    def _of_this_table(self, by_table: Wire) -> Any:
        """Return the part of a batch for this table, which must be the only one."""
        ((table, asked),) = by_table.items()
        if table != self.name:
            raise Refused("ResourceNotFoundException", "Requested resource not found")
        return asked

    # ── Writes ───────────────────────────────────────────────────────────────────────────────────

    def _put_item(self, request: Wire) -> Wire:
        self._write([self._put(request)])
        return {}

    def _update_item(self, request: Wire) -> Wire:
        images = self._update(request)
        self._write([images])
        return {"Attributes": images[1]} if request.get("ReturnValues") == "ALL_NEW" else {}

    def _delete_item(self, request: Wire) -> Wire:
        images = self._delete(request)
        self._write([images])
        shown = request.get("ReturnValues") == "ALL_OLD" and images[0]
        return {"Attributes": shown} if shown else {}

    def _batch_write_item(self, request: Wire) -> Wire:
        """Write items without a condition, one by one."""
        asked = self._of_this_table(request["RequestItems"])
        if len(asked) > MAX_WRITES:
            raise invalid(f"Too many items requested for the BatchWriteItem call: {len(asked)}")
        self._write([self._put(each["PutRequest"]) for each in asked])
        return {"UnprocessedItems": {}}

    def _transact_write_items(self, request: Wire) -> Wire:
        actions = [action for each in request["TransactItems"] for action in each.items()]
        token = request.get("ClientRequestToken")
        if token in self._tokens:
            if self._tokens[token] != request:
                raise Refused("IdempotentParameterMismatchException")
            return {}
        self._check_actions(actions)
        images = self._all_or_nothing(actions)
        if sum(size(new or {}) for _, new in images) > TRANSACTION_BYTES:
            raise invalid("Collection size exceeded: a transaction holds 4 MB")
        self._write(images)
        if token:
            self._tokens[token] = request
        return {}

    def _check_actions(self, actions: list[tuple[str, Wire]]) -> None:
        if len(actions) > MAX_ACTIONS:
            raise invalid(f"Member must have length less than or equal to {MAX_ACTIONS}")
        for kind, asked in actions:
            check_request(kind, asked)
            if "UpdateExpression" in asked:
                check_update(asked)
        if len({_key(asked.get("Key") or asked["Item"]) for _, asked in actions}) != len(actions):
            raise invalid("Transaction request cannot include multiple operations on one item")

    def _all_or_nothing(self, actions: list[tuple[str, Wire]]) -> list[Images]:
        """Return each action's new item; raises Refused with all their reasons."""
        images, reasons = [], []
        for kind, asked in actions:
            try:
                images.append(self._action(kind, asked))
                reasons.append({"Code": "None"})
            except Refused as refused:
                reasons.append(_reason(refused))
        if len(images) < len(actions):
            raise Refused("TransactionCanceledException", CancellationReasons=reasons)
        return images

    def _action(self, kind: str, request: Wire) -> Images:
        match kind:
            case "Put":
                return self._put(request)
            case "Update":
                return self._update(request)
            case "Delete":
                return self._delete(request)
        old = self._checked(request, request["Key"])
        return old, old

    def _put(self, request: Wire) -> Images:
        check_item(request["Item"], self._schema)
        return self._checked(request, request["Item"]), request["Item"]

    def _update(self, request: Wire) -> Images:
        check_key(request["Key"], self._schema)
        check_update(request)
        old = self._checked(request, request["Key"])
        new = updated(old if old is not None else request["Key"], request)
        check_item(new, self._schema)
        return old, new

    def _delete(self, request: Wire) -> Images:
        check_key(request["Key"], self._schema)
        return self._checked(request, request["Key"]), None

    def _checked(self, request: Wire, key: Wire) -> Wire | None:
        """Return the item as it is; raises Refused when the condition does not hold."""
        old = self.items.get(_key(key))
        text = request.get("ConditionExpression")
        names = request.get("ExpressionAttributeNames", {})
        values = request.get("ExpressionAttributeValues", {})
        if text is not None and not condition(text)((old or {}, names, values)):
            wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            shown: Wire = {"Item": old} if wanted and old else {}
            raise Refused(f"{FAILED}Exception", "The conditional request failed", **shown)
        return old

    def _write(self, images: list[Images]) -> None:
        for old, new in images:
            if old is new:
                continue
            key = _key(new or old or {})
            if new is None:
                self.items.pop(key, None)
            else:
                self.items[key] = new
            if old != new:
                self.stream.append(Change(key, old, new))


def _reason(refused: Refused) -> Wire:
    """Return why an action of a transaction was refused: its condition, or its request."""
    code = FAILED if refused.code.startswith(FAILED) else "ValidationError"
    shown = {name: refused.answer[name] for name in ("Item",) if name in refused.answer}
    return {"Code": code, "Message": refused.answer["Error"]["Message"], **shown}


def _key(item: Mapping[str, Any]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]

"""The DynamoDB table: reads, writes, and transactions that are retried on conflicts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lunas.aws import clients
from lunas.aws.settings import setting
from lunas.domain.errors import StorageContention
from lunas.storage.expressions import (
    Change,
    Item,
    Key,
    condition_names,
    from_wire,
    placeholders,
    to_wire,
)
from lunas.storage.retries import (
    THROTTLED_BACKOFF,
    asked,
    cancellation_reasons,
    rest,
    retry_on_conflict,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 100
"""Keys of one BatchGetItem, DynamoDB's limit."""
MAX_ATTEMPTS = 6
"""How many times unread keys are requested. DynamoDB leaves keys unread when it is throttled, or
when the answer would be too large; then it reads at least one each time."""


class ConditionsFailed(Exception):
    """A transaction wrote nothing, since conditions failed.

    ``found`` maps the label of each such action to the current item, if the action asks for it and
    there is one.
    """

    def __init__(self, found: Mapping[str, Item | None]) -> None:
        super().__init__(", ".join(found))
        self.found = found


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a transaction; its label identifies it in ConditionsFailed."""

    label: str
    request: dict[str, Any]

    def returning_old_item(self) -> "Action":
        """Return the action so that it asks for the current item if its condition fails."""
        request = {
            verb: {**body, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
            for verb, body in self.request.items()
        }
        return replace(self, request=request)


class Table:
    """The one table of a stack."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self.client = client
        self.name = name

    @classmethod
    def from_environment(cls) -> "Table":
        """Return the table that the environment names."""
        return cls(clients.dynamodb(), setting("TABLE_NAME"))

    def get(self, key: Key) -> Item | None:
        """Read one item, consistently: 1 unit per 4 KB. All reads raise StorageContention."""
        request: Any = {"Key": to_wire(key), "ConsistentRead": True}
        answer = asked(lambda: self.client.get_item(TableName=self.name, **request))
        return from_wire(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[Key]) -> list[Item]:
        """Read the items that exist among ``keys``, consistently, in any order.

        Keys that DynamoDB leaves unread are requested again with growing waits; StorageContention
        if some are still unread after ROUNDS.
        """
        wanted = [to_wire(key) for key in keys]
        found: list[Item] = []
        for attempt in range(MAX_ATTEMPTS):
            left: list[Any] = []
            for batch in batched(wanted, BATCH, strict=False):
                items, unread = self._batch(batch)
                found += items
                left += unread
            if not left:
                return found
            wanted = left
            if attempt + 1 < MAX_ATTEMPTS:
                rest(attempt, THROTTLED_BACKOFF)
        raise StorageContention("the table leaves keys unread at the moment; try again")

    def query(
        self, request: Mapping[str, Any], after: Item | None = None
    ) -> tuple[list[Item], Item | None]:
        """Read one page of a Query: its items, and the key for ``after`` if there are more."""
        wanted: dict[str, Any] = {"TableName": self.name, **request}
        if after:
            wanted["ExclusiveStartKey"] = to_wire(after)
        answer = asked(lambda: self.client.query(**wanted))
        last = answer.get("LastEvaluatedKey")
        return [from_wire(item) for item in answer["Items"]], from_wire(last) if last else None

    def put(self, item: Item, condition: str, values: Mapping[str, Any] | None = None) -> bool:
        """Write one item if ``condition`` holds; return whether it did."""
        request = self.put_action("", item, condition, values).request["Put"]
        return self._written(lambda: self.client.put_item(**request))

    def update(self, key: Key, change: Change) -> bool:
        """Change one item if the condition holds; return whether it did."""
        request = self.update_action("", key, change).request["Update"]
        return self._written(lambda: self.client.update_item(**request))

    def update_returning(self, key: Key, change: Change) -> tuple[bool, Item]:
        """Change one item if the condition holds; return whether it did, and the current item."""
        request: Any = {
            **self.update_action("", key, change).request["Update"],
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            answer = retry_on_conflict(lambda: self.client.update_item(**request))
        except self.client.exceptions.ConditionalCheckFailedException as failed:
            response: Mapping[str, Any] = failed.response
            return False, from_wire(response.get("Item", {}))
        return True, from_wire(answer["Attributes"])

    def take(self, key: Key) -> Item | None:
        """Delete one item and return it; of concurrent callers, one gets it."""
        request: Any = {"Key": to_wire(key), "ReturnValues": "ALL_OLD"}
        answer = retry_on_conflict(lambda: self.client.delete_item(TableName=self.name, **request))
        return from_wire(answer["Attributes"]) if answer.get("Attributes") else None

    def put_action(
        self, label: str, item: Item, condition: str, values: Mapping[str, Any] | None = None
    ) -> Action:
        """Build the action that writes ``item`` if ``condition`` holds."""
        request = {"TableName": self.name, "Item": to_wire(item), "ConditionExpression": condition}
        if values:
            request["ExpressionAttributeValues"] = placeholders(values)
        if names := condition_names(condition):
            request["ExpressionAttributeNames"] = names
        return Action(label, {"Put": request})

    def update_action(self, label: str, key: Key, change: Change) -> Action:
        """Build the action that changes the item at ``key``."""
        request = {"TableName": self.name, "Key": to_wire(key), **change.expressions()}
        return Action(label, {"Update": request})

    def transact(self, actions: Sequence[Action]) -> None:
        """Write all actions together, or nothing.

        Raises ConditionsFailed if a condition failed, and StorageContention if conflicts with other
        writes did not end in time. The SDK does not retry a transaction that a conflict cancelled,
        so this method does.
        """
        items: Any = [action.request for action in actions]
        try:
            retry_on_conflict(lambda: self.client.transact_write_items(TransactItems=items))
        except ClientError as error:
            raise _refused(error, actions) or error from error

    def _batch(self, keys: Sequence[Any]) -> tuple[list[Item], Sequence[Any]]:
        """Read up to BATCH items; return them with the keys that were left unread."""
        request: Any = {self.name: {"Keys": list(keys), "ConsistentRead": True}}
        answer = asked(lambda: self.client.batch_get_item(RequestItems=request))
        left: Any = answer["UnprocessedKeys"].get(self.name, {})
        items = answer["Responses"].get(self.name, [])
        return [from_wire(item) for item in items], left.get("Keys", [])

    def _written(self, write: Callable[[], object]) -> bool:
        try:
            retry_on_conflict(write)
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _refused(error: ClientError, actions: Sequence[Action]) -> ConditionsFailed | None:
    found = {
        action.label: from_wire(reason["Item"]) if "Item" in reason else None
        for action, reason in zip(actions, cancellation_reasons(error), strict=False)
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    return ConditionsFailed(found) if found else None

"""What DynamoDB refuses whatever the table holds: limits, invalid keys and expressions."""

import re
from functools import cache
from typing import Any

from tests.support.dynamodb.errors import Unsupported, invalid
from tests.support.dynamodb.schema import TABLE, Schema

type Wire = dict[str, Any]

ITEM_BYTES = 400 * 1024
MAX_ACTIONS, MAX_KEYS, MAX_WRITES = 100, 100, 25
"""Of TransactWriteItems, BatchGetItem and BatchWriteItem."""
TRANSACTION_BYTES = 4 * 1024 * 1024
KEY_BYTES = {"pk": 2048, "sk": 1024}
EXPRESSIONS = (
    "KeyConditionExpression",
    "FilterExpression",
    "ConditionExpression",
    "UpdateExpression",
)
NAMES, VALUES = "ExpressionAttributeNames", "ExpressionAttributeValues"
WRITING = {"TableName", "ConditionExpression", NAMES, VALUES, "ReturnValuesOnConditionCheckFailure"}
KNOWN = {
    "GetItem": {"TableName", "Key", "ConsistentRead"},
    "BatchGetItem": {"RequestItems"},
    "BatchWriteItem": {"RequestItems"},
    "Query": {"TableName", "IndexName", "KeyConditionExpression", "FilterExpression", NAMES, VALUES}
    | {"ScanIndexForward", "Limit", "ExclusiveStartKey", "ConsistentRead"},
    "Scan": {"TableName"},
    "PutItem": {*WRITING, "Item"},
    "UpdateItem": {*WRITING, "Key", "UpdateExpression", "ReturnValues"},
    "DeleteItem": {*WRITING, "Key", "ReturnValues"},
    "TransactWriteItems": {"TransactItems", "ClientRequestToken"},
    "Put": {*WRITING, "Item"},
    "Update": {*WRITING, "Key", "UpdateExpression"},
    "Delete": {*WRITING, "Key"},
    "ConditionCheck": {*WRITING, "Key"},
}
"""The parameters of each operation, and of each action of a transaction."""


def check_request(operation: str, request: Wire) -> None:
    """Raise Unsupported for an unsupported request, Refused for an invalid one."""
    known = KNOWN.get(operation)
    if known is None or not request.keys() <= known | {"ReturnConsumedCapacity"}:
        raise Unsupported(f"{operation}: {request.keys() - (known or set())}")
    _check_placeholders(request)


def check_key(key: Wire, schema: Schema) -> None:
    """Raise Refused for a key of an item that is not one of this table."""
    if key.keys() != set(TABLE.keys):
        raise invalid("The provided key element does not match the schema")
    _check_keys(key, schema)


def check_item(item: Wire, schema: Schema) -> None:
    """Raise Refused for an item that the table does not accept."""
    for name in TABLE.keys:
        if name not in item:
            raise invalid(f"One or more parameter values were invalid: Missing the key {name}")
    _check_keys(item, schema)
    for value in item.values():
        _check_sets(value)
    if size(item) > ITEM_BYTES:
        raise invalid("Item size has exceeded the maximum allowed size")


def size(item: Wire) -> int:
    """Return the bytes of an item, as DynamoDB counts them: names and values."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Wire) -> int:
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return len(held) // 2 + 1
        case "SS":
            return sum(len(each.encode()) for each in held)
        case "L":
            return 3 + sum(1 + _size(each) for each in held)
        case "M":
            return 3 + len(held) + size(held)
    return 1


def _check_keys(item: Wire, schema: Schema) -> None:
    """Raise Refused for a key of the table or an index that has another type or is empty."""
    for name, kind in schema.types.items():
        if name not in item:
            continue
        ((found, held),) = item[name].items()
        if found != kind:
            raise invalid(
                f"One or more parameter values were invalid: Type mismatch for key {name} "
                f"expected: {kind} actual: {found}"
            )
        if held == "":
            raise invalid(f"One or more parameter values are not valid: empty key {name}")
        if len(held.encode()) > KEY_BYTES.get(name, 1024):
            raise invalid(f"One or more parameter values were invalid: size of key {name}")


def _check_sets(value: Wire) -> None:
    match value:
        case {"SS": []}:
            raise invalid(
                "One or more parameter values were invalid: An string set may not be empty"
            )
        case {"M": members}:
            for each in members.values():
                _check_sets(each)
        case {"L": members}:
            for each in members:
                _check_sets(each)


def _check_placeholders(request: Wire) -> None:
    """Raise Refused unless the expressions use exactly the names and values that are given."""
    used: set[str] = set()
    for name in EXPRESSIONS:
        if name in request:
            used |= _placeholders(request[name])
    for kind, sign in ((NAMES, "#"), (VALUES, ":")):
        given = request.get(kind)
        if given is not None and not given:
            raise invalid(f"{kind} must not be empty")
        wanted = {each for each in used if each[0] == sign}
        if unused := (given or {}).keys() - wanted:
            raise invalid(f"Value provided in {kind} unused in expressions: keys: {unused}")
        if missing := wanted - (given or {}).keys():
            raise invalid(f"An expression attribute used in expression is not defined: {missing}")


@cache
def _placeholders(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[#:]\w+", text))

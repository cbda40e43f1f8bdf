"""The table of Lunas, by boto3's client and its converters of values."""

import os
from datetime import UTC, datetime
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

type Item = dict[str, Any]

TABLE = os.environ["TABLE_NAME"]
dynamodb = boto3.client("dynamodb")
_write, _read = TypeSerializer(), TypeDeserializer()


def to_wire(item: Item) -> Item:
    """Return an item in DynamoDB's format, without attributes that are None."""
    return {name: _write.serialize(value) for name, value in item.items() if value is not None}


def from_wire(item: Item) -> Item:
    """Return an item from DynamoDB's format."""
    return {name: _read.deserialize(value) for name, value in item.items()}


def get(key: Item) -> Item | None:
    """Read one item, consistently."""
    answer = dynamodb.get_item(TableName=TABLE, Key=to_wire(key), ConsistentRead=True)
    return from_wire(answer["Item"]) if "Item" in answer else None


def put(item: Item) -> Item:
    """Return the action that writes a new item."""
    condition = "attribute_not_exists(pk)"
    return {"Put": {"TableName": TABLE, "Item": to_wire(item), "ConditionExpression": condition}}


def update(key: Item, expression: str, values: Item, condition: str | None = None) -> Item:
    """Return an update; every ``#name`` in its expressions is an attribute's name."""
    words = f"{expression} {condition or ''}".replace(",", " ").replace(")", " ")
    names = {word: word[1:] for word in words.replace("(", " ").split() if word[0] == "#"}
    request = {
        "TableName": TABLE,
        "Key": to_wire(key),
        "UpdateExpression": expression,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": to_wire({f":{name}": each for name, each in values.items()}),
    }
    return request | ({"ConditionExpression": condition} if condition else {})


def transact(*actions: Item) -> None:
    """Write all or nothing."""
    dynamodb.transact_write_items(TransactItems=list(actions))


def payment_key(payment_id: str) -> Item:
    """Key of a payment."""
    return {"pk": f"PAYMENT#{payment_id}", "sk": "PAYMENT"}


def id_of(item: Item) -> str:
    """Return the id of a payment or an enrollment, which its key contains."""
    return str(item["pk"].partition("#")[2])


def enrollment_key(user: str, course: str) -> Item:
    """Key of an enrollment."""
    return {"pk": f"ENROLLMENT#{user}#{course}", "sk": "ENROLLMENT"}


def history(payment_id: str, version: int, status: str, at: str, **more: Any) -> Item:  # noqa: ANN401
    """Return the action that writes a history event."""
    return put(
        {
            "pk": f"PAYMENT#{payment_id}",
            "sk": f"HISTORY#{version:06d}",
            "type": "history",
            "version": version,
            "createdAt": at,
            "to": status,
            **more,
        }
    )


def iso(moment: datetime) -> str:
    """Write a time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

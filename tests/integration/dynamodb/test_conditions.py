"""Conditions: which hold, and what a failed one returns."""

from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.dynamodb.conftest import Database, case_id, key, refusal, wire

HELD = {"status": "PAID", "version": 3, "owed": {"a", "b"}, "gone": {"NULL": True}, "on": "b"}
CONDITIONS: list[tuple[str, dict[str, Any], bool]] = [
    ("attribute_exists(pk)", {}, True),
    ("attribute_not_exists(pk)", {}, False),
    ("attribute_exists(#missing)", {}, False),
    ("attribute_not_exists(#missing)", {}, True),
    ("attribute_exists(#gone)", {}, True),
    ("#status = :value", {"value": "PAID"}, True),
    ("#status = :value", {"value": "paid"}, False),
    ("#status <> :value", {"value": "PAID"}, False),
    ("#status <> :value", {"value": "OPEN"}, True),
    ("#missing <> :value", {"value": "OPEN"}, True),
    ("#version <> :value", {"value": "3"}, True),
    ("#missing = :value", {"value": "OPEN"}, False),
    ("#missing < :value", {"value": 3}, False),
    ("#version = :value", {"value": 3}, True),
    ("#version = :value", {"value": {"N": "3.0"}}, True),
    ("#version = :value", {"value": "3"}, False),
    ("#version < :value", {"value": 10}, True),
    ("#version > :value", {"value": 10}, False),
    ("#version >= :value", {"value": 3}, True),
    ("#version <= :value", {"value": 2}, False),
    ("#on < :value", {"value": "ba"}, True),
    ("#version < :value", {"value": "4"}, False),
    ("#version BETWEEN :low AND :high", {"low": 1, "high": 3}, True),
    ("#version BETWEEN :low AND :high", {"low": 4, "high": 9}, False),
    ("#status IN (:one, :other)", {"one": "OPEN", "other": "PAID"}, True),
    ("#status IN (:one, :other)", {"one": "OPEN", "other": "DONE"}, False),
    ("#missing IN (:one)", {"one": "OPEN"}, False),
    ("begins_with(#status, :start)", {"start": "PA"}, True),
    ("begins_with(#status, :start)", {"start": "AI"}, False),
    ("begins_with(#missing, :start)", {"start": "PA"}, False),
    ("#owed = :value", {"value": {"b", "a"}}, True),
    ("#owed = :value", {"value": {"a"}}, False),
    ("NOT #status = :value", {"value": "PAID"}, False),
    ("NOT #missing = :value", {"value": "PAID"}, True),
    ("#status = :one OR #on = :other", {"one": "no", "other": "b"}, True),
    ("#status = :one AND #on = :other", {"one": "no", "other": "b"}, False),
    ("#on = :a OR #status = :b AND #on = :c", {"a": "b", "b": "no", "c": "no"}, True),
    ("(#on = :a OR #status = :b) AND #on = :c", {"a": "b", "b": "no", "c": "no"}, False),
    ("NOT (#on = :a OR #status = :b)", {"a": "no", "b": "no"}, True),
    ("NOT #on = :a AND #status = :b", {"a": "no", "b": "no"}, False),
]


def given(condition: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a condition that writes attributes as ``#name``."""
    words = {word.strip("(),") for word in condition.split()}
    names = {each: each[1:] for word in words for each in [word.rpartition("(")[2]] if "#" in each}
    placeholders = {f":{name}": value for name, value in wire(values).items() if name in values}
    return {
        "ConditionExpression": condition,
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": placeholders} if placeholders else {}),
    }


@pytest.mark.parametrize(("condition", "values", "holds"), CONDITIONS, ids=case_id)
def test_a_condition_is_evaluated(
    database: Database, condition: str, values: dict[str, Any], *, holds: bool
) -> None:
    database.put(**HELD)

    with nullcontext() if holds else pytest.raises(ClientError) as error:
        database.ask("put_item", Item=wire({"status": "NEW"}), **given(condition, values))

    assert error is None or refusal(error) == "ConditionalCheckFailedException"
    assert database.get() == (wire({"status": "NEW"}) if holds else wire(HELD))


@pytest.mark.parametrize("shown", ["ALL_OLD", None])
@pytest.mark.parametrize("operation", ["put_item", "update_item", "delete_item"])
def test_a_failed_condition_returns_the_item_on_request(
    database: Database, operation: str, shown: str | None
) -> None:
    database.put(**HELD)
    requests: dict[str, dict[str, Any]] = {
        "put_item": {"Item": wire({})},
        "update_item": {"Key": key(), "UpdateExpression": "REMOVE enrolledAt"},
        "delete_item": {"Key": key()},
    }
    more = {"ReturnValuesOnConditionCheckFailure": shown} if shown else {}
    asked = {"ConditionExpression": "attribute_not_exists(pk)", **requests[operation], **more}

    with pytest.raises(ClientError) as error:
        database.ask(operation, **asked)

    assert refusal(error) == "ConditionalCheckFailedException"
    reply: Any = error.value.response
    assert reply.get("Item") == (wire(HELD) if shown else None)


def test_a_failed_condition_on_a_missing_item_returns_no_item(database: Database) -> None:
    with pytest.raises(ClientError) as error:
        database.ask(
            "delete_item",
            Key=key(),
            ConditionExpression="attribute_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    assert refusal(error) == "ConditionalCheckFailedException"
    assert "Item" not in error.value.response

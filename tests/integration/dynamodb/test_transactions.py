"""Transactions: all or nothing, and each action's reason."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.dynamodb.conftest import Database, key, refusal, wire

ABSENT, PRESENT = "attribute_not_exists(pk)", "attribute_exists(pk)"


def put(sk: str, condition: str | None = None, **more: Any) -> dict[str, Any]:
    conditions = {"ConditionExpression": condition} if condition else {}
    return {"Put": {"Item": wire({"sk": sk}), **conditions, **more}}


def update(sk: str, expression: str, **values: Any) -> dict[str, Any]:
    names = {f"#{name}": name for name in ("a", "b") if f"#{name}" in expression}
    given = {f":{name}": value for name, value in values.items()}
    return {
        "Update": {
            "Key": key("P", sk),
            "UpdateExpression": expression,
            **({"ExpressionAttributeNames": names} if names else {}),
            **({"ExpressionAttributeValues": given} if given else {}),
        }
    }


def test_all_actions_happen_together(database: Database) -> None:
    database.put(sk="gone")
    database.put(sk="kept")
    database.put(sk="changed", a=1)

    database.transact(
        put("new", ABSENT),
        update("changed", "ADD #a :n", n={"N": "1"}),
        {"Delete": {"Key": key("P", "gone"), "ConditionExpression": PRESENT}},
        {"ConditionCheck": {"Key": key("P", "kept"), "ConditionExpression": PRESENT}},
    )

    assert database.get("P", "new") == wire({"sk": "new"})
    assert database.get("P", "changed") == wire({"sk": "changed", "a": 2})
    assert database.get("P", "gone") is None
    assert database.get("P", "kept") == wire({"sk": "kept"})


def test_one_failed_condition_stops_the_transaction_and_is_named(database: Database) -> None:
    database.put(sk="there", a="text")
    shown = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}

    with pytest.raises(ClientError) as error:
        database.transact(
            put("new", ABSENT),
            put("there", ABSENT, **shown),
            {"ConditionCheck": {"Key": key("P", "x"), "ConditionExpression": PRESENT, **shown}},
            {"Delete": {"Key": key("P", "there2"), "ConditionExpression": PRESENT}},
        )

    assert refusal(error) == "TransactionCanceledException"
    reply: Any = error.value.response
    reasons = reply["CancellationReasons"]
    failed = "ConditionalCheckFailed"
    assert [each["Code"] for each in reasons] == ["None", failed, failed, failed]
    assert [each.get("Item") for each in reasons] == [
        None,
        wire({"sk": "there", "a": "text"}),
        None,
        None,
    ]
    assert database.get("P", "new") is None
    assert database.get("P", "there") == wire({"sk": "there", "a": "text"})


def test_an_update_that_does_not_match_the_item_is_a_reason(database: Database) -> None:
    database.put(sk="there", a="text")

    with pytest.raises(ClientError) as error:
        database.transact(put("new"), update("there", "ADD #a :n", n={"N": "1"}))

    assert refusal(error) == "TransactionCanceledException"
    reply: Any = error.value.response
    assert [each["Code"] for each in reply["CancellationReasons"]] == ["None", "ValidationError"]
    assert database.get("P", "new") is None


def test_a_repeated_request_is_applied_once(database: Database) -> None:
    database.put(sk="there", a=1)
    again = {"ClientRequestToken": str(uuid.uuid4())}

    for _ in range(2):
        database.transact(update("there", "ADD #a :n", n={"N": "1"}), **again)

    assert database.get("P", "there") == wire({"sk": "there", "a": 2})
    with pytest.raises(ClientError) as error:
        database.transact(update("there", "ADD #a :n", n={"N": "5"}), **again)
    assert refusal(error) == "IdempotentParameterMismatchException"


def test_a_refused_request_can_be_repeated(database: Database) -> None:
    again = {"ClientRequestToken": str(uuid.uuid4())}
    with pytest.raises(ClientError):
        database.transact(put("new", PRESENT), **again)
    database.put(sk="new", a=1)

    database.transact(put("new", PRESENT), **again)

    assert database.get("P", "new") == wire({"sk": "new"})


REFUSED: dict[str, list[dict[str, Any]]] = {
    "two actions on one item": [put("one"), update("one", "SET #a = :v", v={"S": "x"})],
    "more than 100 actions": [put(str(number)) for number in range(101)],
    "a value too many": [put("one"), update("two", "SET #a = :v", v={"S": "x"}, w={"S": "y"})],
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_request_that_is_not_valid_is_refused_as_a_whole(database: Database, what: str) -> None:
    with pytest.raises(ClientError) as error:
        database.transact(*REFUSED[what])

    assert refusal(error) == "ValidationException"
    assert database.get("P", "one") is None


def test_memory_refuses_the_update_of_a_key_as_dynamodb_does(memory: Database) -> None:
    with pytest.raises(ClientError) as error:
        memory.transact(put("one"), update("two", "SET pk = :v", v={"S": "x"}))

    assert refusal(error) == "ValidationException"


def test_100_actions_are_one_transaction(database: Database) -> None:
    database.transact(*(put(str(number)) for number in range(100)))

    assert database.get("P", "99") == wire({"sk": "99"})


def test_a_transaction_holds_4_mb_and_no_more(database: Database) -> None:
    def large(number: int) -> list[dict[str, Any]]:
        text = "x" * 390_000
        return [{"Put": {"Item": wire({"sk": str(each), "a": text})}} for each in range(number)]

    database.transact(*large(10))

    with pytest.raises(ClientError) as error:
        database.transact(*large(11))
    assert refusal(error) in {"ValidationException", "TransactionCanceledException"}

"""Puts, updates and deletes, and what is refused whatever is there."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.dynamodb.conftest import Database, case_id, key, refusal, wire

LARGEST = 400 * 1024
"""Bytes of an item, the names of its attributes among them."""


def update(database: Database, expression: str, **more: Any) -> Any:
    """Update the item; names are given as they are, ``values`` in DynamoDB's notation."""
    values = {f":{name}": value for name, value in more.pop("values", {}).items()}
    names = {f"#{name}": name for name in more.pop("names", ())}
    request = {
        "UpdateExpression": expression,
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": values} if values else {}),
        **more,
    }
    return database.ask("update_item", Key=key(), **request)


UPDATES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("SET #a = :v", {"v": {"S": "new"}}, {"a": "old", "b": 1}, {"a": "new", "b": 1}),
    ("SET #a = :v", {"v": {"M": {"x": {"L": []}}}}, {}, {"a": {"M": {"x": {"L": []}}}}),
    ("SET #a = if_not_exists(#a, :v)", {"v": {"S": "new"}}, {"a": "old"}, {"a": "old"}),
    ("SET #a = if_not_exists(#a, :v)", {"v": {"S": "new"}}, {}, {"a": "new"}),
    ("SET #a = #a + :v", {"v": {"N": "2"}}, {"a": 40}, {"a": 42}),
    ("SET #a = if_not_exists(#a, :n) + :v", {"n": {"N": "0"}, "v": {"N": "2"}}, {}, {"a": 2}),
    ("REMOVE #a", {}, {"a": "old", "b": 1}, {"b": 1}),
    ("REMOVE #a", {}, {"b": 1}, {"b": 1}),
    ("ADD #a :v", {"v": {"N": "-2"}}, {"a": 1}, {"a": -1}),
    ("ADD #a :v", {"v": {"N": "2"}}, {}, {"a": 2}),
    ("ADD #a :v", {"v": {"SS": ["x", "y"]}}, {"a": {"x"}}, {"a": {"x", "y"}}),
    ("ADD #a :v", {"v": {"SS": ["x"]}}, {}, {"a": {"x"}}),
    ("DELETE #a :v", {"v": {"SS": ["x"]}}, {"a": {"x", "y"}}, {"a": {"y"}}),
    ("DELETE #a :v", {"v": {"SS": ["x"]}}, {"a": {"x"}}, {}),
    ("DELETE #a :v", {"v": {"SS": ["z"]}}, {"a": {"x"}}, {"a": {"x"}}),
    ("DELETE #a :v", {"v": {"SS": ["x"]}}, {}, {}),
    ("SET #a = #b REMOVE #b", {}, {"a": "x", "b": "y"}, {"a": "y"}),
    (
        "SET #a = :v REMOVE #b ADD #c :n",
        {"v": {"S": "v"}, "n": {"N": "1"}},
        {"b": 1},
        {"a": "v", "c": 1},
    ),
]


@pytest.mark.parametrize(("expression", "values", "before", "after"), UPDATES, ids=case_id)
def test_an_update_changes_what_it_names(
    database: Database,
    expression: str,
    values: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    database.put(**before)
    names = [name for name in "abc" if f"#{name}" in expression]

    reply = update(database, expression, names=names, values=values, ReturnValues="ALL_NEW")

    assert sorted_sets(reply["Attributes"]) == wire(after)
    assert sorted_sets(database.get()) == wire(after)


def sorted_sets(item: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"SS": sorted(value["SS"])} if "SS" in value else value
        for name, value in item.items()
    }


def test_an_update_of_a_missing_item_creates_it(database: Database) -> None:
    update(database, "SET #a = :v", names=["a"], values={"v": {"S": "new"}})

    assert database.get() == wire({"a": "new"})


REFUSED_UPDATES: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "of a key": ("SET pk = :v", [], {"v": {"S": "x"}}),
    "of what the item lacks": ("SET #a = #missing", ["a", "missing"], {}),
    "with more than there is": ("SET #a = #missing + :v", ["a", "missing"], {"v": {"N": "1"}}),
    "adding to a text": ("ADD #a :v", ["a"], {"v": {"N": "1"}}),
    "adding a set to a text": ("ADD #a :v", ["a"], {"v": {"SS": ["x"]}}),
    "deleting from a text": ("DELETE #a :v", ["a"], {"v": {"SS": ["x"]}}),
    "with a name too many": ("SET #a = :v", ["a", "b"], {"v": {"S": "x"}}),
    "with a value too many": ("SET #a = :v", ["a"], {"v": {"S": "x"}, "w": {"S": "y"}}),
    "with a name too few": ("SET #a = :v, #b = :v", ["a"], {"v": {"S": "x"}}),
    "with a value too few": ("SET #a = :v, #b = :w", ["a", "b"], {"v": {"S": "x"}}),
    "to a key of an index of another type": ("SET enrolledAt = :v", [], {"v": {"N": "1"}}),
    "to an empty key of an index": ("SET enrolledAt = :v", [], {"v": {"S": ""}}),
}


@pytest.mark.parametrize("what", REFUSED_UPDATES)
def test_an_invalid_update_is_refused(database: Database, what: str) -> None:
    expression, names, values = REFUSED_UPDATES[what]
    database.put(a="text")

    with pytest.raises(ClientError) as error:
        update(database, expression, names=names, values=values)

    assert refusal(error) == "ValidationException"
    assert database.get() == wire({"a": "text"})


def test_memory_refuses_what_dynamodb_refuses_and_ministack_accepts(memory: Database) -> None:
    memory.put(a="text")
    for expression, value in (
        ("SET #a = :v REMOVE #a", {"S": "x"}),
        ("SET #a = #a + :v", {"N": "1"}),
    ):
        with pytest.raises(ClientError) as error:
            update(memory, expression, names=["a"], values={"v": value})
        assert refusal(error) == "ValidationException"


REFUSED_ITEMS: dict[str, dict[str, Any]] = {
    "an empty key": {"pk": ""},
    "a key of another type": {"sk": 1},
    "an empty key of an index": {"enrolledAt": ""},
    "a key of an index of another type": {"platformEnrollmentId": 1},
    "an empty set": {"a": {"SS": []}},
    "an empty set within": {"a": {"M": {"b": {"L": [{"SS": []}]}}}},
    "too long a partition": {"pk": "x" * 2049},
    "too long a sort key": {"sk": "x" * 1025},
}


@pytest.mark.parametrize("what", REFUSED_ITEMS)
def test_an_invalid_item_is_refused(database: Database, what: str) -> None:
    with pytest.raises(ClientError) as error:
        database.put(**REFUSED_ITEMS[what])

    assert refusal(error) == "ValidationException"


def test_an_item_without_its_key_is_refused(database: Database) -> None:
    with pytest.raises(ClientError) as error:
        database.ask("put_item", Item={"pk": {"S": "P"}})

    assert refusal(error) == "ValidationException"


@pytest.mark.parametrize(
    "asked", [{"pk": {"S": "P"}}, key("P", "S") | {"more": {"S": "x"}}, key("", "S")]
)
def test_an_invalid_key_is_refused(database: Database, asked: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        database.ask("get_item", Key=asked)

    assert refusal(error) == "ValidationException"


def test_an_item_holds_400_kb_and_no_more(database: Database) -> None:
    names = len("pkPskSa")
    database.put(a="x" * (LARGEST - names))

    with pytest.raises(ClientError) as error:
        database.put(a="x" * (LARGEST - names + 1))

    assert refusal(error) == "ValidationException"


def test_an_update_cannot_exceed_400_kb(database: Database) -> None:
    database.put(a="x" * (LARGEST - 100))

    with pytest.raises(ClientError) as error:
        update(database, "SET #b = :v", names=["b"], values={"v": {"S": "x" * 100}})

    assert refusal(error) == "ValidationException"


def test_a_delete_returns_the_old_item_once(database: Database) -> None:
    database.put(a="text")

    first = database.ask("delete_item", Key=key(), ReturnValues="ALL_OLD")
    second = database.ask("delete_item", Key=key(), ReturnValues="ALL_OLD")

    assert first["Attributes"] == wire({"a": "text"})
    assert not second.get("Attributes")
    assert database.get() is None


def test_an_unknown_table_is_not_found(database: Database) -> None:
    with pytest.raises(ClientError) as error:
        database.client.get_item(TableName="other", Key=key())

    assert refusal(error) == "ResourceNotFoundException"


def test_an_expired_item_can_still_be_read(database: Database) -> None:
    """DynamoDB takes days to delete it, so no read may rely on that it is gone."""
    database.put(ttl=1)

    assert database.get() == wire({"ttl": 1})

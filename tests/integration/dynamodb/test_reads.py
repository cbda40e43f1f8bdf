"""Reads: by key, by many keys, and by queries of the table and its indexes."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.dynamodb.conftest import NAME, Database, case_id, key, refusal, wire

SORTS = ("A", "B1", "B2", "C")


def query(database: Database, condition: str, **more: Any) -> Any:
    """Query; what is given as ``x=…`` is the value ``:x``, parameters begin with a capital."""
    values = {f":{name}": each for name, each in more.items() if not name[0].isupper()}
    rest = {name: each for name, each in more.items() if name[0].isupper()}
    return database.ask(
        "query", KeyConditionExpression=condition, ExpressionAttributeValues=values, **rest
    )


def sorts(answer: Any, name: str = "sk") -> list[str]:
    return [each[name]["S"] for each in answer["Items"]]


@pytest.fixture
def filled(database: Database) -> Database:
    """Put four items into a partition, and others around it."""
    for sk in SORTS:
        database.put(sk=sk, courseId="C", enrolledAt=f"T{sk}", a=sk)
    database.put(pk="P2", sk="B1", courseId="C2", enrolledAt="TB1")
    database.put(pk="P3", sk="B1", courseId="C")
    return database


def test_a_missing_item_is_no_error(database: Database) -> None:
    assert database.ask("get_item", Key=key()) == {}


def test_a_batch_read_omits_missing_items(filled: Database) -> None:
    keys = [key("P", sk) for sk in ("A", "missing", "C")]

    reply = filled.client.batch_get_item(RequestItems={NAME: {"Keys": keys}})

    assert sorted(each["sk"]["S"] for each in reply["Responses"][NAME]) == ["A", "C"]
    assert reply["UnprocessedKeys"] == {}


@pytest.mark.parametrize("keys", [[key()] * 2, [key("P", str(each)) for each in range(101)]])
def test_a_batch_read_takes_at_most_100_different_keys(
    database: Database, keys: list[dict[str, Any]]
) -> None:
    with pytest.raises(ClientError) as error:
        database.client.batch_get_item(RequestItems={NAME: {"Keys": keys}})

    assert refusal(error) == "ValidationException"


CONDITIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("pk = :p", {}, ["A", "B1", "B2", "C"]),
    ("pk = :p AND sk = :s", {"s": {"S": "B1"}}, ["B1"]),
    ("pk = :p AND begins_with(sk, :s)", {"s": {"S": "B"}}, ["B1", "B2"]),
    ("pk = :p AND sk BETWEEN :s AND :t", {"s": {"S": "B"}, "t": {"S": "B2"}}, ["B1", "B2"]),
    ("pk = :p AND sk > :s", {"s": {"S": "B1"}}, ["B2", "C"]),
    ("pk = :p AND sk <= :s", {"s": {"S": "B1"}}, ["A", "B1"]),
    ("pk = :p AND sk = :s", {"s": {"S": "none"}}, []),
]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(("condition", "values", "found"), CONDITIONS, ids=case_id)
def test_a_partition_is_read_in_order(
    filled: Database, condition: str, values: dict[str, Any], found: list[str], *, forward: bool
) -> None:
    reply = query(filled, condition, p={"S": "P"}, ScanIndexForward=forward, **values)

    assert sorts(reply) == (found if forward else found[::-1])
    assert (reply["Count"], reply["ScannedCount"]) == (len(found), len(found))
    assert "LastEvaluatedKey" not in reply


def test_an_index_shows_whole_items_and_only_those_that_have_its_keys(filled: Database) -> None:
    reply = query(filled, "courseId = :p", p={"S": "C"}, IndexName="byCourse")

    assert reply["Items"] == [
        wire({"sk": sk, "courseId": "C", "enrolledAt": f"T{sk}", "a": sk}) for sk in SORTS
    ]


def test_an_index_of_keys_shows_only_them(database: Database) -> None:
    database.put(platformEnrollmentId="7", enrolledAt="T", a="text")

    reply = query(
        database, "platformEnrollmentId = :p", p={"S": "7"}, IndexName="byPlatformEnrollment"
    )

    assert reply["Items"] == [wire({"platformEnrollmentId": "7", "enrolledAt": "T"})]


def test_an_item_leaves_an_index_with_its_key(filled: Database) -> None:
    filled.ask("update_item", Key=key("P", "B1"), UpdateExpression="REMOVE courseId")

    reply = query(filled, "courseId = :p", p={"S": "C"}, IndexName="byCourse")

    assert sorts(reply) == ["A", "B2", "C"]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("index", [None, "byCourse"])
def test_pages_follow_each_other(
    filled: Database, index: str | None, limit: int, *, forward: bool
) -> None:
    found, pages = [], []
    name, partition = ("courseId", "C") if index else ("pk", "P")
    more: dict[str, Any] = {"Limit": limit, "ScanIndexForward": forward}
    if index:
        more["IndexName"] = index
    for _ in range(len(SORTS) + 1):
        reply = query(filled, f"{name} = :p", p={"S": partition}, **more)
        found += sorts(reply)
        pages.append(len(reply["Items"]))
        if "LastEvaluatedKey" not in reply:
            break
        more["ExclusiveStartKey"] = reply["LastEvaluatedKey"]

    assert found == list(SORTS if forward else SORTS[::-1])
    # A full page has a next key, even if no item follows.
    assert pages == [limit] * (4 // limit) + [4 % limit]


def test_a_page_returns_every_key_of_its_last_item(filled: Database) -> None:
    reply = query(filled, "courseId = :p", p={"S": "C"}, IndexName="byCourse", Limit=1)

    assert reply["LastEvaluatedKey"] == wire({"sk": "A", "courseId": "C", "enrolledAt": "TA"})


@pytest.mark.parametrize(("forward", "rest"), [(True, ["C"]), (False, ["B1", "A"])])
def test_a_page_continues_after_a_deleted_item(
    filled: Database, rest: list[str], *, forward: bool
) -> None:
    ended = {
        "pk": {"S": "P"},
        "sk": {"S": "B2"},
        "courseId": {"S": "C"},
        "enrolledAt": {"S": "TB2"},
    }
    filled.ask("update_item", Key=key("P", "B2"), UpdateExpression="REMOVE courseId")

    reply = query(
        filled,
        "courseId = :p",
        p={"S": "C"},
        IndexName="byCourse",
        ScanIndexForward=forward,
        ExclusiveStartKey=ended,
    )

    assert sorts(reply) == rest


def test_a_filter_removes_items_after_the_page_is_read(filled: Database) -> None:
    reply = query(
        filled,
        "pk = :p",
        p={"S": "P"},
        a={"S": "B2"},
        FilterExpression="#a = :a",
        ExpressionAttributeNames={"#a": "a"},
        Limit=3,
    )

    assert sorts(reply) == ["B2"]
    assert (reply["Count"], reply["ScannedCount"]) == (1, 3)
    assert reply["LastEvaluatedKey"] == key("P", "B2")


def test_a_page_holds_a_megabyte(database: Database) -> None:
    for number in range(4):
        database.put(sk=str(number), a="x" * 380_000)

    reply = query(database, "pk = :p", p={"S": "P"})

    assert sorts(reply) == ["0", "1"]
    assert reply["LastEvaluatedKey"] == key("P", "1")


REFUSED: dict[str, dict[str, Any]] = {
    "by another key": {"KeyConditionExpression": "sk = :p"},
    "consistently of an index": {
        "KeyConditionExpression": "courseId = :p",
        "IndexName": "byCourse",
        "ConsistentRead": True,
    },
    "with a value too few": {"KeyConditionExpression": "pk = :p AND sk = :s"},
    "with a name too many": {
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeNames": {"#a": "a"},
    },
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_invalid_query_is_refused(database: Database, what: str) -> None:
    with pytest.raises(ClientError) as error:
        database.ask("query", ExpressionAttributeValues={":p": {"S": "P"}}, **REFUSED[what])

    assert refusal(error) == "ValidationException"

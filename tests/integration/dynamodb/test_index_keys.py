"""Indexes whose keys have several attributes: what is in them, in which order, what is refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.dynamodb.conftest import Database, case_id, key, refusal
from tests.integration.dynamodb.indexed_table import joined, places, query, read, stand_ins
from tests.support.dynamodb.errors import Unsupported

ENROLLMENTS: dict[str, tuple[str, int, str]] = {
    "A": ("active", 9, "2"),
    "B": ("active", 10, "1"),
    "C": ("active", 9, "1"),
    "D": ("active", 9, "1"),
    "E": ("expired", 9, "3"),
    "F": ("expired", 70, "1"),
}
"""Status, grade and time of each, by ``pk``."""
ORDER = ["C1", "D1", "A1", "B1", "E1", "F1"]
PLACE: dict[str, Any] = {"s": "active", "g": 9}


@pytest.fixture
def course(indexed: Database) -> Database:
    """Put six enrollments into the index of a course, and one beside it."""
    for pk, (status, grade, time) in ENROLLMENTS.items():
        put(indexed, pk, status=status, grade=grade, createdAt=time)
    put(indexed, "Z", courseId="other", status="active", grade=9, createdAt="1")
    return indexed


def put(database: Database, pk: str, **attributes: Any) -> None:
    database.put(**{"pk": pk, "sk": "1", "courseId": "c", **attributes})


CONDITIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("", {}, ORDER),
    (" AND #status = :s", {"s": "active"}, ["C1", "D1", "A1", "B1"]),
    (" AND #status = :s", {"s": "none"}, []),
    (" AND #status > :s", {"s": "active"}, ["E1", "F1"]),
    (" AND begins_with(#status, :s)", {"s": "a"}, ["C1", "D1", "A1", "B1"]),
    (" AND #status = :s AND #grade = :g", PLACE, ["C1", "D1", "A1"]),
    (" AND #status = :s AND #grade < :g", {"s": "active", "g": 10}, ["C1", "D1", "A1"]),
    (" AND #status = :s AND #grade <= :g", {"s": "active", "g": 10}, ["C1", "D1", "A1", "B1"]),
    (" AND #status = :s AND #grade >= :g", {"s": "expired", "g": 10}, ["F1"]),
    (" AND #status = :s AND #grade BETWEEN :g AND :h", PLACE | {"h": 69}, ["C1", "D1", "A1", "B1"]),
    (" AND #status = :s AND #grade = :g AND createdAt = :t", PLACE | {"t": "1"}, ["C1", "D1"]),
    (" AND #status = :s AND #grade = :g AND createdAt > :t", PLACE | {"t": "1"}, ["A1"]),
    (
        " AND #status = :s AND #grade = :g AND createdAt BETWEEN :t AND :u",
        PLACE | {"t": "1", "u": "3"},
        ["C1", "D1", "A1"],
    ),
    (
        " AND #status = :s AND #grade = :g AND createdAt = :t AND pk > :p",
        PLACE | {"t": "1", "p": "C"},
        ["D1"],
    ),
]


@pytest.mark.parametrize(("condition", "values", "found"), CONDITIONS, ids=case_id)
def test_a_sort_key_is_compared_from_left_to_right(
    course: Database, condition: str, values: dict[str, Any], found: list[str]
) -> None:
    request = ("byCourse", f"courseId = :c{condition}")

    forward = query(course, *request, c="c", **values)
    backward = query(course, *request, c="c", **values, ScanIndexForward=False)

    assert places(forward) == found
    assert places(backward) == found[::-1]
    assert (forward["Count"], forward["ScannedCount"]) == (len(found), len(found))
    assert "LastEvaluatedKey" not in forward


def test_the_order_of_the_clauses_is_free(course: Database) -> None:
    condition = "#grade > :g AND courseId = :c AND #status = :s"

    assert places(query(course, "byCourse", condition, c="c", s="active", g=9)) == ["B1"]


REFUSED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "without the partition": ("byCourse", "#status = :s", {"s": "active"}),
    "without a part of the partition": ("byUser", "userId = :u", {"u": "U"}),
    "with a range of the partition": ("byUser", "userId = :u AND #type > :t", {"u": "U", "t": "P"}),
    "with a gap": ("byCourse", "courseId = :c AND #grade = :g", {"c": "c", "g": 9}),
    "with a gap later": (
        "byCourse",
        "courseId = :c AND #status = :s AND createdAt = :t",
        {"c": "c", "s": "active", "t": "1"},
    ),
    "with a range before the last": (
        "byCourse",
        "courseId = :c AND #status > :s AND #grade = :g",
        {"c": "c", "s": "active", "g": 9},
    ),
    "with two ranges": (
        "byCourse",
        "courseId = :c AND #status > :s AND #grade > :g",
        {"c": "c", "s": "active", "g": 9},
    ),
    "with an attribute that is no key": (
        "byCourse",
        "courseId = :c AND userId = :u",
        {"c": "c", "u": "U"},
    ),
    "with an empty text": ("byCourse", "courseId = :c AND #status = :s", {"c": "c", "s": ""}),
    "consistently": ("byCourse", "courseId = :c", {"c": "c", "ConsistentRead": True}),
}
VALUES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "with an attribute twice": (
        "byCourse",
        "courseId = :c AND #status = :s AND #status = :t",
        {"c": "c", "s": "active", "t": "active"},
    ),
    "with a text for a number": (
        "byCourse",
        "courseId = :c AND #status = :s AND #grade = :g",
        {"c": "c", "s": "active", "g": "9"},
    ),
    "with bounds in the wrong order": (
        "byCourse",
        "courseId = :c AND #status BETWEEN :s AND :t",
        {"c": "c", "s": "b", "t": "a"},
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_invalid_query_is_refused(course: Database, what: str) -> None:
    assert_refused(course, *REFUSED[what])


@stand_ins(moto="does not check this")
@pytest.mark.parametrize("what", VALUES)
def test_an_invalid_value_is_refused(course: Database, what: str) -> None:
    assert_refused(course, *VALUES[what])


def assert_refused(database: Database, index: str, condition: str, more: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        query(database, index, condition, **more)

    assert refusal(error) == "ValidationException"


@stand_ins(moto="does not check this")
def test_a_reserved_word_is_no_name(course: Database) -> None:
    # The table in memory does not support what DynamoDB refuses here.
    with pytest.raises((ClientError, Unsupported)):
        query(course, "byCourse", "courseId = :c AND status = :s", c="c", s="active")


@pytest.mark.parametrize("missing", ["courseId", "status", "grade", "createdAt"])
def test_an_item_without_one_of_the_keys_is_not_in_the_index(
    course: Database, missing: str
) -> None:
    gone = {"UpdateExpression": "REMOVE #a", "ExpressionAttributeNames": {"#a": missing}}
    course.ask("update_item", Key=key("A", "1"), **gone)

    assert places(query(course, "byCourse", "courseId = :c", c="c")) == [
        each for each in ORDER if each != "A1"
    ]
    assert course.get("A", "1") is not None


def test_an_item_joins_the_index_with_its_last_key(course: Database) -> None:
    put(course, "G", status="active", grade=1)
    assert "G1" not in places(query(course, "byCourse", "courseId = :c", c="c"))

    update(course, "G", createdAt={"S": "1"})

    assert places(query(course, "byCourse", "courseId = :c", c="c")) == ["G1", *ORDER]


MOVES: list[tuple[str, dict[str, str], list[str]]] = [
    ("status", {"S": "expired"}, ["C1", "D1", "B1", "A1", "E1", "F1"]),
    ("grade", {"N": "100"}, ["C1", "D1", "B1", "A1", "E1", "F1"]),
    ("createdAt", {"S": "0"}, ["A1", "C1", "D1", "B1", "E1", "F1"]),
    ("courseId", {"S": "other"}, ["C1", "D1", "B1", "E1", "F1"]),
]


@pytest.mark.parametrize(("name", "value", "found"), MOVES, ids=case_id)
def test_an_item_moves_with_its_keys(
    course: Database, name: str, value: dict[str, str], found: list[str]
) -> None:
    update(course, "A", **{name: value})

    assert places(query(course, "byCourse", "courseId = :c", c="c")) == found


def update(database: Database, pk: str, **attributes: dict[str, str]) -> None:
    ((name, value),) = attributes.items()
    database.ask(
        "update_item",
        Key=key(pk, "1"),
        UpdateExpression="SET #a = :v",
        ExpressionAttributeNames={"#a": name},
        ExpressionAttributeValues={":v": value},
    )


@pytest.mark.parametrize("value", [{"NULL": True}, {"S": ""}], ids=case_id)
def test_a_key_of_an_index_is_not_empty(indexed: Database, value: dict[str, Any]) -> None:
    assert_not_written(indexed, status=value)


@stand_ins(moto="does not check this")
def test_a_key_of_an_index_has_one_type(indexed: Database) -> None:
    assert_not_written(indexed, status={"N": "1"})


def assert_not_written(database: Database, **attributes: Any) -> None:
    with pytest.raises(ClientError) as error:
        put(database, "A", **attributes)

    assert refusal(error) == "ValidationException"
    assert database.get("A", "1") is None


def test_a_key_of_four_attributes_needs_no_sort_key(indexed: Database) -> None:
    for pk in ("A", "B", "C"):
        put(indexed, pk, type="E", status="active", userId="U")
    put(indexed, "D", type="E", status="active", userId="V")
    put(indexed, "E", type="E", status="active")
    condition = "#type = :t AND #status = :s AND userId = :u AND courseId = :c"

    pages = read(indexed, "byAll", condition, t="E", s="active", u="U", c="c", Limit=2)

    assert len(pages) == 2
    # DynamoDB does not document the order of items with the same key.
    assert sorted(joined(pages)) == ["A1", "B1", "C1"]

"""Pages of an index whose keys have several attributes: cursors, filters, projections."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.dynamodb.conftest import Database, key, refusal, wire
from tests.integration.dynamodb.indexed_table import joined, places, query, read, stand_ins

PAYMENTS = ("A1", "B1", "C1", "C2", "D1", "E1")
"""In the order of the index: all but the first and the last one have the same time.

C1 and C2 even have the same keys. DynamoDB does not document which of them is first; every
stand-in goes by the keys of the table.
"""
OF_USER = ("byUser", "userId = :u AND #type = :t")
USER: dict[str, Any] = {"u": "U", "t": "Payment"}


@pytest.fixture
def user(indexed: Database) -> Database:
    """Put six payments of a user into the index, in another order, and others beside them."""
    for place in reversed(PAYMENTS):
        time = {"A1": "1", "E1": "3"}.get(place, "2")
        put(indexed, place, createdAt=time, status="PAID" if place in ("C1", "E1") else "OPEN")
    put(indexed, "F1", createdAt="2", type="Note")
    put(indexed, "G1", createdAt="2", userId="V")
    put(indexed, "H1")
    return indexed


def put(database: Database, place: str, **attributes: Any) -> None:
    item = {"userId": "U", "type": "Payment", "note": f"note {place}", "more": "text"}
    database.put(**{"pk": place[0], "sk": place[1], **item, **attributes})


def start(place: str, time: str) -> dict[str, Any]:
    """Return the cursor that a page ends with whose last item is this one."""
    attributes = {"userId": "U", "type": "Payment", "createdAt": time}
    return wire({"pk": place[0], "sk": place[1], **attributes})


def without(name: str) -> dict[str, Any]:
    return {each: value for each, value in start("C1", "2").items() if each != name}


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7])
def test_pages_follow_each_other(user: Database, limit: int) -> None:
    forward = read(user, *OF_USER, **USER, Limit=limit)
    backward = read(user, *OF_USER, **USER, Limit=limit, ScanIndexForward=False)

    assert joined(forward) == list(PAYMENTS)
    assert joined(backward) == list(PAYMENTS[::-1])
    assert {len(page) for page in (*forward[:-1], *backward[:-1])} <= {limit}


@stand_ins(moto="looks whether more items follow")
@pytest.mark.parametrize("limit", [1, 2, 3, 6])
def test_a_full_page_has_a_next_one(user: Database, limit: int) -> None:
    pages = read(user, *OF_USER, **USER, Limit=limit)

    assert [len(page) for page in pages] == [limit] * (6 // limit) + [0]


def test_a_page_ends_with_all_keys_of_the_index_and_the_table(user: Database) -> None:
    reply = query(user, *OF_USER, **USER, Limit=3)

    assert reply["LastEvaluatedKey"] == start("C1", "2")


@pytest.mark.parametrize("place", PAYMENTS)
def test_a_page_starts_after_any_item_even_among_equal_times(user: Database, place: str) -> None:
    time = {"A1": "1", "E1": "3"}.get(place, "2")
    after = PAYMENTS.index(place)
    cursor: dict[str, Any] = {"ExclusiveStartKey": start(place, time)}

    forward = query(user, *OF_USER, **USER, **cursor)
    backward = query(user, *OF_USER, **USER, **cursor, ScanIndexForward=False)

    assert places(forward) == list(PAYMENTS[after + 1 :])
    assert places(backward) == list(PAYMENTS[:after][::-1])


GONE: dict[str, tuple[str, dict[str, Any]]] = {
    "deleted": ("delete_item", {}),
    "out of the index": ("update_item", {"UpdateExpression": "REMOVE userId"}),
    "at another place": (
        "update_item",
        {
            "UpdateExpression": "SET createdAt = :t",
            "ExpressionAttributeValues": {":t": {"S": "0"}},
        },
    ),
}


@pytest.mark.parametrize("what", GONE)
def test_a_page_starts_after_an_item_that_is_gone(user: Database, what: str) -> None:
    operation, request = GONE[what]
    first = query(user, *OF_USER, **USER, Limit=3)
    user.ask(operation, Key=key("C", "1"), **request)

    rest = query(user, *OF_USER, **USER, ExclusiveStartKey=first["LastEvaluatedKey"])

    assert places(rest) == ["C2", "D1", "E1"]


def test_a_page_starts_within_a_span_of_time(user: Database) -> None:
    name, condition = OF_USER
    request: dict[str, Any] = {**USER, "f": "2", "l": "2", "Limit": 2, "ScanIndexForward": False}

    pages = read(user, name, f"{condition} AND createdAt BETWEEN :f AND :l", **request)

    assert [page for page in pages if page] == [["D1", "C2"], ["C1", "B1"]]


CURSORS: dict[str, dict[str, Any]] = {
    "of another user": {**start("C1", "2"), "userId": {"S": "V"}},
    "outside of the span": start("A1", "1"),
    "without a key of the index": without("createdAt"),
    "without a key of the table": without("sk"),
}


@stand_ins(moto="does not check this")
@pytest.mark.parametrize("what", CURSORS)
def test_a_cursor_that_the_query_cannot_have_returned_is_refused(user: Database, what: str) -> None:
    name, condition = OF_USER
    cursor: dict[str, Any] = {"ExclusiveStartKey": CURSORS[what]}

    with pytest.raises(ClientError) as error:
        query(user, name, f"{condition} AND createdAt >= :f", **USER, f="2", **cursor)

    assert refusal(error) == "ValidationException"


@stand_ins(moto="counts whole items")
def test_a_page_holds_a_megabyte_of_what_the_index_holds(indexed: Database) -> None:
    for number in range(4):
        put(indexed, f"A{number}", createdAt="1", more="x" * 380_000)

    assert [len(page) for page in read(indexed, *OF_USER, **USER)] == [4]


@pytest.mark.parametrize(
    ("limit", "found", "read_"), [(2, [], 2), (3, ["C1"], 3), (5, ["C1"], 5), (9, ["C1", "E1"], 6)]
)
def test_a_filter_removes_items_after_the_page_is_read(
    user: Database, limit: int, found: list[str], read_: int
) -> None:
    reply = query(user, *OF_USER, **USER, s="PAID", FilterExpression="#status = :s", Limit=limit)

    assert places(reply) == found
    assert (reply["Count"], reply["ScannedCount"]) == (len(found), read_)
    assert ("LastEvaluatedKey" in reply) == (limit < len(PAYMENTS))


def test_pages_with_a_filter_miss_nothing(user: Database) -> None:
    paid = {"s": "PAID", "FilterExpression": "#status = :s"}

    pages = read(user, *OF_USER, **USER, **paid, Limit=2, ScanIndexForward=False)

    assert pages[:3] == [["E1"], ["C1"], []]


@stand_ins(
    ministack="filters by keys as by other attributes",
    moto="filters by keys as by other attributes",
)
@pytest.mark.parametrize("name", ["userId", "#type", "#createdAt", "pk"])
def test_a_filter_by_a_key_of_the_index_is_refused(user: Database, name: str) -> None:
    with pytest.raises(ClientError) as error:
        query(user, *OF_USER, **USER, x="x", FilterExpression=f"{name} = :x")

    assert refusal(error) == "ValidationException"


def test_a_filter_by_a_key_of_the_table_alone_is_no_filter_by_a_key_of_the_index(
    user: Database,
) -> None:
    assert places(query(user, *OF_USER, **USER, x="2", FilterExpression="sk = :x")) == ["C2"]


@stand_ins(ministack="filters the whole item", moto="treats it as missing")
def test_a_filter_by_what_the_index_does_not_hold_is_refused(user: Database) -> None:
    with pytest.raises(ClientError) as error:
        query(user, *OF_USER, **USER, x="text", FilterExpression="#more = :x")

    assert refusal(error) == "ValidationException"


def test_an_index_shows_its_keys_and_what_it_includes(user: Database) -> None:
    reply = query(user, *OF_USER, **USER, Limit=1)

    assert reply["Items"] == [{**start("A1", "1"), **wired(status="OPEN", note="note A1")}]


def test_an_included_attribute_may_be_missing(user: Database) -> None:
    user.ask("update_item", Key=key("A", "1"), UpdateExpression="REMOVE #n", **named("note"))

    reply = query(user, *OF_USER, **USER, Limit=1)

    assert reply["Items"] == [{**start("A1", "1"), **wired(status="OPEN")}]


def test_an_index_of_keys_shows_only_them(indexed: Database) -> None:
    keys = {"courseId": "c", "status": "active", "grade": 7, "createdAt": "1"}
    indexed.put(**keys, note="text", userId="U")

    reply = query(indexed, "byCourse", "courseId = :c", c="c")

    assert reply["Items"] == [wire(keys)]


def test_an_index_of_all_shows_whole_items(indexed: Database) -> None:
    item = {"courseId": "c", "status": "active", "userId": "U", "type": "E", "note": "text"}
    indexed.put(**item)

    condition = "#type = :t AND #status = :s AND userId = :u AND courseId = :c"
    reply = query(indexed, "byAll", condition, t="E", s="active", u="U", c="c")

    assert reply["Items"] == [wire(item)]


def named(name: str) -> dict[str, Any]:
    return {"ExpressionAttributeNames": {f"#{name[0]}": name}}


def wired(**attributes: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in attributes.items()}

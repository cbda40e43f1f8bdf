"""A table whose indexes have keys of one to four attributes, and how to query them.

Attributes are those that items have anyway, as DynamoDB describes it under "Multi-attribute keys".
"""

import re
from typing import Any

import pytest

STAND_INS = ("memory", "ministack", "moto")
TYPES = {
    **dict.fromkeys(("pk", "sk", "userId", "type", "createdAt", "courseId", "status"), "S"),
    "grade": "N",
}


def _index(name: str, partition: str, sort: str, **projection: Any) -> dict[str, Any]:
    keys = [(each, "HASH") for each in partition.split()] + [
        (each, "RANGE") for each in sort.split()
    ]
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": each, "KeyType": kind} for each, kind in keys],
        "Projection": projection,
    }


TABLE: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind} for name, kind in TYPES.items()
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        _index(
            "byUser",
            "userId type",
            "createdAt pk",
            ProjectionType="INCLUDE",
            NonKeyAttributes=["status", "note"],
        ),
        _index("byCourse", "courseId", "status grade createdAt pk", ProjectionType="KEYS_ONLY"),
        _index("byAll", "type status userId courseId", "", ProjectionType="ALL"),
    ],
}
"""The properties that CreateTable takes: one, two and four attributes in a key, and none."""
DEPARTURE = (AssertionError, pytest.fail.Exception, TypeError)
"""How a test fails by another answer, by no refusal, and by a crash of moto."""


def stand_ins(**departing: str) -> pytest.MarkDecorator:
    """Mark a test that a stand-in fails, because it departs from DynamoDB: ``moto="how it does"``.

    The mark must go when the stand-in passes the test: that is an error too.
    """
    cases = [
        pytest.param(name, marks=pytest.mark.xfail(raises=DEPARTURE, reason=departing[name]))
        if name in departing
        else name
        for name in STAND_INS
    ]
    return pytest.mark.parametrize("indexed", cases, indirect=True)


def query(database: Any, index: str, condition: str, /, **more: Any) -> Any:
    """Query an index; ``x=…`` is the value ``:x``, parameters begin with a capital letter."""
    values = {f":{name}": _wire(each) for name, each in more.items() if name[0].islower()}
    rest = {name: each for name, each in more.items() if name[0].isupper()}
    named = re.findall(r"#(\w+)", f"{condition} {rest.get('FilterExpression')}")
    names = {f"#{name}": name for name in named}
    return database.ask(
        "query",
        IndexName=index,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        **({"ExpressionAttributeNames": names} if names else {}),
        **rest,
    )


def _wire(value: Any) -> Any:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def places(answer: Any) -> list[str]:
    """Return ``pk`` and ``sk`` of the items of a page, e.g. ``P1``."""
    return [each["pk"]["S"] + each["sk"]["S"] for each in answer["Items"]]


def joined(pages: list[list[str]]) -> list[str]:
    """Return what all pages hold."""
    return [place for page in pages for place in page]


def read(database: Any, *request: Any, **more: Any) -> list[list[str]]:
    """Return all pages of a query, at most twenty."""
    pages = []
    for _ in range(20):
        answer = query(database, *request, **more)
        pages.append(places(answer))
        if "LastEvaluatedKey" not in answer:
            break
        more["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    return pages

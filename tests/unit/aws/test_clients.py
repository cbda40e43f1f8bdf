"""The AWS clients of the functions."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from lunas.aws import clients

# Nested, and with a type that botocore does not know.
STORED = {"pk": {"S": "P"}, "sk": {"S": "S"}, "list": {"L": [{"M": {"new": {"Z": "as it came"}}}]}}


class Body:
    """The body of a response, like urllib3's."""

    def stream(self, **_options: object) -> list[bytes]:
        """Return the whole body."""
        return [json.dumps({"Item": STORED}).encode()]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Answer every call with a stored item, and collect the requests."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "test")
    bodies: list[Any] = []

    def answer(request: Any, **_about: object) -> Any:
        bodies.append(json.loads(request.body))
        headers: Any = {}
        return AWSResponse(request.url, 200, headers, Body())

    clients.dynamodb.cache_clear()
    clients.dynamodb().meta.events.register("before-send.dynamodb", answer)
    yield bodies
    clients.dynamodb.cache_clear()


def test_values_of_items_are_passed_unchanged(sent: list[Any]) -> None:
    """Parsing each value would double the cost of a list page."""
    stored: Any = STORED
    clients.dynamodb().put_item(TableName="t", Item=stored)
    assert sent == [{"TableName": "t", "Item": STORED}]
    answer = clients.dynamodb().get_item(TableName="t", Key={"pk": {"S": "P"}, "sk": {"S": "S"}})
    assert answer["Item"] == STORED

"""The AWS clients of the functions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.regions import EndpointRulesetResolver

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


def test_a_call_does_not_derive_the_address_again(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(EndpointRulesetResolver, "construct_endpoint")
    clients.dynamodb().get_item(TableName="t", Key={"pk": {"S": "P"}, "sk": {"S": "S"}})
    assert sent == [{"TableName": "t", "Key": {"pk": {"S": "P"}, "sk": {"S": "S"}}}]


@pytest.mark.parametrize("region", ["ap-southeast-3", "us-gov-west-1", "cn-north-1"])
def test_the_address_is_that_of_the_rules(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with_rules: Any = botocore.session.get_session().create_client("dynamodb")
    clients.dynamodb.cache_clear()
    address = clients.dynamodb().meta.endpoint_url
    assert with_rules.generate_presigned_url("list_tables").partition("/?")[0] == address
    clients.dynamodb.cache_clear()


@pytest.mark.usefixtures("sent")
def test_dynamodb_is_called_by_json_in_which_items_are_documents() -> None:
    assert clients.dynamodb().meta.service_model.resolved_protocol == "json"


@pytest.mark.parametrize("protocols", [["smithy-rpc-v2-cbor"], ["smithy-rpc-v2-cbor", "rest-json"]])
def test_dynamodb_is_called_by_json_even_if_botocore_would_choose_another_protocol(
    protocols: list[str], tmp_path: Path
) -> None:
    described = Loader().load_service_model("dynamodb", "service-2")
    described["metadata"] |= {"protocol": protocols[0], "protocols": protocols}
    assert ServiceModel(described, "dynamodb").resolved_protocol != "json"
    folder = tmp_path / "dynamodb" / described["metadata"]["apiVersion"]
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(described))
    loader = Loader([str(tmp_path), str(clients.DESCRIPTIONS)], include_default_search_paths=False)
    pinned = ServiceModel(loader.load_service_model("dynamodb", "service-2"), "dynamodb")
    assert pinned.resolved_protocol == "json"

"""The Idempotency-Key: the same key does the same thing once; a failed request can be repeated."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyPersistenceLayerError

from lunas.api.idempotency import LIFETIME, once
from lunas.aws import clients
from lunas.domain.errors import Conflict, GatewayUnavailable, InvalidInput, StorageContention
from lunas.storage.table import Table
from tests.integration.layer.permissions import policy_of
from tests.support.api_requests import Context

ASKED = {"packageId": "p1", "courseId": "c1"}
pytestmark = pytest.mark.usefixtures("cloud")


class TenSeconds(Context):
    """The context of an invocation with ten seconds left."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Return the milliseconds left."""
        return 10_000


type Work = Callable[[dict[str, Any]], dict[str, Any]]


class Shop:
    """Work that counts how often it runs."""

    def __init__(self) -> None:
        self.done: list[dict[str, Any]] = []

    def __call__(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Open a payment."""
        self.done.append(asked)
        return {"paymentId": f"pay{len(self.done)}", "isNew": True}


@pytest.fixture
def shop() -> Shop:
    return Shop()


def ask(work: Work, key: str = "2:u1:k1", asked: dict[str, Any] | None = None) -> dict[str, Any]:
    return once(
        work,
        scope="initiate",
        key=key,
        asked=ASKED if asked is None else asked,
        context=TenSeconds(),
    )


def test_the_same_request_again_gets_the_first_answer_and_does_nothing(shop: Shop) -> None:
    assert [ask(shop) for _ in range(3)] == [{"paymentId": "pay1", "isNew": True}] * 3
    assert shop.done == [ASKED]


def test_the_order_of_the_fields_does_not_matter(shop: Shop) -> None:
    ask(shop)
    ask(shop, asked=dict(reversed(ASKED.items())))
    assert len(shop.done) == 1


def test_another_key_is_another_request(shop: Shop) -> None:
    assert ask(shop, "2:u1:k1") != ask(shop, "2:u1:k2")
    assert len(shop.done) == 2


@pytest.mark.parametrize("other", [{"packageId": "p2"}, {**ASKED, "courseId": "c2"}, {}], ids=str)
def test_a_key_that_was_used_for_another_request_is_refused(
    shop: Shop, other: dict[str, Any]
) -> None:
    ask(shop)
    with pytest.raises(InvalidInput) as raised:
        ask(shop, asked=other)
    assert [each.field for each in raised.value.errors] == ["Idempotency-Key"]
    assert len(shop.done) == 1


def test_while_the_first_request_runs_the_second_is_a_conflict(shop: Shop) -> None:
    def meanwhile(_: dict[str, Any]) -> dict[str, Any]:
        with pytest.raises(Conflict):
            ask(shop)
        return {"paymentId": "mine"}

    assert ask(meanwhile) == {"paymentId": "mine"}
    assert shop.done == []


def test_a_request_that_failed_can_be_repeated_even_with_another_body(shop: Shop) -> None:
    def fail(_: dict[str, Any]) -> dict[str, Any]:
        raise GatewayUnavailable("no answer")

    with policy_of("initiate_payment"):
        with pytest.raises(GatewayUnavailable):
            ask(fail)
        assert ask(shop, asked={"packageId": "p2"})["paymentId"] == "pay1"


def test_a_record_expires_after_a_day_and_names_no_user(shop: Shop, table: Table) -> None:
    ask(shop, "2:u1:budi@example.com")
    (item,) = table.client.scan(TableName=table.name)["Items"]
    assert item["pk"]["S"] == "IDEMPOTENCY"
    assert "budi" not in str(item)
    assert LIFETIME == 86_400
    assert int(item["ttl"]["N"]) > 0


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("ThrottlingException", StorageContention),
        ("AccessDeniedException", IdempotencyPersistenceLayerError),
    ],
)
@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
def test_a_busy_table_and_a_refusing_table_raise_different_errors(
    shop: Shop, operation: str, code: str, raised: type[Exception]
) -> None:
    def refuse(**_: Any) -> Any:
        return SimpleNamespace(status_code=400), {"Error": {"Code": code}}

    events, name = clients.dynamodb().meta.events, f"before-call.dynamodb.{operation}"
    events.register(name, refuse)
    with pytest.raises(raised):
        ask(shop)
    events.unregister(name, refuse)

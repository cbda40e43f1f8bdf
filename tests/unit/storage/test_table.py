"""Retries of transactions and calls, against the responses of DynamoDB."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lunas.aws import clients
from lunas.domain.errors import StorageContention
from lunas.storage.expressions import Change
from lunas.storage.retries import THROTTLED_BACKOFF, THROTTLED_TRIES, TRIES
from lunas.storage.table import MAX_ATTEMPTS, Action, ConditionsFailed, Table

ITEM = {"pk": {"S": "P"}, "sk": {"S": "S"}}


class Dynamo:
    """A table over a client with prepared responses."""

    def __init__(self) -> None:
        client = boto3.client(
            "dynamodb",
            region_name="ap-southeast-3",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        self.stub = Stubber(client)
        self.table = Table(client, "t")
        self.actions = [
            self.table.put_action(label, {"pk": label, "sk": "S"}, "attribute_not_exists(#pk)")
            for label in ("payment", "owned:c1", "full:c1")
        ]

    def cancels(self, *codes: str | None) -> None:
        """Answer the next transaction with these reasons, one for each action."""
        reasons = [{"Code": code or "None"} for code in codes]
        self.stub.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields={"CancellationReasons": reasons},
        )

    def fails(self, code: str, status: int = 400) -> None:
        """Answer the next transaction with an error of its own."""
        self.stub.add_client_error("transact_write_items", code, http_status_code=status)

    def succeeds(self) -> None:
        """Let the next transaction through."""
        self.stub.add_response("transact_write_items", {})

    def transact(self, actions: list[Action] | None = None) -> None:
        """Write, and check that every response was used."""
        with self.stub:
            self.table.transact(actions or self.actions)
        self.stub.assert_no_pending_responses()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect the delays between attempts instead of waiting."""
    made: list[float] = []
    monkeypatch.setattr("lunas.storage.retries.time.sleep", made.append)
    return made


@pytest.fixture
def dynamo(waits: list[float]) -> Dynamo:
    assert waits == []
    return Dynamo()


@pytest.mark.parametrize(
    "reasons",
    [
        ("TransactionConflict", None, None),
        ("None", "TransactionConflict", "TransactionConflict"),
        ("ThrottlingError", None, None),
        ("ProvisionedThroughputExceeded", "TransactionConflict", None),
    ],
    ids=str,
)
def test_a_transient_conflict_is_retried(
    dynamo: Dynamo, waits: list[float], reasons: tuple[str | None, ...]
) -> None:
    dynamo.cancels(*reasons)
    dynamo.cancels(*reasons)
    dynamo.succeeds()
    dynamo.transact()
    assert len(waits) == 2


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_throttled_transaction_is_attempted_as_often_as_by_the_sdk(
    dynamo: Dynamo, waits: list[float], reason: str
) -> None:
    """The SDK does not look at reasons, so it does not repeat such a transaction."""
    for _ in range(THROTTLED_TRIES):
        dynamo.cancels(reason, None, None)
    with pytest.raises(StorageContention):
        dynamo.transact()
    dynamo.stub.assert_no_pending_responses()
    assert len(waits) == THROTTLED_TRIES - 1 == 3
    assert waits[0] >= THROTTLED_BACKOFF / 2
    assert waits[2] > waits[0]


def test_endless_conflicts_end_as_contention_after_growing_delays(
    dynamo: Dynamo, waits: list[float]
) -> None:
    for _ in range(TRIES):
        dynamo.cancels("TransactionConflict", None, None)
    with pytest.raises(StorageContention):
        dynamo.transact()
    dynamo.stub.assert_no_pending_responses()
    assert waits[-1] > waits[0]
    assert sum(waits) < 10


def test_a_failed_condition_is_named_by_its_label(dynamo: Dynamo, waits: list[float]) -> None:
    dynamo.cancels(None, "ConditionalCheckFailed", "ConditionalCheckFailed")
    with pytest.raises(ConditionsFailed) as raised:
        dynamo.transact()
    assert list(raised.value.found) == ["owned:c1", "full:c1"]
    assert waits == []


def test_a_failed_condition_takes_precedence_over_a_conflict(
    dynamo: Dynamo, waits: list[float]
) -> None:
    dynamo.cancels("TransactionConflict", "ConditionalCheckFailed", "ThrottlingError")
    with pytest.raises(ConditionsFailed) as raised:
        dynamo.transact()
    assert list(raised.value.found) == ["owned:c1"]
    assert waits == []


def test_a_conflict_before_a_failed_condition_is_repeated_first(dynamo: Dynamo) -> None:
    dynamo.cancels("TransactionConflict", None, None)
    dynamo.cancels("ConditionalCheckFailed", None, None)
    with pytest.raises(ConditionsFailed):
        dynamo.transact()
    dynamo.stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    "reasons",
    [
        ("ValidationError", None, None),
        ("ItemCollectionSizeLimitExceeded", None, None),
        ("TransactionConflict", "ValidationError", None),
        (None, None, None),
    ],
    ids=str,
)
def test_a_permanent_reason_is_raised_unchanged(
    dynamo: Dynamo, waits: list[float], reasons: tuple[str | None, ...]
) -> None:
    dynamo.cancels(*reasons)
    with pytest.raises(ClientError, match="TransactionCanceled"):
        dynamo.transact()
    assert waits == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 400),
        ("ResourceNotFoundException", 400),
        ("ValidationException", 400),
        ("IdempotentParameterMismatchException", 400),
    ],
)
def test_any_other_error_is_raised_at_once(
    dynamo: Dynamo, waits: list[float], code: str, status: int
) -> None:
    dynamo.fails(code, status)
    with pytest.raises(ClientError, match=code):
        dynamo.transact()
    assert waits == []


def test_unprocessed_keys_are_requested_again(dynamo: Dynamo) -> None:
    left = {"pk": {"S": "B"}, "sk": {"S": "S"}}
    again = {"Responses": {"t": [ITEM]}, "UnprocessedKeys": {"t": {"Keys": [left]}}}
    dynamo.stub.add_response("batch_get_item", again)
    dynamo.stub.add_response("batch_get_item", {"Responses": {"t": [left]}, "UnprocessedKeys": {}})
    with dynamo.stub:
        found = dynamo.table.get_many([{"pk": "P", "sk": "S"}, {"pk": "B", "sk": "S"}])
    assert [each["pk"] for each in found] == ["P", "B"]


def unread(*left: str) -> dict[str, Any]:
    """Return a response that leaves keys unprocessed."""
    return {"Keys": [{"pk": {"S": each}, "sk": {"S": "S"}} for each in left]}


def test_unprocessed_keys_are_requested_again_after_growing_delays(
    dynamo: Dynamo, waits: list[float]
) -> None:
    """An immediate request would only add to the throttling."""
    for _ in range(3):
        answer = {"Responses": {}, "UnprocessedKeys": {"t": unread("P")}}
        dynamo.stub.add_response("batch_get_item", answer)
    dynamo.stub.add_response("batch_get_item", {"Responses": {"t": [ITEM]}, "UnprocessedKeys": {}})
    with dynamo.stub:
        assert dynamo.table.get_many([{"pk": "P", "sk": "S"}]) == [{"pk": "P", "sk": "S"}]
    first, second, third = waits
    assert THROTTLED_BACKOFF / 2 <= first <= THROTTLED_BACKOFF
    assert THROTTLED_BACKOFF <= second <= 2 * THROTTLED_BACKOFF
    assert 2 * THROTTLED_BACKOFF <= third <= 4 * THROTTLED_BACKOFF


def test_keys_that_stay_unprocessed_end_as_contention(dynamo: Dynamo, waits: list[float]) -> None:
    for _ in range(MAX_ATTEMPTS):
        answer = {"Responses": {}, "UnprocessedKeys": {"t": unread("P")}}
        dynamo.stub.add_response("batch_get_item", answer)
    with dynamo.stub, pytest.raises(StorageContention):
        dynamo.table.get_many([{"pk": "P", "sk": "S"}])
    dynamo.stub.assert_no_pending_responses()
    assert len(waits) == MAX_ATTEMPTS - 1
    assert sum(waits) < 4


def test_more_keys_than_fit_into_one_call_cause_no_delay_of_their_own(
    dynamo: Dynamo, waits: list[float]
) -> None:
    """A call takes a hundred keys; what the first one leaves is requested after the second."""
    names = [f"P{each}" for each in range(150)]
    read = {"Responses": {"t": []}, "UnprocessedKeys": {"t": unread("P0")}}
    dynamo.stub.add_response("batch_get_item", read)
    dynamo.stub.add_response("batch_get_item", {"Responses": {"t": []}, "UnprocessedKeys": {}})
    dynamo.stub.add_response("batch_get_item", {"Responses": {"t": [ITEM]}, "UnprocessedKeys": {}})
    with dynamo.stub:
        assert len(dynamo.table.get_many([{"pk": each, "sk": "S"} for each in names])) == 1
    dynamo.stub.assert_no_pending_responses()
    assert len(waits) == 1


def test_without_keys_no_call_is_made(dynamo: Dynamo) -> None:
    with dynamo.stub:
        assert dynamo.table.get_many([]) == []


def test_any_other_error_of_a_single_write_is_raised(dynamo: Dynamo) -> None:
    dynamo.stub.add_client_error("put_item", "AccessDeniedException")
    with dynamo.stub, pytest.raises(ClientError):
        dynamo.table.put({"pk": "P", "sk": "S"}, "attribute_not_exists(#pk)")


def test_no_write_requests_the_item_that_failed_its_condition(dynamo: Dynamo) -> None:
    change = Change({"a": 1}, condition="attribute_exists(#pk)")
    updating = dynamo.table.update_action("x", {"pk": "P", "sk": "S"}, change)
    for action in [*dynamo.actions, updating]:
        (request,) = action.request.values()
        assert "ReturnValuesOnConditionCheckFailure" not in request


REPEATED_BY_SDK = [
    "TransactionInProgressException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
]


def write(dynamo: Dynamo, how: str) -> Any:
    """Write one item in one of three ways."""
    if how == "put":
        return dynamo.table.put({"pk": "P", "sk": "S"}, "attribute_not_exists(#pk)")
    change = Change({"a": 1}, condition="attribute_exists(#pk)" if how == "update" else None)
    if how == "update":
        return dynamo.table.update({"pk": "P", "sk": "S"}, change)
    return dynamo.table.update_returning({"pk": "P", "sk": "S"}, change)


WAYS = [("put", "put_item"), ("update", "update_item"), ("update_returning", "update_item")]


@pytest.mark.parametrize(("how", "operation"), WAYS)
def test_a_single_write_is_retried_on_conflict(
    dynamo: Dynamo, waits: list[float], how: str, operation: str
) -> None:
    returning = how == "update_returning"
    for _ in range(TRIES - 1):
        dynamo.stub.add_client_error(operation, "TransactionConflictException")
    dynamo.stub.add_response(operation, {"Attributes": ITEM} if returning else {})
    with dynamo.stub:
        assert write(dynamo, how) == ((True, {"pk": "P", "sk": "S"}) if returning else True)
    dynamo.stub.assert_no_pending_responses()
    assert len(waits) == TRIES - 1


@pytest.mark.parametrize(("how", "operation"), WAYS)
def test_a_single_write_with_endless_conflicts_ends_as_contention(
    dynamo: Dynamo, waits: list[float], how: str, operation: str
) -> None:
    for _ in range(TRIES):
        dynamo.stub.add_client_error(operation, "TransactionConflictException")
    with dynamo.stub, pytest.raises(StorageContention):
        write(dynamo, how)
    dynamo.stub.assert_no_pending_responses()
    assert len(waits) == TRIES - 1


@pytest.mark.parametrize(("how", "operation"), WAYS[:2])
def test_a_single_write_with_a_failed_condition_returns_at_once(
    dynamo: Dynamo, waits: list[float], how: str, operation: str
) -> None:
    dynamo.stub.add_client_error(operation, "ConditionalCheckFailedException")
    with dynamo.stub:
        assert write(dynamo, how) is False
    assert waits == []


@pytest.mark.parametrize("item", [ITEM, None], ids=["stored", "missing"])
def test_a_write_that_returns_the_item_shows_what_failed_its_condition(
    dynamo: Dynamo, waits: list[float], item: dict[str, Any] | None
) -> None:
    shown = {"Item": item} if item else {}
    dynamo.stub.add_client_error(
        "update_item", "ConditionalCheckFailedException", modeled_fields=shown
    )
    with dynamo.stub:
        written, found = write(dynamo, "update_returning")
    assert (written, found) == (False, {"pk": "P", "sk": "S"} if item else {})
    assert waits == []


# ── Throttled ────────────────────────────────────────────────────────────────────────────────────

CALLS: dict[str, Callable[[Table], object]] = {
    "get": lambda table: table.get({"pk": "P", "sk": "S"}),
    "get_many": lambda table: table.get_many([{"pk": "P", "sk": "S"}]),
    "query": lambda table: table.query({"KeyConditionExpression": "pk = :pk"}),
    "put": lambda table: table.put({"pk": "P", "sk": "S"}, "attribute_not_exists(#pk)"),
    "update": lambda table: table.update({"pk": "P", "sk": "S"}, Change({"a": 1})),
    "update_returning": lambda table: table.update_returning(
        {"pk": "P", "sk": "S"}, Change({"a": 1})
    ),
    "take": lambda table: table.take({"pk": "P", "sk": "S"}),
    "transact": lambda table: table.transact(
        [table.put_action("x", {"pk": "P", "sk": "S"}, "attribute_not_exists(#pk)")]
    ),
}


class Refusal:
    """The body of a response by which DynamoDB refuses a call."""

    def __init__(self, code: str) -> None:
        self._text = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}"})

    def stream(self, **_options: object) -> list[bytes]:
        """Return the whole body."""
        return [self._text.encode()]


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("code", REPEATED_BY_SDK)
def test_a_throttled_call_is_attempted_as_often_as_by_the_sdk_and_no_more(
    monkeypatch: pytest.MonkeyPatch, code: str, call: Callable[[Table], object]
) -> None:
    """Its four attempts times eight of ours would be 32 calls to a throttled table.

    The result is StorageContention, a 503 that invites a retry, for reads too.
    """
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "test")
    clients.dynamodb.cache_clear()
    client, sent = clients.dynamodb(), []

    def refuse(request: Any, **_about: object) -> Any:
        sent.append(request)
        headers: Any = {}
        return AWSResponse(request.url, 400, headers, Refusal(code))

    client.meta.events.register("before-send.dynamodb", refuse)
    with pytest.raises(StorageContention):
        call(Table(client, "t"))
    assert len(sent) == 4
    clients.dynamodb.cache_clear()


@pytest.mark.parametrize("code", REPEATED_BY_SDK)
def test_an_error_that_the_sdk_retries_is_not_retried_again(
    dynamo: Dynamo, waits: list[float], code: str
) -> None:
    dynamo.fails(code)
    with pytest.raises(StorageContention):
        dynamo.transact()
    dynamo.stub.assert_no_pending_responses()
    assert waits == []

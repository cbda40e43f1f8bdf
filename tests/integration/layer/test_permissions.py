"""What the policies of the functions allow on the partitions of the table."""

import re
from contextlib import suppress
from typing import Any

import pytest

from tests.integration.layer.permissions import (
    LEADING_KEYS,
    Denied,
    Use,
    is_allowed,
    needed,
    policy_of,
)
from tests.support import template

KEY = {"pk": {"S": "AUDIT"}, "sk": {"S": "AUDIT"}}
OTHER = {"pk": {"S": "LIMIT#1"}, "sk": {"S": "LIMIT"}}


def on(action: str, *partitions: str) -> Use:
    return Use(action, partitions=frozenset(partitions))


@pytest.mark.parametrize(
    ("function", "use", "allowed"),
    [
        ("audit", on("UpdateItem", "AUDIT"), True),
        ("audit", on("UpdateItem", "PAYMENT#p1"), True),
        ("audit", on("UpdateItem", "ENROLLMENT#e1"), True),
        ("audit", on("UpdateItem", "CATALOG#COURSE"), False),
        ("audit", on("UpdateItem", "LEARNER#u1"), False),
        ("audit", on("UpdateItem"), False),
        ("audit", on("DeleteItem", "AUDIT"), False),
        ("audit", Use("Query", "index/byType"), True),
        ("audit", Use("Query", "index/byDue"), False),
        ("report_sales", on("UpdateItem", "ORDER#p1", "OAUTH"), True),
        ("report_sales", on("UpdateItem", "ORDER#p1", "PAYMENT#p1"), False),
        ("thinkific_oauth", on("PutItem", "OAUTH#state"), True),
        ("thinkific_oauth", on("PutItem", "PAYMENT#p1"), False),
        ("initiate_payment", on("DeleteItem", "IDEMPOTENCY"), True),
        ("initiate_payment", on("DeleteItem", "PAYMENT#p1"), False),
        ("payments", on("UpdateItem", "IDEMPOTENCY"), True),
        ("payments", on("UpdateItem", "PAYMENT#p1"), False),
        ("payments", on("DeleteItem", "WAITING#2#u1#p1"), False),
        ("deliver_enrollment", on("Query", "ACCOUNT#7"), True),
        ("refund_payment", on("Query", "ACCOUNT#7"), True),
        ("refund_payment", on("Query", "PAYMENT#p1"), False),
        ("deliver_enrollment", on("Query", "PAYMENT#p1"), False),
        ("payments", Use("Scan"), False),
    ],
)
def test_a_function_may_touch_its_partitions_only(
    function: str, use: Use, *, allowed: bool
) -> None:
    assert is_allowed(function, use) is allowed


def statement(effect: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a statement about reading the table."""
    made = {"Effect": effect, "Action": "dynamodb:GetItem", "Resource": {"GetAtt": "Table.Arn"}}
    return {**made, "Condition": condition} if condition else made


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], False),
        ([statement("Allow")], True),
        ([statement("Deny")], False),
        ([statement("Allow"), statement("Deny")], False),
    ],
)
def test_a_deny_overrides_an_allow(
    monkeypatch: pytest.MonkeyPatch, statements: list[dict[str, Any]], *, allowed: bool
) -> None:
    made = {"TeaFunction": {"Policies": [{"Statement": statements}]}}
    monkeypatch.setattr(template, "functions", lambda: made)
    assert is_allowed.__wrapped__("tea", on("GetItem", "TEA")) is allowed


@pytest.mark.parametrize(
    "condition",
    [
        {"ForAllValues:StringLike": {LEADING_KEYS: ["TEA"], "dynamodb:Attributes": ["pk"]}},
        {"StringEquals": {LEADING_KEYS: ["TEA"]}},
    ],
)
def test_an_unsupported_condition_is_an_error(
    monkeypatch: pytest.MonkeyPatch, condition: dict[str, Any]
) -> None:
    made = {"TeaFunction": {"Policies": [{"Statement": [statement("Allow", condition)]}]}}
    monkeypatch.setattr(template, "functions", lambda: made)
    with pytest.raises((AssertionError, KeyError)):
        is_allowed.__wrapped__("tea", on("GetItem", "TEA"))


def test_a_write_that_names_no_partition_is_not_allowed() -> None:
    for function, properties in template.functions().items():
        if "Policies" not in properties:
            continue
        folder = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", function.removesuffix("Function")).lower()
        for action in ("PutItem", "UpdateItem", "DeleteItem"):
            assert not is_allowed(folder, Use(action))
            assert not is_allowed(folder, on(action, "SOMETHING#else"))


@pytest.mark.parametrize(
    ("operation", "body", "found"),
    [
        ("GetItem", {"Key": KEY}, [on("GetItem", "AUDIT")]),
        ("PutItem", {"Item": KEY}, [on("PutItem", "AUDIT")]),
        (
            "BatchGetItem",
            {"RequestItems": {"t": {"Keys": [KEY, OTHER]}}},
            [on("BatchGetItem", "AUDIT", "LIMIT#1")],
        ),
        ("Query", {"IndexName": "byDue"}, [Use("Query", "index/byDue")]),
        ("Query", {}, [Use("Query")]),
        ("Query", {"ExpressionAttributeValues": {":pk": {"S": "AUDIT"}}}, [on("Query", "AUDIT")]),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"Item": KEY}}, {"ConditionCheck": {"Key": OTHER}}]},
            [on("PutItem", "AUDIT"), on("ConditionCheckItem", "LIMIT#1")],
        ),
    ],
)
def test_the_permissions_of_a_call_are_computed(
    operation: str, body: dict[str, Any], found: list[Use]
) -> None:
    assert needed(operation, body) == found


def test_an_unsupported_call_is_an_error() -> None:
    with pytest.raises(NotImplementedError):
        needed("Scan", {})


@pytest.mark.usefixtures("cloud")
def test_a_denied_call_is_raised_even_if_the_function_survives_it(table: Any) -> None:
    with pytest.raises(Denied), policy_of("audit"), suppress(Denied):
        table.take({"pk": "AUDIT", "sk": "AUDIT"})

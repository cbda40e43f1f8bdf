"""What the policies of the functions say about the partitions of the table."""

import pytest

from tests.integration.api import template
from tests.integration.layer.permissions import LEADING_KEYS, Use, is_allowed, logical_id, uses

KEY = {"pk": {"S": "SWEEP"}, "sk": {"S": "SWEEP"}}


@pytest.mark.parametrize(
    ("function", "use", "allowed"),
    [
        ("sweep", ("UpdateItem", "table", "SWEEP"), True),
        ("sweep", ("UpdateItem", "table", "PAYMENT#p1"), True),
        ("sweep", ("UpdateItem", "table", "ENROLLMENT#e1"), False),
        ("sweep", ("DeleteItem", "table", "SWEEP"), False),
        ("sweep", ("Query", "index/byKind", None), True),
        ("sweep", ("Query", "index/byDue", None), False),
        ("report_orders", ("UpdateItem", "table", "ORDER#p1"), True),
        ("report_orders", ("UpdateItem", "table", "PAYMENT#p1"), False),
        ("thinkific_oauth", ("PutItem", "table", "OAUTH#state"), True),
        ("thinkific_oauth", ("PutItem", "table", "PAYMENT#p1"), False),
        ("initiate_payment", ("DeleteItem", "table", "IDEMPOTENCY"), True),
        ("initiate_payment", ("DeleteItem", "table", "PAYMENT#p1"), False),
        ("payments", ("Scan", "table", None), False),
    ],
)
def test_a_function_may_touch_its_partitions_only(
    function: str, use: Use, *, allowed: bool
) -> None:
    assert is_allowed(function, use) is allowed


def test_every_function_that_is_held_to_partitions_is_in_the_list_above() -> None:
    held = {
        function
        for function, properties in template.functions().items()
        for policy in properties.get("Policies", [])
        for statement in policy["Statement"]
        if LEADING_KEYS in str(statement.get("Condition", {}))
    }
    listed = ("sweep", "report_orders", "thinkific_oauth", "initiate_payment")
    assert held == {logical_id(each) for each in listed}


@pytest.mark.parametrize(
    ("operation", "body", "found"),
    [
        ("GetItem", {"Key": KEY}, [("GetItem", "table", "SWEEP")]),
        ("PutItem", {"Item": KEY}, [("PutItem", "table", "SWEEP")]),
        (
            "BatchGetItem",
            {"RequestItems": {"t": {"Keys": [KEY]}}},
            [("BatchGetItem", "table", "SWEEP")],
        ),
        ("Query", {"IndexName": "byDue"}, [("Query", "index/byDue", None)]),
        ("Query", {}, [("Query", "table", None)]),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"Item": KEY}}, {"ConditionCheck": {"Key": KEY}}]},
            [("PutItem", "table", "SWEEP"), ("ConditionCheckItem", "table", "SWEEP")],
        ),
    ],
)
def test_what_a_call_needs(operation: str, body: dict[str, object], found: list[Use]) -> None:
    assert list(uses(operation, body)) == found

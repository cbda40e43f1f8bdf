"""Items and expressions in DynamoDB's notation."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from lunas.storage import expressions
from lunas.storage.expressions import (
    Change,
    condition_names,
    from_wire,
    placeholders,
    to_wire,
)

VALUES = st.one_of(
    st.text(), st.booleans(), st.integers(-(10**15), 10**15), st.lists(st.text(), max_size=3)
)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_an_item_is_read_as_it_was_written(item: dict[str, object]) -> None:
    assert from_wire(to_wire(item)) == item


def test_attributes_without_a_value_are_left_out() -> None:
    assert to_wire({"a": "x", "b": None}) == {"a": {"S": "x"}}


def test_numbers_are_read_as_decimal_and_sets_as_sets() -> None:
    assert from_wire({"n": {"N": "7"}, "s": {"SS": ["a", "b"]}}) == {
        "n": Decimal(7),
        "s": {"a", "b"},
    }


STORED = st.recursive(
    st.one_of(
        st.none(), st.text(), st.booleans(), st.integers(-(10**30), 10**30),
        st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=0, max_value=10**9),
        st.sets(st.text(min_size=1), min_size=1, max_size=3),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(min_size=1), inner, max_size=3)
    ),
)  # fmt: skip


@given(STORED)
def test_values_are_written_and_read_as_boto3_does(value: object) -> None:
    def in_order(written: Any) -> Any:
        """Sort sets, and normalize numbers."""
        match written:
            case {"SS": list(members)}:
                return {"SS": sorted(members)}
            case {"N": str(number)}:
                return {"N": Decimal(number)}
            case dict():
                return {name: in_order(each) for name, each in written.items()}
            case list():
                return [in_order(each) for each in written]
        return written

    assert in_order(expressions.write_value(value)) == in_order(TypeSerializer().serialize(value))
    written: Any = expressions.write_value(value)
    assert expressions.read_value(written) == TypeDeserializer().deserialize(written)


@pytest.mark.parametrize("value", [1.5, b"x", set(), {1, 2}, ...], ids=repr)
def test_an_unsupported_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        expressions.write_value(value)


def test_values_of_an_expression_have_placeholders_by_name() -> None:
    assert placeholders({"was": "PAID", "read": 1}) == {":was": {"S": "PAID"}, ":read": {"N": "1"}}


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("", {}),
        ("attribute_not_exists(#pk)", {"#pk": "pk"}),
        ("#a = :a AND (#b < #a OR #c = :c)", {"#a": "a", "#b": "b", "#c": "c"}),
        (":a = :b", {}),
    ],
)
def test_a_condition_names_its_attributes(condition: str, names: dict[str, str]) -> None:
    assert condition_names(condition) == names


def test_none_removes_an_attribute_and_any_other_value_sets_it() -> None:
    made = Change({"a": "x", "b": None, "c": 0}).expressions()
    assert made == {
        "UpdateExpression": "SET #a = :a, #c = :c REMOVE #b",
        "ExpressionAttributeNames": {"#a": "a", "#b": "b", "#c": "c"},
        "ExpressionAttributeValues": {":a": {"S": "x"}, ":c": {"N": "0"}},
    }


def test_all_four_clauses_and_a_condition_share_names_and_values() -> None:
    made = Change(
        {"a": "x", "b": None},
        adds={"n": 1},
        deletes={"s": {"y"}},
        condition="#v = :was AND #n < :limit",
        given={"was": 1, "limit": 9},
    ).expressions()
    assert made["UpdateExpression"] == "SET #a = :a REMOVE #b ADD #n :n DELETE #s :s"
    assert made["ConditionExpression"] == "#v = :was AND #n < :limit"
    assert set(made["ExpressionAttributeNames"]) == {"#a", "#b", "#n", "#s", "#v"}
    assert set(made["ExpressionAttributeValues"]) == {":a", ":n", ":s", ":was", ":limit"}


def test_without_values_there_is_no_empty_map() -> None:
    made = Change({"a": None}).expressions()
    assert "ExpressionAttributeValues" not in made
    assert "ConditionExpression" not in made


def test_a_first_value_is_set_only_if_the_attribute_is_missing() -> None:
    made = Change({"a": 1}, set_if_missing={"b": 2}, adds={"n": 1}).expressions()
    assert made == {
        "UpdateExpression": "SET #a = :a, #b = if_not_exists(#b, :b) ADD #n :n",
        "ExpressionAttributeNames": {"#a": "a", "#b": "b", "#n": "n"},
        "ExpressionAttributeValues": {":a": {"N": "1"}, ":b": {"N": "2"}, ":n": {"N": "1"}},
    }


def test_a_first_value_may_not_share_its_name_with_a_value_of_the_condition() -> None:
    change = Change({}, set_if_missing={"a": 1}, condition="#a = :a", given={"a": 2})
    with pytest.raises(ValueError, match="'a'"):
        change.expressions()

"""Items, values and update expressions in DynamoDB's format: ``{"S": "text"}``, ``{"N": "1"}``.

boto3 converts all types; this module knows those that Lunas stores, takes a fraction of the time,
and loads no part of it (docs/decisions/0023-start-up.md). Bytes are stored as text: the client
passes values on as JSON, which has no bytes (aws/clients.py).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

type Item = dict[str, Any]
type Key = dict[str, str]


def to_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's format; attributes that are None are left out."""
    return {name: write_value(value) for name, value in item.items() if value is not None}


def from_wire(item: Mapping[str, Any]) -> Item:
    """Return an item from DynamoDB's format; numbers are Decimal."""
    return {name: read_value(value) for name, value in item.items()}


def placeholders(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an expression by their names with a colon in front."""
    return {f":{name}": write_value(value) for name, value in values.items()}


def given(item: Item) -> Item:
    """Return an item without the attributes that are None."""
    return {name: value for name, value in item.items() if value is not None}


def condition_names(condition: str) -> dict[str, str]:
    """Return the attribute names of a condition, in which they have the form ``#name``."""
    return {word: word[1:] for word in re.findall(r"#\w+", condition)}


@dataclass(frozen=True, slots=True)
class Change:
    """An update of attributes, whose names and values are turned into placeholders.

    ``sets`` removes an attribute if the value is None; ``set_if_missing`` sets attributes that the
    item does not have yet.

    ``condition`` is an expression with attributes as ``#name``; the values of its ``:name``
    placeholders come from ``given``.
    """

    sets: Mapping[str, Any]
    adds: Mapping[str, int | set[str]] | None = None
    deletes: Mapping[str, set[str]] | None = None
    condition: str | None = None
    given: Mapping[str, Any] | None = None
    set_if_missing: Mapping[str, Any] | None = None

    def expressions(self) -> dict[str, Any]:
        """Return the expressions of an UpdateItem request."""
        kept = {name: value for name, value in self.sets.items() if value is not None}
        removed = [name for name, value in self.sets.items() if value is None]
        adds, deletes, set_if_missing = (
            self.adds or {},
            self.deletes or {},
            self.set_if_missing or {},
        )
        first = [f"#{name} = if_not_exists(#{name}, :{name})" for name in set_if_missing]
        parts = [
            _clause("SET", [*(f"#{name} = :{name}" for name in kept), *first]),
            _clause("REMOVE", [f"#{name}" for name in removed]),
            _clause("ADD", [f"#{name} :{name}" for name in adds]),
            _clause("DELETE", [f"#{name} :{name}" for name in deletes]),
        ]
        given = self.given or {}
        if clash := given.keys() & (
            kept.keys() | set_if_missing.keys() | adds.keys() | deletes.keys()
        ):
            raise ValueError(f"a condition's value has the name of a new one: {sorted(clash)}")
        values = {**kept, **set_if_missing, **adds, **deletes, **given}
        names = {f"#{name}": name for name in [*kept, *removed, *set_if_missing, *adds, *deletes]}
        condition = self.condition or ""
        request: dict[str, Any] = {
            "UpdateExpression": " ".join(part for part in parts if part),
            "ExpressionAttributeNames": names | condition_names(condition),
        }
        if values:
            request["ExpressionAttributeValues"] = placeholders(values)
        if condition:
            request["ConditionExpression"] = condition
        return request


def _clause(verb: str, parts: Sequence[str]) -> str:
    return f"{verb} {', '.join(parts)}" if parts else ""


type Wire = dict[str, Any]


def write_value(value: object) -> Wire:
    """Return a value in DynamoDB's format; TypeError for a type that Lunas does not store."""
    match value:
        case str():  # First, since nearly all values are texts.
            return {"S": str(value)}
        case Mapping():
            return {"M": {name: write_value(each) for name, each in value.items()}}
        case list() | tuple():
            return {"L": [write_value(each) for each in value]}
        case set() | frozenset() if value and all(isinstance(each, str) for each in value):
            return {"SS": [str(each) for each in value]}
        case _:
            return _write_single(value)


def _write_single(value: object) -> Wire:
    match value:
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case None:
            return {"NULL": True}
        case _:
            raise TypeError(f"no attribute can hold a {type(value).__name__}")


def read_value(value: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return a value from DynamoDB's format, numbers as Decimal; KeyError for an unknown type."""
    if "S" in value:
        return value["S"]
    ((kind, content),) = value.items()
    return _READERS[kind](content)


def _same(content: Any) -> Any:  # noqa: ANN401
    return content


def _list(content: list[Wire]) -> list[Any]:
    return [read_value(each) for each in content]


def _map(content: Mapping[str, Wire]) -> dict[str, Any]:
    return {name: read_value(each) for name, each in content.items()}


def _nothing(_content: object) -> None:
    return None


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "N": Decimal,
    "BOOL": _same,
    "M": _map,
    "L": _list,
    "SS": set,
    "NULL": _nothing,
}

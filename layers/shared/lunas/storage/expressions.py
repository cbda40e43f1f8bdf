"""Items and update expressions in DynamoDB's format."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lunas.storage import wire

type Item = dict[str, Any]
type Key = dict[str, str]


def to_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's format; attributes that are None are left out."""
    return {name: wire.write(value) for name, value in item.items() if value is not None}


def from_wire(item: Mapping[str, Any]) -> Item:
    """Return an item from DynamoDB's format; numbers are Decimal."""
    return {name: wire.read(value) for name, value in item.items()}


def placeholders(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an expression by their names with a colon in front."""
    return {f":{name}": wire.write(value) for name, value in values.items()}


def condition_names(condition: str) -> dict[str, str]:
    """Return the attribute names of a condition, in which they have the form ``#name``."""
    return {word: word[1:] for word in re.findall(r"#\w+", condition)}


@dataclass(frozen=True, slots=True)
class Change:
    """An update of attributes, whose names and values are turned into placeholders.

    ``sets`` removes an attribute if the value is None; ``firsts`` sets attributes that the item
    does not have yet.

    ``condition`` is an expression with attributes as ``#name``; the values of its ``:name``
    placeholders come from ``given``.
    """

    sets: Mapping[str, Any]
    adds: Mapping[str, int | set[str]] | None = None
    deletes: Mapping[str, set[str]] | None = None
    condition: str | None = None
    given: Mapping[str, Any] | None = None
    firsts: Mapping[str, Any] | None = None

    def expressions(self) -> dict[str, Any]:
        """Return the expressions of an UpdateItem request."""
        kept = {name: value for name, value in self.sets.items() if value is not None}
        removed = [name for name, value in self.sets.items() if value is None]
        adds, deletes, firsts = self.adds or {}, self.deletes or {}, self.firsts or {}
        first = [f"#{name} = if_not_exists(#{name}, :{name})" for name in firsts]
        parts = [
            _clause("SET", [*(f"#{name} = :{name}" for name in kept), *first]),
            _clause("REMOVE", [f"#{name}" for name in removed]),
            _clause("ADD", [f"#{name} :{name}" for name in adds]),
            _clause("DELETE", [f"#{name} :{name}" for name in deletes]),
        ]
        given = self.given or {}
        if clash := given.keys() & (kept.keys() | firsts.keys() | adds.keys() | deletes.keys()):
            raise ValueError(f"a condition's value has the name of a new one: {sorted(clash)}")
        values = {**kept, **firsts, **adds, **deletes, **given}
        names = {f"#{name}": name for name in [*kept, *removed, *firsts, *adds, *deletes]}
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

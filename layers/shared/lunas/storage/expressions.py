"""Items and update expressions in DynamoDB's notation."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lunas.storage import wire

type Item = dict[str, Any]
type Key = dict[str, str]


def to_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """Write an item as DynamoDB takes it; attributes that are None are left out."""
    return {name: wire.write(value) for name, value in item.items() if value is not None}


def from_wire(item: Mapping[str, Any]) -> Item:
    """Read an item as DynamoDB gives it; numbers come as Decimal."""
    return {name: wire.read(value) for name, value in item.items()}


def placeholders(values: Mapping[str, Any]) -> dict[str, Any]:
    """Write the values of an expression, each under its name with a colon in front."""
    return {f":{name}": wire.write(value) for name, value in values.items()}


def condition_names(condition: str) -> dict[str, str]:
    """Return the attribute names of a condition, which writes each of them as ``#name``."""
    return {word: word[1:] for word in re.findall(r"#\w+", condition)}


@dataclass(frozen=True, slots=True)
class Change:
    """An update in words of attributes; names and values become placeholders by themselves.

    ``sets`` takes an attribute away where the value is None.

    ``condition`` is an expression that writes attributes as ``#name`` and takes the values of
    its ``:name`` placeholders from ``given``. What ``firsts`` holds is set only where the item
    has no such attribute yet.
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
            raise ValueError(f"a condition's value is named like a new one: {sorted(clash)}")
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

"""DynamoDB's update expressions, as far as Lunas uses them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, partial
from typing import Any

from tests.support.dynamodb.errors import invalid
from tests.support.dynamodb.expressions import Operand, Scope, Tokens, operand
from tests.support.dynamodb.schema import TABLE

type Wire = dict[str, Any]

CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")


@dataclass(frozen=True)
class Assignment:
    """One part of an update: its clause, the attribute, and the value."""

    clause: str
    name: str
    value: Operand | None = None

    def attribute(self, names: Mapping[str, str]) -> str:
        """Return the name of the attribute."""
        return names[self.name] if self.name.startswith("#") else self.name


def check_update(request: Wire) -> None:
    """Raise Refused for an update of a key, or of one attribute twice."""
    names = request.get("ExpressionAttributeNames", {})
    changed = [each.attribute(names) for each in _assignments(request["UpdateExpression"])]
    for key in TABLE.keys:
        if key in changed:
            raise invalid(f"Cannot update attribute {key}. This attribute is part of the key")
    if len(set(changed)) != len(changed):
        raise invalid("Invalid UpdateExpression: Two document paths overlap with each other")


def updated(item: Wire, request: Wire) -> Wire:
    """Return the item after an update; every value is taken from the item as it was."""
    names = request.get("ExpressionAttributeNames", {})
    scope: Scope = (item, names, request.get("ExpressionAttributeValues", {}))
    after = dict(item)
    for each in _assignments(request["UpdateExpression"]):
        name = each.attribute(names)
        value = each.value(scope) if each.value else None
        match each.clause:
            case "SET" if value is None:
                raise invalid("The expression refers to an attribute that the item does not have")
            case "SET":
                after[name] = value
            case "REMOVE":
                after.pop(name, None)
            case "ADD":
                after[name] = _added(item.get(name), value)
            case _:
                _take_out(after, name, value)
    return after


@cache
def _assignments(text: str) -> tuple[Assignment, ...]:
    return tuple(_read(Tokens(text)))


def _read(tokens: Tokens) -> Iterator[Assignment]:
    while tokens.peek():
        clause = tokens.take(*CLAUSES)
        yield from tokens.listed(partial(_assignment, tokens, clause))


def _assignment(tokens: Tokens, clause: str) -> Assignment:
    name = tokens.take()
    match clause:
        case "REMOVE":
            return Assignment(clause, name)
        case "SET":
            tokens.take("=")
            return Assignment(clause, name, _sum(tokens))
    return Assignment(clause, name, operand(tokens))


def _sum(tokens: Tokens) -> Operand:
    first = _assigned(tokens)
    if tokens.peek() != "+":
        return first
    tokens.take()
    second = _assigned(tokens)
    return lambda scope: _plus(first(scope), second(scope))


def _assigned(tokens: Tokens) -> Operand:
    if tokens.peek() != "if_not_exists":
        return operand(tokens)
    tokens.take()
    tokens.take("(")
    kept = operand(tokens)
    tokens.take(",")
    otherwise = operand(tokens)
    tokens.take(")")
    return lambda scope: kept(scope) or otherwise(scope)


def _plus(one: Any, other: Any) -> Any:
    if not one or not other:
        raise invalid("The expression refers to an attribute that the item does not have")
    if one.keys() != {"N"} or other.keys() != {"N"}:
        raise _wrong_type()
    return {"N": str(Decimal(one["N"]) + Decimal(other["N"]))}


def _added(held: Any, more: Any) -> Any:
    """Return a number or a set with more added; a missing one counts as 0 or empty."""
    if held is None:
        held = {"SS": []} if "SS" in more else {"N": "0"}
    if held.keys() != more.keys():
        raise _wrong_type()
    return {"SS": sorted({*held["SS"], *more["SS"]})} if "SS" in more else _plus(held, more)


def _take_out(item: Wire, name: str, gone: Any) -> None:
    """Take members out of a set; an empty set does not exist."""
    held = item.pop(name, {"SS": []})
    if held.keys() != gone.keys():
        raise _wrong_type()
    if left := sorted(set(held["SS"]) - set(gone["SS"])):
        item[name] = {"SS": left}


def _wrong_type() -> Exception:
    return invalid("An operand in the update expression has an incorrect data type")

"""Key conditions: which partition of an index a Query reads, and what DynamoDB refuses.

All attributes of the partition key take part, each with ``=``. Those of the sort key take part
from left to right without a gap, and only the last one may be compared in another way.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from tests.support.dynamodb.errors import invalid
from tests.support.dynamodb.expressions import Tokens, comparable
from tests.support.dynamodb.schema import Index

type Wire = dict[str, Any]


class Clause(NamedTuple):
    """The condition on one attribute, e.g. ``BETWEEN`` with two values."""

    name: str
    operator: str
    values: tuple[str, ...]


def partition(request: Wire, index: Index, types: Mapping[str, str]) -> Wire:
    """Return the partition that a Query names; raises Refused for an invalid key condition."""
    names, values = (
        request.get("ExpressionAttributeNames", {}),
        request["ExpressionAttributeValues"],
    )
    clauses = _clauses(request["KeyConditionExpression"])
    by_name = {names.get(each.name, each.name): each for each in clauses}
    if len(by_name) < len(clauses):
        raise invalid("KeyConditionExpressions must only contain one condition per key")
    _check_names({name: each.operator for name, each in by_name.items()}, index)
    for name, clause in by_name.items():
        _check_values([values[each] for each in clause.values], types[name])
    return {name: values[by_name[name].values[0]] for name in index.partition}


@cache
def _clauses(text: str) -> tuple[Clause, ...]:
    return tuple(_read(Tokens(text)))


def _read(tokens: Tokens) -> Iterator[Clause]:
    yield _clause(tokens)
    while tokens.peek():
        tokens.take("AND")
        yield _clause(tokens)


def _clause(tokens: Tokens) -> Clause:
    name = tokens.take()
    if name == "begins_with":
        tokens.take("(")
        name, start = tokens.listed(tokens.take)
        tokens.take(")")
        return Clause(name, "begins_with", (start,))
    operator, value = tokens.take("=", "<", "<=", ">", ">=", "BETWEEN"), tokens.take()
    if operator != "BETWEEN":
        return Clause(name, operator, (value,))
    tokens.take("AND")
    return Clause(name, operator, (value, tokens.take()))


def _check_names(operators: Mapping[str, str], index: Index) -> None:
    missed = [name for name in index.partition if name not in operators]
    if missed or not operators.keys() <= set(index.keys):
        raise invalid(f"Query condition missed key schema element: {missed}")
    if any(operators[name] != "=" for name in index.partition):
        raise invalid("Query key condition not supported")
    last = max((index.sort.index(name) for name in operators if name in index.sort), default=0)
    lacking = [name for name in index.sort[:last] if operators.get(name) != "="]
    if lacking:
        raise invalid(
            f"RANGE key attributes {', '.join(lacking)} must have equality conditions specified "
            f"in the query because a condition is present on key attribute {index.sort[last]}"
        )


def _check_values(values: list[Wire], kind: str) -> None:
    if any(value.keys() != {kind} for value in values):
        raise invalid("Condition parameter type does not match schema type")
    if {"S": ""} in values:
        raise invalid("The AttributeValue for a key attribute cannot contain an empty string value")
    if comparable(values[0]) > comparable(values[-1]):
        raise invalid("The BETWEEN operator requires upper bound to be at least lower bound")

"""Holds functions to their policies: which calls to the table, and to which partitions of it.

The local cloud does not look at ``dynamodb:LeadingKeys``, and moto at no policy. What a function
must not do raises here, so it shows before AWS refuses it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from lunas.adapters import aws
from tests.integration.api import template

VERBS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ForAllValues:StringEquals": lambda key, pattern: key == pattern,
    "ForAllValues:StringLike": fnmatchcase,
}
LEADING_KEYS = "dynamodb:LeadingKeys"

type Use = tuple[str, str, str | None]
"""An action, the table or one of its indexes, and the partition where a key names one."""


class Denied(Exception):
    """A call that the policy of the function does not allow."""


@contextmanager
def policy_of(function: str) -> Iterator[None]:
    """Raise Denied for calls to DynamoDB that ``function`` may not make, as long as it runs."""

    def check(params: dict[str, Any], model: Any, **_: Any) -> None:
        for use in uses(model.name, json.loads(params["body"])):
            if not is_allowed(function, use):
                raise Denied(f"{function}: {use}")

    events = aws.dynamodb().meta.events
    events.register("before-call.dynamodb.*", check)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb.*", check)


def uses(operation: str, body: dict[str, Any]) -> Iterator[Use]:
    """Return what a call needs to be allowed."""
    match operation:
        case "Query":
            index = body.get("IndexName")
            yield "Query", f"index/{index}" if index else "table", None
        case "BatchGetItem":
            for asked in body["RequestItems"].values():
                for key in asked["Keys"]:
                    yield operation, "table", _partition(key)
        case "TransactWriteItems":
            for action in body["TransactItems"]:
                ((verb, told),) = action.items()
                yield VERBS[verb], "table", _partition(told.get("Key") or told["Item"])
        case _:
            yield operation, "table", _partition(body.get("Key") or body["Item"])


@cache
def is_allowed(function: str, use: Use) -> bool:
    """Tell whether one statement of the function's policies allows a use."""
    action, resource, partition = use
    return any(
        f"dynamodb:{action}" in _listed(statement["Action"])
        and resource in map(_resource, _listed(statement["Resource"]))
        and _holds(statement.get("Condition", {}), partition)
        for policy in template.functions()[logical_id(function)]["Policies"]
        for statement in policy["Statement"]
    )


def logical_id(function: str) -> str:
    """Return what the template calls the function of a folder."""
    return function.title().replace("_", "") + "Function"


def _holds(condition: dict[str, Any], partition: str | None) -> bool:
    """Evaluate a condition; one of another kind than those in use is a KeyError."""
    return all(
        partition is not None
        and any(OPERATORS[name](partition, pattern) for pattern in told[LEADING_KEYS])
        for name, told in condition.items()
    )


def _resource(told: Any) -> str:
    match told:
        case {"GetAtt": "Table.Arn"}:
            return "table"
        case {"Sub": str(path)}:
            return path.removeprefix("${Table.Arn}/")
        case _:
            return "of another service"


def _partition(key: dict[str, Any]) -> str:
    partition: str = key["pk"]["S"]
    return partition


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

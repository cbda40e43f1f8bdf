"""Enforces the policies of functions: which calls to the table, and to which partitions of it.

The local cloud does not look at ``dynamodb:LeadingKeys``, and moto at no policy. What a function
must not do raises here, so it shows before AWS refuses it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, NamedTuple

from lunas.aws import clients
from tests.support import template

VERBS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
BY_KEY = frozenset({"GetItem", "PutItem", "UpdateItem", "DeleteItem"})
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ForAllValues:StringEquals": lambda key, pattern: key == pattern,
    "ForAllValues:StringLike": fnmatchcase,
}
LEADING_KEYS = "dynamodb:LeadingKeys"


class Use(NamedTuple):
    """An action on the table or one of its indexes, and the partitions that its keys name."""

    action: str
    resource: str = "table"
    partitions: frozenset[str] = frozenset()


class Denied(Exception):
    """A call that the policy of the function does not allow."""


@contextmanager
def policy_of(function: str) -> Iterator[None]:
    """Refuse calls to DynamoDB that ``function`` may not make, as long as it runs.

    Denied calls are raised again at the end: a function may survive a refusal, by design.
    """
    denied: list[Use] = []

    def check(params: dict[str, Any], model: Any, **_: Any) -> None:
        uses = needed(model.name, json.loads(params["body"]))
        denied.extend(found := [use for use in uses if not is_allowed(function, use)])
        if found:
            raise Denied(f"{function}: {found}")

    events = clients.dynamodb().meta.events
    events.register("before-call.dynamodb.*", check)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb.*", check)
        if denied:
            raise Denied(f"{function}: {denied}")


def needed(operation: str, body: dict[str, Any]) -> list[Use]:
    """Return the permissions that a call needs; raises ``NotImplementedError`` for unused ones."""
    if operation in BY_KEY:
        return [_use(operation, body.get("Key") or body["Item"])]
    match operation:
        case "Query":
            index = body.get("IndexName")
            return [Use(operation, f"index/{index}")] if index else [_partition(body)]
        case "BatchGetItem":
            return [_use(operation, *each["Keys"]) for each in body["RequestItems"].values()]
        case "TransactWriteItems":
            actions = [item for each in body["TransactItems"] for item in each.items()]
            return [_use(VERBS[verb], each.get("Key") or each["Item"]) for verb, each in actions]
    raise NotImplementedError(operation)


@cache
def is_allowed(function: str, use: Use) -> bool:
    """Return whether a statement of the function's policies allows a use, and none denies it."""
    effects = {each["Effect"] for each in _statements(function) if _is_about(each, use)}
    assert effects <= {"Allow", "Deny"}
    return effects == {"Allow"}


def logical_id(function: str) -> str:
    """Return what the template calls the function of a folder."""
    return function.title().replace("_", "") + "Function"


def _statements(function: str) -> Iterator[dict[str, Any]]:
    for policy in template.functions()[logical_id(function)]["Policies"]:
        yield from policy["Statement"]


def _is_about(statement: dict[str, Any], use: Use) -> bool:
    return (
        f"dynamodb:{use.action}" in _listed(statement["Action"])
        and use.resource in map(_resource, _listed(statement["Resource"]))
        and _holds(statement.get("Condition", {}), use.partitions)
    )


def _holds(condition: dict[str, Any], partitions: frozenset[str]) -> bool:
    """Evaluate a condition on all partitions at once; one of another kind is an error.

    IAM holds it to be true where a call names none; here that is refused.
    """
    for operator, keys in condition.items():
        assert set(keys) == {LEADING_KEYS}, keys
        if operator == "Null":
            assert keys == {LEADING_KEYS: "false"}, keys
            continue
        fits = OPERATORS[operator]
        if not partitions:
            return False
        if not all(any(fits(key, each) for each in keys[LEADING_KEYS]) for key in partitions):
            return False
    return True


def _resource(resource: Any) -> str:
    match resource:
        case {"GetAtt": "Table.Arn"}:
            return "table"
        case {"Sub": str(path)}:
            return path.removeprefix("${Table.Arn}/")
        case _:
            return "of another service"


def _use(action: str, *keys: dict[str, Any]) -> Use:
    return Use(action, partitions=frozenset(key["pk"]["S"] for key in keys))


def _partition(body: dict[str, Any]) -> Use:
    """Return what a Query of the table itself needs: all of them name their partition ``:pk``."""
    named = body.get("ExpressionAttributeValues", {}).get(":pk")
    return Use("Query", partitions=frozenset({named["S"]} if named else ()))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

"""What template.yaml holds: its routes, the policies of its functions, its table."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads CloudFormation's YAML: ``!GetAtt Table.Arn`` becomes ``{"GetAtt": "Table.Arn"}``."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    match node:
        case yaml.ScalarNode():
            return {suffix: loader.construct_scalar(node)}
        case yaml.SequenceNode():
            return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


@dataclass(frozen=True)
class Statement:
    """One statement of a function's policy."""

    function: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[Any, ...]


@cache
def resources() -> dict[str, Any]:
    """Return all resources, those of loops as well."""
    found = _template()["Resources"]
    return {name: each for key, value in found.items() for name, each in _unrolled(key, value)}


def parameters() -> dict[str, Any]:
    """Return all parameters."""
    found: dict[str, Any] = _template()["Parameters"]
    return found


def globals_of_functions() -> dict[str, Any]:
    """Return what all functions have in common."""
    found: dict[str, Any] = _template()["Globals"]["Function"]
    return found


def outputs() -> dict[str, Any]:
    """Return the outputs of the stack."""
    found: dict[str, Any] = _template()["Outputs"]
    return found


@cache
def _template() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506  (safe)
    return found


def _unrolled(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Return the resources of a loop, or the resource itself."""
    if not key.startswith("Fn::ForEach::"):
        yield key, value
        return
    variable, items, body = value
    for item in items:
        yield from json.loads(json.dumps(body).replace(f"${{{variable}}}", item)).items()


def functions() -> dict[str, Any]:
    """Return the properties of each function."""
    kind = "AWS::Serverless::Function"
    return {name: each["Properties"] for name, each in resources().items() if each["Type"] == kind}


def routes() -> set[str]:
    """Return every route of the HTTP API, e.g. ``GET /payments/{id}``."""
    events = [event for each in functions().values() for event in each.get("Events", {}).values()]
    found = [event["Properties"] for event in events if event["Type"] == "HttpApi"]
    return {f"{route['Method']} {route['Path']}" for route in found}


def statements() -> Iterator[Statement]:
    """Return what every function may do; a policy that is no list of statements fails."""
    for function, properties in functions().items():
        for policy in properties.get("Policies", []):
            for each in policy["Statement"]:
                yield Statement(
                    function, each["Sid"], _listed(each["Action"]), _listed(each["Resource"])
                )


def table_properties() -> dict[str, Any]:
    """Return keys and indexes of the table."""
    properties = resources()["Table"]["Properties"]
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema")
    return {
        **{name: properties[name] for name in wanted},
        # Without the properties that CreateTable does not know.
        "GlobalSecondaryIndexes": [
            {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
            for index in properties["GlobalSecondaryIndexes"]
        ],
    }


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)

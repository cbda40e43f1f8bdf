"""DynamoDB's format of values: ``{"S": "text"}``, ``{"N": "1"}`` and so on.

boto3 has the same for all types; this module knows the types that Lunas stores, takes a fraction of
the time, and does not load boto3 (docs/decisions/0023-start-up.md). Bytes are stored as text: the
client passes values on as JSON, which has no bytes (aws/clients.py).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

type Wire = dict[str, Any]


def write(value: object) -> Wire:
    """Return a value in DynamoDB's format; TypeError for a type that Lunas does not store."""
    match value:
        case Mapping():
            return {"M": {name: write(each) for name, each in value.items()}}
        case list() | tuple():
            return {"L": [write(each) for each in value]}
        case set() | frozenset() if value and all(isinstance(each, str) for each in value):
            return {"SS": [str(each) for each in value]}
        case _:
            return _write_single(value)


def _write_single(value: object) -> Wire:
    match value:
        case str():
            return {"S": str(value)}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case None:
            return {"NULL": True}
        case _:
            raise TypeError(f"no attribute can hold a {type(value).__name__}")


def read(value: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return a value from DynamoDB's format, numbers as Decimal; KeyError for an unknown type."""
    ((kind, content),) = value.items()
    return _READERS[kind](content)


def _same(content: Any) -> Any:  # noqa: ANN401
    return content


def _list(content: list[Wire]) -> list[Any]:
    return [read(each) for each in content]


def _map(content: Mapping[str, Wire]) -> dict[str, Any]:
    return {name: read(each) for name, each in content.items()}


def _nothing(_content: object) -> None:
    return None


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "S": _same,
    "N": Decimal,
    # Earlier versions stored bytes; the client passes them on as Base64.
    "B": _same,
    "BOOL": _same,
    "M": _map,
    "L": _list,
    "SS": set,
    "NULL": _nothing,
}

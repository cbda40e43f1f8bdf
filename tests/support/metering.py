"""What the calls of one request to DynamoDB cost.

The emulator computes the units of a write from its size, but reports half a unit for every
read whatever its size. So the units of reads are computed here, by DynamoDB's published rules,
from the items that an answer holds; those that a filter left out count like the others.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

READ_UNIT = 4096
"""Bytes."""
READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})


@dataclass
class Cost:
    """Calls in their order, units read and written, and items read, filtered out or not.

    ``sent`` and ``received`` are bytes of requests and answers, without their headers.
    """

    calls: list[str] = field(default_factory=list)
    read: float = 0
    written: float = 0
    scanned: int = 0
    sent: int = field(default=0, compare=False)
    received: int = field(default=0, compare=False)


@contextmanager
def metered(client: "DynamoDBClient") -> Iterator[Cost]:
    """Add up what the calls of a client cost as long as the block lasts."""
    cost, asked = Cost(), list[int]()

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def weigh(params: dict[str, Any], **_: Any) -> None:
        cost.sent += len(params["body"])
        tables = json.loads(params["body"]).get("RequestItems", {}).values()
        asked[:] = [len(each.get("Keys", ())) for each in tables if isinstance(each, dict)]

    def note(parsed: dict[str, Any], model: Any, http_response: Any, **_: Any) -> None:
        cost.calls.append(model.name)
        cost.received += int(http_response.headers.get("content-length", 0))
        if model.name in READS:
            cost.read += read_units(model.name, parsed, sum(asked))
            cost.scanned += parsed.get("ScannedCount", 0)
        else:
            cost.written += write_units(parsed)

    events = client.meta.events
    events.register("provide-client-params.dynamodb.*", ask)
    events.register("before-call.dynamodb.*", weigh)
    events.register("after-call.dynamodb.*", note)
    try:
        yield cost
    finally:
        events.unregister("provide-client-params.dynamodb.*", ask)
        events.unregister("before-call.dynamodb.*", weigh)
        events.unregister("after-call.dynamodb.*", note)


def read_units(operation: str, answer: Mapping[str, Any], asked: int) -> float:
    """Return the units of a read: consistent by key, eventually consistent by a Query.

    ``asked``: the keys of a BatchGetItem; one without an item costs as much as a small item.
    """
    match operation:
        case "GetItem":
            return max(1, _units(answer.get("Item", {})))
        case "BatchGetItem":
            items = [item for found in answer["Responses"].values() for item in found]
            return sum(map(_units, items)) + asked - len(items)
        case _:
            items = answer.get("Items", [])
            read = answer.get("ScannedCount", 0) / len(items) if items else 1
            return max(1, ceil(read * sum(map(_size, items)) / READ_UNIT)) / 2


def write_units(answer: Mapping[str, Any]) -> float:
    """Return the units that the emulator reports for a write; a refused one has none."""
    consumed = answer.get("ConsumedCapacity", [])
    return sum(
        float(each["CapacityUnits"])
        for each in (consumed if isinstance(consumed, list) else [consumed])
    )


def _units(item: Mapping[str, Any]) -> int:
    return ceil(_size(item) / READ_UNIT)


def _size(value: Any) -> int:
    """Return the bytes of an item in DynamoDB's notation: names and values."""
    if isinstance(value, Mapping):
        return sum(len(str(name)) + _size(each) for name, each in value.items())
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(str(value).encode())

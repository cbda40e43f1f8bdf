"""The state at the end of a soak: the whole table, and both simulators' own lists."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from local.cloud import Stack
from local.cloud.aws import Aws
from tests.soak.simulators import Simulator

type Json = dict[str, Any]

_read = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Facts:
    """Items by their ids, and what Duitku and Thinkific have.

    ``history`` holds events by payment id; ``orders`` by order id; ``platform_enrollments`` by
    address and Thinkific's course id; ``accounts`` counts the accounts with an address.
    """

    payments: dict[str, Json] = field(default_factory=dict)
    history: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    enrollments: dict[tuple[str, str], Json] = field(default_factory=dict)
    courses: dict[str, Json] = field(default_factory=dict)
    anomalies: list[Json] = field(default_factory=list)
    orders: dict[str, Json] = field(default_factory=dict)
    platform_enrollments: dict[tuple[str, int], list[Json]] = field(
        default_factory=lambda: defaultdict(list)
    )
    accounts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    messages: int = 0
    dead_letters: int = 0


def gather(stack: Stack, duitku: Simulator, thinkific: Simulator) -> Facts:
    """Read everything."""
    aws = Aws(stack.aws_endpoint_url, stack.region)
    facts = Facts(
        messages=_waiting(aws, stack.delivery_queue_url),
        dead_letters=_waiting(aws, stack.dead_letter_queue_url),
    )
    pages = aws.dynamodb.get_paginator("scan").paginate(TableName=stack.table_name)
    for item in (item for page in pages for item in page["Items"]):
        _sort(facts, {name: _read(value) for name, value in item.items()})
    for order in duitku.see("orders")["items"]:
        facts.orders[order["merchantOrderId"]] = order
    for each in thinkific.see("enrollments")["items"]:
        facts.platform_enrollments[each["user_email"], int(each["course_id"])].append(each)
    for user in thinkific.see("users")["items"]:
        facts.accounts[user["email"]] += 1
    return facts


def _sort(facts: Facts, item: Json) -> None:
    match item.get("type"):
        case "payment":
            facts.payments[_id_of(item)] = item
            facts.history[_id_of(item)].append(_opening(item))
        case "history":
            facts.history[_id_of(item)] += _events(item)
        case "enrollment":
            facts.enrollments[item["userId"], item["courseId"]] = item
        case "course":
            facts.courses[item["id"]] = item
        case "anomaly":
            facts.anomalies.append(item)


def _id_of(item: Json) -> str:
    return str(item["pk"]).partition("#")[2]


def _opening(payment: Json) -> Json:
    """Return the first event of a payment's history, which is no item of its own."""
    actor = payment.get("openedBy", f"user:{payment['userId']}")
    opened = "PAID" if payment["method"] == "MANUAL" else "PENDING"
    return {"version": 1, "to": opened, "actor": actor}


def _events(item: Json) -> list[Json]:
    """Return the events of a history item."""
    return [
        {"version": item["version"] + place, "to": status, "actor": item["actor"]}
        for place, status in enumerate(item["statuses"])
    ]


def _waiting(aws: Aws, url: str) -> int:
    """Count the messages of a queue, hidden ones included."""
    found = aws.sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )
    return sum(map(int, found["Attributes"].values()))

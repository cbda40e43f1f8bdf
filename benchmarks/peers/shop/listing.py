"""Lists payments by pages, with a signed cursor for the next one."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import jwt

from shop.errors import Refused
from shop.table import TABLE, dynamodb, from_wire, id_of, iso, to_wire

MOST = 100
"""Payments of a page."""
TEXTS = (
    "userId",
    "status",
    "paymentType",
    "method",
    "proofLink",
    "createdAt",
    "updatedAt",
    "approvedAt",
    "approvedBy",
    "completedAt",
    "reason",
)


class Status(StrEnum):
    """The status of a payment."""

    PENDING = "PENDING"
    PAID = "PAID"
    APPROVED = "APPROVED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    REFUNDED = "REFUNDED"


class PaymentType(StrEnum):
    """The price list of the buyer."""

    DIKE = "DIKE"
    UMUM = "UMUM"


class Method(StrEnum):
    """How the money travels."""

    MANUAL = "MANUAL"
    DUITKU = "DUITKU"


@dataclass(frozen=True)
class Filter:
    """Which payments a list shows; None means any."""

    status: Status | None = None
    payment_type: PaymentType | None = None
    method: Method | None = None
    start: datetime | None = None
    end: datetime | None = None


def page_of_query(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the page that a query names, for frameworks that do not check parameters."""
    try:
        wanted = Filter(
            status=Status(query["status"]) if query.get("status") else None,
            payment_type=PaymentType(query["paymentType"]) if query.get("paymentType") else None,
            method=Method(query["method"]) if query.get("method") else None,
            start=datetime.fromisoformat(query["from"]) if query.get("from") else None,
            end=datetime.fromisoformat(query["to"]) if query.get("to") else None,
        )
        limit = int(query.get("limit") or 25)
    except ValueError as error:
        raise Refused(422, str(error)) from None
    if not 1 <= limit <= MOST:
        raise Refused(422, f"limit must be between 1 and {MOST}")
    return page(wanted, limit, query.get("cursor"))


def page(wanted: Filter, limit: int, cursor: str | None) -> dict[str, Any]:
    """Return the newest payments, and the cursor of the next page if there is one."""
    request = _request(wanted)
    if cursor:
        request["ExclusiveStartKey"] = to_wire(_position(cursor, wanted))
    answer = dynamodb.query(TableName=TABLE, Limit=limit, ScanIndexForward=False, **request)
    shown: dict[str, Any] = {"items": [_shown(from_wire(item)) for item in answer["Items"]]}
    if last := answer.get("LastEvaluatedKey"):
        shown["nextCursor"] = _cursor(from_wire(last), wanted)
    return shown


def _request(wanted: Filter) -> dict[str, Any]:
    index, partition = "byType", {"type": "payment"}
    if wanted.status:
        index, partition = "byStatus", {"type": "payment", "status": wanted.status}
    values = {
        **{f":{name}": value for name, value in partition.items()},
        ":start": iso(wanted.start) if wanted.start else "0",
        ":end": iso(wanted.end) if wanted.end else ":",
    }
    conditions = [*(f"#{name} = :{name}" for name in partition), "#sort BETWEEN :start AND :end"]
    where = {"paymentType": wanted.payment_type, "method": wanted.method}
    given = {name: value for name, value in where.items() if value}
    request: dict[str, Any] = {
        "IndexName": index,
        "KeyConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {
            "#sort": "createdAt",
            **{f"#{name}": name for name in (*partition, *given)},
        },
        "ExpressionAttributeValues": to_wire(
            values | {f":{name}": value for name, value in given.items()}
        ),
    }
    if given:
        request["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in given)
    return request


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    shown = {name: item[name] for name in TEXTS if name in item}
    purchase, customer = item["purchase"], item["customer"]
    learner = item.get("learner") or customer
    names = dict.fromkeys([learner["firstName"], learner["lastName"]])
    shown |= {
        "id": id_of(item),
        "packageId": purchase["packageId"],
        "packageName": purchase["packageName"],
        "courseId": purchase["courses"][0]["id"],
        "courseIds": [course["id"] for course in purchase["courses"]],
        "amount": int(purchase["amount"]),
        "currency": "IDR",
        "version": int(item["version"]),
        "customer": {name: value for name, value in customer.items() if value},
        "learner": {"name": " ".join(names), "email": learner["email"]},
    }
    if item["method"] == "DUITKU":
        shown["gateway"] = {**item.get("gateway", {}), "expiresAt": item["expiresAt"]}
    return shown


def _cursor(position: dict[str, Any], wanted: Filter) -> str:
    claims = {"at": position, "for": _fingerprint(wanted), "exp": int(time.time()) + 86_400}
    return jwt.encode(claims, os.environ["CURSOR_SECRET"], algorithm="HS256")


def _position(cursor: str, wanted: Filter) -> dict[str, Any]:
    try:
        claims = jwt.decode(cursor, os.environ["CURSOR_SECRET"], algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise Refused(400, "the cursor is not valid, or has expired") from None
    if claims["for"] != _fingerprint(wanted):
        raise Refused(400, "the cursor belongs to another filter")
    position: dict[str, Any] = claims["at"]
    return position


def _fingerprint(wanted: Filter) -> str:
    text = json.dumps(asdict(wanted), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

"""The shop that every peer runs: the same routes as Lunas, written in a plain way.

It uses the table of Lunas and calls the same Duitku. A callback and a page take as many calls; a
purchase takes six instead of three, as it reads item by item. It does less besides: few checks, no
idempotency, no logs or metrics. Its keys come from environment variables, so no peer reads secrets.
"""

import hashlib
import hmac
import json
import os
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import boto3
import jwt
import requests

TABLE = os.environ["TABLE_NAME"]
dynamodb = boto3.client("dynamodb")


class Refused(Exception):
    """A request that is answered with a status other than 200."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def caller(authorization: str) -> dict[str, Any]:
    """Return the claims of a bearer token."""
    try:
        token = authorization.removeprefix("Bearer ")
        claims: dict[str, Any] = jwt.decode(token, os.environ["JWT_SECRET"], algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise Refused(401, "a valid token is required") from None
    return claims


def initiate(claims: dict[str, Any], package_id: str, course_id: str | None) -> dict[str, Any]:
    """Write a payment, create its invoice at Duitku, and store the invoice."""
    package = _get({"pk": "CATALOG#PACKAGE", "sk": package_id})
    if package is None or not _get_many([{"pk": "CATALOG#COURSE", "sk": course_id or ""}]):
        raise Refused(404, "there is no such package or course")
    slot = {"pk": f"OPEN#{claims['sub']}#{package_id}", "sk": f"COURSE#{course_id}"}
    if _get(slot) or _get_many([_enrollment_key(claims["sub"], course_id or "")]):
        raise Refused(409, "the course is bought already")
    payment = _draft(claims, package, course_id)
    history = _history(payment["id"], 1, "PENDING")
    _transact(_put(payment), _put(history), _put({**slot, "paymentId": payment["id"]}))
    invoice = _create_invoice(payment)
    dynamodb.update_item(
        TableName=TABLE,
        Key=_key(payment["id"]),
        UpdateExpression="SET gatewayReference = :reference, paymentUrl = :url",
        ExpressionAttributeValues=_wire(
            {":reference": invoice["reference"], ":url": invoice["paymentUrl"]}
        ),
    )
    return {"id": payment["id"], "status": "PENDING", "paymentUrl": invoice["paymentUrl"]}


def settle(form: dict[str, str]) -> None:
    """Check a callback's signature, ask Duitku, and approve the payment."""
    merchant, key = os.environ["DUITKU_MERCHANT_CODE"], os.environ["DUITKU_API_KEY"]
    signed = f"{merchant}{form['amount']}{form['merchantOrderId']}"
    if not hmac.compare_digest(_sign(signed, key), form["signature"]):
        raise Refused(403, "the signature does not match")
    payment = dynamodb.get_item(
        TableName=TABLE, Key=_key(form["merchantOrderId"]), ConsistentRead=True
    ).get("Item")
    if payment is None or payment["amount"]["N"] != form["amount"]:
        raise Refused(404, "there is no such payment")
    if payment["status"]["S"] == "PENDING" and _is_paid(form["merchantOrderId"]):
        _approve(payment, form)


def page(limit: int) -> list[dict[str, Any]]:
    """Return the newest payments."""
    answer = dynamodb.query(
        TableName=TABLE,
        IndexName="byKind",
        KeyConditionExpression="kindKey = :kind",
        ExpressionAttributeValues={":kind": {"S": "PAYMENT"}},
        ScanIndexForward=False,
        Limit=limit,
    )
    return [_shown(item) for item in answer["Items"]]


def _draft(
    claims: dict[str, Any], package: dict[str, Any], course_id: str | None
) -> dict[str, Any]:
    payment_id = f"P{uuid.uuid4().hex}"
    at = datetime.now(UTC).isoformat()
    kind = claims.get("type", "UMUM")
    return {
        "pk": f"PAYMENT#{payment_id}",
        "sk": "PAYMENT",
        "kindKey": "PAYMENT",
        "listSort": f"{at}#{payment_id}",
        "id": payment_id,
        "userId": claims["sub"],
        "packageId": package["id"]["S"],
        "packageName": package["name"]["S"],
        "courseId": course_id or "",
        "status": "PENDING",
        "amount": int(package["prices"]["M"][kind]["N"]),
        "email": claims.get("email", ""),
        "createdAt": at,
    }


def _create_invoice(payment: dict[str, Any]) -> dict[str, Any]:
    merchant, key = os.environ["DUITKU_MERCHANT_CODE"], os.environ["DUITKU_API_KEY"]
    timestamp = str(time.time_ns() // 1_000_000)
    item = {"name": payment["packageName"], "price": payment["amount"], "quantity": 1}
    answer = requests.post(
        f"{os.environ['DUITKU_POP_URL']}/api/merchant/createInvoice",
        json={
            "merchantOrderId": payment["id"],
            "paymentAmount": payment["amount"],
            "productDetails": payment["packageName"],
            "email": payment["email"],
            "customerVaName": "Budi Santoso",
            "itemDetails": [item],
            "callbackUrl": os.environ["DUITKU_CALLBACK_URL"],
            "returnUrl": os.environ["RETURN_URL"],
            "expiryPeriod": 60,
        },
        headers={
            "x-duitku-timestamp": timestamp,
            "x-duitku-merchantcode": merchant,
            "x-duitku-signature": _sign(f"{merchant}{timestamp}", key),
        },
        timeout=10,
    )
    answer.raise_for_status()
    invoice: dict[str, Any] = answer.json()
    return invoice


def _is_paid(order_id: str) -> bool:
    merchant, key = os.environ["DUITKU_MERCHANT_CODE"], os.environ["DUITKU_API_KEY"]
    answer = requests.post(
        f"{os.environ['DUITKU_POP_URL']}/api/merchant/transactionStatus",
        json={
            "merchantCode": merchant,
            "merchantOrderId": order_id,
            "signature": _sign(f"{merchant}{order_id}", key),
        },
        timeout=10,
    )
    answer.raise_for_status()
    return bool(answer.json()["statusCode"] == "00")


def _approve(payment: dict[str, Any], form: dict[str, str]) -> None:
    """Approve a payment with its enrollment, its history and the callback, or nothing."""
    payment_id, user = payment["id"]["S"], payment["userId"]["S"]
    course, now = payment["courseId"]["S"], datetime.now(UTC).isoformat()
    approval = {
        "TableName": TABLE,
        "Key": _key(payment_id),
        "UpdateExpression": "SET #status = :approved, approvedAt = :now",
        "ConditionExpression": "#status = :pending",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": _wire(
            {":approved": "APPROVED", ":pending": "PENDING", ":now": now}
        ),
    }
    counter = {
        "TableName": TABLE,
        "Key": _wire({"pk": "CATALOG#COURSE", "sk": course}),
        "UpdateExpression": "ADD enrolled :one",
        "ExpressionAttributeValues": _wire({":one": 1}),
    }
    enrollment = {
        **_enrollment_key(user, course),
        "userId": user,
        "courseId": course,
        "paymentId": payment_id,
        "createdAt": now,
    }
    digest = hashlib.sha256(json.dumps(form).encode()).hexdigest()
    evidence = {"pk": f"CALLBACK#{payment_id}", "sk": digest, "at": now}
    _transact(
        {"Update": approval},
        {"Update": counter},
        _put(enrollment),
        _put(_history(payment_id, 2, "PAID")),
        _put(_history(payment_id, 3, "APPROVED")),
        _put(evidence),
    )


def _history(payment_id: str, version: int, status: str) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat()
    return {
        "pk": f"PAYMENT#{payment_id}",
        "sk": f"HISTORY#{version:06d}",
        "kindKey": f"HISTORY#{at[:10]}",
        "listSort": f"{at}#{payment_id}",
        "at": at,
        "to": status,
    }


def _enrollment_key(user: str, course: str) -> dict[str, str]:
    return {"pk": f"ENROLLMENT#{user}#{course}", "sk": "ENROLLMENT"}


def _put(item: dict[str, Any]) -> dict[str, Any]:
    condition = "attribute_not_exists(pk)"
    return {"Put": {"TableName": TABLE, "Item": _wire(item), "ConditionExpression": condition}}


def _transact(*actions: dict[str, Any]) -> None:
    dynamodb.transact_write_items(TransactItems=list(actions))


def _get_many(keys: list[dict[str, str]]) -> list[dict[str, Any]]:
    asked = {TABLE: {"Keys": [_wire(key) for key in keys], "ConsistentRead": True}}
    answer: dict[str, Any] = dynamodb.batch_get_item(RequestItems=asked)
    found: list[dict[str, Any]] = answer["Responses"].get(TABLE, [])
    return found


def _get(key: dict[str, str]) -> dict[str, Any] | None:
    answer: dict[str, Any] = dynamodb.get_item(TableName=TABLE, Key=_wire(key))
    return answer.get("Item")


def _key(payment_id: str) -> dict[str, Any]:
    return _wire({"pk": f"PAYMENT#{payment_id}", "sk": "PAYMENT"})


def _wire(item: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in item.items()
    }


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    texts = ("id", "userId", "packageId", "packageName", "status", "createdAt")
    return {name: item[name]["S"] for name in texts} | {"amount": int(item["amount"]["N"])}


def _sign(message: str, key: str) -> str:
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()

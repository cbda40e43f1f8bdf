"""Settles a payment after a callback of Duitku, and keeps evidence of the callback."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from shop import duitku
from shop.errors import Refused
from shop.table import (
    dynamodb,
    enrollment_key,
    get,
    history,
    id_of,
    iso,
    payment_key,
    put,
    transact,
    update,
)
from shop.telemetry import count, logger

KEPT = (
    "merchantCode",
    "amount",
    "merchantOrderId",
    "resultCode",
    "reference",
    "paymentCode",
    "publisherOrderId",
    "settlementDate",
)
"""Fields whose values are evidence; of any other field only its length is kept."""
LIFETIME, OVERDUE = timedelta(days=400), timedelta(minutes=10)


def settle(form: dict[str, str]) -> None:
    """Check a callback's signature, ask Duitku, and approve the payment; keep the callback."""
    now, order = datetime.now(UTC), form["merchantOrderId"]
    digest = hashlib.sha256(json.dumps(form, sort_keys=True).encode()).hexdigest()
    logger.append_keys(callback=digest[:16], payment_id=order)
    signed = duitku.sign(f"{duitku.MERCHANT}{form['amount']}{order}")
    is_valid = hmac.compare_digest(signed, form["signature"])
    evidence = _evidence(form, digest, now, "VALID" if is_valid else "DIFFERS")
    if not is_valid:
        dynamodb.update_item(**evidence)
        logger.warning("callback refused")
        count("CallbackRefused")
        raise Refused(403, "the signature does not match")
    payment = get(payment_key(order))
    if payment is not None and payment["status"] == "PENDING":
        status = duitku.status(order)
        if str(payment["purchase"]["amount"]) == form["amount"] and _is_paid(payment, status):
            _approve(payment, status, evidence, digest[:16], now)
            logger.info("payment settled", status="APPROVED", result="SETTLED")
            count("PaymentApproved")
            return
    dynamodb.update_item(**evidence)
    logger.info("payment unchanged", status=payment and payment["status"])


def _is_paid(payment: dict[str, Any], status: dict[str, Any]) -> bool:
    """Return whether Duitku has the money for this payment."""
    return (
        status["statusCode"] == "00"
        and status["merchantOrderId"] == id_of(payment)
        and str(status["amount"]) == str(payment["purchase"]["amount"])
        and status["reference"] == payment["gateway"]["reference"]
    )


def _evidence(form: dict[str, str], digest: str, now: datetime, signature: str) -> dict[str, Any]:
    """Return the update that keeps a callback; the attributes of the first time stay."""
    attributes = {
        "type": "callback",
        "at": iso(now),
        "ttl": int((now + LIFETIME).timestamp()),
        "correlationId": logger.get_correlation_id(),
        "mediaType": "application/x-www-form-urlencoded",
        "length": sum(len(name) + len(value) for name, value in form.items()),
        "fields": {name: form[name][:64] for name in KEPT if name in form},
        "others": {name: len(value) for name, value in form.items() if name not in KEPT},
        "unnamed": 0,
    }
    kept = ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in attributes)
    key = {"pk": f"CALLBACK#{form['merchantOrderId']}", "sk": digest}
    values = {**attributes, "signature": {signature}}
    return update(key, f"SET {kept} ADD #signature :signature", values)


def _approve(
    payment: dict[str, Any],
    status: dict[str, Any],
    evidence: dict[str, Any],
    digest: str,
    now: datetime,
) -> None:
    """Approve a payment with its enrollments, its history and the callback, or nothing."""
    at, version = iso(now), int(payment["version"])
    facts = {
        "callbackDigest": digest,
        "state": "PAID",
        "statusCode": status["statusCode"],
        "orderId": status["merchantOrderId"],
        "reference": status["reference"],
        "amount": str(status["amount"]),
        "fee": str(status.get("fee", "")),
    }
    event = {"actor": "duitku:callback", "evidence": facts}
    transact(
        {"Update": _approval(payment, digest, at)},
        history(id_of(payment), version + 1, "PAID", at, **event, **{"from": "PENDING"}),
        history(id_of(payment), version + 2, "APPROVED", at, **event, **{"from": "PAID"}),
        *(put(_enrollment(payment, course, now)) for course in payment["purchase"]["courses"]),
        *({"Update": _counter(course["id"])} for course in payment["purchase"]["courses"]),
        {"Update": evidence},
    )


def _approval(payment: dict[str, Any], digest: str, at: str) -> dict[str, Any]:
    attributes = {
        "status": "APPROVED",
        "version": payment["version"] + 2,
        "updatedAt": at,
        "approvedAt": at,
        "approvedBy": "duitku",
        "undelivered": {course["id"] for course in payment["purchase"]["courses"]},
        "callbacks": {digest},
        "askedAt": at,
    }
    sets = ", ".join(f"#{name} = :{name}" for name in attributes)
    values = {**attributes, "was": payment["status"], "read": payment["version"]}
    expression = f"SET {sets} REMOVE #dueAt, #asking"
    return update(
        payment_key(id_of(payment)), expression, values, "#status = :was AND #version = :read"
    )


def _counter(course: str) -> dict[str, Any]:
    key, room = {"pk": "CATALOG#COURSE", "sk": course}, "attribute_not_exists(#quota)"
    values = {"type": "course", "id": course, "one": 1}
    expression = "SET #type = :type, #id = :id ADD #enrolled :one"
    return update(key, expression, values, f"{room} OR #enrolled < #quota")


def _enrollment(payment: dict[str, Any], course: dict[str, Any], now: datetime) -> dict[str, Any]:
    user, at = payment["userId"], iso(now)
    return {
        **enrollment_key(user, course["id"]),
        "type": "enrollment",
        "paymentId": id_of(payment),
        "userId": user,
        "courseId": course["id"],
        "courseName": course["name"],
        "enrollmentStatus": "ENROLLED",
        "progress": 0,
        "counted": True,
        "platformCourseId": course.get("platformCourseId"),
        "correlationId": payment.get("correlationId"),
        "enrolledAt": at,
        "updatedAt": at,
        "deliveryStatus": "PENDING",
        "deliveryRequest": 1,
        "deliveryAttempts": 0,
        "dueAt": iso(now + OVERDUE),
    }

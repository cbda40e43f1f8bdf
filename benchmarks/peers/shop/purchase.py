"""Opens a payment at Duitku."""

import uuid
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
from shop.telemetry import logger

PAGE_OPEN = timedelta(hours=1)


def initiate(claims: dict[str, Any], package_id: str, course_id: str | None) -> dict[str, Any]:
    """Write a payment, create its invoice at Duitku, and store the invoice."""
    user = claims["sub"]
    package = get({"pk": "CATALOG#PACKAGE", "sk": package_id})
    course = get({"pk": "CATALOG#COURSE", "sk": course_id or ""})
    if package is None or course is None:
        raise Refused(404, "there is no such package or course")
    slot = {"pk": f"OPEN#{len(user)}#{user}#{package_id}", "sk": f"COURSE#{course_id}"}
    if get(slot) or get(enrollment_key(user, course["id"])):
        raise Refused(409, "the course is bought already")
    payment = _draft(claims, package, course)
    transact(
        put(payment),
        history(id_of(payment), 1, "PENDING", payment["createdAt"], actor=f"user:{user}"),
        put({**slot, "type": "open-purchase", "paymentId": id_of(payment)}),
    )
    answer = duitku.create_invoice(payment)
    invoice = {name: answer[name] for name in ("reference", "paymentUrl") if answer.get(name)}
    change = update(payment_key(id_of(payment)), "SET #gateway = :invoice", {"invoice": invoice})
    dynamodb.update_item(**change)
    logger.info("payment opened", payment_id=id_of(payment))
    return {"id": id_of(payment), "status": "PENDING", "paymentUrl": invoice["paymentUrl"]}


def _draft(
    claims: dict[str, Any], package: dict[str, Any], course: dict[str, Any]
) -> dict[str, Any]:
    payment_id, now, user = f"pay{uuid.uuid4().hex}", datetime.now(UTC), claims["sub"]
    at, kind = iso(now), claims.get("type", "UMUM")
    first, _, last = claims.get("name", "").partition(" ")
    person = {"firstName": first, "lastName": last, "email": claims.get("email", "")}
    bought = {"id": course["id"], "name": course["name"], "platformCourseId": str(course["id"])}
    return {
        **payment_key(payment_id),
        "type": "payment",
        "userId": user,
        "purchase": {
            "packageId": package["id"],
            "packageName": package["name"],
            "courses": [bought],
            "amount": int(package["prices"][kind]),
        },
        "status": "PENDING",
        "paymentType": kind,
        "method": "DUITKU",
        "customer": person,
        "learner": person,
        "gatewayName": "duitku",
        "expiresAt": iso(now + PAGE_OPEN),
        "createdAt": at,
        "updatedAt": at,
        "version": 1,
    }

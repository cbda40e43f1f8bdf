"""Converts payments and history events to items of the table, and back."""

from collections.abc import Callable
from datetime import datetime

from lunas.domain.payments import (
    BoughtCourse,
    GatewayInvoice,
    HistoryEvent,
    Method,
    Payment,
    Status,
)
from lunas.domain.times import from_iso, to_iso
from lunas.domain.users import Customer, Learner, PaymentType
from lunas.storage import keys
from lunas.storage.expressions import Item

KIND = "PAYMENT"


def payment_item(payment: Payment) -> Item:
    """Return the item of a new payment."""
    customer, learner = payment.customer, payment.learner
    created = to_iso(payment.created_at)
    return {
        **keys.payment(payment.id),
        "type": "payment",
        "ownerKey": keys.owner(payment.user_id, KIND),
        "kindKey": KIND,
        "listSort": f"{created}#{payment.id}",
        "id": payment.id,
        "userId": payment.user_id,
        "packageId": payment.package_id,
        "packageName": payment.package_name,
        "courseId": payment.course_id,
        "courses": [_course_item(course) for course in payment.courses],
        "paymentType": payment.payment_type,
        "method": payment.method,
        "amount": payment.amount,
        "currency": payment.currency,
        "accessDays": payment.access_days,
        "platformBundleId": payment.platform_bundle_id,
        "customer": {
            "firstName": customer.first_name,
            "lastName": customer.last_name,
            "email": customer.email,
            "phone": customer.phone,
        },
        "learner": learner_item(learner),
        "proofLink": payment.proof_link,
        "gatewayName": payment.gateway_name,
        "gatewayExpiresAt": payment.gateway_expires_at and to_iso(payment.gateway_expires_at),
        "gatewayChannel": payment.channel,
        "prompt": payment.prompt or None,
        "invoiceCalls": payment.invoice_calls or None,
        "invoiceAskedAt": created if payment.invoice_calls else None,
        "createdAt": created,
        "correlationId": payment.correlation_id,
        **progress_attributes(payment),
    }


def progress_attributes(payment: Payment) -> Item:
    """Return the attributes that a step changes; one that is None is removed."""
    return {
        "status": payment.status,
        "stateKey": keys.state(KIND, payment.status),
        "version": payment.version,
        "updatedAt": to_iso(payment.updated_at),
        "approvedAt": payment.approved_at and to_iso(payment.approved_at),
        "approvedBy": payment.approved_by,
        "completedAt": payment.completed_at and to_iso(payment.completed_at),
        "reason": payment.reason,
        "undelivered": set(payment.undelivered) or None,
        "overlap": list(payment.overlap) or None,
        "overbook": payment.overbook or None,
        "callbacks": set(payment.callbacks) or None,
        **due_attributes(payment.check_at),
        **asked_attributes(payment.asked_at),
        **denied_attributes(payment.denied_at),
    }


def asked_attributes(asked_at: datetime | None) -> Item:
    """Return the time of the last query to the gateway, which has been answered."""
    return {"askedAt": to_iso(asked_at) if asked_at else None, "asking": None}


def denied_attributes(denied_at: datetime | None) -> Item:
    """Return since when the gateway denies a success; None changes nothing."""
    return {"deniedAt": to_iso(denied_at)} if denied_at else {}


def due_attributes(check_at: datetime | None) -> Item:
    """Return the time of the next check; None removes the payment from the index byDue."""
    return {
        "dueKey": keys.DUE_AT_GATEWAY if check_at else None,
        "dueAt": to_iso(check_at) if check_at else None,
    }


def payment_from(item: Item) -> Payment:
    """Return the payment of an item."""
    return Payment(
        id=item["id"],
        user_id=item["userId"],
        package_id=item["packageId"],
        package_name=item["packageName"],
        course_id=item.get("courseId"),
        courses=tuple(_course_from(course) for course in item["courses"]),
        status=Status(item["status"]),
        payment_type=PaymentType(item["paymentType"]),
        method=Method(item["method"]),
        amount=int(item["amount"]),
        currency=item["currency"],
        customer=_customer_from(item["customer"]),
        learner=learner_from(item["learner"]),
        proof_link=item.get("proofLink"),
        gateway_name=item.get("gatewayName"),
        gateway_expires_at=_optional(from_iso, item.get("gatewayExpiresAt")),
        check_at=_optional(from_iso, item.get("dueAt")),
        channel=item.get("gatewayChannel"),
        prompt=item.get("prompt", False),
        asked_at=_optional(from_iso, item.get("askedAt")),
        asking=item.get("asking", False),
        denied_at=_optional(from_iso, item.get("deniedAt")),
        references=frozenset(item.get("references", ())),
        invoice_calls=int(item.get("invoiceCalls", 0)),
        invoice_answers=int(item.get("invoiceAnswers", 0)),
        gateway=_optional(_invoice_from, item.get("gateway")),
        created_at=from_iso(item["createdAt"]),
        updated_at=from_iso(item["updatedAt"]),
        version=int(item["version"]),
        approved_at=_optional(from_iso, item.get("approvedAt")),
        approved_by=item.get("approvedBy"),
        completed_at=_optional(from_iso, item.get("completedAt")),
        reason=item.get("reason"),
        undelivered=frozenset(item.get("undelivered", ())),
        overlap=tuple(item.get("overlap", ())),
        overbook=item.get("overbook", False),
        callbacks=frozenset(item.get("callbacks", ())),
        access_days=_optional(int, item.get("accessDays")),
        platform_bundle_id=item.get("platformBundleId"),
        bundle_asked_at=_optional(from_iso, item.get("bundleAskedAt")),
        correlation_id=item.get("correlationId"),
        transaction=item.get("gatewayTransaction"),
    )


def invoice_attributes(invoice: GatewayInvoice) -> Item:
    """Return the attributes of an invoice, without those that the channel does not have."""
    written = {
        "reference": invoice.reference,
        "paymentUrl": invoice.payment_url,
        "paymentMethod": invoice.payment_method,
        "vaNumber": invoice.va_number,
        "qrString": invoice.qr_string,
    }
    return {name: value for name, value in written.items() if value is not None}


def history_item(event: HistoryEvent) -> Item:
    """Return the item of a history event; the audit reads those of all payments by day."""
    at = to_iso(event.at)
    return {
        **keys.history(event.payment_id, event.version),
        "type": "history",
        "kindKey": keys.day_of_history(at),
        "listSort": f"{at}#{event.payment_id}#{event.version:06d}",
        "paymentId": event.payment_id,
        "version": event.version,
        "at": at,
        "actor": event.actor,
        "from": event.source,
        "to": event.target,
        "evidence": dict(event.evidence) if event.evidence else None,
        "reason": event.reason,
    }


def history_from(item: Item) -> HistoryEvent:
    """Return the history event of an item."""
    return HistoryEvent(
        payment_id=item["paymentId"],
        version=int(item["version"]),
        at=from_iso(item["at"]),
        actor=item["actor"],
        source=_optional(Status, item.get("from")),
        target=Status(item["to"]),
        evidence=item.get("evidence"),
        reason=item.get("reason"),
    )


def _course_item(course: BoughtCourse) -> Item:
    return {"id": course.id, "name": course.name, "platformCourseId": course.platform_course_id}


def _course_from(item: Item) -> BoughtCourse:
    return BoughtCourse(item["id"], item["name"], item.get("platformCourseId"))


def _optional[T, R](read: Callable[[T], R], value: T | None) -> R | None:
    return None if value is None else read(value)


def _customer_from(item: Item) -> Customer:
    return Customer(item["firstName"], item["lastName"], item["email"], item.get("phone"))


def learner_item(learner: Learner) -> Item:
    """Return the item of a learner."""
    names = {"firstName": learner.first_name, "lastName": learner.last_name}
    return {**names, "email": learner.email}


def learner_from(item: Item) -> Learner:
    """Return the learner of an item."""
    return Learner(item["firstName"], item["lastName"], item["email"])


def _invoice_from(item: Item) -> GatewayInvoice:
    return GatewayInvoice(
        reference=item["reference"],
        payment_url=item.get("paymentUrl"),
        payment_method=item.get("paymentMethod"),
        va_number=item.get("vaNumber"),
        qr_string=item.get("qrString"),
    )

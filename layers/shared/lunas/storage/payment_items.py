"""Converts payments to items of the table, and back."""

from collections.abc import Callable
from datetime import datetime

from lunas.domain.payments import (
    BoughtCourse,
    GatewayInvoice,
    Method,
    Payment,
    Status,
    is_settled,
)
from lunas.domain.times import from_iso, to_iso
from lunas.domain.users import Customer, Learner, PaymentType
from lunas.storage import keys
from lunas.storage.expressions import Item, given
from lunas.storage.history_items import by_owner

TYPE = "payment"


def payment_item(payment: Payment, opened_by: str | None = None) -> Item:
    """Return the item of a new payment, which stands for its first history event as well.

    ``opened_by``: the actor of that event, None for the owner. No text is stored twice: see
    payment_from().
    """
    created = to_iso(payment.created_at)
    return {
        **keys.payment(payment.id),
        "type": TYPE,
        "userId": payment.user_id,
        "openedBy": None if opened_by == by_owner(payment.user_id) else opened_by,
        "purchase": _purchase_item(payment),
        "paymentType": payment.payment_type,
        "method": payment.method,
        "customer": _customer_item(payment.customer),
        "learner": None if _is_customer(payment) else learner_item(payment.learner),
        "proofLink": payment.proof_link,
        "gatewayName": payment.gateway_name,
        "expiresAt": payment.gateway_expires_at and to_iso(payment.gateway_expires_at),
        "prompt": payment.prompt or None,
        "invoiceAskedAt": created if payment.invoice_calls else None,
        "createdAt": created,
        "correlationId": payment.correlation_id,
        **progress_attributes(payment),
        "updatedAt": None
        if payment.updated_at == payment.created_at
        else to_iso(payment.updated_at),
    }


def progress_attributes(payment: Payment) -> Item:
    """Return the attributes that a step changes; one that is None is removed."""
    return {
        "status": payment.status,
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
        **({"qrString": None} if is_settled(payment.status) else {}),
    }


def asked_attributes(asked_at: datetime | None) -> Item:
    """Return the time of the last query to the gateway, which has been answered."""
    return {"askedAt": to_iso(asked_at) if asked_at else None, "asking": None}


def denied_attributes(denied_at: datetime | None) -> Item:
    """Return since when the gateway denies a success; None changes nothing."""
    return {"deniedAt": to_iso(denied_at)} if denied_at else {}


def due_attributes(check_at: datetime | None) -> Item:
    """Return the time of the next check; None removes the payment from the index byDue."""
    return {"dueAt": to_iso(check_at) if check_at else None}


def payment_from(item: Item) -> Payment:
    """Return the payment of an item; one of an index has only what lists show."""
    purchase, customer = item["purchase"], item["customer"]
    return Payment(
        id=keys.id_of(item),
        user_id=item["userId"],
        package_id=purchase["packageId"],
        package_name=purchase["packageName"],
        course_id=None if purchase.get("fixed") else purchase["courses"][0]["id"],
        courses=tuple(_course_from(course) for course in purchase["courses"]),
        status=Status(item["status"]),
        payment_type=PaymentType(item["paymentType"]),
        method=Method(item["method"]),
        amount=int(purchase["amount"]),
        customer=_customer_from(customer),
        learner=learner_from(item.get("learner") or customer),
        proof_link=item.get("proofLink"),
        gateway_name=item.get("gatewayName"),
        gateway_expires_at=_optional(from_iso, item.get("expiresAt")),
        check_at=_optional(from_iso, item.get("dueAt")),
        channel=purchase.get("channel"),
        prompt=item.get("prompt", False),
        asked_at=_optional(from_iso, item.get("askedAt")),
        asking=item.get("asking", False),
        denied_at=_optional(from_iso, item.get("deniedAt")),
        **_invoices_from(item),
        created_at=from_iso(item["createdAt"]),
        updated_at=from_iso(item.get("updatedAt") or item["createdAt"]),
        version=int(item["version"]),
        approved_at=_optional(from_iso, item.get("approvedAt")),
        approved_by=item.get("approvedBy"),
        completed_at=_optional(from_iso, item.get("completedAt")),
        reason=item.get("reason"),
        undelivered=frozenset(item.get("undelivered", ())),
        overlap=tuple(item.get("overlap", ())),
        overbook=item.get("overbook", False),
        callbacks=frozenset(item.get("callbacks", ())),
        access_days=_optional(int, purchase.get("accessDays")),
        platform_bundle_id=purchase.get("platformBundleId"),
        bundle_asked_at=_optional(from_iso, item.get("bundleAskedAt")),
        correlation_id=item.get("correlationId"),
        transaction=item.get("gatewayTransaction"),
    )


def invoice_attributes(payment: Payment, invoice: GatewayInvoice) -> Item:
    """Return the attributes of an invoice; the channel is left out if the payment names it."""
    method = invoice.payment_method
    return {
        "gateway": given(
            {
                "reference": invoice.reference,
                "paymentUrl": invoice.payment_url,
                "paymentMethod": None if method == payment.channel else method,
                "vaNumber": invoice.va_number,
            }
        ),
        # Apart, so that it can be removed once the payment is settled: it is long.
        "qrString": invoice.qr_string,
    }


def _purchase_item(payment: Payment) -> Item:
    """Return what was bought, as it was in the catalog then: nothing in it ever changes."""
    return given(
        {
            "packageId": payment.package_id,
            "packageName": payment.package_name,
            # Otherwise the only course is the one that the buyer chose.
            "fixed": True if payment.course_id is None else None,
            "courses": [_course_item(course) for course in payment.courses],
            "amount": payment.amount,
            "channel": payment.channel,
            "accessDays": payment.access_days,
            "platformBundleId": payment.platform_bundle_id,
        }
    )


def _course_item(course: BoughtCourse) -> Item:
    return given(
        {"id": course.id, "name": course.name, "platformCourseId": course.platform_course_id}
    )


def _course_from(item: Item) -> BoughtCourse:
    return BoughtCourse(item["id"], item["name"], item.get("platformCourseId"))


def _optional[T, R](read: Callable[[T], R], value: T | None) -> R | None:
    return None if value is None else read(value)


def _is_customer(payment: Payment) -> bool:
    """Return whether the learner is the person on the invoice."""
    customer = payment.customer
    return payment.learner == Learner(customer.first_name, customer.last_name, customer.email)


def _customer_item(customer: Customer) -> Item:
    names = {"firstName": customer.first_name, "lastName": customer.last_name}
    return given({**names, "email": customer.email, "phone": customer.phone})


def _customer_from(item: Item) -> Customer:
    return Customer(item["firstName"], item["lastName"], item["email"], item.get("phone"))


def learner_item(learner: Learner) -> Item:
    """Return the item of a learner."""
    names = {"firstName": learner.first_name, "lastName": learner.last_name}
    return {**names, "email": learner.email}


def learner_from(item: Item) -> Learner:
    """Return the learner of an item."""
    return Learner(item["firstName"], item["lastName"], item["email"])


def _invoices_from(item: Item) -> Item:
    """Return what is known about the calls for an invoice: nearly always, there is one call.

    Only if there were further calls are answers counted, and are all references stored.
    """
    further, invoice = int(item.get("furtherCalls", 0)), None
    if "gateway" in item:
        invoice = _invoice_from(item)
    first = int(invoice is not None or "invoiceAskedAt" in item)
    return {
        "gateway": invoice,
        "references": frozenset(item.get("references", [invoice.reference] if invoice else [])),
        "invoice_calls": first + further,
        "invoice_answers": int(item.get("invoiceAnswers", invoice is not None)),
    }


def _invoice_from(item: Item) -> GatewayInvoice:
    gateway = item["gateway"]
    return GatewayInvoice(
        reference=gateway["reference"],
        payment_url=gateway.get("paymentUrl"),
        payment_method=gateway.get("paymentMethod", item["purchase"].get("channel")),
        va_number=gateway.get("vaNumber"),
        # An invoice that came after the settlement may have left one.
        qr_string=None if is_settled(Status(item["status"])) else item.get("qrString"),
    )

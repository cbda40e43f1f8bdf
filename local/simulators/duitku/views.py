"""Orders as the admin routes show them: camelCase, times in ISO 8601."""

from typing import Any

from local.simulators.duitku.orders import Attempt, Order


def order_summary(order: Order) -> dict[str, Any]:
    """Return the facts of one order."""
    return {
        "merchantOrderId": order.merchant_order_id,
        "reference": order.reference,
        "product": order.product,
        "amount": order.amount,
        "state": order.state,
        "statusCode": order.state.code,
        "paymentMethod": order.channel.code if order.channel else None,
        "paymentUrl": order.payment_url,
        "vaNumber": order.va_number,
        "qrString": order.qr_string,
        "createdAt": order.created_at.isoformat(),
        "expiresAt": order.expires_at.isoformat(),
        "paidAt": order.paid_at.isoformat() if order.paid_at else None,
    }


def order_detail(order: Order) -> dict[str, Any]:
    """Return one order with the body that made it, its callbacks and merchant e-mails."""
    return {
        **order_summary(order),
        "request": order.request,
        "answer": order.answer,
        "callbacks": [_attempt(attempt) for attempt in order.attempts],
        "merchantEmails": [at.isoformat() for at in order.merchant_emails],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "at": attempt.at.isoformat(),
        "delivery": attempt.delivery,
        "attempt": attempt.number,
        "url": attempt.url,
        "sent": attempt.sent,
        "status": attempt.status,
        "answer": attempt.answer,
        "error": attempt.error,
    }

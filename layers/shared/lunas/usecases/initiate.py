"""Opening a payment at Duitku.

The payment is written before Duitku is asked, so that no invoice exists without a payment; and
the slot of the purchase is taken in the same transaction, so that of two requests at once one
opens the payment and the other finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lunas.rules.errors import Collision, Conflict, GatewayRefused, StoreBusy
from lunas.rules.payments import (
    Act,
    GatewayProduct,
    Method,
    Payment,
    Status,
    Step,
    check_after,
    opened,
)
from lunas.rules.people import check_invoiceable
from lunas.usecases.purchase import Offer, Wish, check_offer, draft, price
from lunas.usecases.settle import Outcome, end, settle_by_gateway

if TYPE_CHECKING:
    from lunas.usecases.ports import (
        AnomalyKeeper,
        CatalogueReader,
        Clock,
        EnrollmentReader,
        InvoiceGateway,
        PaymentOpener,
        StatusGateway,
    )

OPENING = timedelta(minutes=1)
"""For so long at most, a request may still be waiting for Duitku to open an invoice."""
SHORTEST_INVOICE = 10
"""Minutes: an invoice that could be paid for less is not opened any more."""
ROUNDS = 3
"""How often the slot is looked at anew after another request took it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Everything that opening a payment needs.

    ``lifetime``: how long an invoice can be paid. ``heed`` hears what became of an earlier
    payment that was found open.
    """

    catalogue: CatalogueReader
    enrollments: EnrollmentReader
    payments: PaymentOpener
    anomalies: AnomalyKeeper
    invoice: InvoiceGateway
    status: StatusGateway
    heed: Callable[[Outcome], None]
    lifetime: timedelta
    now: Clock
    new_id: Callable[[], str]


def initiate(
    checkout: Checkout, wish: Wish, payment_method: str | None = None
) -> tuple[Payment, bool]:
    """Return the open payment of this purchase and whether it is new.

    An open payment that has its invoice is returned as it is. Raises the errors of
    :mod:`lunas.usecases.purchase`, GatewayRefused (the payment is FAILED then) and
    GatewayUnavailable (it stays open; the same request again goes on with it).
    """
    offer = price(checkout.catalogue, wish)
    check_invoiceable(offer.customer)
    for _ in range(ROUNDS):
        held = checkout.payments.open_payment(wish.caller.id, wish.package_id, wish.course_id)
        if held is not None and held.status is Status.PENDING:
            held = _still_open(checkout, held)
        if held is not None and held.status is Status.PENDING:
            return _with_invoice(checkout, held, payment_method), False
        check_offer(checkout.enrollments, offer, checkout.now())
        try:
            payment = _open(checkout, offer, held, payment_method)
        except Collision:
            continue
        return _with_invoice(checkout, payment, payment_method), True
    raise StoreBusy("the same purchase is being opened by another request; try again")


def _open(
    checkout: Checkout, offer: Offer, ended: Payment | None, payment_method: str | None
) -> Payment:
    at = checkout.now()
    payment = replace(
        draft(offer, checkout.new_id(), Method.DUITKU, Status.PENDING, at),
        gateway_product=GatewayProduct.V2 if payment_method else GatewayProduct.POP,
        gateway_expires_at=at + checkout.lifetime,
    )
    payment = replace(payment, check_at=check_after(payment, at))
    event = opened(payment, Act(offer.wish.caller.actor, at))
    checkout.payments.create_open(payment, event, instead_of=ended.id if ended else None)
    return payment


def _still_open(checkout: Checkout, payment: Payment) -> Payment:
    """Return the payment, ended or settled first if its time is over and Duitku agrees.

    An invoice of v2 whose answer was lost cannot be asked for again under the same order id
    (docs/duitku.md, Amounts and ids), so that payment ends as well; should its money arrive
    after all, the late success is honoured. Raises Conflict while the request that opened it
    may still be waiting for Duitku's answer.
    """
    now = checkout.now()
    over = _minutes_left(payment, now) < (1 if payment.gateway else SHORTEST_INVOICE)
    lost = payment.gateway is None and payment.gateway_product is GatewayProduct.V2
    if not over and not lost:
        return payment
    if not over and now < payment.created_at + OPENING:
        raise Conflict("another request is opening this payment; try again in a minute")
    status, act = checkout.status(payment), Act("lunas:initiate", now)
    outcome = settle_by_gateway(checkout.payments, checkout.anomalies, payment, status, act)
    checkout.heed(outcome)
    if outcome.payment.status is not Status.PENDING:
        return outcome.payment
    if outcome.anomaly and not over:
        raise Conflict("Duitku's word on this payment does not fit; an admin has to look at it")
    reason = _reason_to_end(over=over, fits=outcome.anomaly is None)
    ending = replace(act, reason=reason, evidence=status.evidence)
    return end(checkout.payments, payment, Step.EXPIRE if over else Step.FAIL, ending).payment


def _reason_to_end(*, over: bool, fits: bool) -> str:
    if not over:
        return "Duitku's answer was lost"
    found = "has no payment" if fits else "speaks of money that does not fit"
    return f"time is over, and Duitku {found}"


def _minutes_left(payment: Payment, now: datetime) -> int:
    """Return for how many minutes an invoice may still be paid: never beyond the payment's time."""
    if payment.gateway_expires_at is None:
        return 0
    return max(0, int((payment.gateway_expires_at - now).total_seconds() // 60))


def _with_invoice(checkout: Checkout, payment: Payment, payment_method: str | None) -> Payment:
    if payment.gateway is not None:
        return payment
    minutes = _minutes_left(payment, checkout.now())
    try:
        invoice = checkout.invoice(payment, payment_method, minutes)
    except GatewayRefused as refused:
        act = Act("duitku:invoice", checkout.now(), reason=str(refused))
        end(checkout.payments, payment, Step.FAIL, act)
        raise
    checkout.payments.record_invoice(payment.id, invoice)
    return replace(payment, gateway=invoice)

"""Opening a payment at Duitku.

The payment is written before Duitku is asked, so that no invoice exists without a payment; and
the slot of the purchase is taken in the same transaction, so that of two requests at once one
opens the payment and the other finds it. A buyer who comes back gets the open payment again, as
long as it can be paid: Duitku is asked first, unless it was a moment ago or refuses to be asked.

Nobody is shown an invoice for what they have: another payment of the purchase, or of other
packages, may have brought it meanwhile. And every call for an invoice, also one after a lost
answer, is for something that could be sold at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lunas.domain.channels import lifetime_of, minutes_to_ask
from lunas.domain.errors import (
    ConcurrentUpdate,
    Conflict,
    GatewayBlocked,
    GatewayError,
    GatewayRefused,
    PurchaseRefused,
    StorageContention,
)
from lunas.domain.payments import (
    AuditContext,
    GatewayProduct,
    Held,
    Method,
    Payment,
    Slot,
    Status,
    Step,
    check_after,
    is_settled,
    opened,
)
from lunas.domain.schedule import ASKED_LATELY
from lunas.domain.users import check_invoiceable
from lunas.services.purchases import (
    Offer,
    PurchaseRequest,
    check_not_owned,
    check_offer,
    draft,
    owned_of,
    price,
)
from lunas.services.settlement import Outcome, end, settle_by_gateway

if TYPE_CHECKING:
    from lunas.services.repositories import (
        AnomalyKeeper,
        CatalogReader,
        Clock,
        EnrollmentReader,
        InvoiceGateway,
        PaymentOpener,
        StatusGateway,
    )

ACTOR = "lunas:initiate"
OPENING = timedelta(minutes=1)
"""For so long at most, a request may still be waiting for Duitku to open an invoice."""
ROUNDS = 3
"""How often the slot is looked at again after another request took it first."""
OPENED_BY_ANOTHER = "another request is opening this payment; try again in a minute"
LOOKS = 8
"""How often the payment is read again, with a pause before each, while another request waits for
Duitku's answer about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Everything that opening a payment needs.

    ``lifetime``: how long an invoice can be paid, where its channel allows it. ``heed`` is
    called with what became of an earlier payment that Duitku was asked about. ``pause`` lets a
    quarter of a second pass. ``paused_until`` tells until when Duitku is not asked, because it
    has refused to be.
    """

    catalog: CatalogReader
    enrollments: EnrollmentReader
    payments: PaymentOpener
    anomalies: AnomalyKeeper
    invoice: InvoiceGateway
    status: StatusGateway
    paused_until: Callable[[], datetime | None]
    on_outcome: Callable[[Outcome], None]
    pause: Callable[[], None]
    lifetime: timedelta
    now: Clock
    new_id: Callable[[], str]


def initiate(
    checkout: Checkout, request: PurchaseRequest, payment_method: str | None = None
) -> tuple[Payment, bool]:
    """Return the open payment of this purchase and whether it is new.

    Naming another channel than that of every open payment opens a new one beside them. Raises
    the errors of :mod:`lunas.services.purchases`, GatewayRefused (the payment is FAILED then) and
    GatewayUnavailable (it stays open; the same request again goes on with it).
    """
    offer = price(checkout.catalog, request)
    check_invoiceable(offer.customer)
    for _ in range(ROUNDS):
        slot = checkout.payments.slot(request.caller.id, request.package_id, request.course_id)
        if slot.held:
            check_not_owned(checkout.enrollments, offer, checkout.now())
        found, ended = _open_one(checkout, slot, payment_method)
        if found is not None and _brings_nothing(checkout, found):
            found = None
        if found is None or found.gateway is None:
            check_offer(checkout.enrollments, offer, checkout.now())
        if found is not None:
            payment = _with_old_invoice(checkout, found)
            if payment is None:
                continue
            return payment, False
        try:
            payment = _open(checkout, offer, slot, ended, payment_method)
        except ConcurrentUpdate:
            continue
        return _with_new_invoice(checkout, payment), True
    raise StorageContention("the same purchase is being opened by another request; try again")


def _open(
    checkout: Checkout,
    offer: Offer,
    slot: Slot,
    ended: frozenset[str],
    payment_method: str | None,
) -> Payment:
    at = checkout.now()
    payment = replace(
        draft(offer, checkout.new_id(), Method.DUITKU, Status.PENDING, at),
        gateway_product=GatewayProduct.V2 if payment_method else GatewayProduct.POP,
        gateway_expires_at=at + lifetime_of(payment_method, checkout.lifetime),
        channel=payment_method,
        invoice_calls=1,
    )
    payment = replace(payment, check_at=check_after(payment, at))
    event = opened(payment, AuditContext(offer.request.caller.actor, at))
    taken = slot.with_new(Held(payment.id, payment_method), ended)
    checkout.payments.create_open(payment, event, taken, instead_of=slot.newest)
    return payment


def _open_one(
    checkout: Checkout, slot: Slot, channel: str | None
) -> tuple[Payment | None, frozenset[str]]:
    """Return the newest payment that can be paid by ``channel``, and those found to have ended.

    When there is none, Duitku is asked about the newest by another channel all the same: whoever
    has paid that one needs no further invoice.
    """
    ended: set[str] = set()
    for held in slot.naming(channel):
        payment = _as_duitku_says(checkout, held)
        if payment is not None:
            return payment, frozenset(ended)
        ended.add(held.payment_id)
    for held in slot.held[:1]:
        with suppress(GatewayError, Conflict):
            if held.payment_id not in ended and _as_duitku_says(checkout, held) is None:
                ended.add(held.payment_id)
    return None, frozenset(ended)


def _brings_nothing(checkout: Checkout, payment: Payment) -> bool:
    """Tell whether the buyer has all courses of an open payment by now.

    Asking Duitku takes seconds, in which this purchase may be settled by another payment: by that
    very answer, or by a callback or an admin meanwhile.
    """
    bought = payment.course_ids
    owned = owned_of(checkout.enrollments, payment.user_id, bought, checkout.now())
    return owned.issuperset(bought)


def _as_duitku_says(checkout: Checkout, held: Held) -> Payment | None:
    """Return a payment if it is open and can be paid, having asked Duitku unless it was lately."""
    payment = checkout.payments.get(held.payment_id)
    if payment is not None and payment.status is Status.PENDING:
        payment = _still_open(checkout, payment)
    return payment if payment is not None and payment.status is Status.PENDING else None


def _still_open(checkout: Checkout, payment: Payment) -> Payment:
    """Return the payment, ended or settled first if Duitku says so or its time is over.

    When Duitku does not answer within the payment's time, or refuses to be asked, the payment is
    returned as it is: nothing is lost by that, and what Duitku knows comes by callback or by
    schedule.
    """
    now = checkout.now()
    if _is_over(payment, now):
        return _over(checkout, payment, now)
    if payment.gateway is None:
        payment = _opening(checkout, payment, now)
        if payment.gateway_product is GatewayProduct.POP or _has_answer(payment):
            # POP gives the same invoice again, and what came this moment is not dead.
            return payment
    if not _may_ask(checkout, payment, now):
        return _awaited(checkout, payment, lambda each: not each.asking)
    try:
        outcome, _ = _ask(checkout, payment, now)
    except GatewayError:
        checkout.payments.note_answer(payment.id, now)
        return payment
    if outcome.payment.status is Status.PENDING:
        checkout.payments.note_answer(payment.id, now)
    if outcome.anomaly:
        raise Conflict("Duitku's answer on this payment does not match; an admin has to look")
    return outcome.payment


def _opening(checkout: Checkout, payment: Payment, now: datetime) -> Payment:
    """Return a payment without invoice once the request that opened it has its answer, or none.

    Raises Conflict while that request may still show an invoice of v2, which another call would
    replace.
    """
    if now < payment.created_at + ASKED_LATELY:
        payment = _awaited(checkout, payment, _has_answer)
    by_channel = payment.gateway_product is GatewayProduct.V2
    if by_channel and not _has_answer(payment) and now < payment.created_at + OPENING:
        raise Conflict(OPENED_BY_ANOTHER)
    return payment


def _over(checkout: Checkout, payment: Payment, now: datetime) -> Payment:
    """End a payment whose time is over, unless Duitku has its money. Raises GatewayError."""
    _check_not_paused(checkout, now)
    try:
        outcome, evidence = _ask(checkout, payment, now)
    except GatewayError:
        checkout.payments.note_answer(payment.id, now)
        raise
    audit_context = AuditContext(ACTOR, now, evidence, _reason_to_end(outcome))
    return end(checkout.payments, outcome.payment, Step.EXPIRE, audit_context).payment


def _may_ask(checkout: Checkout, payment: Payment, now: datetime) -> bool:
    before = now - ASKED_LATELY
    if payment.asked_at is not None and payment.asked_at > before:
        return False
    return not _is_paused(checkout, now) and checkout.payments.claim_question(
        payment.id, now, before
    )


def _check_not_paused(checkout: Checkout, now: datetime) -> None:
    """Raise GatewayBlocked while Duitku refuses to be asked: each question would prolong that."""
    if _is_paused(checkout, now):
        raise GatewayBlocked("Duitku has refused to be asked, so it is not asked for a while")


def _is_paused(checkout: Checkout, now: datetime) -> bool:
    until = checkout.paused_until()
    return until is not None and now < until


def _ask(checkout: Checkout, payment: Payment, now: datetime) -> tuple[Outcome, Mapping[str, str]]:
    """Ask Duitku and settle by its answer; return what came of it, and the answer."""
    status = checkout.status(payment)
    outcome = settle_by_gateway(
        checkout.payments, checkout.anomalies, payment, status, AuditContext(ACTOR, now)
    )
    checkout.on_outcome(outcome)
    return outcome, status.evidence


def _awaited(checkout: Checkout, payment: Payment, done: Callable[[Payment], bool]) -> Payment:
    """Return the payment as another request leaves it, or as it is after two seconds."""
    for _ in range(LOOKS):
        if done(payment):
            break
        checkout.pause()
        payment = checkout.payments.get(payment.id) or payment
    return payment


def _has_answer(payment: Payment) -> bool:
    """Tell whether Duitku's answer to the call for an invoice is known."""
    return payment.gateway is not None or payment.status is not Status.PENDING


def _reason_to_end(outcome: Outcome) -> str:
    found = "has money that does not match" if outcome.anomaly else "has no payment"
    return f"time is over, and Duitku {found}"


def _is_over(payment: Payment, now: datetime) -> bool:
    """Tell whether it is too late to pay, or to open an invoice if there is none yet."""
    if payment.gateway is None:
        return _time_left(payment, now) is None
    expires = payment.gateway_expires_at
    return expires is None or now > expires - timedelta(minutes=1)


def _time_left(payment: Payment, now: datetime) -> timedelta | None:
    """Return for how long an invoice opened now can be paid; None when it is not worth one."""
    if payment.gateway_expires_at is None:
        return None
    minutes = minutes_to_ask(payment.channel, now, payment.gateway_expires_at)
    return None if minutes is None else timedelta(minutes=minutes)


def _with_new_invoice(checkout: Checkout, payment: Payment) -> Payment:
    """Return a payment that was just written with its invoice; it FAILS when Duitku refuses."""
    lifetime = lifetime_of(payment.channel, checkout.lifetime)
    try:
        return _invoiced(checkout, payment, payment.created_at, lifetime)
    except GatewayRefused as refused:
        _end_refused(checkout, payment, refused)
        raise


def _with_old_invoice(checkout: Checkout, payment: Payment) -> Payment | None:
    """Return an open payment with its invoice; None if it has to be looked at again.

    The answer that brought the invoice was lost, so it is asked for once more under the same
    order id. Where Duitku does not give another one, the payment ends, unless it was paid. Its
    time may have run out meanwhile. Raises GatewayBlocked where Duitku would have to be asked
    whether it was, and refuses to be.
    """
    if payment.gateway is not None:
        return payment
    now = checkout.now()
    left = _time_left(payment, now)
    if left is None:
        return None
    wait = OPENING if payment.gateway_product is GatewayProduct.V2 else timedelta(0)
    if not checkout.payments.claim_invoice(payment, now, now - wait):
        payment = _awaited(checkout, payment, _has_answer)
        if not _has_answer(payment):
            raise Conflict(OPENED_BY_ANOTHER)
        return payment if payment.status is Status.PENDING else None
    try:
        return _invoiced(checkout, payment, now, left)
    except PurchaseRefused as refused:
        _end_refused(checkout, payment, refused)
        raise
    except GatewayRefused as refused:
        _check_not_paused(checkout, now)
        outcome, _ = _ask(checkout, payment, now)
        if not is_settled(outcome.payment.status):
            _end_refused(checkout, outcome.payment, refused)
        return None


def _invoiced(checkout: Checkout, payment: Payment, at: datetime, lifetime: timedelta) -> Payment:
    invoice = checkout.invoice(payment, payment.channel, int(lifetime.total_seconds() // 60))
    expires_at = at + lifetime
    checkout.payments.record_invoice(payment.id, invoice, expires_at)
    return replace(payment, gateway=invoice, gateway_expires_at=expires_at)


def _end_refused(checkout: Checkout, payment: Payment, refused: GatewayRefused) -> None:
    audit_context = AuditContext("duitku:invoice", checkout.now(), reason=str(refused))
    end(checkout.payments, payment, Step.FAIL, audit_context)

"""Opens payments at a payment gateway.

The payment is written before the gateway is called, so that no invoice exists without a payment.
The same transaction takes the slot of the purchase, so that of two concurrent requests one opens
the payment and the other finds it. A buyer who comes back gets the open payment, as long as it can
be paid.

No invoice is shown for courses that the buyer owns by now through another payment. Every call for
an invoice, also a repeated one after a lost response, is for something that is on sale at that
moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lunas.domain.errors import (
    ConcurrentUpdate,
    Conflict,
    GatewayBlocked,
    GatewayRefused,
    PurchaseRefused,
    StorageContention,
)
from lunas.domain.payment_steps import check_after, opened
from lunas.domain.payments import (
    AuditContext,
    Held,
    Method,
    Payment,
    Slot,
    Status,
    Step,
    is_settled,
)
from lunas.domain.settlement import Decision
from lunas.domain.users import check_invoiceable
from lunas.services.open_payments import OPENED_BY_ANOTHER, OPENING, OpenPayments, has_answer
from lunas.services.purchases import (
    Offer,
    PurchaseRequest,
    check_not_owned,
    check_offer,
    draft,
    owned_of,
    price,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lunas.gateways.base import Gateways
    from lunas.services.repositories import (
        CatalogRepository,
        Clock,
        EnrollmentRepository,
        PaymentRepository,
    )
    from lunas.services.settlement import SettlementService

MAX_ATTEMPTS = 3
"""How many times the slot is read again after another request took it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutService:
    """Opens payments.

    ``opens_by`` is the gateway of new payments. ``lifetime``: how long an invoice can be paid, if
    its channel allows it.
    """

    catalog: CatalogRepository
    enrollments: EnrollmentRepository
    payments: PaymentRepository
    settlements: SettlementService
    open_payments: OpenPayments
    gateways: Gateways
    opens_by: str
    return_url: str
    lifetime: timedelta
    now: Clock
    new_id: Callable[[], str]

    def initiate(
        self, request: PurchaseRequest, channel: str | None = None
    ) -> tuple[Payment, bool]:
        """Return the open payment of this purchase and whether it is new.

        A channel that no open payment has opens an additional one. Raises the errors of
        :mod:`lunas.services.purchases`, GatewayRefused (the payment is FAILED then) and
        GatewayUnavailable (it stays open; the same request again continues with it).
        """
        offer = price(self.catalog, request)
        check_invoiceable(offer.customer)
        for _ in range(MAX_ATTEMPTS):
            slot = self.payments.slot(request.caller.id, request.package_id, request.course_id)
            if slot.held:
                check_not_owned(self.enrollments, offer, self.now())
            found, ended = self.open_payments.find(slot, channel)
            if found is not None and self._brings_nothing(found):
                found = None
            if found is None or found.gateway is None:
                check_offer(self.enrollments, offer, self.now())
            if found is not None:
                payment = self._with_old_invoice(found)
                if payment is None:
                    continue
                return payment, False
            try:
                payment = self._open(offer, slot, ended, channel)
            except ConcurrentUpdate:
                continue
            return self._with_new_invoice(payment), True
        raise StorageContention("the same purchase is being opened by another request; try again")

    def _open(
        self, offer: Offer, slot: Slot, ended: frozenset[str], channel: str | None
    ) -> Payment:
        at = self.now()
        drafted = draft(offer, self.new_id(), Method.GATEWAY, Status.PENDING, at)
        payment = replace(drafted, gateway_name=self.opens_by, channel=channel, invoice_calls=1)
        terms = self.gateways(payment).channel(channel)
        expires_at = at + terms.lifetime(self.lifetime)
        payment = replace(payment, gateway_expires_at=expires_at, prompt=terms.prompt)
        payment = replace(payment, check_at=check_after(payment, at))
        event = opened(payment, AuditContext(offer.request.caller.actor, at))
        taken = slot.with_new(Held(payment.id, channel), ended)
        self.payments.create_open(payment, event, taken, instead_of=slot.newest)
        return payment

    def _brings_nothing(self, payment: Payment) -> bool:
        """Return whether the buyer has all courses of an open payment by now.

        While the gateway is asked, which takes seconds, another payment may have been settled: by
        its response, a callback or an admin.
        """
        bought = payment.course_ids
        return owned_of(self.enrollments, payment.user_id, bought, self.now()).issuperset(bought)

    def _with_new_invoice(self, payment: Payment) -> Payment:
        """Return a new payment with its invoice; if the gateway refuses, the payment is FAILED."""
        channel = self.gateways(payment).channel(payment.channel)
        lifetime = channel.lifetime(self.lifetime)
        try:
            return self._invoiced(payment, payment.created_at, lifetime)
        except GatewayRefused as refused:
            self._end_refused(payment, refused)
            raise

    def _with_old_invoice(self, payment: Payment) -> Payment | None:
        """Return an open payment with its invoice; None if the slot has to be read again.

        If the response with the invoice was lost, it is requested again under the same order id.
        If the gateway gives none, the payment ends unless it was paid, which the gateway is asked.
        Raises GatewayBlocked if it blocks Lunas at that moment.
        """
        if payment.gateway is not None:
            return payment
        now = self.now()
        left = self.open_payments.time_left(payment, now)
        if left is None:
            return None
        repeats = self.gateways(payment).repeats_invoice(payment)
        wait = timedelta(0) if repeats else OPENING
        if not self.payments.claim_invoice(payment, now, now - wait):
            payment = self.open_payments.awaited(payment, has_answer)
            if not has_answer(payment):
                raise Conflict(OPENED_BY_ANOTHER)
            return payment if payment.status is Status.PENDING else None
        try:
            return self._invoiced(payment, now, left)
        except PurchaseRefused as refused:
            self._end_refused(payment, refused)
            raise
        except GatewayRefused as refused:
            self._end_unless_paid(payment, refused, now)
            return None

    def _end_unless_paid(self, payment: Payment, refused: GatewayRefused, now: datetime) -> None:
        if self.open_payments.is_paused(now):
            raise GatewayBlocked("the gateway is blocking calls; try again later")
        outcome, _ = self.open_payments.ask(payment, now)
        if not is_settled(outcome.payment.status):
            self._end_refused(outcome.payment, refused)

    def _invoiced(self, payment: Payment, at: datetime, lifetime: timedelta) -> Payment:
        gateway = self.gateways(payment)
        minutes = int(lifetime.total_seconds() // 60)
        invoice = gateway.create_invoice(payment, minutes, self.return_url)
        expires_at = at + lifetime
        self.payments.record_invoice(payment, invoice, expires_at)
        return replace(payment, gateway=invoice, gateway_expires_at=expires_at)

    def _end_refused(self, payment: Payment, refused: GatewayRefused) -> None:
        actor = f"{payment.gateway_name}:invoice"
        context = AuditContext(actor, self.now(), reason=str(refused))
        self.settlements.apply(Decision(payment=payment, step=Step.FAIL, context=context))

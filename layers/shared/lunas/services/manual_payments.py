"""Manual payments: the learner submits a proof of payment, and an admin decides.

A proof that is sent twice is one payment: of two, the second would be approved as well, and
refunded although its money never came. So each purchase has a slot, taken in the transaction that
writes the payment and held until an admin has decided.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lunas.domain.catalog import own_payment_type
from lunas.domain.errors import ConcurrentUpdate, StorageContention, WrongState
from lunas.domain.payment_steps import opened
from lunas.domain.payments import AuditContext, Method, Payment, Status, Step, existing
from lunas.domain.settlement import Decision
from lunas.domain.users import own_address
from lunas.services.purchases import PurchaseRequest, check_offer, draft, price

if TYPE_CHECKING:
    from collections.abc import Callable

    from lunas.services.repositories import (
        CatalogRepository,
        Clock,
        EnrollmentRepository,
        PaymentRepository,
    )
    from lunas.services.settlement import Outcome, SettlementService

MAX_ATTEMPTS = 3
"""How many times the slot is read again after another request took it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualPaymentService:
    """Takes, approves and rejects manual payments."""

    catalog: CatalogRepository
    enrollments: EnrollmentRepository
    payments: PaymentRepository
    settlements: SettlementService
    now: Clock
    new_id: Callable[[], str]

    def submit(self, request: PurchaseRequest, proof_link: str) -> tuple[Payment, bool]:
        """Return the payment of this purchase that waits for an admin, and whether it is new.

        A waiting one is returned unchanged, with its first proof. Raises the errors of
        :mod:`lunas.services.purchases`.
        """
        own_address(request.caller)
        own_payment_type(request.caller, request.payment_type)
        for _ in range(MAX_ATTEMPTS):
            held = self.payments.waiting_transfer(
                request.caller.id, request.package_id, request.course_id
            )
            if held is not None and held.status is Status.PAID:
                return held, False
            try:
                return self._create(request, proof_link, held), True
            except ConcurrentUpdate:
                continue
        raise StorageContention("the same purchase is being made by another request; try again")

    def approve(self, payment_id: str, context: AuditContext, *, overbook: bool = False) -> Outcome:
        """Approve a PAID payment, with all its enrollments; repeating it changes nothing.

        Raises NotFound, CourseFull unless ``overbook``, StorageContention, and WrongState, also for
        a payment at a gateway, which only the gateway confirms, and for a refunded one.
        """
        payment = existing(self.payments.get(payment_id))
        if payment.method is not Method.MANUAL:
            raise WrongState(
                "a payment at the gateway is confirmed by the gateway, not by an admin"
            )
        if overbook:
            context = replace(context, evidence={**(context.evidence or {}), "overbook": "true"})
        outcome = self.settlements.apply(
            Decision(payment=payment, step=Step.APPROVE, context=context, keep_quota=not overbook)
        )
        if outcome.payment.status is Status.REFUNDED:
            raise WrongState("a payment that is REFUNDED never comes back")
        return outcome

    def reject(self, payment_id: str, context: AuditContext) -> Outcome:
        """Reject a PAID payment; repeating it changes nothing.

        Raises NotFound, WrongState, StorageContention.
        """
        payment = existing(self.payments.get(payment_id))
        decision = Decision(payment=payment, step=Step.REJECT, context=context)
        outcome = self.settlements.apply(decision)
        if outcome.payment.status is not Status.REJECTED:
            raise WrongState(f"a payment that is {outcome.payment.status} cannot be rejected")
        return outcome

    def _create(
        self, request: PurchaseRequest, proof_link: str, decided: Payment | None
    ) -> Payment:
        """Write a new payment, which takes the slot from a decided one if there is one."""
        offer = price(self.catalog, request)
        at = self.now()
        check_offer(self.enrollments, offer, at)
        drafted = draft(offer, self.new_id(), Method.MANUAL, Status.PAID, at)
        payment = replace(drafted, proof_link=proof_link)
        event = opened(payment, AuditContext(request.caller.actor, at))
        instead_of = decided.id if decided else None
        self.payments.create_transfer(payment, event, instead_of=instead_of)
        return payment

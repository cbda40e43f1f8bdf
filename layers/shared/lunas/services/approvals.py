"""An admin's word on a manual payment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lunas.domain.errors import NotFound, WrongState
from lunas.domain.payments import AuditContext, Method, Payment, Status, Step
from lunas.services.settlement import Outcome, confirm, end

if TYPE_CHECKING:
    from lunas.services.repositories import PaymentSettler


def approve(
    payments: PaymentSettler,
    payment_id: str,
    audit_context: AuditContext,
    *,
    overbook: bool = False,
) -> Outcome:
    """Turn a PAID payment into APPROVED with all its enrollments; repeating it changes nothing.

    Raises NotFound, CourseFull unless ``overbook``, StorageContention, and WrongState also for a
    payment at Duitku, which only Duitku's word confirms, and for one that was refunded.
    """
    payment = _found(payments, payment_id)
    if payment.method is not Method.MANUAL:
        raise WrongState("a payment at Duitku is confirmed by Duitku, not by an admin")
    if overbook:
        audit_context = replace(
            audit_context, evidence={**(audit_context.evidence or {}), "overbook": "true"}
        )
    outcome = confirm(payments, payment, Step.APPROVE, audit_context, keep_quota=not overbook)
    return _not_refunded(outcome)


def reject(payments: PaymentSettler, payment_id: str, audit_context: AuditContext) -> Outcome:
    """Turn a PAID payment into REJECTED; repeating it changes nothing.

    Raises NotFound, WrongState, StorageContention.
    """
    outcome = end(payments, _found(payments, payment_id), Step.REJECT, audit_context)
    if outcome.payment.status is not Status.REJECTED:
        raise WrongState(f"a payment that is {outcome.payment.status} cannot be rejected")
    return outcome


def _not_refunded(outcome: Outcome) -> Outcome:
    if outcome.payment.status is Status.REFUNDED:
        raise WrongState("a payment that is REFUNDED never comes back")
    return outcome


def _found(payments: PaymentSettler, payment_id: str) -> Payment:
    payment = payments.get(payment_id)
    if payment is None:
        raise NotFound("there is no such payment")
    return payment

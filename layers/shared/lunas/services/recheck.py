"""Asking Duitku about a payment for an admin or its buyer, and settling it by the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lunas.domain.errors import Forbidden, GatewayError, NotFound, WrongState
from lunas.domain.payments import AuditContext, Method, is_settled, sooner
from lunas.domain.schedule import ASKED_LATELY, SOON
from lunas.services.settlement import Outcome, Result, settle_by_gateway

if TYPE_CHECKING:
    from lunas.services.repositories import AnomalyKeeper, PaymentAsker, StatusGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckDesk:
    """Everything that asking about a payment needs.

    ``paused_until`` tells until when Duitku is not asked, because it has refused to be.
    """

    payments: PaymentAsker
    anomalies: AnomalyKeeper
    status: StatusGateway
    paused_until: Callable[[], datetime | None]


def recheck(desk: RecheckDesk, payment_id: str, audit_context: AuditContext) -> Outcome:
    """Ask Duitku now and settle by its answer; a settled payment is returned without asking.

    Raises NotFound, WrongState for a manual payment, GatewayError, StorageContention.
    """
    payment = desk.payments.get(payment_id)
    if payment is None:
        raise NotFound("there is no such payment")
    if payment.method is not Method.DUITKU:
        raise WrongState("a manual payment has nothing to ask Duitku about")
    if is_settled(payment.status):
        return Outcome(Result.ALREADY_SETTLED, payment)
    desk.payments.note_answer(payment.id, audit_context.at)
    return settle_by_gateway(
        desk.payments, desk.anomalies, payment, desk.status(payment), audit_context
    )


def check(desk: RecheckDesk, payment_id: str, buyer: str, audit_context: AuditContext) -> Outcome:
    """Ask Duitku for the buyer, once in a while, and settle by its answer.

    What is settled, not Duitku's, or was asked about just now is returned as it is known, and so
    is every payment after Duitku has refused to be asked: each question would prolong that. When
    Duitku cannot be asked, reconcile does so within a minute or two. Raises NotFound, Forbidden
    for anybody but the buyer, GatewayError, StorageContention.
    """
    payment = desk.payments.get(payment_id)
    if payment is None:
        raise NotFound("there is no such payment")
    if payment.user_id != buyer:
        raise Forbidden("this belongs to another user")
    if payment.method is not Method.DUITKU or is_settled(payment.status):
        return Outcome(Result.ALREADY_SETTLED, payment)
    until = desk.paused_until()
    if until is not None and audit_context.at < until:
        return Outcome(Result.PAUSED, payment)
    if not desk.payments.claim_question(
        payment.id, audit_context.at, audit_context.at - ASKED_LATELY
    ):
        return Outcome(Result.ASKED_LATELY, desk.payments.get(payment.id) or payment)
    try:
        status = desk.status(payment)
    except GatewayError:
        desk.payments.check_at(payment, sooner(payment, audit_context.at + SOON), audit_context.at)
        raise
    outcome = settle_by_gateway(desk.payments, desk.anomalies, payment, status, audit_context)
    if outcome.payment.version == payment.version:
        desk.payments.note_answer(payment.id, audit_context.at)
    return outcome

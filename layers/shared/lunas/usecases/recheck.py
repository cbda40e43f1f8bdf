"""Asking Duitku about a payment on an admin's wish, and settling it by the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.rules.errors import NotFound, WrongState
from lunas.rules.payments import Act, Method, is_settled
from lunas.usecases.settle import Outcome, Result, settle_by_gateway

if TYPE_CHECKING:
    from lunas.usecases.ports import AnomalyKeeper, PaymentSettler, StatusGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckDesk:
    """Everything that a recheck needs."""

    payments: PaymentSettler
    anomalies: AnomalyKeeper
    status: StatusGateway


def recheck(desk: RecheckDesk, payment_id: str, act: Act) -> Outcome:
    """Ask Duitku now and settle by its answer; a settled payment is returned without asking.

    Raises NotFound, WrongState for a manual payment, GatewayError, StoreBusy.
    """
    payment = desk.payments.get(payment_id)
    if payment is None:
        raise NotFound("there is no such payment")
    if payment.method is not Method.DUITKU:
        raise WrongState("a manual payment has nothing to ask Duitku about")
    if is_settled(payment.status):
        return Outcome(Result.ALREADY_SETTLED, payment)
    return settle_by_gateway(desk.payments, desk.anomalies, payment, desk.status(payment), act)

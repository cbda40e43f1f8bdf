"""Settling: the one way by which money or an approval becomes enrollments.

Webhook, approval, recheck and reconcile all end here. Nobody decides by what was read: each
transaction carries the conditions, and whoever loses reads again and gives the answer that
fits what is there by then.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from lunas.rules.anomalies import Anomaly, AnomalyKind, anomaly
from lunas.rules.errors import Collision, CourseFull, NotFound, StoreBusy
from lunas.rules.gateway import GatewayState, GatewayStatus, fits
from lunas.rules.payments import TRANSITIONS, Act, Payment, Step, is_settled
from lunas.rules.settlement import Settlement, close, settle
from lunas.usecases.ports import AnomalyKeeper, PaymentSettler

ROUNDS = 6
"""How often a settlement is decided anew after a collision."""


class Result(StrEnum):
    """How a try to settle went."""

    SETTLED = "SETTLED"
    ALREADY_SETTLED = "ALREADY_SETTLED"
    STILL_OPEN = "STILL_OPEN"
    ENDED = "ENDED"
    DOES_NOT_FIT = "DOES_NOT_FIT"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The payment as it stands after a try, and what was found if something did not fit."""

    result: Result
    payment: Payment
    anomaly: Anomaly | None = None


def settle_by_gateway(
    payments: PaymentSettler,
    anomalies: AnomalyKeeper,
    payment: Payment,
    status: GatewayStatus,
    act: Act,
) -> Outcome:
    """Move a payment as Duitku's own word on it says.

    Paid and fitting: APPROVED with its enrollments. Paid but of another order, amount or
    reference: the payment stays, an anomaly is kept. Ended: FAILED, or EXPIRED after the
    invoice's time. Anything else stays open.
    """
    told = replace(act, evidence={**(act.evidence or {}), **status.evidence})
    match status.state:
        case GatewayState.PAID if not fits(payment, status):
            found = _does_not_fit(payment, status, act)
            anomalies.keep(found)
            return Outcome(Result.DOES_NOT_FIT, payment, found)
        case GatewayState.PAID:
            return confirm(payments, payment, Step.CONFIRM, told)
        case GatewayState.ENDED:
            late = payment.gateway_expires_at is not None and act.at >= payment.gateway_expires_at
            return end(payments, payment, Step.EXPIRE if late else Step.FAIL, told)
        case _:
            return Outcome(Result.STILL_OPEN, payment)


def confirm(
    payments: PaymentSettler, payment: Payment, step: Step, act: Act, *, keep_quota: bool = False
) -> Outcome:
    """Turn a payment into its enrollments by CONFIRM or APPROVE, exactly once.

    Money that has arrived is honoured beyond a course's quota, and flagged by an anomaly;
    with ``keep_quota`` a full course raises CourseFull instead. Raises WrongState when the step
    does not exist from the present state, StoreBusy when others kept coming first.
    """
    owned: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    for _ in range(ROUNDS):
        if is_settled(payment.status):
            return Outcome(Result.ALREADY_SETTLED, payment)
        plan = settle(payment, step, act, owned, full)
        try:
            payments.commit(plan, keep_quota=not full)
        except Collision as collision:
            owned |= collision.owned
            full = (full | collision.full) - owned
            if keep_quota and full:
                raise CourseFull(f"no place left in: {', '.join(sorted(full))}") from None
            payment = _after(collision, payments, payment)
        else:
            return Outcome(Result.SETTLED, plan.after, plan.anomaly)
    raise StoreBusy("others kept changing the same payment; try again")


def end(payments: PaymentSettler, payment: Payment, step: Step, act: Act) -> Outcome:
    """Close a payment without enrollments, unless it has moved on meanwhile."""
    for _ in range(ROUNDS):
        if payment.status not in TRANSITIONS[step].sources:
            settled = is_settled(payment.status)
            return Outcome(Result.ALREADY_SETTLED if settled else Result.ENDED, payment)
        plan: Settlement = close(payment, step, act)
        try:
            payments.commit(plan, keep_quota=False)
        except Collision as collision:
            payment = _after(collision, payments, payment)
        else:
            return Outcome(Result.ENDED, plan.after)
    raise StoreBusy("others kept changing the same payment; try again")


def _after(collision: Collision, payments: PaymentSettler, payment: Payment) -> Payment:
    """Return the payment to decide on next, after somebody else's write came first."""
    if not collision.stale:
        return payment
    again = payments.get(payment.id)
    if again is None:
        raise NotFound("the payment is gone")
    return again


def _does_not_fit(payment: Payment, status: GatewayStatus, act: Act) -> Anomaly:
    certain = {**status.evidence, "expectedAmount": str(payment.amount)}
    if payment.gateway:
        certain["expectedReference"] = payment.gateway.reference
    return anomaly(
        AnomalyKind.STATUS_DIFFERS,
        payment.id,
        certain,
        act.at,
        hints=act.evidence,
        payment_id=payment.id,
    )

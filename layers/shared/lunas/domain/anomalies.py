"""Money that does not fit: kept with its evidence, for a person to resolve."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lunas.domain.access_comparison import Gap
from lunas.domain.differences import Code
from lunas.domain.payments import AuditContext, Payment


class AnomalyKind(StrEnum):
    """What does not fit."""

    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    STATUS_DIFFERS = "STATUS_DIFFERS"
    PAID_TWICE = "PAID_TWICE"
    PAID_AGAIN = "PAID_AGAIN"
    OVERBOOKED = "OVERBOOKED"
    INVARIANT_BROKEN = "INVARIANT_BROKEN"


class AnomalyStatus(StrEnum):
    """Whether a person has dealt with an anomaly."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How a person closed an anomaly: what was done, and why."""

    resolution: str
    reason: str
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One finding. ``order_id`` is what the gateway calls the payment; ``payment_id`` is ours."""

    id: str
    kind: AnomalyKind
    at: datetime
    order_id: str
    evidence: Mapping[str, str]
    payment_id: str | None = None
    status: AnomalyStatus = AnomalyStatus.OPEN
    resolved: Resolution | None = None


def anomaly(
    kind: AnomalyKind,
    order_id: str,
    certain: Mapping[str, str],
    at: datetime,
    *,
    hints: Mapping[str, str] | None = None,
    payment_id: str | None = None,
) -> Anomaly:
    """Build an anomaly whose id derives from its kind, its order and what is ``certain``.

    Unsigned fields go into ``hints``: they are kept, but whoever replays a callback with other
    hints finds the same anomaly again instead of making another.
    """
    found = "\n".join([kind, order_id, *(f"{name}={certain[name]}" for name in sorted(certain))])
    return Anomaly(
        id=f"ano{hashlib.sha256(found.encode()).hexdigest()[:32]}",
        kind=kind,
        at=at,
        order_id=order_id,
        evidence={**(hints or {}), **certain},
        payment_id=payment_id,
    )


def status_differs(payment: Payment, evidence: Mapping[str, str], context: AuditContext) -> Anomaly:
    """Build the anomaly of money that the gateway has for another order, amount or reference."""
    certain = {**evidence, "expectedAmount": str(payment.amount)}
    if payment.gateway:
        certain["expectedReference"] = payment.gateway.reference
    return anomaly(
        AnomalyKind.STATUS_DIFFERS,
        payment.id,
        certain,
        context.at,
        hints=context.evidence,
        payment_id=payment.id,
    )


def paid_for_nothing_new(payment: Payment, at: datetime) -> Anomaly:
    """Build the anomaly of a payment whose courses the learner all has already."""
    evidence = {"amount": str(payment.amount), "courses": ",".join(payment.course_ids)}
    return anomaly(AnomalyKind.PAID_TWICE, payment.id, evidence, at, payment_id=payment.id)


def paid_again(
    payment: Payment, first: str, second: str, at: datetime, hints: Mapping[str, str]
) -> Anomaly:
    """Build the anomaly of a settled payment that a ``second`` transfer is told to have paid too.

    One for each number of a transfer: one that is dealt with must not hide the next. No signature
    covers the number, but whoever makes one up needs a rightly signed callback to do so.
    """
    hints_with_first = {**hints, "firstTransaction": first}
    certain = {"amount": str(payment.amount), "transaction": second}
    return anomaly(
        AnomalyKind.PAID_AGAIN,
        payment.id,
        certain,
        at,
        hints=hints_with_first,
        payment_id=payment.id,
    )


def overbooked(payment: Payment, full: Iterable[str], at: datetime) -> Anomaly:
    """Build the anomaly of a payment whose money came after its courses were full."""
    evidence = {"courses": ",".join(sorted(full))}
    return anomaly(AnomalyKind.OVERBOOKED, payment.id, evidence, at, payment_id=payment.id)


def invariant_broken(payment_id: str, code: Code, texts: Iterable[str], at: datetime) -> Anomaly:
    """Build the anomaly of a payment that breaks an invariant: one for each payment and code."""
    return anomaly(
        AnomalyKind.INVARIANT_BROKEN,
        payment_id,
        {"code": code},
        at,
        hints={"found": "; ".join(texts)},
        payment_id=payment_id,
    )


def access_broken(payment_id: str, gap: Gap, at: datetime) -> Anomaly:
    """Build the anomaly of access at the platform that is not what was paid for.

    One for each request of a delivery: a difference that comes back after it was mended is told
    of again.
    """
    certain = {
        "code": gap.code,
        "enrollment": gap.enrollment.id,
        "request": str(gap.enrollment.delivery.request),
    }
    return anomaly(
        AnomalyKind.INVARIANT_BROKEN,
        payment_id,
        certain,
        at,
        hints={"found": gap.text, "repair": "delivery asked for again"},
        payment_id=payment_id,
    )

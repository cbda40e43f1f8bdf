"""Anomalies: unmatched money or inconsistent data, with evidence, for a person to resolve."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lunas.domain.access_comparison import Gap
from lunas.domain.differences import Code
from lunas.domain.payments import AuditContext, Payment


class AnomalyKind(StrEnum):
    """What was found."""

    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    STATUS_DIFFERS = "STATUS_DIFFERS"
    PAID_TWICE = "PAID_TWICE"
    PAID_AGAIN = "PAID_AGAIN"
    OVERBOOKED = "OVERBOOKED"
    INVARIANT_BROKEN = "INVARIANT_BROKEN"


class AnomalyStatus(StrEnum):
    """Whether a person has resolved an anomaly."""

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
    """One finding. ``order_id`` is the id at the gateway; ``payment_id`` is ours."""

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
    """Build an anomaly whose id derives from its kind, its order and its ``certain`` evidence.

    Unsigned fields go into ``hints``, which are stored but are not part of the id: replaying a
    callback with other unsigned fields leads to the same anomaly instead of another one.
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
    """Build the anomaly of a paid status with another order, amount or reference."""
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
    """Build the anomaly of a payment for courses that the learner all has already."""
    evidence = {"amount": str(payment.amount), "courses": ",".join(payment.course_ids)}
    return anomaly(AnomalyKind.PAID_TWICE, payment.id, evidence, at, payment_id=payment.id)


def paid_again(
    payment: Payment, first: str, second: str, at: datetime, hints: Mapping[str, str]
) -> Anomaly:
    """Build the anomaly of a settled payment that a ``second`` transfer seems to have paid too.

    There is one for each transfer number, so that a resolved one does not hide the next. The
    number is not signed, but forging one takes a callback with a valid signature.
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
    """Build the anomaly of a payment that was paid after its courses were full."""
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
    """Build the anomaly of access at the platform that differs from what was paid for.

    There is one for each delivery request: a difference that returns after it was fixed is
    recorded again.
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
        hints={"found": gap.text, "repair": "delivery requested again"},
        payment_id=payment_id,
    )

"""Which sales are reported to the platform as external orders, and how a report stands.

The platform offers neither a look at external orders nor any protection against the same one
twice. So a report is claimed before it is sent, and a claim whose outcome nobody knows is left to a
person (docs/decisions/0021-external-orders.md).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lunas.domain.payments import Payment, Status


class SaleReportKind(StrEnum):
    """What of a payment is reported."""

    SALE = "SALE"
    REFUND = "REFUND"


class SaleReportStatus(StrEnum):
    """How a report stands."""

    CLAIMED = "CLAIMED"
    FREE = "FREE"
    REPORTED = "REPORTED"
    REFUSED = "REFUSED"
    UNCERTAIN = "UNCERTAIN"


def is_open(status: SaleReportStatus) -> bool:
    """Tell whether a report may be sent. Lists every status on purpose."""
    match status:
        case SaleReportStatus.FREE:
            return True
        case (
            SaleReportStatus.CLAIMED
            | SaleReportStatus.REPORTED
            | SaleReportStatus.REFUSED
            | SaleReportStatus.UNCERTAIN
        ):
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleReport:
    """What is known of one report.

    ``attempt`` names the try that claimed it, ``order_id`` is the platform's id once it is
    reported, and ``reason`` says why it was refused or why its outcome is not known.
    """

    payment_id: str
    kind: SaleReportKind
    status: SaleReportStatus
    attempt: str
    at: datetime
    order_id: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Sold:
    """What the platform keeps a product for: a bundle, or else a course; its ids of both."""

    bundle_id: int | None
    course_id: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a report that was sent: REPORTED, REFUSED or UNCERTAIN."""

    status: SaleReportStatus
    order_id: int | None = None
    reason: str | None = None


def new_courses(payment: Payment) -> tuple[str, ...]:
    """Return the courses that the payment brought; those owned before brought an anomaly."""
    return tuple(each for each in payment.course_ids if each not in payment.overlap)


def due_kinds(payment: Payment) -> tuple[SaleReportKind, ...]:
    """Return what there is to report of a payment, in the order in which it is reported.

    A sale is a payment that was completed by new courses. What was refunded before it was
    complete was no sale, nor is money that arrived for nothing new.
    """
    if payment.completed_at is None or not new_courses(payment):
        return ()
    return (
        (SaleReportKind.SALE, SaleReportKind.REFUND)
        if payment.status is Status.REFUNDED
        else (SaleReportKind.SALE,)
    )

"""Reports of sales to the platform as external orders, and their status.

The platform can neither list external orders nor reject a duplicate. So a report is claimed before
it is sent, and a claim with an unknown outcome waits for a person
(docs/decisions/0021-external-orders.md).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lunas.domain.payments import Payment, Status


class SaleReportKind(StrEnum):
    """Which event of a payment is reported."""

    SALE = "SALE"
    REFUND = "REFUND"


class SaleReportStatus(StrEnum):
    """The status of a report."""

    CLAIMED = "CLAIMED"
    FREE = "FREE"
    REPORTED = "REPORTED"
    REFUSED = "REFUSED"
    UNCERTAIN = "UNCERTAIN"


def is_open(status: SaleReportStatus) -> bool:
    """Return whether a report may be sent. Lists every status on purpose."""
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
    """A report as stored.

    ``attempt`` identifies the try that claimed it, ``order_id`` is the platform's id once it is
    reported, and ``reason`` explains a refusal or an unknown outcome.
    """

    payment_id: str
    kind: SaleReportKind
    status: SaleReportStatus
    attempt: str
    at: datetime
    order_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Sold:
    """What was sold, by the platform's ids: a bundle, or else a course."""

    bundle_id: str | None
    course_id: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a sent report: REPORTED, REFUSED or UNCERTAIN."""

    status: SaleReportStatus
    order_id: str | None = None
    reason: str | None = None


def new_courses(payment: Payment) -> tuple[str, ...]:
    """Return the courses of the payment that the learner did not own before."""
    return tuple(each for each in payment.course_ids if each not in payment.overlap)


def due_kinds(payment: Payment) -> tuple[SaleReportKind, ...]:
    """Return the reports that a payment needs, in the order in which they are sent.

    A sale is a completed payment with new courses. A payment that was refunded before it was
    complete, or that brought nothing new, is no sale.
    """
    if payment.completed_at is None or not new_courses(payment):
        return ()
    return (
        (SaleReportKind.SALE, SaleReportKind.REFUND)
        if payment.status is Status.REFUNDED
        else (SaleReportKind.SALE,)
    )

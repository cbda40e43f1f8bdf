"""Reporting a sale and its refund to the platform, each once.

A crash or a lost answer between the claim and the note leaves a claim behind. Whether the order
stands at the platform can then be found out by nobody but a person, so it is never sent again by
itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lunas.domain.errors import (
    ConfigurationError,
    DeliveryDelayed,
    DeliveryImpossible,
    StorageContention,
)
from lunas.domain.payments import Payment
from lunas.domain.sale_reports import (
    Answer,
    Leg,
    SaleReport,
    SaleReportStatus,
    Sold,
    due_legs,
    is_open,
    new_courses,
)

if TYPE_CHECKING:
    from lunas.services.repositories import (
        CatalogReader,
        Clock,
        LearnerLinks,
        OrderDesk,
        PaymentReader,
        SaleReportRepository,
    )

BROKEN_OFF = "the attempt before broke off after it had claimed the report"

type Send = Callable[[], Answer]
"""Sends a report that is ready; raises what UNSENT names if nothing was done."""

UNSENT = (DeliveryDelayed, StorageContention, ConfigurationError)
"""Errors of sending by which nothing was done. The last two come from the turn and the credentials
before a call, and after it only from noting what a 429 or a 401 told, which did nothing either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Everything that a report needs; ``attempt`` tells this try from every other."""

    payments: PaymentReader
    book: SaleReportRepository
    learners: LearnerLinks
    catalog: CatalogReader
    desk: OrderDesk
    now: Clock
    attempt: str


def report(reporter: Reporter, payment_id: str) -> tuple[SaleReport, ...]:
    """Report what has not been reported of a payment yet; return what came of it.

    What is UNCERTAIN is returned and not noted: the caller tells a person first and notes it then
    (:func:`note_uncertain`), so that a crash in between repeats both. Raises DeliveryDelayed
    where nothing was done and another try makes sense, StorageContention and ConfigurationError.
    """
    payment = reporter.payments.get(payment_id)
    if payment is None or Leg.SALE not in due_legs(payment):
        return ()
    sale, news = _leg(reporter, payment, Leg.SALE, lambda: _send_sale(reporter, payment))
    if sale.status is not SaleReportStatus.REPORTED or Leg.REFUND not in due_legs(payment):
        return news
    _, more = _leg(reporter, payment, Leg.REFUND, lambda: _send_refund(reporter, payment, sale))
    return news + more


def note_uncertain(reporter: Reporter, note: SaleReport) -> None:
    """Note that a person has been told of a report whose outcome nobody knows."""
    reporter.book.note(note)


def _leg(
    reporter: Reporter, payment: Payment, leg: Leg, prepare: Callable[[], Send]
) -> tuple[SaleReport, tuple[SaleReport, ...]]:
    """Return how a report stands in the end, and that again if it is news."""
    stands = reporter.book.get(payment.id, leg)
    if stands is None or is_open(stands.status):
        told = _reported(reporter, payment, leg, prepare)
    elif stands.status is SaleReportStatus.CLAIMED:
        told = replace(stands, status=SaleReportStatus.UNCERTAIN, reason=BROKEN_OFF)
    else:
        return stands, ()
    return told, (told,)


def _reported(
    reporter: Reporter, payment: Payment, leg: Leg, prepare: Callable[[], Send]
) -> SaleReport:
    """Claim a report, send it, and note what came of it unless that is UNCERTAIN."""
    send = _prepared(prepare)
    claim = SaleReport(
        payment_id=payment.id,
        leg=leg,
        status=SaleReportStatus.CLAIMED,
        attempt=reporter.attempt,
        at=reporter.now(),
    )
    if not reporter.book.claim(claim):
        raise DeliveryDelayed("somebody else is reporting the same")
    try:
        answer = send()
    except UNSENT:
        reporter.book.note(replace(claim, status=SaleReportStatus.FREE))
        raise
    told = replace(claim, status=answer.status, order_id=answer.order_id, reason=answer.reason)
    if told.status is not SaleReportStatus.UNCERTAIN:
        reporter.book.note(told)
    return told


def _prepared(prepare: Callable[[], Send]) -> Send:
    """Look up what a report needs; what can never be found is a refusal without a call."""
    try:
        return prepare()
    except DeliveryImpossible as error:
        refusal = Answer(SaleReportStatus.REFUSED, reason=str(error))
        return lambda: refusal


def _send_sale(reporter: Reporter, payment: Payment) -> Send:
    user_id = reporter.learners.platform_user_id(payment.user_id)
    if user_id is None:
        raise DeliveryImpossible("no account at the platform is known of the learner")
    product_id = reporter.desk.product(_sold(reporter, payment))
    return lambda: reporter.desk.report_sale(payment, user_id, product_id)


def _send_refund(reporter: Reporter, payment: Payment, sale: SaleReport) -> Send:
    order_id = sale.order_id
    if order_id is None:
        raise DeliveryImpossible("the platform's id of the sale is not known")
    return lambda: reporter.desk.report_refund(payment, order_id)


def _sold(reporter: Reporter, payment: Payment) -> Sold:
    """Return the bundle, or the first course that was new: one sale is one order."""
    first = new_courses(payment)[0]
    course = reporter.catalog.course(first)
    bought = {each.id: each.platform_course_id for each in payment.courses}
    mapped = course.platform_course_id if course else None
    return Sold(payment.platform_bundle_id, mapped or bought[first])

"""Reports a sale and its refund to the course platform, each once.

A crash or a lost response after the claim leaves the claim without an outcome. Only a person can
find out whether the platform has the order, so the report is not sent again automatically.
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
    SaleReport,
    SaleReportKind,
    SaleReportStatus,
    Sold,
    due_kinds,
    is_open,
    new_courses,
)

if TYPE_CHECKING:
    from lunas.platforms.base import CoursePlatform
    from lunas.services.repositories import (
        CatalogRepository,
        Clock,
        LearnerRepository,
        PaymentRepository,
        SaleReportRepository,
    )

BROKEN_OFF = "an earlier attempt ended after it had claimed the report"

type Send = Callable[[], Answer]
"""Sends a prepared report; raises an error of UNSENT if nothing was done."""

UNSENT = (DeliveryDelayed, StorageContention, ConfigurationError)
"""Errors after which nothing was sent. The last two come from the permit and the credentials before
a call, and after it only from recording a 429 or a 401, for which the platform did nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleReportService:
    """Reports sales and refunds; ``attempt`` identifies this try."""

    payments: PaymentRepository
    reports: SaleReportRepository
    learners: LearnerRepository
    catalog: CatalogRepository
    platform: CoursePlatform
    now: Clock
    attempt: str

    def report(self, payment_id: str) -> tuple[SaleReport, ...]:
        """Send the open reports of a payment; return the new results.

        An UNCERTAIN report is returned but not recorded: the caller alerts a person first and
        records it then (:meth:`note_uncertain`), so that a crash in between repeats both. Raises
        DeliveryDelayed when nothing was done and another try may succeed, StorageContention and
        ConfigurationError.
        """
        payment = self.payments.get(payment_id)
        if payment is None or SaleReportKind.SALE not in due_kinds(payment):
            return ()
        sale, news = self._report(payment, SaleReportKind.SALE, lambda: self._sale(payment))
        reported = sale.status is SaleReportStatus.REPORTED
        if not reported or SaleReportKind.REFUND not in due_kinds(payment):
            return news
        _, more = self._report(payment, SaleReportKind.REFUND, lambda: self._refund(payment, sale))
        return news + more

    def note_uncertain(self, report: SaleReport) -> None:
        """Record an uncertain report, once a person was alerted."""
        self.reports.note(report)

    def _report(
        self, payment: Payment, kind: SaleReportKind, prepare: Callable[[], Send]
    ) -> tuple[SaleReport, tuple[SaleReport, ...]]:
        """Return the report as it is now, and again in a tuple if its status is new."""
        stored = self.reports.get(payment.id, kind)
        if stored is None or is_open(stored.status):
            report = self._sent(payment, kind, prepare)
        elif stored.status is SaleReportStatus.CLAIMED:
            report = replace(stored, status=SaleReportStatus.UNCERTAIN, reason=BROKEN_OFF)
        else:
            return stored, ()
        return report, (report,)

    def _sent(
        self, payment: Payment, kind: SaleReportKind, prepare: Callable[[], Send]
    ) -> SaleReport:
        """Claim a report, send it, and record the outcome unless it is UNCERTAIN."""
        send = _prepared(prepare)
        claim = SaleReport(
            payment_id=payment.id,
            kind=kind,
            status=SaleReportStatus.CLAIMED,
            attempt=self.attempt,
            at=self.now(),
        )
        if not self.reports.claim(claim):
            raise DeliveryDelayed("another attempt is reporting the same")
        try:
            answer = send()
        except UNSENT:
            self.reports.note(replace(claim, status=SaleReportStatus.FREE))
            raise
        report = replace(
            claim, status=answer.status, order_id=answer.order_id, reason=answer.reason
        )
        if report.status is not SaleReportStatus.UNCERTAIN:
            self.reports.note(report)
        return report

    def _sale(self, payment: Payment) -> Send:
        user_id = self.learners.link_of(payment.user_id).account_id
        if user_id is None:
            raise DeliveryImpossible("the learner has no known account at the platform")
        product_id = self.platform.product(self._sold(payment))
        return lambda: self.platform.report_sale(payment, user_id, product_id)

    def _refund(self, payment: Payment, sale: SaleReport) -> Send:
        order_id = sale.order_id
        if order_id is None:
            raise DeliveryImpossible("the platform's id of the sale is not known")
        return lambda: self.platform.report_refund(payment, order_id)

    def _sold(self, payment: Payment) -> Sold:
        """Return the bundle, or the first new course: one sale is one order."""
        first = new_courses(payment)[0]
        course = self.catalog.course(first)
        bought = {each.id: each.platform_course_id for each in payment.courses}
        mapped = course.platform_course_id if course else None
        return Sold(payment.platform_bundle_id, mapped or bought[first])


def _prepared(prepare: Callable[[], Send]) -> Send:
    """Look up what a report needs; if that cannot be found, it is REFUSED without a call."""
    try:
        return prepare()
    except DeliveryImpossible as error:
        refusal = Answer(SaleReportStatus.REFUSED, reason=str(error))
        return lambda: refusal

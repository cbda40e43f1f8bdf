"""Sales and refunds are reported to the platform once, and an unknown outcome is not repeated."""

import pytest

from lunas.domain.errors import DeliveryDelayed
from lunas.domain.payments import Payment, Status
from lunas.domain.sale_reports import SaleReport, SaleReportKind, SaleReportStatus
from lunas.services.sale_reports import SaleReportService
from tests.support.builders import EMAIL, LATER, USER, bought, course, payment
from tests.support.platforms.site import ObservedPlatform, PlatformSite
from tests.unit.services.fakes import (
    FakeCatalog,
    FakeClock,
    FakeLearners,
    FakePayments,
    FakeStore,
)


class FakeSaleReports:
    """Sale reports with the conditions of the real table."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, SaleReportKind], SaleReport] = {}

    def get(self, payment_id: str, kind: SaleReportKind) -> SaleReport | None:
        return self.stored.get((payment_id, kind))

    def claim(self, report: SaleReport) -> bool:
        known = self.get(report.payment_id, report.kind)
        is_free = known is None or known.status is SaleReportStatus.FREE
        if is_free:
            self.stored[report.payment_id, report.kind] = report
        return is_free

    def note(self, report: SaleReport) -> bool:
        is_own = self.stored[report.payment_id, report.kind].attempt == report.attempt
        if is_own:
            self.stored[report.payment_id, report.kind] = report
        return is_own


class Setup:
    """A sale report service over fakes, and a completed payment of a linked learner."""

    def __init__(self, site: PlatformSite, clock: FakeClock) -> None:
        self.site, self.clock = site, clock
        self.platform = ObservedPlatform(site)
        self.reports = FakeSaleReports()
        self.store = FakeStore()
        self.store.links[USER] = site.add_account(EMAIL)
        for number, each in enumerate(("c1", "c2"), 1):
            self.store.add(course(each, platform_course_id=site.course(number)))
        self.sell(payment(Status.COMPLETED, completed_at=LATER))
        self.attempts = 0

    def sell(self, sold: Payment) -> None:
        self.store.add(sold)

    def report(self) -> list[SaleReportStatus]:
        """Report as the queue does; return the new results."""
        self.attempts += 1
        service = SaleReportService(
            payments=FakePayments(self.store),
            reports=self.reports,
            learners=FakeLearners(self.store),
            catalog=FakeCatalog(self.store),
            platform=self.platform,
            now=self.clock,
            attempt=f"try{self.attempts}",
        )
        return [each.status for each in service.report("pay1")]


@pytest.fixture
def setup(site: PlatformSite, clock: FakeClock) -> Setup:
    return Setup(site, clock)


def test_a_sale_and_its_refund_are_reported_once_each(setup: Setup) -> None:
    assert setup.report() == [SaleReportStatus.REPORTED]
    assert setup.report() == []
    setup.sell(payment(Status.REFUNDED, completed_at=LATER))
    assert setup.report() == [SaleReportStatus.REPORTED]
    assert setup.report() == []
    assert setup.site.sales() == [("pay1", "purchase"), ("pay1", "refund")]


def test_a_bundle_is_reported_as_one_sale(setup: Setup) -> None:
    bundle = setup.site.add_bundle([setup.site.course(1), setup.site.course(2)])
    setup.sell(
        payment(
            Status.COMPLETED,
            courses=bought("c1", "c2"),
            completed_at=LATER,
            platform_bundle_id=bundle,
        )
    )
    assert setup.report() == [SaleReportStatus.REPORTED]
    assert setup.site.sales() == [("pay1", "purchase")]


def test_a_sale_of_an_unmapped_course_is_refused(setup: Setup) -> None:
    setup.store.add(course("c1", platform_course_id=None))
    assert setup.report() == [SaleReportStatus.REFUSED]
    assert setup.report() == []
    assert setup.site.sales() == []


def test_a_delayed_report_is_sent_by_the_next_attempt(setup: Setup) -> None:
    setup.platform.sale_failures = [DeliveryDelayed("busy")]
    with pytest.raises(DeliveryDelayed):
        setup.report()
    assert setup.report() == [SaleReportStatus.REPORTED]
    assert setup.site.sales() == [("pay1", "purchase")]


def test_after_a_crash_an_unknown_outcome_is_left_to_a_person(setup: Setup) -> None:
    setup.platform.sale_failures = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        setup.report()
    assert setup.report() == [SaleReportStatus.UNCERTAIN]
    assert setup.site.sales() == []

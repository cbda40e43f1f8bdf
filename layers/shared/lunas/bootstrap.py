"""Builds the services with their dependencies.

A function imports only what its own services need, and passes their builders to
``lunas.aws.clients.prepare``, so that Lambda loads them while the function starts. Each request
builds its services again: they hold no state, and building one makes no calls.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from lunas import observability
from lunas.aws.settings import setting
from lunas.clock import new_payment_id, now
from lunas.storage.table import Table

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lunas.domain.anomalies import Anomaly
    from lunas.domain.payments import Payment
    from lunas.gateways.base import PaymentGateway
    from lunas.services.audit import AuditService
    from lunas.services.callbacks import CallbackService
    from lunas.services.catalog_sync import CatalogSyncService
    from lunas.services.checkout import CheckoutService
    from lunas.services.corrections import CorrectionService
    from lunas.services.delivery import DeliveryService
    from lunas.services.enrollments import EnrollmentService
    from lunas.services.manual_payments import ManualPaymentService
    from lunas.services.platform_webhooks import PlatformWebhookService
    from lunas.services.progress import ProgressService, ProgressSyncService
    from lunas.services.recheck import RecheckService
    from lunas.services.reconciliation import ReconciliationService
    from lunas.services.refunds import RefundService
    from lunas.services.sale_reports import SaleReportService
    from lunas.services.settlement import SettlementService

PAUSE = 0.25
"""Seconds between two reads of what another request is writing."""


def checkout(table: Table | None = None, return_url: str | None = None) -> "CheckoutService":
    """Build the service that opens payments; ``return_url`` is where the buyer goes afterwards."""
    from lunas.api.catalogs import catalog
    from lunas.api.settlement_logs import log_outcome
    from lunas.gateways.registry import OPENS_BY, gateway_of
    from lunas.services.checkout import CheckoutService
    from lunas.services.open_payments import OpenPayments
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.payments import Payments
    from lunas.storage.schedule import Schedule

    table = table or Table.from_environment()
    payments, settlements = Payments(table), settlement(table)
    return CheckoutService(
        catalog=catalog(table),
        enrollments=Enrollments(table),
        payments=payments,
        settlements=settlements,
        open_payments=OpenPayments(
            payments=payments,
            schedule=Schedule(table),
            settlements=settlements,
            gateways=gateway_of,
            on_outcome=log_outcome,
            pause=lambda: time.sleep(PAUSE),
            now=now,
        ),
        gateways=gateway_of,
        opens_by=OPENS_BY,
        return_url=return_url or setting("RETURN_URL"),
        lifetime=timedelta(minutes=int(setting("INVOICE_MINUTES"))),
        now=now,
        new_id=new_payment_id,
    )


def opening_gateway() -> "PaymentGateway":
    """Return the gateway of new payments."""
    from lunas.gateways.registry import OPENS_BY, gateway

    return gateway(OPENS_BY)


def manual_payments(table: Table | None = None) -> "ManualPaymentService":
    """Build the service of manual payments."""
    from lunas.api.catalogs import catalog
    from lunas.services.manual_payments import ManualPaymentService
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.payments import Payments

    table = table or Table.from_environment()
    return ManualPaymentService(
        catalog=catalog(table),
        enrollments=Enrollments(table),
        payments=Payments(table),
        settlements=settlement(table),
        now=now,
        new_id=new_payment_id,
    )


def callbacks() -> "CallbackService":
    """Build the service that handles callbacks."""
    from lunas.gateways.registry import gateway_of
    from lunas.services.callbacks import CallbackService
    from lunas.storage.anomalies import Anomalies
    from lunas.storage.payments import Payments
    from lunas.storage.schedule import Schedule

    table = Table.from_environment()
    return CallbackService(
        payments=Payments(table),
        schedule=Schedule(table),
        anomalies=Anomalies(table),
        settlements=settlement(table),
        gateways=gateway_of,
        now=now,
    )


def settlement(table: Table) -> "SettlementService":
    """Build the service that settles payments."""
    from lunas.services.settlement import SettlementService
    from lunas.storage.anomalies import Anomalies
    from lunas.storage.payments import Payments

    return SettlementService(Payments(table), Anomalies(table))


def recheck() -> "RecheckService":
    """Build the service that asks a gateway on request."""
    from lunas.gateways.registry import gateway_of
    from lunas.services.recheck import RecheckService
    from lunas.storage.payments import Payments
    from lunas.storage.schedule import Schedule

    table = Table.from_environment()
    return RecheckService(
        payments=Payments(table),
        schedule=Schedule(table),
        settlements=settlement(table),
        gateways=gateway_of,
    )


def reconciliation(deadline_is_near: Callable[[], bool] = lambda: False) -> "ReconciliationService":
    """Build the service that handles what is due."""
    from lunas.api.settlement_logs import log_outcome
    from lunas.gateways.registry import gateway_of
    from lunas.services.reconciliation import ReconciliationService
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.payments import Payments
    from lunas.storage.schedule import Schedule

    table = Table.from_environment()
    return ReconciliationService(
        schedule=Schedule(table),
        payments=Payments(table),
        enrollments=Enrollments(table),
        settlements=settlement(table),
        gateways=gateway_of,
        on_outcome=log_outcome,
        on_error=observability.log_exception,
        deadline_is_near=deadline_is_near,
        now=now,
    )


def refunds() -> "RefundService":
    """Build the service that refunds payments."""
    from lunas.services.refunds import RefundService
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.payments import Payments

    table = Table.from_environment()
    return RefundService(Payments(table), Enrollments(table))


def corrections() -> "CorrectionService":
    """Build the service that corrects learners."""
    from lunas.services.corrections import CorrectionService
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.learners import Learners
    from lunas.storage.payments import Payments

    table = Table.from_environment()
    return CorrectionService(Payments(table), Enrollments(table), Learners(table))


def audit(
    on_difference: Callable[["Anomaly"], None],
    on_completion: Callable[["Payment"], None],
    deadline_is_near: Callable[[], bool],
) -> "AuditService":
    """Build the service that audits payments."""
    from lunas.services.audit import AuditService
    from lunas.storage.anomalies import Anomalies
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.payments import Payments
    from lunas.storage.schedule import Schedule

    table = Table.from_environment()
    return AuditService(
        schedule=Schedule(table),
        payments=Payments(table),
        enrollments=Enrollments(table),
        anomalies=Anomalies(table),
        on_difference=on_difference,
        on_completion=on_completion,
        deadline_is_near=deadline_is_near,
        now=now,
    )


def load_course_platform() -> None:
    """Import the course platform's code, while Lambda starts the function."""
    from lunas.platforms.registry import load

    load()


def delivery(context: "LambdaContext", correlation_id: str | None) -> "DeliveryService":
    """Build the service that delivers enrollments."""
    from lunas.platforms.registry import course_platform
    from lunas.services.delivery import DeliveryService
    from lunas.storage.catalog import Catalog
    from lunas.storage.enrollments import Enrollments
    from lunas.storage.learners import Learners
    from lunas.storage.payments import Payments

    table = Table.from_environment()
    return DeliveryService(
        enrollments=Enrollments(table),
        payments=Payments(table),
        learners=Learners(table),
        catalog=Catalog(table),
        platform=course_platform(table, context.get_remaining_time_in_millis(), correlation_id),
        now=now,
    )


def enrollments() -> "EnrollmentService":
    """Build the service that changes enrollments."""
    from lunas.services.enrollments import EnrollmentService
    from lunas.storage.enrollments import Enrollments

    return EnrollmentService(Enrollments(Table.from_environment()))


def sale_reports(
    context: "LambdaContext", correlation_id: str | None, attempt: str
) -> "SaleReportService":
    """Build the service that reports sales; ``attempt`` identifies this try."""
    from lunas.platforms.registry import course_platform
    from lunas.services.sale_reports import SaleReportService
    from lunas.storage.catalog import Catalog
    from lunas.storage.learners import Learners
    from lunas.storage.payments import Payments
    from lunas.storage.sale_reports import SaleReports

    table = Table.from_environment()
    return SaleReportService(
        payments=Payments(table),
        reports=SaleReports(table),
        learners=Learners(table),
        catalog=Catalog(table),
        platform=course_platform(
            table,
            context.get_remaining_time_in_millis(),
            correlation_id,
            # A call goes only if no delivery waits for a permit.
            max_wait=0,
            factor=int(setting("EXTERNAL_ORDER_FACTOR")),
        ),
        now=now,
        attempt=attempt,
    )


def progress(context: "LambdaContext", correlation_id: str | None) -> "ProgressService":
    """Build the service that records learners' progress."""
    from lunas.platforms.registry import course_platform
    from lunas.services.progress import ProgressService
    from lunas.storage.progress import Progress

    table = Table.from_environment()
    platform = course_platform(table, context.get_remaining_time_in_millis(), correlation_id)
    return ProgressService(progress=Progress(table), platform=platform, now=now)


def progress_sync(
    context: "LambdaContext",
    deadline_is_near: "Callable[[], bool]",
    sleep: "Callable[[float], None]",
) -> "ProgressSyncService":
    """Build the service that reads what changed at the course platform."""
    from lunas.services.progress import ProgressSyncService

    return ProgressSyncService(
        service=progress(context, context.aws_request_id),
        deadline_is_near=deadline_is_near,
        sleep=sleep,
    )


def platform_webhooks(context: "LambdaContext") -> "PlatformWebhookService":
    """Build the service that checks and registers the course platform's webhooks."""
    from lunas.platforms.registry import webhook_registry, webhook_topics
    from lunas.services.platform_webhooks import PlatformWebhookService

    remaining, traced = context.get_remaining_time_in_millis(), context.aws_request_id
    return PlatformWebhookService(
        webhook_registry(Table.from_environment(), remaining, traced),
        webhook_topics(),
        setting("PLATFORM_WEBHOOK_URL"),
    )


def catalog_sync(remaining: int, correlation_id: str) -> "CatalogSyncService":
    """Build the service that compares the catalog; ``remaining`` are milliseconds."""
    from lunas.platforms.registry import course_platform
    from lunas.services.catalog_sync import CatalogSyncService
    from lunas.storage.catalog import Catalog

    table = Table.from_environment()
    return CatalogSyncService(
        catalog=Catalog(table), platform=course_platform(table, remaining, correlation_id)
    )

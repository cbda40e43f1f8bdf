"""The services of enrollments and of the course platform, and the audit of both sides."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lunas.aws.settings import setting
from lunas.clock import now
from lunas.storage.table import Table

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lunas.domain.anomalies import Anomaly
    from lunas.domain.payments import Payment
    from lunas.services.audit import AuditService
    from lunas.services.catalog_sync import CatalogSyncService
    from lunas.services.delivery import DeliveryService
    from lunas.services.enrollments import EnrollmentService
    from lunas.services.platform_webhooks import PlatformWebhookService
    from lunas.services.progress import ProgressService, ProgressSyncService
    from lunas.services.sale_reports import SaleReportService

PAUSE = 0.25
"""Seconds between two reads of what another request is writing."""


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

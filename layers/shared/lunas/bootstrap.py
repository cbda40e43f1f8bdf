"""Builds the services, each when it is first asked for.

A function imports only what its own services need, and hands their builders to
``lunas.aws.clients.prepare``, so that Lambda loads them while the function starts. Each request
builds its services again: they hold no state, and building one reads nothing.
"""

from typing import TYPE_CHECKING

from lunas.aws.settings import setting
from lunas.clock import now
from lunas.storage.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lunas.services.catalog_sync import CatalogSyncService
    from lunas.services.delivery import DeliveryService
    from lunas.services.enrollments import EnrollmentService
    from lunas.services.platform_webhooks import PlatformWebhookService
    from lunas.services.progress import ProgressService, ProgressSyncService
    from lunas.services.sale_reports import SaleReportService


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
    """Build the service that reports sales; ``attempt`` tells this try from every other."""
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
    """Build the service that looks after the course platform's webhooks."""
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

"""POST /courses/sync and a daily schedule: compare the catalog with the platform's site."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS
from lunas.api.catalog_responses import CourseMappingView, mapping_view
from lunas.aws import clients
from lunas.bootstrap import platform_services
from lunas.domain.catalog_mapping import Report
from lunas.domain.errors import DeliveryError, PlatformUnavailable
from lunas.observability import logger

clients.prepare(clients.dynamodb, clients.secrets_manager, platform_services.load_course_platform)

api = LunasApi()


@api.on("POST", "/courses/sync", ADMINS)
def sync_courses() -> CourseMappingView:
    """Compare the catalog with the courses and bundles of the platform's site.

    Raises PlatformUnavailable and StorageContention.
    """
    context = api.lambda_context
    try:
        return mapping_view(_synced(context.get_remaining_time_in_millis(), api.request_id))
    except DeliveryError as error:
        raise PlatformUnavailable(f"the platform cannot be read: {error}") from None


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """Answer one request, or run the daily comparison."""
    if "routeKey" in event:
        return api.resolve(event, context)
    observability.bind(context.aws_request_id, route="daily sync")
    try:
        _synced(context.get_remaining_time_in_millis(), context.aws_request_id)
    except Exception as error:
        observability.log_exception(error)
        raise
    return None


def _synced(remaining: int, correlation_id: str) -> Report:
    report = platform_services.catalog_sync(remaining, correlation_id).sync()
    _log(report)
    return report


def _log(report: Report) -> None:
    logger.info(
        "courses compared",
        mapped=len(report.mapped),
        proposed=[each.id for each in report.proposed],
        unmapped=[each.id for each in report.unmapped],
    )
    wrong: dict[str, Any] = {
        "gone": [each.id for each in report.gone],
        "sold_in": sorted({each for course in report.gone for each in course.packages}),
        "renamed": [each.id for each in report.renamed],
        "bundles_differing": [each.id for each in report.bundles.differing],
        "bundles_gone": [each.id for each in report.bundles.gone],
    }
    if any(wrong.values()):
        todo = (
            "see POST /courses/sync; map the course to another one by PUT, bring it back at "
            "the platform, or take its packages off sale by PUT with onSale false"
        )
        logger.warning("catalog differs from the platform", **wrong, todo=todo)
        observability.count("CatalogDiffers")

"""POST /courses/sync and a daily schedule: how the catalogue fits the Thinkific site."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas.adapters import aws
from lunas.adapters.store.catalogue import Catalogue
from lunas.adapters.store.table import Table
from lunas.adapters.thinkific.http import ThinkificApi
from lunas.adapters.thinkific.limiter import SharedLimiter
from lunas.adapters.thinkific.site import ThinkificSiteShelf
from lunas.edges import telemetry
from lunas.edges.api import LunasApi
from lunas.edges.auth import ADMINS
from lunas.edges.platform import site_of
from lunas.edges.views import mapping_view
from lunas.rules.errors import DeliveryError, PlatformUnavailable
from lunas.rules.mapping import Report
from lunas.usecases.sync import SyncDesk, sync

aws.prepare(aws.dynamodb, aws.secrets_manager)

api = LunasApi()


@api.on("POST", "/courses/sync", ADMINS)
def sync_courses() -> dict[str, Any]:
    """Compare the catalogue with the courses and bundles of the Thinkific site."""
    context = api.lambda_context
    try:
        return mapping_view(_synced(context.get_remaining_time_in_millis(), api.request_id))
    except DeliveryError as error:
        raise PlatformUnavailable(f"Thinkific cannot be read: {error}") from None


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """Answer one request, or do the daily comparison."""
    if "routeKey" in event:
        return api.resolve(event, context)
    telemetry.begin(context.aws_request_id, route="daily sync")
    try:
        _synced(context.get_remaining_time_in_millis(), context.aws_request_id)
    except Exception as error:
        telemetry.crashed(error)
        raise
    return None


def _synced(remaining: int, correlation_id: str) -> Report:
    table = Table.from_environment()
    limiter = SharedLimiter.from_environment(table, remaining)
    shelf = ThinkificSiteShelf(ThinkificApi(site_of(table, remaining), limiter, correlation_id))
    report = sync(SyncDesk(catalogue=Catalogue(table), site=shelf))
    _log(report)
    return report


def _log(report: Report) -> None:
    telemetry.decided(
        "courses compared",
        mapped=len(report.mapped),
        proposed=[each.id for each in report.proposed],
        unmapped=[each.id for each in report.unmapped],
    )
    wrong = {
        "gone": [each.id for each in report.gone],
        "sold_in": sorted({each for course in report.gone for each in course.packages}),
        "renamed": [each.id for each in report.renamed],
        "bundles_differing": [each.id for each in report.bundles.differing],
        "bundles_gone": [each.id for each in report.bundles.gone],
    }
    if any(wrong.values()):
        todo = (
            "see POST /courses/sync; map the course to another one by PUT, bring it back at "
            "Thinkific, or take its packages off sale by PUT with onSale false"
        )
        telemetry.warn("catalogue differs from Thinkific", **wrong, todo=todo)
        telemetry.count("CatalogueDiffers")

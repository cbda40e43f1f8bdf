"""From the table's stream to the sale report queue: queues each sale and each refund.

It is separate from publish_enrollments, so that a failing report cannot delay an enrollment. It
runs only where sale reports are enabled (docs/decisions/0021-external-orders.md).
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api.outbox import publish
from lunas.aws import clients
from lunas.aws.queues import SaleReportQueue, SaleReportRequest
from lunas.aws.settings import setting
from lunas.observability import logger
from lunas.storage.expressions import from_wire
from lunas.storage.keys import id_of

clients.prepare(clients.sqs)

REPORTED = frozenset({"COMPLETED", "REFUNDED"})


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Queue the payments that a batch completed or refunded; the response names failed records."""
    observability.bind(context.aws_request_id)
    queue = SaleReportQueue(setting("SALE_REPORT_QUEUE_URL"))
    return publish(event, _new_report, queue.send, _log)


def _log(request: SaleReportRequest) -> None:
    logger.set_correlation_id(request.correlation_id)
    logger.info("sale report queued", payment_id=request.payment_id, status=request.status)


def _new_report(change: dict[str, Any]) -> SaleReportRequest | None:
    """Return the request for a payment that a change completed or refunded, or None."""
    new = from_wire(change.get("NewImage") or {})
    old = from_wire(change.get("OldImage") or {})
    if not _happened(new, old):
        return None
    return SaleReportRequest(id_of(new), new.get("correlationId"), new["status"])


def _happened(new: dict[str, Any], old: dict[str, Any]) -> bool:
    """Return whether a payment became COMPLETED or REFUNDED, not just changed in that status."""
    if new.get("type") != "payment" or new.get("status") not in REPORTED:
        return False
    return bool(new["status"] != old.get("status"))

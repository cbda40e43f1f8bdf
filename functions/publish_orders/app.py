"""The table's stream to the order queue: each sale and each refund is handed on once.

A reader of its own beside publish_enrollments, so that nothing that happens to a report can hold
back an enrollment. It runs only where reports are switched on (docs/thinkific.md).
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas.adapters import aws
from lunas.adapters.order_queue import OrderQueue, OrderWish
from lunas.adapters.settings import setting
from lunas.adapters.store.expressions import from_wire
from lunas.edges import telemetry

aws.prepare(aws.sqs)

REPORTED = frozenset({"COMPLETED", "REFUNDED"})


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Queue the payments of a batch that were completed or refunded; raises to get it again."""
    telemetry.begin(context.aws_request_id)
    queue = OrderQueue(setting("ORDER_QUEUE_URL"))
    for record in event["Records"]:
        new = from_wire(record["dynamodb"].get("NewImage") or {})
        old = from_wire(record["dynamodb"].get("OldImage") or {})
        if _happened(new, old):
            queue.send(OrderWish(new["id"], new.get("correlationId")), new["status"])
            telemetry.logger.set_correlation_id(new.get("correlationId"))
            telemetry.decided("order report queued", payment_id=new["id"], status=new["status"])


def _happened(new: dict[str, Any], old: dict[str, Any]) -> bool:
    """Tell a payment that came into a state from one that was changed within it."""
    if new.get("type") != "payment" or new.get("status") not in REPORTED:
        return False
    return bool(new["status"] != old.get("status"))

"""From the table's stream to the delivery queue: queues each new delivery request.

The stream is the outbox: the enrollment was written in the transaction that settled the payment,
and the stream holds it until it is queued. A record that cannot be queued is repeated; sending one
twice is harmless (docs/reference/data-model.md, Stream).
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api.outbox import publish
from lunas.aws import clients
from lunas.aws.queues import DeliveryQueue
from lunas.aws.settings import setting
from lunas.domain.delivery import DeliveryRequest
from lunas.observability import logger
from lunas.storage.expressions import from_wire
from lunas.storage.keys import id_of

clients.prepare(clients.sqs)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Queue the delivery requests of a batch; the response names failed records."""
    observability.bind(context.aws_request_id)
    queue = DeliveryQueue(setting("DELIVERY_QUEUE_URL"))
    return publish(event, _new_request, queue.send, _log)


def _log(request: DeliveryRequest) -> None:
    logger.set_correlation_id(request.correlation_id)
    logger.info(
        "delivery queued", enrollment_id=request.enrollment_id, payment_id=request.payment_id
    )


def _new_request(change: dict[str, Any]) -> DeliveryRequest | None:
    """Return a change's new delivery request, or None: a recorded attempt is no new request."""
    new = from_wire(change.get("NewImage") or {})
    old = from_wire(change.get("OldImage") or {})
    if new.get("type") != "enrollment" or new["deliveryStatus"] != "PENDING":
        return None
    asked = (new["paymentId"], new["deliveryRequest"])
    if (old.get("paymentId"), old.get("deliveryRequest")) == asked:
        return None
    return DeliveryRequest(
        enrollment_id=id_of(new),
        payment_id=new["paymentId"],
        user_id=new["userId"],
        course_id=new["courseId"],
        request=int(new["deliveryRequest"]),
        correlation_id=new.get("correlationId"),
    )

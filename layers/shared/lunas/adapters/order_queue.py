"""The order queue: one group, so that reports are sent one at a time and in their order."""

import json
from dataclasses import dataclass

from lunas.adapters.queue import Queue

GROUP = "orders"


@dataclass(frozen=True, slots=True)
class OrderWish:
    """The wish to have a payment reported as it stands when the wish is served."""

    payment_id: str
    correlation_id: str | None = None


def order_message(wish: OrderWish) -> str:
    """Write a wish as JSON."""
    return json.dumps({"paymentId": wish.payment_id, "correlationId": wish.correlation_id})


def read_order_message(body: str) -> OrderWish:
    """Read what :func:`order_message` wrote; raises ValueError, KeyError or TypeError."""
    given = json.loads(body)
    return OrderWish(str(given["paymentId"]), given.get("correlationId"))


class OrderQueue(Queue):
    """Takes payments whose sale or refund is to be reported."""

    def send(self, wish: OrderWish, reason: str) -> None:
        """Queue a payment; SQS drops a second one for the same reason within five minutes."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=order_message(wish),
            MessageGroupId=GROUP,
            MessageDeduplicationId=f"{wish.payment_id}-{reason}",
        )

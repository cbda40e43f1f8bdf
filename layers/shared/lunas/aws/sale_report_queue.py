"""The order queue: one group, so that reports are sent one at a time and in their order."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lunas.aws.queues import Queue, Refusal

GROUP = "orders"


@dataclass(frozen=True, slots=True)
class OrderWish:
    """The wish to have a payment reported as it stands when the wish is served.

    ``status`` is what it came into; it only tells messages apart and is not sent.
    """

    payment_id: str
    correlation_id: str | None = None
    status: str = ""


def order_message(wish: OrderWish) -> str:
    """Write a wish as JSON."""
    return json.dumps({"paymentId": wish.payment_id, "correlationId": wish.correlation_id})


def read_order_message(body: str) -> OrderWish:
    """Read what :func:`order_message` wrote; raises ValueError, KeyError or TypeError."""
    given = json.loads(body)
    return OrderWish(str(given["paymentId"]), given.get("correlationId"))


class OrderQueue(Queue):
    """Takes payments whose sale or refund is to be reported."""

    def send(self, wishes: Sequence[OrderWish]) -> list[Refusal]:
        """Queue payments; SQS drops a second one for the same status within five minutes."""
        return self._send_all(
            [
                {
                    "Id": str(place),
                    "MessageBody": order_message(each),
                    "MessageGroupId": GROUP,
                    "MessageDeduplicationId": f"{each.payment_id}-{each.status}",
                }
                for place, each in enumerate(wishes)
            ]
        )

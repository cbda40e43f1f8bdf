"""The sale report queue: one group, so that reports are sent one at a time and in their order."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lunas.aws.queues import Queue, Refusal

GROUP = "orders"


@dataclass(frozen=True, slots=True)
class SaleReportRequest:
    """The wish to have a payment reported as it stands when the wish is served.

    ``status`` is what it came into; it only tells messages apart and is not sent.
    """

    payment_id: str
    correlation_id: str | None = None
    status: str = ""


def sale_report_message(request: SaleReportRequest) -> str:
    """Write a wish as JSON."""
    return json.dumps({"paymentId": request.payment_id, "correlationId": request.correlation_id})


def read_sale_report_message(body: str) -> SaleReportRequest:
    """Read what :func:`sale_report_message` wrote; raises ValueError, KeyError or TypeError."""
    given = json.loads(body)
    return SaleReportRequest(str(given["paymentId"]), given.get("correlationId"))


class SaleReportQueue(Queue):
    """Takes payments whose sale or refund is to be reported."""

    def send(self, requests: Sequence[SaleReportRequest]) -> list[Refusal]:
        """Queue payments; SQS drops a second one for the same status within five minutes."""
        return self._send_all(
            [
                {
                    "Id": str(place),
                    "MessageBody": sale_report_message(each),
                    "MessageGroupId": GROUP,
                    "MessageDeduplicationId": f"{each.payment_id}-{each.status}",
                }
                for place, each in enumerate(requests)
            ]
        )

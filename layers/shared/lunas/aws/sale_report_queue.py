"""The sale report queue: one group, so that reports are sent one at a time and in order."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lunas.aws.queues import Queue, Refusal

GROUP = "orders"


@dataclass(frozen=True, slots=True)
class SaleReportRequest:
    """A request to report a payment in the status that it has when the request is handled.

    ``status`` is the status at the time of the request. It distinguishes messages and is not sent.
    """

    payment_id: str
    correlation_id: str | None = None
    status: str = ""


def sale_report_message(request: SaleReportRequest) -> str:
    """Return a request as JSON."""
    return json.dumps({"paymentId": request.payment_id, "correlationId": request.correlation_id})


def read_sale_report_message(body: str) -> SaleReportRequest:
    """Read a :func:`sale_report_message`; raises ValueError, KeyError or TypeError on others."""
    given = json.loads(body)
    return SaleReportRequest(str(given["paymentId"]), given.get("correlationId"))


class SaleReportQueue(Queue):
    """Sends requests to report a sale or refund."""

    def send(self, requests: Sequence[SaleReportRequest]) -> list[Refusal]:
        """Queue requests; SQS drops a second one for the same status within five minutes."""
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

"""The sale report queue and its dead-letter queue in a test, and payments to report."""

from dataclasses import dataclass
from typing import Any

import pytest

from lunas.aws import clients
from lunas.aws.queues import SaleReportQueue, SaleReportRequest
from lunas.domain.payments import Payment, Status
from lunas.domain.sale_reports import SaleReport, SaleReportKind
from lunas.storage.learners import Learners
from lunas.storage.payment_items import payment_item
from lunas.storage.sale_reports import SaleReports
from lunas.storage.table import Table
from tests.integration.layer import providers
from tests.integration.layer.queues import FIFO
from tests.support.builders import LATER, payment
from tests.support.functions import invoke
from tests.support.http_stub import Reply, StubProvider

FUNCTION = "report_sales"
COURSE = Reply(body={"id": 2_000_001, "product_id": 3_000_009})


@dataclass
class SaleReporting:
    """Sale reports: what is queued, what became of it, and Thinkific's answers."""

    table: Table
    url: str
    dead_letter_url: str
    patch: pytest.MonkeyPatch

    @classmethod
    def opened(cls, table: Table, patch: pytest.MonkeyPatch) -> "SaleReporting":
        """Make both queues."""
        url, dead_letter_url = (
            clients.sqs().create_queue(QueueName=name, Attributes=FIFO)["QueueUrl"]  # type: ignore[arg-type]
            for name in ("orders.fifo", "dead-orders.fifo")
        )
        patch.setenv("SALE_REPORT_QUEUE_URL", url)
        patch.setenv("SALE_REPORT_DEAD_LETTER_QUEUE_URL", dead_letter_url)
        return cls(table, url, dead_letter_url, patch)

    def sold(self, status: Status = Status.COMPLETED, **changes: Any) -> Payment:
        """Write a payment of a linked learner that was completed, and queue its report."""
        Learners(self.table).link("u1", "7")
        made = payment(status, completed_at=LATER, **changes)
        assert self.table.put(payment_item(made), "attribute_not_exists(#pk)")
        self.queue(made.id, status)
        return made

    def queue(self, payment_id: str, reason: str = "again") -> None:
        """Queue a report."""
        assert SaleReportQueue(self.url).send([SaleReportRequest(payment_id, "r0", reason)]) == []

    def thinkific(self, *replies: Reply | Exception) -> StubProvider:
        """Let Thinkific answer in turn."""
        return providers.answers(self.patch, FUNCTION, *replies)

    def report(self, received: int = 1) -> bool:
        """Report what is queued; return whether no message has to come again."""
        messages = self._received(self.url)
        records = [_record(each, received) for each in messages]
        answer = invoke(FUNCTION, {"Records": records})
        if not answer["batchItemFailures"]:
            for each in messages:
                clients.sqs().delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return not answer["batchItemFailures"]

    def dead_letters(self) -> list[str]:
        """Receive the dead-letter messages; return their reasons."""
        found = self._received(self.dead_letter_url)
        return [each["MessageAttributes"]["reason"]["StringValue"] for each in found]

    def stored(self, kind: SaleReportKind = SaleReportKind.SALE) -> SaleReport | None:
        """Return the stored report."""
        return SaleReports(self.table).get("pay1", kind)

    def close(self) -> None:
        """Remove both queues."""
        for url in (self.url, self.dead_letter_url):
            clients.sqs().delete_queue(QueueUrl=url)

    def _received(self, url: str) -> list[Any]:
        return (
            clients.sqs()
            .receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            .get("Messages", [])
        )


def _record(message: Any, received: int) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {**message["Attributes"], "ApproximateReceiveCount": str(received)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:1:orders.fifo",
        "awsRegion": "ap-southeast-3",
    }

"""Handles the sale report queue: each sale and refund is reported once, or left to a person."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.aws import clients
from lunas.aws.queues import SaleReportRequest, read_sale_report_message
from lunas.bootstrap import platform_services
from lunas.domain.delivery import patient_retry_delay
from lunas.domain.errors import DeliveryDelayed, LunasError
from lunas.domain.sale_reports import SaleReport, SaleReportStatus
from lunas.observability import logger
from lunas.worker import Worker

clients.prepare(
    clients.dynamodb, clients.secrets_manager, clients.sqs, platform_services.load_course_platform
)

TODO = "see docs/runbooks/sale-report-dead-letters.md"


class SaleReports(Worker[SaleReportRequest]):
    """Reports sales and refunds to the course platform."""

    subject = "sale report"
    queue = "SALE_REPORT_QUEUE_URL"
    dead_letter_queue = "SALE_REPORT_DEAD_LETTER_QUEUE_URL"

    def parse(self, body: str) -> SaleReportRequest:
        """Read a request for a report."""
        return read_sale_report_message(body)

    def bind(self, message: SaleReportRequest) -> None:
        """Add the payment to the log."""
        observability.bind(message.correlation_id, payment_id=message.payment_id)

    def run(self, message: SaleReportRequest, record: SQSRecord, context: LambdaContext) -> None:
        """Send the reports; an uncertain one is dead-lettered first, then recorded."""
        # A message that is received again after a crash is another attempt.
        attempt = f"{record.message_id}-{record.attributes.approximate_receive_count}"
        service = platform_services.sale_reports(context, message.correlation_id, attempt)
        for report in service.report(message.payment_id):
            if report.status is SaleReportStatus.UNCERTAIN:
                # The dead-letter message comes first: a crash between the two repeats both.
                self.dead_letter(record, f"{report.kind}: {report.reason}")
                service.note_uncertain(report)
            else:
                _log(report)

    def wait(self, error: Exception, received: int, body: str) -> float:
        """Return the seconds until the next try: no learner waits, and SQS limits the receipts."""
        asked = error.retry_after if isinstance(error, DeliveryDelayed) else None
        return max(asked or 0, patient_retry_delay(received, body))

    def on_reschedule(self, error: LunasError, seconds: float, received: int) -> None:
        """Log and count a retry; waiting is normal, since deliveries take precedence."""
        logger.info(
            "sale report rescheduled", reason=str(error), seconds=seconds, received=received
        )
        observability.count("SaleReportDelayed")

    def on_dead_letter(self, reason: str) -> None:
        """Alert a person, who has to find out whether the platform has the order."""
        logger.error("sale report uncertain", reason=reason, todo=TODO)
        observability.count("SaleReportUncertain")

    def group(self, record: SQSRecord) -> str:
        """Return the message's own group, so that no other dead-letter message waits for it."""
        return record.message_id


def _log(report: SaleReport) -> None:
    if report.status is SaleReportStatus.REPORTED:
        logger.info("sale reported", kind=report.kind, order_id=report.order_id)
        observability.count("SaleReportReported")
        return
    logger.error("sale report refused", kind=report.kind, reason=report.reason, todo=TODO)
    observability.count("SaleReportRefused")


handler = SaleReports()

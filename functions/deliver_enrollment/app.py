"""Handles the delivery queue: gives or revokes access at the course platform."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.aws import clients
from lunas.aws.queues import read_message
from lunas.bootstrap import platform_services
from lunas.domain.delivery import DeliveryRequest, retry_delay
from lunas.domain.errors import (
    DeliveryDelayed,
    DeliveryImpossible,
    LunasError,
    NoPermit,
    RateLimited,
)
from lunas.observability import logger
from lunas.services.delivery import DeliveryResult
from lunas.worker import Worker

clients.prepare(
    clients.dynamodb, clients.secrets_manager, clients.sqs, platform_services.load_course_platform
)


class Deliveries(Worker[DeliveryRequest]):
    """Delivers enrollments, and revokes refunded ones."""

    subject = "delivery"
    queue = "DELIVERY_QUEUE_URL"
    dead_letter_queue = "DEAD_LETTER_QUEUE_URL"

    def parse(self, body: str) -> DeliveryRequest:
        """Read a delivery request."""
        return read_message(body)

    def bind(self, message: DeliveryRequest) -> None:
        """Add the enrollment and its payment to the log."""
        observability.bind(
            message.correlation_id,
            enrollment_id=message.enrollment_id,
            payment_id=message.payment_id,
        )

    def run(self, message: DeliveryRequest, record: SQSRecord, context: LambdaContext) -> None:
        """Deliver; if no retry can help, dead-letter the message, then record that."""
        service = platform_services.delivery(context, message.correlation_id)
        try:
            result = service.deliver(message)
        except DeliveryImpossible as error:
            # The dead-letter message comes first: a crash between the two repeats both.
            self.dead_letter(record, str(error), request=error.request)
            service.record_dead_letter(message, error)
            return
        logger.info("delivery done", result=result)
        if result is DeliveryResult.DELIVERED:
            observability.count("Delivered")
        elif result is DeliveryResult.REVOKED:
            observability.count("Revoked")

    def wait(self, error: Exception, received: int, body: str) -> float:
        """Return the seconds until the next try.

        A message is also received again after a wait for a permit, which is no failure, so the
        growing delay goes by the failures recorded on the enrollment. These may include failures
        of earlier requests, so the receipts of this message are the upper limit.
        """
        if not isinstance(error, DeliveryDelayed):
            return retry_delay(received, body)
        return error.retry_after or retry_delay(min(received, error.failures or received), body)

    def on_reschedule(self, error: LunasError, seconds: float, received: int) -> None:
        """Log and count a retry; a wait for a permit is no failure and counts separately."""
        if isinstance(error, NoPermit):
            logger.info("delivery rate limited", seconds=seconds, received=received)
            observability.count("DeliveryWaiting")
            return
        super().on_reschedule(error, seconds, received)
        observability.count("DeliveryDelayed")
        if isinstance(error, RateLimited):
            observability.count("PlatformLimited")

    def on_dead_letter(self, reason: str) -> None:
        """Alert a person: a learner has paid and is not enrolled."""
        todo = "fix the cause, then redeliver"
        logger.error("delivery dead-lettered", reason=reason, todo=todo)
        observability.count("DeliveryFailed")


handler = Deliveries()

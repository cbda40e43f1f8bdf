"""Handles the progress queue: records what the course platform reported about learners."""

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.aws import clients
from lunas.aws.queues import read_progress
from lunas.bootstrap import platform_services
from lunas.domain.errors import DeliveryImpossible
from lunas.domain.progress import ProgressEvent, ProgressResult
from lunas.observability import logger
from lunas.worker import Worker

clients.prepare(clients.dynamodb, clients.secrets_manager, platform_services.load_course_platform)


class Progress(Worker[ProgressEvent]):
    """Records progress events."""

    subject = "progress"
    queue = "PROGRESS_QUEUE_URL"
    dead_letter_queue = "PROGRESS_DEAD_LETTER_QUEUE_URL"

    def parse(self, body: str) -> ProgressEvent:
        """Read an event."""
        return read_progress(body)

    def bind(self, message: ProgressEvent) -> None:
        """Add the event and its platform enrollment to the log."""
        observability.bind(message.correlation_id, event=message.id)
        logger.append_keys(platform_enrollment_id=message.report.platform_enrollment_id)

    def run(self, message: ProgressEvent, record: SQSRecord, context: LambdaContext) -> None:
        """Record an event; if no retry can help, dead-letter the message."""
        try:
            result = platform_services.progress(context, message.correlation_id).record_event(
                message
            )
        except DeliveryImpossible as error:
            self.dead_letter(record, str(error))
            return
        logger.info("progress recorded", result=result)
        if result is ProgressResult.NOTED:
            observability.count("ProgressNoted")

    def on_dead_letter(self, reason: str) -> None:
        """Alert a person."""
        todo = "see docs/runbooks/progress-dead-letters.md"
        logger.error("progress dead-lettered", reason=reason, todo=todo)


handler = Progress()

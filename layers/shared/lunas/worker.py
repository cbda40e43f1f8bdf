"""The base of the queue consumers: parses, runs, reschedules or dead-letters messages.

Every failure is logged and its message rescheduled where it happens. A batch has one message today;
the batch processor keeps the response correct, group by group, if the template ever allows more.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.aws.queues import Queue
from lunas.aws.settings import setting
from lunas.domain.delivery import retry_delay
from lunas.domain.errors import ConfigurationError, DeliveryDelayed, LunasError, StorageContention
from lunas.observability import logger


class Worker[M](ABC):
    """Handles the messages of one queue. A subclass defines what a message is and does.

    ``queue`` and ``dead_letter_queue`` are the settings with their URLs; ``subject`` begins the
    log lines.
    """

    subject: ClassVar[str]
    queue: ClassVar[str]
    dead_letter_queue: ClassVar[str]

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401
        """Handle a batch; the response names the failed messages."""
        processor = SqsFifoPartialProcessor(skip_group_on_error=True)
        # The failures are logged already; an exception would add nothing.
        processor.raise_on_entire_batch_failure = False
        return process_partial_response(
            event=event, record_handler=self._handle, processor=processor, context=context
        )

    @abstractmethod
    def parse(self, body: str) -> M:
        """Read a message; raises ValueError, KeyError or TypeError for an invalid one."""

    @abstractmethod
    def bind(self, message: M) -> None:
        """Begin the log of a message."""

    @abstractmethod
    def run(self, message: M, record: SQSRecord, context: LambdaContext) -> None:
        """Do what a message requests; if this raises, the message is rescheduled."""

    @abstractmethod
    def on_dead_letter(self, reason: str) -> None:
        """Log and count a message that no retry can help, once the dead-letter queue has it."""

    def wait(self, error: Exception, received: int, body: str) -> float:
        """Return the seconds until the next try of a message that was ``received`` so often."""
        asked = error.retry_after if isinstance(error, DeliveryDelayed) else None
        return asked or retry_delay(received, body)

    def on_reschedule(self, error: LunasError, seconds: float, received: int) -> None:
        """Log and count a message that is rescheduled."""
        logger.warning(
            f"{self.subject} rescheduled", reason=str(error), seconds=seconds, received=received
        )

    def group(self, record: SQSRecord) -> str | None:
        """Return the group of the dead-letter message, None for that of the message."""
        del record
        return None

    def dead_letter(self, record: SQSRecord, reason: str, *, request: int | None = None) -> None:
        """Copy a message to the dead-letter queue with the reason, at once."""
        queue = Queue(setting(self.dead_letter_queue))
        queue.dead_letter(record.raw_event, reason, request=request, group=self.group(record))
        self.on_dead_letter(reason)

    def _handle(self, record: SQSRecord, lambda_context: LambdaContext) -> None:
        observability.bind(record.message_id)
        try:
            message = self.parse(record.body)
        except (ValueError, KeyError, TypeError) as error:
            self.dead_letter(record, f"not a message of this queue: {type(error).__name__}")
            return
        self.bind(message)
        try:
            self.run(message, record, lambda_context)
        except (DeliveryDelayed, StorageContention) as error:
            self._reschedule(record, error)
            raise
        except ConfigurationError as error:
            logger.error(
                f"{self.subject} not possible", reason=str(error), todo="see docs/deploy.md"
            )
            self._reschedule(record, error)
            raise
        except Exception as error:
            # The processor marks the message as failed and logs nothing.
            observability.log_exception(error)
            self._show_again(record, self.wait(error, _received(record), record.body))
            raise

    def _reschedule(self, record: SQSRecord, error: LunasError) -> None:
        received = _received(record)
        seconds = self.wait(error, received, record.body)
        self.on_reschedule(error, seconds, received)
        if error.misconfigured:
            observability.count("ServerError")
        self._show_again(record, seconds)

    def _show_again(self, record: SQSRecord, seconds: float) -> None:
        Queue(setting(self.queue)).reschedule(record.receipt_handle, seconds)


def _received(record: SQSRecord) -> int:
    return int(record.attributes.approximate_receive_count)

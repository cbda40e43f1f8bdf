"""The one consumer of queues: parse a message, run it, reschedule it, or dead-letter it.

Every failure is logged and its message rescheduled where it happens. With one message to a batch
the processor has little to do; it keeps the answer right, group by group, should the template ever
hand over more.
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
from lunas.domain.errors import (
    ConfigurationError,
    DeliveryDelayed,
    LunasError,
    StorageContention,
)
from lunas.observability import logger


class Worker[M](ABC):
    """Handles the messages of one queue. A subclass says what one is, and what running it does.

    ``queue`` and ``dead_letter_queue`` are the settings with their URLs; ``subject`` begins the
    log lines.
    """

    subject: ClassVar[str]
    queue: ClassVar[str]
    dead_letter_queue: ClassVar[str]

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401
        """Handle a batch; the answer names the messages that have to come again."""
        processor = SqsFifoPartialProcessor(skip_group_on_error=True)
        # An exception on top of what is logged would say nothing new.
        processor.raise_on_entire_batch_failure = False
        return process_partial_response(
            event=event, record_handler=self._handle, processor=processor, context=context
        )

    @abstractmethod
    def parse(self, body: str) -> M:
        """Read a message; raises ValueError, KeyError or TypeError on what is none."""

    @abstractmethod
    def bind(self, message: M) -> None:
        """Begin the log of a message."""

    @abstractmethod
    def run(self, message: M, record: SQSRecord, context: LambdaContext) -> None:
        """Do what a message requests; what raises is rescheduled."""

    @abstractmethod
    def on_dead_letter(self, reason: str) -> None:
        """Log and count a message that no retry can help, once the dead-letter queue has it."""

    def wait(self, error: Exception, received: int, body: str) -> float:
        """Return the seconds until the next try of a message that was received so often."""
        asked = error.retry_after if isinstance(error, DeliveryDelayed) else None
        return asked or retry_delay(received, body)

    def on_reschedule(self, error: LunasError, seconds: float, received: int) -> None:
        """Log and count a message that comes again."""
        logger.warning(
            f"{self.subject} rescheduled", reason=str(error), seconds=seconds, received=received
        )

    def group(self, record: SQSRecord) -> str | None:
        """Return the group of the dead letter, None for that of its message."""
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
            # The processor turns it into a failed message and logs nothing.
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

"""The progress queue: what the platform told about a learner is noted on their enrollment."""

from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api.platform import site_of
from lunas.aws import clients
from lunas.aws.progress_queue import ProgressQueue, read_message
from lunas.aws.settings import setting
from lunas.clock import now
from lunas.domain.delivery import retry_delay
from lunas.domain.errors import (
    ConfigurationError,
    DeliveryDelayed,
    DeliveryImpossible,
    LunasError,
    StorageContention,
)
from lunas.domain.progress import ProgressEvent, ProgressResult
from lunas.observability import logger
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.progress import ThinkificProgress
from lunas.platforms.thinkific.rate_limiter import SharedLimiter
from lunas.services.progress_events import ProgressRecorder, record_event
from lunas.storage.progress import Progress
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager)

processor = SqsFifoPartialProcessor(skip_group_on_error=True)
# Every failure is logged and put off where it happens; an exception on top would say nothing new.
processor.raise_on_entire_batch_failure = False


def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401
    """Follow a batch; the answer names the messages that have to come again."""
    return process_partial_response(
        event=event, record_handler=_follow_record, processor=processor, context=context
    )


def _follow_record(record: SQSRecord, lambda_context: LambdaContext) -> None:
    observability.bind(record.message_id)
    try:
        event = read_message(record.body)
    except (ValueError, KeyError, TypeError) as error:
        _dead_letter(record, f"not an event: {type(error).__name__}")
        return
    observability.bind(event.correlation_id, event=event.id)
    logger.append_keys(platform_enrollment_id=str(event.report.row_id))
    try:
        _follow(record, event, lambda_context)
    except (DeliveryDelayed, StorageContention) as error:
        _reschedule(record, error)
        raise
    except ConfigurationError as error:
        logger.error("progress not possible", reason=str(error), todo="see docs/deploy.md")
        _reschedule(record, error)
        raise
    except Exception as error:
        # The processor turns it into a failed message and says nothing.
        observability.log_exception(error)
        _show_again(record, _wait(record))
        raise


def _follow(record: SQSRecord, event: ProgressEvent, context: LambdaContext) -> None:
    try:
        result = record_event(_follower(event, context), event)
    except DeliveryImpossible as error:
        _dead_letter(record, str(error))
        return
    logger.info("progress followed", result=result)
    if result is ProgressResult.NOTED:
        observability.count("ProgressNoted")


def _follower(event: ProgressEvent, context: LambdaContext) -> ProgressRecorder:
    table, remaining = Table.from_environment(), context.get_remaining_time_in_millis()
    limiter = SharedLimiter.from_environment(table, remaining)
    api = ThinkificApi(site_of(table, remaining), limiter, event.correlation_id)
    return ProgressRecorder(progress=Progress(table), site=ThinkificProgress(api), now=now)


def _reschedule(record: SQSRecord, error: LunasError) -> None:
    received = int(record.attributes.approximate_receive_count)
    told = error.retry_after if isinstance(error, DeliveryDelayed) else None
    seconds = told or _wait(record)
    logger.warning("progress put off", reason=str(error), seconds=seconds, received=received)
    if error.misconfigured:
        observability.count("ServerError")
    _show_again(record, seconds)


def _show_again(record: SQSRecord, seconds: float) -> None:
    ProgressQueue(setting("PROGRESS_QUEUE_URL")).reschedule(record.receipt_handle, seconds)


def _wait(record: SQSRecord) -> float:
    return retry_delay(int(record.attributes.approximate_receive_count), record.body)


def _dead_letter(record: SQSRecord, reason: str) -> None:
    """Hand a message that no retry can help to the dead-letter queue, at once."""
    ProgressQueue(setting("PROGRESS_DEAD_LETTER_QUEUE_URL")).dead_letter(record.raw_event, reason)
    logger.error(
        "progress given up", reason=reason, todo="see docs/runbooks/progress-dead-letters.md"
    )

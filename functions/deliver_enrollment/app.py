"""The delivery queue to the platform, learner by learner: access given, or taken back."""

from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api.platform import site_of
from lunas.aws import clients
from lunas.aws.queues import DeliveryQueue, read_message
from lunas.aws.settings import setting
from lunas.clock import now
from lunas.domain.delivery import DeliveryRequest, retry_delay
from lunas.domain.errors import (
    ConfigurationError,
    DeliveryDelayed,
    DeliveryImpossible,
    LunasError,
    NoPermit,
    RateLimited,
    StorageContention,
)
from lunas.observability import logger
from lunas.platforms.thinkific.client import Thinkific
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.rate_limiter import SharedLimiter
from lunas.services.courses import Courier, DeliveryResult
from lunas.services.delivery import deliver, record_dead_letter
from lunas.storage.access_claims import AccessClaims
from lunas.storage.account_links import Learners
from lunas.storage.catalog import Catalog
from lunas.storage.enrollments import Enrollments
from lunas.storage.payments import Payments
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager, clients.sqs)

# With one message to a batch the processor has little to do; it keeps the answer right, group by
# group, should the template ever hand over more.
processor = SqsFifoPartialProcessor(skip_group_on_error=True)
# Every failure is logged and put off where it happens; an exception on top would say nothing new.
processor.raise_on_entire_batch_failure = False


def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401
    """Deliver a batch; the answer names the messages that have to come again."""
    return process_partial_response(
        event=event, record_handler=_deliver_record, processor=processor, context=context
    )


def _courier(request: DeliveryRequest, context: LambdaContext) -> Courier:
    table = Table.from_environment()
    remaining = context.get_remaining_time_in_millis()
    limiter = SharedLimiter.from_environment(table, remaining)
    return Courier(
        enrollments=Enrollments(table),
        payments=Payments(table),
        learners=Learners(table),
        claims=AccessClaims(table),
        catalog=Catalog(table),
        platform=Thinkific(
            ThinkificApi(site_of(table, remaining), limiter, request.correlation_id)
        ),
        now=now,
    )


def _deliver_record(record: SQSRecord, lambda_context: LambdaContext) -> None:
    observability.bind(record.message_id)
    try:
        request = read_message(record.body)
    except (ValueError, KeyError, TypeError) as error:
        _dead_letter(record, f"not a delivery request: {type(error).__name__}")
        return
    observability.bind(
        request.correlation_id, enrollment_id=request.enrollment_id, payment_id=request.payment_id
    )
    try:
        _deliver(record, request, lambda_context)
    except (DeliveryDelayed, StorageContention) as error:
        _reschedule(record, error)
        raise
    except ConfigurationError as error:
        logger.error("delivery not possible", reason=str(error), todo="see docs/deploy.md")
        _reschedule(record, error)
        raise
    except Exception as error:
        # The processor turns it into a failed message and says nothing.
        observability.log_exception(error)
        _show_again(record, retry_delay(_received(record), record.body))
        raise


def _deliver(record: SQSRecord, request: DeliveryRequest, context: LambdaContext) -> None:
    courier = _courier(request, context)
    try:
        result = deliver(courier, request)
    except DeliveryImpossible as error:
        # First the dead letter, then the note: a crash between them repeats both.
        _dead_letter(record, str(error), error.request)
        record_dead_letter(courier, request, error)
        return
    logger.info("delivery done", result=result)
    match result:
        case DeliveryResult.DELIVERED:
            observability.count("Delivered")
        case DeliveryResult.REVOKED:
            observability.count("Revoked")


def _reschedule(record: SQSRecord, error: LunasError) -> None:
    received = _received(record)
    seconds = _wait(error, received, record.body)
    _log_wait(error, seconds, received)
    if error.misconfigured:
        observability.count("ServerError")
    _show_again(record, seconds)


def _show_again(record: SQSRecord, seconds: float) -> None:
    DeliveryQueue(setting("DELIVERY_QUEUE_URL")).reschedule(record.receipt_handle, seconds)


def _received(record: SQSRecord) -> int:
    return int(record.attributes.approximate_receive_count)


def _log_wait(error: LunasError, seconds: float, received: int) -> None:
    if isinstance(error, NoPermit):
        logger.info("delivery waits its turn", seconds=seconds, received=received)
        observability.count("DeliveryWaiting")
        return
    logger.warning("delivery put off", reason=str(error), seconds=seconds, received=received)
    observability.count("DeliveryDelayed")
    if isinstance(error, RateLimited):
        observability.count("PlatformLimited")


def _wait(error: LunasError, received: int, body: str) -> float:
    """Return the seconds until the next try.

    A message is received again after each wait for a turn, which is no failure, so the growing
    delay goes by the failures noted on the enrollment. They may be more than this message saw:
    those of an earlier request count no longer.
    """
    if not isinstance(error, DeliveryDelayed):
        return retry_delay(received, body)
    return error.retry_after or retry_delay(min(received, error.failures or received), body)


def _dead_letter(record: SQSRecord, reason: str, request: int | None = None) -> None:
    """Hand a message that no retry can help to the dead-letter queue, at once."""
    queue = DeliveryQueue(setting("DEAD_LETTER_QUEUE_URL"))
    queue.dead_letter(record.raw_event, reason, request=request)
    logger.error("delivery given up", reason=reason, todo="mend the cause, then redeliver")
    observability.count("DeliveryFailed")

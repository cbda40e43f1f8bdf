"""The order queue to Thinkific: sales and refunds, each reported once or left to a person."""

from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api.platform import site_of
from lunas.aws import clients
from lunas.aws.sale_report_queue import OrderQueue, OrderWish, read_order_message
from lunas.aws.settings import setting
from lunas.clock import now
from lunas.domain.delivery import patient_retry_delay
from lunas.domain.errors import DeliveryDelayed, LunasError, Misconfigured, StoreBusy
from lunas.domain.sale_reports import OrderNote, OrderStatus
from lunas.platforms.thinkific.external_orders import ExternalOrders
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.rate_limiter import IMPATIENCE, SharedLimiter
from lunas.services.sale_reports import Reporter, note_uncertain, report
from lunas.storage.account_links import Learners
from lunas.storage.catalog import Catalogue
from lunas.storage.payments import Payments
from lunas.storage.sale_reports import Orders
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager, clients.sqs)

TODO = "see docs/runbooks/order-dead-letters.md"

processor = SqsFifoPartialProcessor(skip_group_on_error=True)
# Every failure is logged and put off where it happens; an exception on top would say nothing new.
processor.raise_on_entire_batch_failure = False


def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401
    """Report a batch; the answer names the messages that have to come again."""
    return process_partial_response(
        event=event, record_handler=_report_record, processor=processor, context=context
    )


def _reporter(record: SQSRecord, wish: OrderWish, context: LambdaContext) -> Reporter:
    table = Table.from_environment()
    # A call goes only if no delivery waits for its turn.
    remaining = context.get_remaining_time_in_millis()
    limiter = SharedLimiter.from_environment(table, remaining, IMPATIENCE)
    api = ThinkificApi(site_of(table, remaining), limiter, wish.correlation_id)
    return Reporter(
        payments=Payments(table),
        book=Orders(table),
        learners=Learners(table),
        catalogue=Catalogue(table),
        desk=ExternalOrders(api, int(setting("EXTERNAL_ORDER_FACTOR"))),
        now=now,
        # A message that comes again after a crash is another attempt.
        attempt=f"{record.message_id}-{record.attributes.approximate_receive_count}",
    )


def _report_record(record: SQSRecord, lambda_context: LambdaContext) -> None:
    observability.begin(record.message_id)
    try:
        wish = read_order_message(record.body)
    except (ValueError, KeyError, TypeError) as error:
        reason = f"not an order report: {type(error).__name__}"
        _give_up(record, reason)
        observability.alarm("order report uncertain", reason=reason, todo=TODO)
        observability.count("OrderUncertain")
        return
    observability.begin(wish.correlation_id, payment_id=wish.payment_id)
    try:
        _report(record, wish, lambda_context)
    except (DeliveryDelayed, StoreBusy) as error:
        _put_off(record, error)
        raise
    except Misconfigured as error:
        observability.alarm(
            "order report not possible", reason=str(error), todo="see docs/deploy.md"
        )
        _put_off(record, error)
        raise
    except Exception as error:
        # The processor turns it into a failed message and says nothing.
        observability.crashed(error)
        _show_again(record, _wait(record))
        raise


def _report(record: SQSRecord, wish: OrderWish, context: LambdaContext) -> None:
    reporter = _reporter(record, wish, context)
    for note in report(reporter, wish.payment_id):
        if note.status is OrderStatus.UNCERTAIN:
            # First the dead letter, then the note: a crash between them repeats both.
            _give_up(record, f"{note.leg}: {note.reason}")
            note_uncertain(reporter, note)
        _log(note)


def _log(note: OrderNote) -> None:
    match note.status:
        case OrderStatus.REPORTED:
            observability.decided("order reported", leg=note.leg, order_id=note.order_id)
            observability.count("OrderReported")
        case OrderStatus.REFUSED:
            observability.alarm("order report refused", leg=note.leg, reason=note.reason, todo=TODO)
            observability.count("OrderRefused")
        case _:
            observability.alarm(
                "order report uncertain", leg=note.leg, reason=note.reason, todo=TODO
            )
            observability.count("OrderUncertain")


def _put_off(record: SQSRecord, error: LunasError) -> None:
    received = int(record.attributes.approximate_receive_count)
    asked = error.retry_after if isinstance(error, DeliveryDelayed) else None
    # Reports are in nobody's hurry, and each receipt counts: the wait grows in any case.
    seconds = max(asked or 0, _wait(record))
    observability.decided(
        "order report put off", reason=str(error), seconds=seconds, received=received
    )
    observability.count("OrderDelayed")
    if error.misconfigured:
        observability.count("ServerError")
    _show_again(record, seconds)


def _show_again(record: SQSRecord, seconds: float) -> None:
    OrderQueue(setting("ORDER_QUEUE_URL")).put_off(record.receipt_handle, seconds)


def _wait(record: SQSRecord) -> float:
    return patient_retry_delay(int(record.attributes.approximate_receive_count), record.body)


def _give_up(record: SQSRecord, reason: str) -> None:
    """Show a person a report whose outcome nobody knows."""
    queue = OrderQueue(setting("ORDER_DEAD_LETTER_QUEUE_URL"))
    # In a group of its own: in the one group of all, those behind could not be received with it.
    queue.give_up(record.raw_event, reason, group=record.message_id)

"""The queue of sale reports: sales and refunds, each reported once or left to a person."""

from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api.platform import site_of
from lunas.aws import clients
from lunas.aws.sale_report_queue import SaleReportQueue, SaleReportRequest, read_sale_report_message
from lunas.aws.settings import setting
from lunas.clock import now
from lunas.domain.delivery import patient_retry_delay
from lunas.domain.errors import ConfigurationError, DeliveryDelayed, LunasError, StorageContention
from lunas.domain.sale_reports import SaleReport, SaleReportStatus
from lunas.observability import logger
from lunas.platforms.thinkific.external_orders import ExternalOrders
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.rate_limiter import SHORT_WAIT, SharedLimiter
from lunas.services.sale_reports import Reporter, note_uncertain, report
from lunas.storage.account_links import Learners
from lunas.storage.catalog import Catalog
from lunas.storage.payments import Payments
from lunas.storage.sale_reports import SaleReports
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager, clients.sqs)

TODO = "see docs/runbooks/sale-report-dead-letters.md"

processor = SqsFifoPartialProcessor(skip_group_on_error=True)
# Every failure is logged and put off where it happens; an exception on top would say nothing new.
processor.raise_on_entire_batch_failure = False


def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401
    """Report a batch; the answer names the messages that have to come again."""
    return process_partial_response(
        event=event, record_handler=_report_record, processor=processor, context=context
    )


def _reporter(record: SQSRecord, request: SaleReportRequest, context: LambdaContext) -> Reporter:
    table = Table.from_environment()
    # A call goes only if no delivery waits for its turn.
    remaining = context.get_remaining_time_in_millis()
    limiter = SharedLimiter.from_environment(table, remaining, SHORT_WAIT)
    api = ThinkificApi(site_of(table, remaining), limiter, request.correlation_id)
    return Reporter(
        payments=Payments(table),
        book=SaleReports(table),
        learners=Learners(table),
        catalog=Catalog(table),
        desk=ExternalOrders(api, int(setting("EXTERNAL_ORDER_FACTOR"))),
        now=now,
        # A message that comes again after a crash is another attempt.
        attempt=f"{record.message_id}-{record.attributes.approximate_receive_count}",
    )


def _report_record(record: SQSRecord, lambda_context: LambdaContext) -> None:
    observability.bind(record.message_id)
    try:
        request = read_sale_report_message(record.body)
    except (ValueError, KeyError, TypeError) as error:
        reason = f"not an sale report: {type(error).__name__}"
        _dead_letter(record, reason)
        logger.error("sale report uncertain", reason=reason, todo=TODO)
        observability.count("SaleReportUncertain")
        return
    observability.bind(request.correlation_id, payment_id=request.payment_id)
    try:
        _report(record, request, lambda_context)
    except (DeliveryDelayed, StorageContention) as error:
        _reschedule(record, error)
        raise
    except ConfigurationError as error:
        logger.error("sale report not possible", reason=str(error), todo="see docs/deploy.md")
        _reschedule(record, error)
        raise
    except Exception as error:
        # The processor turns it into a failed message and says nothing.
        observability.log_exception(error)
        _show_again(record, _wait(record))
        raise


def _report(record: SQSRecord, request: SaleReportRequest, context: LambdaContext) -> None:
    reporter = _reporter(record, request, context)
    for note in report(reporter, request.payment_id):
        if note.status is SaleReportStatus.UNCERTAIN:
            # First the dead letter, then the note: a crash between them repeats both.
            _dead_letter(record, f"{note.leg}: {note.reason}")
            note_uncertain(reporter, note)
        _log(note)


def _log(note: SaleReport) -> None:
    match note.status:
        case SaleReportStatus.REPORTED:
            logger.info("order reported", leg=note.leg, order_id=note.order_id)
            observability.count("SaleReportReported")
        case SaleReportStatus.REFUSED:
            logger.error("sale report refused", leg=note.leg, reason=note.reason, todo=TODO)
            observability.count("SaleReportRefused")
        case _:
            logger.error("sale report uncertain", leg=note.leg, reason=note.reason, todo=TODO)
            observability.count("SaleReportUncertain")


def _reschedule(record: SQSRecord, error: LunasError) -> None:
    received = int(record.attributes.approximate_receive_count)
    asked = error.retry_after if isinstance(error, DeliveryDelayed) else None
    # Reports are in nobody's hurry, and each receipt counts: the wait grows in any case.
    seconds = max(asked or 0, _wait(record))
    logger.info("sale report put off", reason=str(error), seconds=seconds, received=received)
    observability.count("SaleReportDelayed")
    if error.misconfigured:
        observability.count("ServerError")
    _show_again(record, seconds)


def _show_again(record: SQSRecord, seconds: float) -> None:
    SaleReportQueue(setting("SALE_REPORT_QUEUE_URL")).reschedule(record.receipt_handle, seconds)


def _wait(record: SQSRecord) -> float:
    return patient_retry_delay(int(record.attributes.approximate_receive_count), record.body)


def _dead_letter(record: SQSRecord, reason: str) -> None:
    """Show a person a report whose outcome nobody knows."""
    queue = SaleReportQueue(setting("SALE_REPORT_DEAD_LETTER_QUEUE_URL"))
    # In a group of its own: in the one group of all, those behind could not be received with it.
    queue.dead_letter(record.raw_event, reason, group=record.message_id)

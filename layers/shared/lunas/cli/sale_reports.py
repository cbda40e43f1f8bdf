"""``make sale-reports``: reports of sales with an unknown outcome, for a person to decide on.

Thinkific shows no external orders, so nothing here can find out by itself. Whoever decides names
the payment: ``RETRY`` sends what is UNCERTAIN or REFUSED once more, ``DISMISS`` only forgets the
letter. Each letter is deleted after what was asked for is done.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.deployed import OrderParts
from lunas.aws.sale_report_queue import SaleReportQueue, SaleReportRequest, read_sale_report_message
from lunas.domain.sale_reports import Leg, SaleReport, SaleReportStatus
from lunas.storage.sale_reports import SaleReports
from lunas.storage.table import Table

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN, MAX_WAIT, BATCH = 30, 2, 10
"""Seconds for which letters are hidden while they are shown, seconds after which a queue without
messages counts as empty, and messages of one receive."""
FOR_A_PERSON = frozenset({SaleReportStatus.UNCERTAIN, SaleReportStatus.REFUSED})


@dataclass(frozen=True)
class Choice:
    """What the person decided: nothing yet, or one payment to send again or to dismiss."""

    retry: str = ""
    dismiss: str = ""


@dataclass(frozen=True)
class Letter:
    """A dead letter: its payment, None if it cannot be read, and why it was written."""

    receipt_handle: str
    payment_id: str | None
    reason: str


def run(parts: OrderParts, choice: Choice, report: Callable[[str], None]) -> int:
    """Show the letters and do what was decided; returns 1 while letters are left."""
    orders = SaleReports(Table(parts.dynamodb, parts.table))
    if choice.retry:
        _send_again(parts, orders, choice.retry, report)
    decided, left = {choice.retry, choice.dismiss} - {""}, 0
    for letter in _letters(parts.sqs, parts.dead_letters):
        if letter.payment_id in decided and not _under_way(orders, letter.payment_id or ""):
            parts.sqs.delete_message(
                QueueUrl=parts.dead_letters, ReceiptHandle=letter.receipt_handle
            )
            report(f"forgotten  {letter.payment_id}: {letter.reason}")
            continue
        left += 1
        report(f"waits      {letter.payment_id or 'unreadable'}: {letter.reason}")
        for note in _notes(orders, letter.payment_id or ""):
            report(f"           {_described(note)}")
    report(f"sale reports: {left} wait for a person")
    return 1 if left else 0


def _send_again(
    parts: OrderParts, orders: SaleReports, payment_id: str, report: Callable[[str], None]
) -> None:
    """Open what a person may decide about, and queue the payment; also one that was lost."""
    for note in _notes(orders, payment_id):
        if note.status in FOR_A_PERSON and orders.reopen(note):
            report(f"opened     {_described(note)}")
    again = SaleReportRequest(payment_id, status=f"again-{uuid.uuid4().hex}")
    refused = SaleReportQueue(parts.queue, parts.sqs).send([again])
    report(f"not queued {payment_id}: {refused[0].code}" if refused else f"queued     {payment_id}")


def _under_way(orders: SaleReports, payment_id: str) -> bool:
    """Tell whether a report is claimed: its letter is written before that is noted as UNCERTAIN."""
    return any(note.status is SaleReportStatus.CLAIMED for note in _notes(orders, payment_id))


def _notes(orders: SaleReports, payment_id: str) -> list[SaleReport]:
    found = (orders.get(payment_id, leg) for leg in Leg)
    return [note for note in found if note is not None]


def _described(note: SaleReport) -> str:
    order = f", order {note.order_id}" if note.order_id else ""
    reason = f": {note.reason}" if note.reason else ""
    return f"{note.leg} of {note.payment_id} {note.status} since {note.at:%FT%TZ}{order}{reason}"


def _letters(sqs: "SQSClient", url: str) -> Iterator[Letter]:
    while batch := _received(sqs, url):
        yield from (_letter(message) for message in batch)


def _received(sqs: "SQSClient", url: str) -> "list[MessageTypeDef]":
    return sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=BATCH,
        VisibilityTimeout=HIDDEN,
        WaitTimeSeconds=MAX_WAIT,
        MessageAttributeNames=["reason"],
    ).get("Messages", [])


def _letter(message: "MessageTypeDef") -> Letter:
    try:
        payment_id = read_sale_report_message(message["Body"]).payment_id
    except (ValueError, KeyError, TypeError):
        payment_id = None
    given = message.get("MessageAttributes", {}).get("reason")
    reason = given.get("StringValue", "") if given else "moved by SQS"
    return Letter(message["ReceiptHandle"], payment_id, reason)

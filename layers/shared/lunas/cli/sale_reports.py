"""Show sale reports with an unknown outcome, and send them again or dismiss them.

Thinkific's API does not list external orders, so a person has to look them up. ``--retry`` sends
UNCERTAIN and REFUSED reports again, ``--dismiss`` only deletes the dead-letter message. Each
message is deleted after the decision is carried out.
"""

import argparse
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.aws.queues import SaleReportQueue, SaleReportRequest, read_sale_report_message
from lunas.cli.stacks import DeployedStack, find
from lunas.domain.sale_reports import SaleReport, SaleReportKind, SaleReportStatus
from lunas.storage.sale_reports import SaleReports
from lunas.storage.table import Table

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HELP = "show sale reports with an unknown outcome; send again or dismiss one"
HIDDEN, MAX_WAIT, BATCH = 30, 2, 10
"""Seconds for which received messages are hidden, seconds after which a queue without messages
counts as empty, and messages of one receive."""
FOR_A_PERSON = frozenset({SaleReportStatus.UNCERTAIN, SaleReportStatus.REFUSED})


@dataclass(frozen=True)
class Queues:
    """The URLs of the queue of sale reports and of its dead-letter queue, with a client."""

    reports: str
    dead_letters: str
    sqs: "SQSClient"


@dataclass(frozen=True)
class Choice:
    """The person's decision: none yet, or a payment to send again or to dismiss."""

    retry: str = ""
    dismiss: str = ""


@dataclass(frozen=True)
class DeadLetter:
    """A dead-letter message: its payment, None if it cannot be read, and its reason."""

    receipt_handle: str
    payment_id: str | None
    reason: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the person's decision."""
    parser.add_argument("--retry", default="", metavar="PAYMENT", help="send its reports again")
    parser.add_argument("--dismiss", default="", metavar="PAYMENT", help="delete its message")


def run(given: argparse.Namespace) -> int:
    """Show the messages of an environment and carry out the decision."""
    stack = find(given.env, given.state)
    reports = SaleReports(Table(stack.client("dynamodb"), stack.outputs["TableName"]))
    return decide(reports, queues_of(stack), Choice(given.retry, given.dismiss), print)


def queues_of(stack: DeployedStack) -> Queues:
    """Return the queues of a stack."""
    made = stack.outputs
    urls = made["SaleReportQueueUrl"], made["SaleReportDeadLetterQueueUrl"]
    return Queues(*urls, stack.client("sqs"))


def decide(
    reports: SaleReports, queues: Queues, choice: Choice, report: Callable[[str], None]
) -> int:
    """Carry out the decision and report what is left; return 1 if anything is."""
    if choice.retry:
        _send_again(reports, queues, choice.retry, report)
    decided, left = {choice.retry, choice.dismiss} - {""}, 0
    for message in _messages(queues):
        if message.payment_id in decided and not _in_flight(reports, message.payment_id or ""):
            queues.sqs.delete_message(
                QueueUrl=queues.dead_letters, ReceiptHandle=message.receipt_handle
            )
            report(f"deleted    {message.payment_id}: {message.reason}")
            continue
        left += 1
        report(f"waiting    {message.payment_id or 'unreadable'}: {message.reason}")
        for found in _reports(reports, message.payment_id or ""):
            report(f"           {_described(found)}")
    report(f"sale reports: {left} wait for a person")
    return 1 if left else 0


def _send_again(
    reports: SaleReports, queues: Queues, payment_id: str, report: Callable[[str], None]
) -> None:
    """Reopen the reports that a person may decide on, and queue the payment."""
    for found in _reports(reports, payment_id):
        if found.status in FOR_A_PERSON and reports.reopen(found):
            report(f"reopened   {_described(found)}")
    again = SaleReportRequest(payment_id, status=f"again-{uuid.uuid4().hex}")
    refused = SaleReportQueue(queues.reports, queues.sqs).send([again])
    report(f"not queued {payment_id}: {refused[0].code}" if refused else f"queued     {payment_id}")


def _in_flight(reports: SaleReports, payment_id: str) -> bool:
    """Return whether a report is claimed: its message is sent before it becomes UNCERTAIN."""
    return any(each.status is SaleReportStatus.CLAIMED for each in _reports(reports, payment_id))


def _reports(reports: SaleReports, payment_id: str) -> list[SaleReport]:
    found = (reports.get(payment_id, kind) for kind in SaleReportKind)
    return [each for each in found if each is not None]


def _described(found: SaleReport) -> str:
    order = f", order {found.order_id}" if found.order_id else ""
    reason = f": {found.reason}" if found.reason else ""
    return (
        f"{found.kind} of {found.payment_id} {found.status} since {found.at:%FT%TZ}{order}{reason}"
    )


def _messages(queues: Queues) -> Iterator[DeadLetter]:
    while batch := _received(queues):
        yield from map(_dead_letter, batch)


def _received(queues: Queues) -> "list[MessageTypeDef]":
    return queues.sqs.receive_message(
        QueueUrl=queues.dead_letters,
        MaxNumberOfMessages=BATCH,
        VisibilityTimeout=HIDDEN,
        WaitTimeSeconds=MAX_WAIT,
        MessageAttributeNames=["reason"],
    ).get("Messages", [])


def _dead_letter(message: "MessageTypeDef") -> DeadLetter:
    try:
        payment_id = read_sale_report_message(message["Body"]).payment_id
    except (ValueError, KeyError, TypeError):
        payment_id = None
    given = message.get("MessageAttributes", {}).get("reason")
    reason = given.get("StringValue", "") if given else "moved by SQS"
    return DeadLetter(message["ReceiptHandle"], payment_id, reason)

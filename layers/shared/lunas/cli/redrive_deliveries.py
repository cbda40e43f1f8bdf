"""Request failed deliveries again and delete their dead-letter messages.

An operator runs it once the cause is fixed. For each message, the delivery is requested first and
the message deleted then, so that a crash in between loses nothing. Deliveries that are FAILED
without a message follow: SQS keeps a message for fourteen days only, and it can be deleted by hand.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from lunas.aws.dead_letters import DeadLetter, DeadLetters
from lunas.cli.stacks import find
from lunas.domain.delivery import DeliveryRequest
from lunas.domain.enrollments import DeliveryStatus, Enrollment
from lunas.domain.errors import StorageContention
from lunas.domain.lists import EnrollmentFilter, Position
from lunas.services.enrollments import EnrollmentService, RedriveOutcome, RedriveResult
from lunas.storage.enrollments import Enrollments
from lunas.storage.table import Table

HELP = "request failed deliveries again, once their cause is fixed"
PAGE = 100
"""Failed deliveries of one query."""


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(given: argparse.Namespace) -> int:
    """Empty the dead-letter queue of an environment; return 1 when a message has to stay."""
    stack = find(given.env, given.state)
    messages = DeadLetters(stack.outputs["DeadLetterQueueUrl"], stack.client("sqs"))
    table = Table(stack.client("dynamodb"), stack.outputs["TableName"])
    return redrive_all(messages, Enrollments(table), print)


def redrive_all(
    messages: DeadLetters, enrollments: Enrollments, report: Callable[[str], None]
) -> int:
    """Handle every dead-letter message; ``report`` is called with a line for each and a total."""
    results: Counter[RedriveOutcome] = Counter()
    staying: list[DeadLetter] = []
    requested: set[str] = set()

    def add(result: RedriveOutcome, line: str) -> None:
        results[result] += 1
        report(f"{result:<12} {line}")

    for message in messages.receive_all():
        result, line = _handle(enrollments, message, requested)
        add(result, line)
        if result is RedriveOutcome.STAYS:
            staying.append(message)
        else:
            messages.delete(message)
    behind = messages.unseen()
    for message in staying:
        messages.show_again(message)
    # The index of failed deliveries lags, so it may still list those just requested.
    for failed in (each for each in _failed(enrollments) if each.id not in requested):
        again = _redriven(enrollments, failed.id, requested)
        add(again.outcome, f"{failed.id} of {failed.payment_id}, without a message: {again.reason}")
    report("redrive: " + ", ".join(f"{results[each]} {each}" for each in RedriveOutcome))
    if behind:
        report(f"about {behind} more wait behind those that stay, or have just come: run again")
    return 1 if results[RedriveOutcome.STAYS] or behind else 0


def _handle(
    enrollments: Enrollments, message: DeadLetter, requested: set[str]
) -> tuple[RedriveOutcome, str]:
    """Request a message's delivery if it is still needed; return the result and its line."""
    if message.request is None:
        return RedriveOutcome.STAYS, f"message {message.id} is no delivery request"
    redriven = _redriven(enrollments, message.request.enrollment_id, requested)
    return redriven.outcome, f"{_describe(message.request, message.reason)}: {redriven.reason}"


def _redriven(enrollments: Enrollments, enrollment_id: str, requested: set[str]) -> RedriveResult:
    """Request a delivery once in a run, however many messages it has; adds to ``requested``."""
    if enrollment_id in requested:
        return RedriveResult(RedriveOutcome.OUT_OF_DATE, "it was requested a moment ago")
    try:
        redriven = EnrollmentService(enrollments).redrive(enrollment_id, datetime.now(UTC))
    except StorageContention as error:
        return RedriveResult(RedriveOutcome.STAYS, str(error))
    if redriven.outcome is RedriveOutcome.REQUESTED:
        requested.add(enrollment_id)
    return redriven


def _failed(enrollments: Enrollments) -> Iterator[Enrollment]:
    """List failed deliveries, page by page; a new request takes one out of the list."""
    wanted = EnrollmentFilter(delivery=DeliveryStatus.FAILED)
    after: Position | None = None
    while True:
        page = enrollments.page(wanted, PAGE, after)
        yield from page.items
        after = page.after
        if after is None:
            return


def _describe(request: DeliveryRequest, reason: str | None) -> str:
    cause = f"dead-lettered: {reason}" if reason else "moved by SQS"
    return f"{request.enrollment_id} of {request.payment_id}, {cause}"

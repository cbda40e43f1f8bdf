"""The table's stream as an outbox: what a batch of records asks for goes to a queue.

A record that could not be queued is named to Lambda, which hands the batch out again from the
first such record on (ReportBatchItemFailures); what was queued twice is dropped by SQS.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lunas import observability
from lunas.aws.queues import Refusal
from lunas.observability import logger

type Change = dict[str, Any]
"""The ``dynamodb`` part of a stream record: images, keys and its sequence number."""


def publish[T](
    event: Mapping[str, Any],
    request_of: Callable[[Change], T | None],
    send: Callable[[Sequence[T]], Sequence[Refusal]],
    log: Callable[[T], None],
) -> dict[str, list[dict[str, str]]]:
    """Queue what a batch asks for, and return the records that have to come again.

    ``request_of`` reads a record, None where it asks for nothing; ``send`` queues requests and
    returns those that SQS refused; ``log`` tells of one that is queued. A record that cannot be
    read does not keep those beside it. Raises when the queue cannot be called at all.
    """
    failed: list[str] = []
    wanted: list[tuple[str, T]] = []
    for record in event["Records"]:
        change = record["dynamodb"]
        try:
            request = request_of(change)
        except Exception as error:  # noqa: BLE001  (logged, and the record comes again)
            observability.log_exception(error)
            failed.append(change["SequenceNumber"])
            continue
        if request is not None:
            wanted.append((change["SequenceNumber"], request))
    refused = {each.place: each for each in send([request for _, request in wanted])}
    for place, (sequence, request) in enumerate(wanted):
        if place in refused:
            _log_refusal(refused[place])
            failed.append(sequence)
        else:
            log(request)
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _log_refusal(refusal: Refusal) -> None:
    logger.warning(
        "message refused by SQS", code=refusal.code, todo="nothing: Lambda repeats the record"
    )

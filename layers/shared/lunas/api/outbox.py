"""The table's stream as an outbox: the requests in a batch of records go to a queue.

A record that could not be queued is reported to Lambda, which delivers the batch again from the
first such record on (ReportBatchItemFailures). SQS drops what was queued twice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lunas import observability
from lunas.aws.queues import Refusal
from lunas.observability import logger

type Change = dict[str, Any]
"""The ``dynamodb`` part of a stream record: images, keys and sequence number."""


def publish[T](
    event: Mapping[str, Any],
    request_of: Callable[[Change], T | None],
    send: Callable[[Sequence[T]], Sequence[Refusal]],
    log: Callable[[T], None],
) -> dict[str, list[dict[str, str]]]:
    """Queue the requests of a batch, and return the records that Lambda has to repeat.

    ``request_of`` returns the request in a record, or None; ``send`` queues requests and returns
    those that SQS refused; ``log`` is called for each queued request. A record that cannot be read
    does not stop the others. Raises if the queue cannot be called at all.
    """
    failed: list[str] = []
    wanted: list[tuple[str, T]] = []
    for record in event["Records"]:
        change = record["dynamodb"]
        try:
            request = request_of(change)
        except Exception as error:  # noqa: BLE001  (logged, and the record is repeated)
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

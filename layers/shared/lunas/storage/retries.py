"""Outlasting the others who write the same items: what passes by itself is tried again."""

import time
from collections.abc import Callable, Mapping, Sequence
from random import SystemRandom
from typing import Any

from botocore.exceptions import ClientError

from lunas.aws import clients
from lunas.domain.errors import StorageContention

CHANCE = SystemRandom()
"""Of the system: environments restored from one snapshot would wait in step with a seed."""
TRIES = 8
"""How often a transaction is tried while others touch the same items."""
BACKOFF = 0.02
"""Seconds of the first wait between two tries; it doubles, and half of it is chance."""
THROTTLED_TRIES = clients.TRIES
"""How often what DynamoDB throttles is asked for in all, by the SDK or here."""
THROTTLED_BACKOFF = 0.1
"""Seconds of the first wait after throttling, which lasts longer than a conflict."""
CONFLICTS = frozenset({"TransactionConflict", "TransactionConflictException"})
"""Others write the same items at this moment; the SDK does not repeat it."""
THROTTLING = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons for a cancelled transaction by which too many calls came at once; the SDK does not look
at reasons, so it does not repeat them either."""
REPEATED_BY_SDK = frozenset(
    {
        "TransactionInProgressException",
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
    }
)
"""Errors that the SDK gave up repeating: asking again here would multiply its tries by ours."""
PASSING = CONFLICTS | THROTTLING | REPEATED_BY_SDK
"""Errors of a call, and reasons for a cancelled transaction, that go by themselves."""


def retry_on_conflict[T](write: Callable[[], T]) -> T:
    """Repeat a write while others work on the same items, with waits that grow by chance.

    Raises StorageContention when it never got through or the table is throttled, and whatever else
    the write raises. A throttled table is asked THROTTLED_TRIES times, by the SDK or by this loop.
    """
    throttled = 0
    for attempt in range(TRIES):
        try:
            return asked(write)
        except ClientError as error:
            if not _passes(error):
                raise
            throttled += _is_throttled(error)
        if throttled == THROTTLED_TRIES or attempt + 1 == TRIES:
            break
        rest(attempt, THROTTLED_BACKOFF if throttled else BACKOFF)
    raise StorageContention("the same items are being written by others; try again")


def asked[T](call: Callable[[], T]) -> T:
    """Make a call once; raises StorageContention for what the SDK has stopped retrying."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in REPEATED_BY_SDK:
            raise StorageContention(
                "the table takes no more calls at the moment; try again"
            ) from error
        raise


def rest(attempt: int, first: float) -> None:
    """Wait after a try: ``first`` seconds after the first one, then doubled, half by chance."""
    time.sleep(first * 2**attempt * (0.5 + CHANCE.random() / 2))


def _passes(error: ClientError) -> bool:
    """Tell whether an error goes by itself: a conflict, or throttling within a transaction."""
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return error.response["Error"]["Code"] in PASSING
    codes = _reasons(error)
    return bool(codes) and codes <= PASSING


def _is_throttled(error: ClientError) -> bool:
    return bool(_reasons(error) & THROTTLING)


def _reasons(error: ClientError) -> set[str]:
    return {str(each.get("Code", "None")) for each in cancellation_reasons(error)} - {"None"}


def cancellation_reasons(error: ClientError) -> Sequence[Mapping[str, Any]]:
    """Return why a transaction was cancelled, one reason for each of its actions."""
    response: Mapping[str, Any] = error.response
    reasons: Sequence[Mapping[str, Any]] = response.get("CancellationReasons", [])
    return reasons

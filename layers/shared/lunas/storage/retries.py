"""Retries of calls that fail because of conflicting writes or throttling."""

import time
from collections.abc import Callable, Mapping, Sequence
from random import SystemRandom
from typing import Any

from botocore.exceptions import ClientError

from lunas.aws import clients
from lunas.domain.errors import StorageContention

CHANCE = SystemRandom()
"""The system's source: with a seed, environments restored from one snapshot would wait in step."""
TRIES = 8
"""How many times a transaction is sent while others write the same items."""
BACKOFF = 0.02
"""Seconds of the first wait between two tries; it doubles, and half of it is random."""
THROTTLED_TRIES = clients.TRIES
"""How many times a throttled call is sent in all, by the SDK or by this module."""
THROTTLED_BACKOFF = 0.1
"""Seconds of the first wait after throttling, which lasts longer than a conflict."""
CONFLICTS = frozenset({"TransactionConflict", "TransactionConflictException"})
"""Others write the same items at this moment; the SDK does not repeat such a call."""
THROTTLING = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
"""Throttling as the reason for a cancelled transaction; the SDK does not read reasons, so it does
not repeat such a call either."""
REPEATED_BY_SDK = frozenset(
    {
        "TransactionInProgressException",
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
    }
)
"""Errors after the SDK's last retry; more retries would multiply the number of calls."""
PASSING = CONFLICTS | THROTTLING | REPEATED_BY_SDK
"""Transient errors of a call, and transient reasons for a cancelled transaction."""


def retry_on_conflict[T](write: Callable[[], T]) -> T:
    """Repeat a write while others write the same items, with growing random waits.

    Raises StorageContention if no try succeeds or the table is throttled, and any other error of
    the write. A throttled call is sent THROTTLED_TRIES times, by the SDK or by this loop.
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
    raise StorageContention("other requests are writing the same items; try again")


def asked[T](call: Callable[[], T]) -> T:
    """Make a call once; raises StorageContention for an error that the SDK has retried."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in REPEATED_BY_SDK:
            raise StorageContention(
                "the table accepts no more calls at the moment; try again"
            ) from error
        raise


def rest(attempt: int, first: float) -> None:
    """Wait after a try: ``first`` seconds after the first one, then doubled, half of it random."""
    time.sleep(first * 2**attempt * (0.5 + CHANCE.random() / 2))


def _passes(error: ClientError) -> bool:
    """Return whether an error is transient: a conflict, or throttling within a transaction."""
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return error.response["Error"]["Code"] in PASSING
    codes = _reasons(error)
    return bool(codes) and codes <= PASSING


def _is_throttled(error: ClientError) -> bool:
    return bool(_reasons(error) & THROTTLING)


def _reasons(error: ClientError) -> set[str]:
    return {str(each.get("Code", "None")) for each in cancellation_reasons(error)} - {"None"}


def cancellation_reasons(error: ClientError) -> Sequence[Mapping[str, Any]]:
    """Return the reasons for a cancelled transaction, one for each of its actions."""
    response: Mapping[str, Any] = error.response
    reasons: Sequence[Mapping[str, Any]] = response.get("CancellationReasons", [])
    return reasons

"""Outlasting the others who write the same items: what passes by itself is tried again."""

import time
from collections.abc import Callable, Mapping, Sequence
from random import SystemRandom
from typing import Any

from botocore.exceptions import ClientError

from lunas.rules.errors import StoreBusy

CHANCE = SystemRandom()
"""Of the system: environments restored from one snapshot would wait in step with a seed."""
TRIES = 8
"""How often a transaction is tried while others touch the same items."""
BACKOFF = 0.02
"""Seconds of the first wait between two tries; it doubles, and half of it is chance."""
PASSING = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingError",
        "ThrottlingException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
    }
)
"""Errors of a write, and reasons for a cancelled transaction, that go by themselves."""


def outlast[T](write: Callable[[], T]) -> T:
    """Repeat a write while others work on the same items, with waits that grow by chance.

    Raises StoreBusy when it never got through, and whatever else the write raises.
    """
    for attempt in range(TRIES):
        try:
            return write()
        except ClientError as error:
            if not _passes(error):
                raise
        if attempt + 1 < TRIES:
            time.sleep(BACKOFF * 2**attempt * (0.5 + CHANCE.random() / 2))
    raise StoreBusy("the same items are being written by others; try again")


def _passes(error: ClientError) -> bool:
    """Tell whether an error goes by itself: a conflict, throttling, or one's own try before."""
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return error.response["Error"]["Code"] in PASSING
    codes = {reason.get("Code", "None") for reason in cancellation_reasons(error)} - {"None"}
    return bool(codes) and codes <= PASSING


def cancellation_reasons(error: ClientError) -> Sequence[Mapping[str, Any]]:
    """Return why a transaction was cancelled, one reason for each of its actions."""
    response: Mapping[str, Any] = error.response
    reasons: Sequence[Mapping[str, Any]] = response.get("CancellationReasons", [])
    return reasons

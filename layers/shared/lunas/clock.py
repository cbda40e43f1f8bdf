"""The time and random ids, as functions that a test can replace."""

import re
import time
import uuid
from datetime import UTC, datetime

PAYMENT_ID = re.compile(r"pay[0-9a-f]{32}")
"""The form of an id of :func:`new_payment_id`."""


def now() -> datetime:
    """Return the present time in UTC, cut to the milliseconds that the table stores."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def new_payment_id() -> str:
    """Return a new payment id, which is also the gateway's order id.

    It starts with a letter: in a signature that joins fields without a separator, a leading digit
    could be read as part of the amount (docs/decisions/0006-pop-by-default.md).
    """
    return f"pay{uuid.uuid4().hex}"


def epoch_milliseconds() -> int:
    """Return the present time as the rate limiter counts it: milliseconds since the epoch."""
    return time.time_ns() // 1_000_000

"""Time and chance, behind names that a test can replace."""

import re
import time
import uuid
from datetime import UTC, datetime

PAYMENT_ID = re.compile(r"pay[0-9a-f]{32}")
"""An id that :func:`new_payment_id` can have made."""


def now() -> datetime:
    """Return the present time in UTC, cut to the milliseconds that the table keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def new_payment_id() -> str:
    """Return a fresh payment id, which is also the gateway's order id.

    It starts with a letter: where a signature joins fields without a separator, an id that starts
    with a digit could be read as part of the amount (docs/decisions/0006-pop-by-default.md).
    """
    return f"pay{uuid.uuid4().hex}"


def epoch_milliseconds() -> int:
    """Return the present time as the table counts turns: milliseconds since the epoch."""
    return time.time_ns() // 1_000_000

"""Reads Thinkific's RateLimit-Reset header in each of its forms."""

import time
from random import SystemRandom

CHANCE = SystemRandom()
"""The system's source: with a seed, environments restored from one snapshot would wait in step."""
MILLISECONDS_FROM = 1e11
SECONDS_FROM = 1e9
SHORTEST, LONGEST = 1.0, 65.0
"""Seconds; Thinkific counts calls by the minute, so no wait has to be longer."""
JITTER = 2.0


def reset_delay(header: str | None, now: float | None = None) -> float | None:
    """Return the seconds to wait, with jitter, or None if the header is not a number.

    The size of the value shows its unit: an epoch in milliseconds (the usual form), an epoch in
    seconds, or a duration in seconds (docs/reference/thinkific.md, Rate limit).
    """
    try:
        value = float(header or "")
    except ValueError:
        return None
    if value != value:  # noqa: PLR0124  (NaN, the one number that differs from itself)
        return None
    moment = time.time() if now is None else now
    if value > MILLISECONDS_FROM:
        wait = value / 1000 - moment
    elif value > SECONDS_FROM:
        wait = value - moment
    else:
        wait = value
    return min(max(wait, SHORTEST), LONGEST) + CHANCE.uniform(0, JITTER)

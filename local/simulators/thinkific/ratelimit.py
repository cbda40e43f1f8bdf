"""The rate limit of a site and the answer beyond it.

Thinkific allows 120 calls per minute and site, over all keys and tokens together, and about ten
at once. It documents the header RateLimit-Reset, contradicts itself on its form, and shows no
body; see the rate limit in ``docs/reference/thinkific.md``.
"""

import math
from datetime import UTC, datetime, timedelta

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from local.simulators.thinkific.settings import LimitBody, ResetForm, SimulatorSettings

WINDOW = timedelta(minutes=1)


class RateWindow:
    """The calls of one site in the running minute, and those in flight."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._calls = 0
        self._ends: datetime | None = None

    def admit(self, now: datetime, settings: SimulatorSettings) -> bool:
        """Count one more call; return False when it exceeds a limit."""
        if self._ends is None or not timedelta() < self._ends - now <= WINDOW:
            self._ends, self._calls = now + WINDOW, 0
        if _exceeds(self.in_flight, settings.concurrency_limit):
            return False
        if _exceeds(self._calls, settings.rate_limit):
            return False
        self._calls += 1
        return True

    def left(self, now: datetime) -> timedelta:
        """Return how long the running minute still lasts."""
        return timedelta() if self._ends is None else self._ends - now


def _exceeds(used: int, limit: int | None) -> bool:
    return limit is not None and used >= limit


def too_many(settings: SimulatorSettings, left: timedelta) -> Response:
    """Return the 429 in the form that the settings ask for, with ``left`` of the minute to go."""
    response = _body(settings.rate_body)
    reset = _reset(settings.rate_reset_form, left)
    if reset is not None:
        response.headers["RateLimit-Reset"] = reset
    return response


def _reset(form: ResetForm, left: timedelta) -> str | None:
    """Return the header's value; an epoch is real time, since the caller's clock never moves."""
    seconds = left.total_seconds()
    ends = datetime.now(UTC).timestamp() + seconds
    values = {
        "ms": ends * 1000,
        "s": ends,
        "duration": seconds * 1000,
        "duration_seconds": seconds,
    }
    return str(math.ceil(values[form])) if form in values else None


def _body(form: LimitBody) -> Response:
    message = "Too many requests."
    match form:
        case "json":
            return JSONResponse({"error": message}, 429)
        case "html":
            return HTMLResponse(f"<html><body><h1>{message}</h1></body></html>", 429)
        case "text":
            return PlainTextResponse(message, 429)
        case "empty":
            return Response(status_code=429)

"""What the simulator was asked: calls and answers by route, for tests that count them.

Thinkific itself ignores ``X-Correlation-Id``. It is kept here so that a test can follow a request
of its own as far as the calls that it led to.
"""

from collections import Counter
from http import HTTPStatus
from typing import Any


class Traffic:
    """Counts of the API calls since the last reset.

    ``limited`` are those answered with 429; ``openedBy`` counts by what opened the site: its API
    key, also as a bearer, or an access token.
    """

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self._traced: dict[str, Counter[str]] = {}
        self._limited: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._opened: Counter[str] = Counter()
        self._in_flight = 0
        self._most_at_once = 0

    def begin(self, route: str, correlation_id: str | None = None) -> None:
        """Count a call that has arrived."""
        self._calls[route] += 1
        if correlation_id:
            self._traced.setdefault(correlation_id, Counter())[route] += 1
        self._in_flight += 1
        self._most_at_once = max(self._most_at_once, self._in_flight)

    def opened(self, by: str) -> None:
        """Count a call whose credentials, a ``key`` or a ``token``, were accepted."""
        self._opened[by] += 1

    def answered(self, route: str, status: int) -> None:
        """Count an answer that went out."""
        self._statuses[status] += 1
        self._limited[route] += status == HTTPStatus.TOO_MANY_REQUESTS

    def end(self) -> None:
        """Note that a call is over, with or without an answer."""
        self._in_flight -= 1

    def traced(self, correlation_id: str) -> dict[str, int]:
        """Return how often each route was called with this correlation id."""
        return dict(self._traced.get(correlation_id, {}))

    def summary(self) -> dict[str, Any]:
        """Return the counts as the admin route shows them."""
        routes = {
            name: {"calls": calls, "limited": self._limited[name]}
            for name, calls in sorted(self._calls.items())
        }
        return {
            "routes": routes,
            "calls": self._calls.total(),
            "limited": self._limited.total(),
            "statuses": {str(status): times for status, times in sorted(self._statuses.items())},
            "openedBy": dict(self._opened),
            "mostAtOnce": self._most_at_once,
        }

"""HTTP without sockets: what the product sends reaches the simulators' own applications.

A simulator's request handler is a coroutine that waits for nothing but naps. It is driven by hand,
so that a nap passes the world's time, and a caller that times out goes on while the request is
still on its way.
"""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from starlette.types import ASGIApp

from tests.faults.world.clock import Clock
from tests.faults.world.effects import Effects
from tests.support.in_process import Exchange


class Network:
    """The way from the product to the providers, by host name."""

    def __init__(self, clock: Clock, effects: Effects) -> None:
        self.hosts: dict[str, ASGIApp] = {}
        self.late: list[tuple[datetime, Exchange]] = []
        """Requests whose callers timed out, and when they go on."""
        self._clock = clock
        self._effects = effects

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Take the place of every connection that ``requests`` would make."""

        def send(
            _adapter: HTTPAdapter, request: requests.PreparedRequest, **options: Any
        ) -> requests.Response:
            return self.send(request, options["timeout"][1])

        patch.setattr(HTTPAdapter, "send", send)

    def send(self, request: requests.PreparedRequest, max_wait: float) -> requests.Response:
        """Deliver a request and return the answer, if it comes within ``max_wait`` seconds."""
        url = urlsplit(str(request.url))
        what = f"{url.hostname} {request.method} {url.path}"
        app = self.hosts[str(url.hostname)]
        return self._effects.perform(what, lambda: self._answered(Exchange(app, request), max_wait))

    def _answered(self, exchange: Exchange, max_wait: float) -> requests.Response:
        while (seconds := exchange.go_on()) is not None:
            if seconds > max_wait:
                self._clock.move(max_wait)
                self.late.append(
                    (self._clock.now() + timedelta(seconds=seconds - max_wait), exchange)
                )
                raise requests.ReadTimeout(request=exchange.request)
            self._clock.move(seconds)
            max_wait -= seconds
        return exchange.answer()

    def next_at(self) -> datetime | None:
        """Return when the next request without a waiting caller goes on."""
        return min((moment for moment, _ in self.late), default=None)

    def go_on(self) -> None:
        """Let the earliest of those requests go on."""
        self.late.sort(key=lambda each: each[0])
        moment, exchange = self.late.pop(0)
        if (seconds := exchange.go_on()) is not None:
            self.late.append((moment + timedelta(seconds=seconds), exchange))

"""The whole of Lunas in one thread: real handlers, simulated providers, one clock, no network."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import count
from typing import Any

import pytest

from lunas import observability
from lunas.domain.errors import StorageContention
from tests.faults.world import clock as time
from tests.faults.world.aws import Aws, forget_clients, forget_secrets
from tests.faults.world.deployment import (
    CACHE,
    ENVIRONMENT,
    KEY,
    MERCHANT,
    SUBDOMAIN,
    THINKIFIC_KEY,
    fill_catalog,
)
from tests.faults.world.effects import Effects
from tests.faults.world.functions import Died, Functions, routes
from tests.faults.world.network import Network
from tests.faults.world.providers import Callback, Duitku, Thinkific
from tests.faults.world.scheduler import Callbacks, Deliveries, Scheduler, Source
from tests.faults.world.schedules import all_schedules
from tests.faults.world.stream import ORDERS, Stream
from tests.faults.world.users import Answer, Json, Person
from tests.support.api_requests import request, signed, user_claims
from tests.support.callbacks import event as callback_event
from tests.support.dynamodb.table import Key, Wire

TOKEN_LIFE = timedelta(hours=1)


class World:
    """Lunas, AWS and both providers, in one thread."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.clock = time.Clock()
        self.effects = Effects(self.clock)
        self.aws = Aws(self.clock, self.effects, CACHE)
        self.network = Network(self.clock, self.effects)
        self.functions = Functions(self.clock, self.effects)
        self.logged: list[tuple[str, Json]] = []
        """What the functions logged, newest last."""
        self._routes = routes()
        self._numbers = count()
        self._tokens: dict[Person, tuple[str, datetime]] = {}
        self._first: dict[Key, Wire] = {}
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        time.install(self.clock, patch)
        self.aws.install(patch)
        self.network.install(patch)
        self._keep_logs(patch)

    def start(self, seed: int | None = None) -> None:
        """Start again, with the sample catalog; ``seed`` decides in which order things come."""
        chance = None if seed is None else random.Random(seed)  # noqa: S311
        self.clock.reset()
        self.effects.forget()
        self.aws.clear()
        self.logged.clear()
        self.network.late.clear()
        forget_secrets()
        self.duitku = Duitku(self.clock, MERCHANT, KEY)
        self.thinkific = Thinkific(self.clock, SUBDOMAIN, THINKIFIC_KEY)
        self.network.hosts = {
            "v2.test": self.duitku.app,
            "pop.test": self.duitku.app,
            "thinkific.test": self.thinkific.app,
        }
        self._fill_table()
        self.scheduler = self._scheduler(chance)

    def call(
        self,
        person: Person,
        route: str,
        path: str | None = None,
        *,
        body: Json | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request of the HTTP API, e.g. of ``PATCH /payments/{id}/approve``."""
        event = request(route, path, body=body, token=self._token(person), headers=headers)
        event["requestContext"]["requestId"] = f"request-{next(self._numbers)}"
        try:
            answer = self.functions.invoke(self._routes[route], event)
        except Died:
            return Answer(HTTPStatus.BAD_GATEWAY, {})
        return Answer(answer["statusCode"], json.loads(answer["body"]))

    def post_callback(self, body: str) -> int | None:
        """Post a callback to the Function URL; return the status, None without an answer."""
        try:
            answer = self.functions.invoke("duitku_webhook", callback_event(body.encode()))
        except Died:
            return None
        return int(answer["statusCode"])

    def run(self, function: str) -> None:
        """Run a function as its schedule would."""
        with suppress(Died):
            self.functions.invoke(function, {})

    def report_sales(self) -> None:
        """Switch sale reports on, as the template's setting does."""
        stream = Stream(self.aws.table, self.functions, self.clock, None, ORDERS)
        queue = self.aws.queues["SaleReportQueue"]
        reports = Deliveries(queue, self.functions, None, "report_sales")
        self.scheduler.add(stream, reports)

    def calm(self) -> None:
        """End the faults of AWS, Duitku and Thinkific."""
        self.duitku.calm()
        self.thinkific.calm()
        self.aws.refusals.clear()

    def _scheduler(self, chance: random.Random | None) -> Scheduler:
        self.stream = Stream(self.aws.table, self.functions, self.clock, chance)
        deliveries = Deliveries(self.aws.queues["DeliveryQueue"], self.functions, chance)
        callbacks = Callbacks(self.duitku.callback_queue, self.clock, self._bring, chance)
        sparing = chance is not None
        schedules = all_schedules(self.functions, self.aws, self.clock, sparing=sparing)
        sources: list[Source] = [self.network, callbacks, self.stream, deliveries, *schedules]
        return Scheduler(self.clock, sources, chance)

    def _bring(self, callback: Callback) -> None:
        self.duitku.callback_queue.waiting.remove(callback)
        began, settings = self.clock.now(), self.duitku.gateway.settings
        status = self.post_callback(callback.body)
        max_wait = timedelta(seconds=settings.callback_timeout)
        if status != HTTPStatus.OK or self.clock.now() - began > max_wait:
            self.duitku.callback_queue.refused(callback, settings.callback_attempts)

    def _token(self, person: Person) -> str:
        now = self.clock.now()
        token, ends = self._tokens.get(person, ("", now))
        # The clock may have been set back since.
        if not now < ends <= now + TOKEN_LIFE:
            ends = now + TOKEN_LIFE
            expiry = int(ends.timestamp()) + 60
            more = {"type": person.kind, "email": person.email, "exp": expiry}
            token = signed(user_claims(person.id, person.role, **more))
            self._tokens[person] = token, ends
        return token

    def _keep_logs(self, patch: pytest.MonkeyPatch) -> None:
        """Keep what is logged instead of printing it."""

        def keep(message: str, **facts: Any) -> None:
            self.logged.append((message, facts))

        for level in ("info", "warning", "error"):
            patch.setattr(observability.logger, level, keep)
        for metric in ("count", "gauge"):
            patch.setattr(observability, metric, lambda *_: None)

        def log_exception(error: BaseException) -> None:
            # The world refuses writes more often than the table retries them.
            busy = isinstance(error, StorageContention)
            keep("table busy" if busy else "unexpected error", error=repr(error))

        patch.setattr(observability, "log_exception", log_exception)

    def _fill_table(self) -> None:
        if not self._first:
            fill_catalog(self.thinkific.site)
            # The first audit of a stack looks a week back; it is over before a test starts.
            self.run("audit")
            self._first = dict(self.aws.table.items)
            self.aws.table.stream.clear()
            self.effects.forget()
        self.aws.table.items.update(self._first)


@contextmanager
def open_world() -> Iterator[World]:
    """Make a world, and restore everything afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        yield World(patch)
    forget_clients()

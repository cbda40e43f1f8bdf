"""Duitku and Thinkific: the project's simulators, on the world's time, and without a network."""

from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from starlette.applications import Starlette

from local.simulators.duitku import app as duitku_app
from local.simulators.duitku.gateway import Gateway
from local.simulators.duitku.messages import callback_form
from local.simulators.duitku.orders import Order, State
from local.simulators.duitku.settings import CallbackPlan
from local.simulators.duitku.settings import Settings as DuitkuSettings
from local.simulators.faults import Fault
from local.simulators.thinkific import app as thinkific_app
from local.simulators.thinkific.records import Enrollment, User
from local.simulators.thinkific.settings import Account
from local.simulators.thinkific.simulation import Simulation
from local.simulators.thinkific.site import Site
from tests.faults.world.clock import Clock

SPACING = timedelta(minutes=1)
"""Between two attempts of one callback; Duitku's documentation names no time."""
UNUSED = httpx.MockTransport(lambda _: httpx.Response(500))
"""Nothing is sent by it; without one, a simulator loads all certificates each time it starts."""


@dataclass
class Callback:
    """A callback that Duitku still has to bring: its body, and when the next attempt is."""

    order: Order
    body: str
    at: datetime
    attempt: int = 1


class CallbackQueue:
    """Keeps Duitku's callbacks until the world brings them, in place of the simulator's sender."""

    def __init__(self, clock: Clock) -> None:
        self.waiting: list[Callback] = []
        self._clock = clock

    def start(self, order: Order, plan: CallbackPlan, settings: DuitkuSettings) -> None:
        """Begin the deliveries that ``plan`` asks for."""
        at = self._clock.now() + timedelta(seconds=plan.delay)
        body = callback_form(order, plan, settings, self._clock.now())
        self.waiting += [Callback(order, body, at) for _ in range(plan.times)]

    def refused(self, callback: Callback, attempts: int) -> None:
        """Plan another attempt after an answer that is not 200, up to ``attempts``."""
        if callback.attempt < attempts:
            at = self._clock.now() + SPACING
            self.waiting.append(Callback(callback.order, callback.body, at, callback.attempt + 1))


class Duitku:
    """Duitku's side."""

    def __init__(self, clock: Clock, merchant: str, key: str) -> None:
        settings = DuitkuSettings(merchant_code=merchant, api_key=key)
        self.app: Starlette = duitku_app.create_app(settings, UNUSED)
        self.gateway: Gateway = self.app.state.gateway
        self.callback_queue = CallbackQueue(clock)
        _keep_time(self.gateway, clock)
        own: Any = self.callback_queue  # in place of the one that has a network
        self.gateway.sender = own

    def order(self, order_id: str) -> Order | None:
        """Return an order, or None if it was never made."""
        return self.gateway.orders.find(order_id)

    def pay(self, order: Order, callback: CallbackPlan | bool | None = None) -> None:
        """Pay an order in whatever state it is; ``callback`` False sends none."""
        _done(self.gateway.pay(order, callback))

    def close(self, order: Order, state: State) -> None:
        """End an order without payment."""
        _done(self.gateway.close(order, state))

    def send(self, order: Order, plan: CallbackPlan) -> None:
        """Send another callback for an order."""
        _done(self.gateway.send(order, plan))

    def fault(self, route: str, kind: str, **more: Any) -> None:
        """Ask for a fault on a route."""
        self.gateway.faults.add(Fault(route, kind, **more))

    def calm(self) -> None:
        """Take back faults and settings, and answer rightly about every order again."""
        self.gateway.faults.clear()
        self.gateway.change({"statusLimit": {}, "statusLag": 0, "signatureMode": "hmac"})
        for order in self.gateway.orders:
            order.answer = {}


class Thinkific:
    """Thinkific's side."""

    def __init__(self, clock: Clock, subdomain: str, key: str) -> None:
        settings = Account(subdomain, key, "client", "client-secret")
        self.app: Starlette = thinkific_app.create_app(settings, UNUSED)
        self.simulation: Simulation = self.app.state.simulation
        _keep_time(self.simulation, clock)

    @property
    def site(self) -> Site:
        """Return the site that Lunas enrolls into."""
        site = self.simulation.site(None)
        assert site
        return site

    def users(self, email: str) -> list[User]:
        """Return the accounts with an address."""
        return [user for user in self.site.users.values() if user.email.lower() == email.lower()]

    def active(self, email: str, course: int) -> list[Enrollment]:
        """Return the enrollments that give an address full access to a course."""
        now = self.simulation.now()
        return [
            each
            for user in self.users(email)
            for each in self.site.enrollments_of(user.id, [course])
            if each.activated_at and not each.expired(now)
        ]

    def set(self, **settings: Any) -> None:
        """Change settings of the simulator."""
        self.simulation.settings = self.simulation.settings.changed(settings)

    def fault(self, route: str, kind: str, **more: Any) -> None:
        """Ask for a fault on a route."""
        self.simulation.faults.add(Fault(route, kind, **more))

    def calm(self) -> None:
        """Take back faults and settings."""
        self.simulation.faults.clear()
        self.simulation.settings = type(self.simulation.settings)()


def _keep_time(simulator: Gateway | Simulation, clock: Clock) -> None:
    same: Any = clock  # with the methods of the simulators' own
    simulator.clock = same


def _done(step: Coroutine[Any, Any, None]) -> None:
    """Run a step of a simulator that waits for nothing."""
    try:
        step.send(None)
    except StopIteration:
        return
    raise AssertionError("the step waits for something")

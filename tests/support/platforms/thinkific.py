"""Thinkific's own code, over the simulator in this process."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import requests

from local.simulators.thinkific.app import create_app
from local.simulators.thinkific.records import Bundle, Product, User
from local.simulators.thinkific.settings import Account
from local.simulators.thinkific.simulation import Simulation
from local.simulators.thinkific.site import Site
from lunas.domain.users import Learner
from lunas.platforms.thinkific.credentials import ApiKey
from lunas.platforms.thinkific.enrollments import FOREVER
from lunas.platforms.thinkific.http import ThinkificApi, ThinkificSite
from lunas.platforms.thinkific.platform import Thinkific
from tests.support.http_stub import StubLimiter
from tests.support.in_process import InProcess
from tests.support.platforms.site import Access


@dataclass(frozen=True)
class SimulatedClock:
    """A test's time, with the method of the simulator's own clock."""

    now: Callable[[], datetime]


class ThinkificSchool:
    """A site at Thinkific's simulator."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        account = Account("lunas-academy", "k" * 32, "client", "client-secret")
        app = create_app(account, httpx.MockTransport(lambda _: httpx.Response(500)))
        self._simulation: Simulation = app.state.simulation
        clock: Any = SimulatedClock(now)
        self._simulation.clock = clock
        self._set({"rateLimit": 100_000})
        session = requests.Session()
        session.mount("https://", InProcess(app))
        site = ThinkificSite("https://api.thinkific.test", ApiKey("lunas-academy", "k" * 32))
        self.platform = Thinkific(ThinkificApi(site, StubLimiter(), session=session))
        self._known = set(self._site.users)
        self._now = now

    @property
    def _site(self) -> Site:
        found = self._simulation.site(None)
        assert found
        return found

    def course(self, number: int) -> str:
        return str(list(self._site.courses)[number - 1])

    def add_account(self, email: str) -> str:
        user = User(self._site.next_id(User), email, "Budi", "Santoso", self._now())
        self._site.users[user.id] = user
        self._known.add(user.id)
        return str(user.id)

    def remove_account(self, account: str) -> None:
        self._site.delete_user(self._site.users[int(account)])

    def created(self) -> list[Learner]:
        return [
            Learner(each.first_name, each.last_name, each.email)
            for each in self._site.users.values()
            if each.id not in self._known
        ]

    def add_access(self, account: str, course: str, until: datetime | None = None) -> str:
        terms = {"activated_at": self._now(), "expiry_date": until}
        return str(self._site.enroll(int(account), int(course), terms, self._now()).id)

    def end_access(self) -> None:
        for each in list(self._site.enrollments.values()):
            self._site.amend(each, {"expiry_date": self._now()}, self._now())

    def access(self) -> Access:
        now = self._now()
        active = [
            each
            for each in self._site.enrollments.values()
            if each.activated_at and not each.expired(now)
        ]
        found = {
            (str(each.user_id), str(each.course_id)): _end(each.expiry_date, now) for each in active
        }
        assert len(found) == len(active), "two enrollments give the same access"
        return found

    def add_bundle(self, courses: Iterable[str]) -> str:
        ids = tuple(sorted(int(each) for each in courses))
        bundle = Bundle(self._site.next_id(Bundle), self._site.next_id(Product), "Both", ids)
        product = Product(bundle.product_id, "Both", "both", "Bundle", bundle.id, 130_000)
        self._site.bundles[bundle.id] = bundle
        self._site.products[product.id] = product
        return str(bundle.id)

    def remove_bundle(self, bundle: str) -> None:
        del self._site.bundles[int(bundle)]

    def delay_bundles(self, by: timedelta) -> None:
        self._set({"bundleAnswer": "later", "bundleDelay": by.total_seconds()})

    def advance(self, account: str, course: str, percent: int) -> None:
        (found,) = self._site.enrollments_of(int(account), [int(course)])
        self._site.advance(found, Decimal(percent), self._now())

    def remove_course(self, course: str) -> None:
        del self._site.courses[int(course)]

    def sales(self) -> list[tuple[str, str]]:
        return [
            (each["reference"], each["action"])
            for order in self._site.external_orders.values()
            for each in order.transactions
        ]

    def _set(self, settings: dict[str, Any]) -> None:
        self._simulation.settings = self._simulation.settings.changed(settings)


def _end(expiry: datetime | None, now: datetime) -> datetime | None:
    return None if expiry is None or expiry > now + FOREVER / 2 else expiry

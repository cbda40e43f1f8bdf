"""The course platforms that the use cases are tested with: Thinkific's own code, and a second one.

Thinkific's code calls the simulator in this process, so that what it makes of an answer is part of
each test. The second platform lives in memory and has words and ids of its own. A test arranges
and checks either through the same :class:`PlatformSite`.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import httpx
import requests

from local.simulators.thinkific.app import create_app
from local.simulators.thinkific.records import Bundle, Product, User
from local.simulators.thinkific.settings import Account
from local.simulators.thinkific.simulation import Simulation
from local.simulators.thinkific.site import Site
from lunas.domain.access_comparison import PlatformAccess
from lunas.domain.catalog_mapping import SiteBundle, SiteCourse
from lunas.domain.errors import DeliveryDelayed, DeliveryImpossible
from lunas.domain.payments import Payment
from lunas.domain.progress import ChangedPage, ProgressReport
from lunas.domain.sale_reports import Answer, SaleReportStatus, Sold
from lunas.domain.users import Learner
from lunas.platforms.base import CoursePlatform
from lunas.platforms.thinkific.credentials import ApiKey
from lunas.platforms.thinkific.enrollments import FOREVER
from lunas.platforms.thinkific.http import ThinkificApi, ThinkificSite
from lunas.platforms.thinkific.platform import Thinkific
from tests.support.http_stub import StubLimiter
from tests.support.in_process import InProcess
from tests.support.interruptions import Interruption, interrupt

NAMES = ("thinkific", "memory")
CHANGES = ("enroll", "adjust", "revoke")
READS = ("access", "progress", "changed")
SALES = ("report_sale", "report_refund")

type Access = dict[tuple[str, str], datetime | None]
"""The end of access, None without one, by account and course."""


class PlatformSite(Protocol):
    """A platform's site as its owner sees it; its methods are no calls of Lunas."""

    @property
    def platform(self) -> CoursePlatform:
        """The code under test."""

    def course(self, number: int) -> str:
        """Return the id of a course that exists; numbers count from 1."""

    def add_account(self, email: str) -> str: ...

    def remove_account(self, account: str) -> None: ...

    def created(self) -> list[Learner]:
        """Return the learners of all accounts but those added here."""

    def add_access(self, account: str, course: str, until: datetime | None = None) -> str:
        """Give access as a person would; return the id of the enrollment."""

    def end_access(self) -> None:
        """End all access as a person would."""

    def access(self) -> Access: ...

    def add_bundle(self, courses: Iterable[str]) -> str: ...

    def remove_bundle(self, bundle: str) -> None: ...

    def delay_bundles(self, by: timedelta) -> None:
        """Let the courses of a bundle appear some time after the call."""

    def advance(self, account: str, course: str, percent: int) -> None:
        """Set a learner's progress."""

    def remove_course(self, course: str) -> None: ...

    def sales(self) -> list[tuple[str, str]]:
        """Return payment id and action of each report, in the order of their sales."""


def platform_site(name: str, now: Callable[[], datetime]) -> PlatformSite:
    """Return a new site of a platform."""
    return ThinkificSchool(now) if name == "thinkific" else MemorySchool(now)


class ObservedPlatform:
    """Records each call of Lunas; ``failures`` come before a change, and so on."""

    def __init__(self, site: PlatformSite) -> None:
        self.site = site
        self.calls: list[str] = []
        self.failures: list[Interruption] = []
        self.bundle_failures: list[Interruption] = []
        self.read_failures: list[Interruption] = []
        self.sale_failures: list[Interruption] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.site.platform, name)
        pending: dict[str, list[Interruption]] = {
            **dict.fromkeys(CHANGES, self.failures),
            **dict.fromkeys(READS, self.read_failures),
            **dict.fromkeys(SALES, self.sale_failures),
            "enroll_in_bundle": self.bundle_failures,
        }

        def call(*given: Any, **more: Any) -> Any:
            self.calls.append(name)
            interrupt(pending.get(name, []))
            return method(*given, **more)

        return call


# ── Thinkific ────────────────────────────────────────────────────────────────────────────────────


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


# ── The second platform ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Seat:
    """A learner's access to a course at the second platform."""

    id: str
    until: datetime | None
    percent: int = 0

    def is_open(self, now: datetime) -> bool:
        return self.until is None or self.until > now


class MemoryPlatform:
    """A second vendor: learners by address, seats in courses, and text as ids."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.accounts: dict[str, Learner] = {}
        self.course_names = {f"crs-{letter}": f"Course {letter}" for letter in "abcdef"}
        self.seats: dict[tuple[str, str], Seat] = {}
        self.sets: dict[str, frozenset[str]] = {}
        self.sales: dict[str, list[tuple[str, str]]] = {}
        self.delay = timedelta()
        self._waiting: list[tuple[datetime, str, str, datetime | None]] = []
        self._made = 0

    def new_id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}-{self._made}"

    def find_user(self, email: str) -> str | None:
        found = (name for name, each in self.accounts.items() if each.email == email)
        return next(found, None)

    def ensure_user(self, learner: Learner) -> str:
        account = self.find_user(learner.email) or self.new_id("lrn")
        self.accounts.setdefault(account, learner)
        return account

    def enroll(
        self,
        user_id: str,
        course_id: str,
        now: datetime,
        until: datetime | None,
        *,
        create: bool = True,
        given: AbstractSet[datetime | None] = frozenset(),
    ) -> str:
        if user_id not in self.accounts or course_id not in self.course_names:
            raise DeliveryImpossible("there is no such learner or course")
        self._open_sets(now)
        if not create and (user_id, course_id) not in self.seats:
            raise DeliveryDelayed("the set is not open yet")
        return self._seat(user_id, course_id, now, until, given)

    def adjust(
        self,
        user_id: str,
        course_id: str,
        now: datetime,
        until: datetime | None,
        given: AbstractSet[datetime | None],
    ) -> None:
        if (user_id, course_id) in self.seats:
            self._seat(user_id, course_id, now, until, given)

    def revoke(
        self,
        user_id: str,
        course_id: str,
        now: datetime,
        given: AbstractSet[datetime | None] | None = None,
    ) -> None:
        seat = self.seats.get((user_id, course_id))
        if seat is not None and seat.is_open(now) and (given is None or seat.until in given):
            self.seats[user_id, course_id] = replace(seat, until=now)

    def bundle_courses(self, bundle_id: str) -> set[str]:
        return set(self.sets.get(bundle_id, ()))

    def enroll_in_bundle(
        self, user_id: str, bundle_id: str, now: datetime, until: datetime | None
    ) -> None:
        for course in sorted(self.sets[bundle_id]):
            self._waiting.append((now + self.delay, user_id, course, until))

    def access(self, account_id: str, now: datetime) -> list[PlatformAccess]:
        return [
            PlatformAccess(course, seat.until)
            for (account, course), seat in self.seats.items()
            if account == account_id and seat.is_open(now)
        ]

    def courses(self) -> list[SiteCourse]:
        return [SiteCourse(*each) for each in self.course_names.items()]

    def bundles(self) -> list[SiteBundle]:
        return [SiteBundle(each, each, courses) for each, courses in self.sets.items()]

    def progress(self, platform_enrollment_id: str) -> ProgressReport | None:
        reports = self.changed(self.now(), 1).reports
        found = (each for each in reports if each.platform_enrollment_id == platform_enrollment_id)
        return next(found, None)

    def changed(self, since: datetime, page: int) -> ChangedPage:
        del since, page
        reports = (
            ProgressReport(
                platform_enrollment_id=seat.id,
                user_id=key[0],
                course_id=key[1],
                percent=seat.percent,
            )
            for key, seat in self.seats.items()
        )
        return ChangedPage(tuple(reports), None)

    def product(self, sold: Sold) -> str:
        found = sold.bundle_id or sold.course_id
        if found is None:
            raise DeliveryImpossible("the course is not mapped")
        return found

    def report_sale(self, payment: Payment, user_id: str, product_id: str) -> Answer:
        del user_id, product_id
        sale = self.new_id("sale")
        self.sales[sale] = [(payment.id, "purchase")]
        return Answer(SaleReportStatus.REPORTED, order_id=sale)

    def report_refund(self, payment: Payment, order_id: str) -> Answer:
        self.sales[order_id].append((payment.id, "refund"))
        return Answer(SaleReportStatus.REPORTED, order_id=order_id)

    def _open_sets(self, now: datetime) -> None:
        due = [each for each in self._waiting if each[0] <= now]
        self._waiting = [each for each in self._waiting if each[0] > now]
        for _, account, course, until in due:
            self._seat(account, course, now, until, frozenset())

    def _seat(
        self,
        account: str,
        course: str,
        now: datetime,
        until: datetime | None,
        given: AbstractSet[datetime | None],
    ) -> str:
        """Set the end of access; a later end that Lunas has not given stays."""
        seat = self.seats.get((account, course)) or Seat(self.new_id("seat"), now)
        later = seat.until is None or (until is not None and seat.until > until)
        if not seat.is_open(now) or not later or seat.until in given:
            seat = replace(seat, until=until)
        self.seats[account, course] = seat
        return seat.id


class MemorySchool:
    """A site of the second platform."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.platform = MemoryPlatform(now)
        self._known: set[str] = set()
        self._now = now

    def course(self, number: int) -> str:
        return list(self.platform.course_names)[number - 1]

    def add_account(self, email: str) -> str:
        account = self.platform.ensure_user(Learner("Budi", "Santoso", email))
        self._known.add(account)
        return account

    def remove_account(self, account: str) -> None:
        del self.platform.accounts[account]
        seats = self.platform.seats.items()
        self.platform.seats = {key: each for key, each in seats if key[0] != account}

    def created(self) -> list[Learner]:
        accounts = self.platform.accounts.items()
        return [each for name, each in accounts if name not in self._known]

    def add_access(self, account: str, course: str, until: datetime | None = None) -> str:
        seat = Seat(self.platform.new_id("seat"), until)
        self.platform.seats[account, course] = seat
        return seat.id

    def end_access(self) -> None:
        for key, seat in self.platform.seats.items():
            self.platform.seats[key] = replace(seat, until=self._now())

    def access(self) -> Access:
        seats, now = self.platform.seats.items(), self._now()
        return {key: each.until for key, each in seats if each.is_open(now)}

    def add_bundle(self, courses: Iterable[str]) -> str:
        bundle = self.platform.new_id("set")
        self.platform.sets[bundle] = frozenset(courses)
        return bundle

    def remove_bundle(self, bundle: str) -> None:
        del self.platform.sets[bundle]

    def delay_bundles(self, by: timedelta) -> None:
        self.platform.delay = by

    def advance(self, account: str, course: str, percent: int) -> None:
        seat = self.platform.seats[account, course]
        self.platform.seats[account, course] = replace(seat, percent=percent)

    def remove_course(self, course: str) -> None:
        del self.platform.course_names[course]

    def sales(self) -> list[tuple[str, str]]:
        return [each for sale in self.platform.sales.values() for each in sale]

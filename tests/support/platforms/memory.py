"""A second course platform, in memory, with words and ids of its own."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lunas.domain.access_comparison import PlatformAccess
from lunas.domain.catalog_mapping import SiteBundle, SiteCourse
from lunas.domain.errors import DeliveryDelayed, DeliveryImpossible
from lunas.domain.payments import Payment
from lunas.domain.progress import ChangedPage, ProgressReport
from lunas.domain.sale_reports import Answer, SaleReportStatus, Sold
from lunas.domain.users import Learner
from tests.support.platforms.site import Access


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

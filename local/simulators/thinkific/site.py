"""The state of one Thinkific site, and every change that can happen to it."""

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Literal
from uuid import NAMESPACE_DNS, uuid5

from local.simulators.thinkific.ratelimit import RateWindow
from local.simulators.thinkific.records import (
    Bundle,
    Course,
    CustomField,
    Enrollment,
    Event,
    ExternalOrder,
    PendingBundle,
    Product,
    Terms,
    User,
    Webhook,
)

type Happening = Literal["created", "trial", "progress", "completed"]
type Listener = Callable[[Enrollment, Happening, datetime], None]


def _ignore(_row: Enrollment, _happening: Happening, _now: datetime) -> None:
    """Ignore what happens at a site without a listener."""


class Site:
    """One site: its people, its catalog and its enrollments, by id.

    ``number`` sets the sites' ids apart, and each kind of row has its own million, so that an id
    of the wrong kind or of another site never matches by chance. Methods do not await: on the
    single event loop each is one step, whatever the number of requests in flight.

    ``listener`` gets every change of an enrollment that Thinkific sends webhooks about.
    """

    def __init__(self, subdomain: str, api_key: str, number: int = 0) -> None:
        self.subdomain = subdomain
        self.api_key = api_key
        self.gid = str(uuid5(NAMESPACE_DNS, f"{subdomain}.thinkific.com"))
        self.tenant_id = str(number + 1001)
        self.listener: Listener = _ignore
        self.users: dict[int, User] = {}
        self.courses: dict[int, Course] = {}
        self.products: dict[int, Product] = {}
        self.bundles: dict[int, Bundle] = {}
        self.enrollments: dict[int, Enrollment] = {}
        self.external_orders: dict[int, ExternalOrder] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.events: dict[str, Event] = {}
        self.required_fields: list[CustomField] = []
        self.rate = RateWindow()
        self._pending: list[PendingBundle] = []
        self._ids = [count(million * 1_000_000 + number * 500_000 + 1) for million in range(9)]

    def next_id(self, kind: type) -> int:
        """Return a fresh id for a row of ``kind``: courses in the 2,000,000s, and so on."""
        kinds = (User, Course, Product, Bundle, Enrollment, ExternalOrder, CustomField, Webhook)
        return next(self._ids[kinds.index(kind) + 1])

    def user_by_email(self, email: str) -> User | None:
        """Return the user who has the address in any letter case, or None."""
        wanted = email.lower()
        return next((user for user in self.users.values() if user.email.lower() == wanted), None)

    def user_by_external_id(self, provider: str, external_id: str) -> User | None:
        """Return the user whom a single sign-on provider knows by ``external_id``, or None."""
        matching = (
            user
            for user in self.users.values()
            if user.external_ids.get(provider.upper()) == external_id
        )
        return next(matching, None)

    def subscribers(self, topic: str) -> list[Webhook]:
        """Return the active webhooks of a topic, doubles included."""
        found = self.webhooks.values()
        return [one for one in found if one.topic == topic and one.status == "active"]

    def retire(self) -> None:
        """Do and report nothing any more: the simulation has been reset."""
        self.listener = _ignore
        self._pending.clear()

    def delete_user(self, user: User) -> None:
        """Remove a user together with the user's enrollments."""
        del self.users[user.id]
        gone = [row.id for row in self.enrollments.values() if row.user_id == user.id]
        for enrollment_id in gone:
            del self.enrollments[enrollment_id]

    def enrollments_of(self, user_id: int, course_ids: Iterable[int]) -> list[Enrollment]:
        """Return a user's rows in any of the courses, oldest first."""
        wanted = set(course_ids)
        rows = self.enrollments.values()
        return [row for row in rows if row.user_id == user_id and row.course_id in wanted]

    def enroll(self, user_id: int, course_id: int, terms: Terms, now: datetime) -> Enrollment:
        """Add a row; without ``activated_at`` in the terms it is a free preview."""
        row = Enrollment(self.next_id(Enrollment), user_id, course_id, now, now)
        self.enrollments[row.id] = row
        _set_dates(row, terms, now)
        self.listener(row, _kind_of(row), now)
        return row

    def amend(self, row: Enrollment, terms: Terms, now: datetime) -> None:
        """Set the dates that the terms hold; progress stays as it is."""
        was_trial = row.is_free_trial
        _set_dates(row, terms, now)
        if row.is_free_trial is not was_trial:
            self.listener(row, _kind_of(row), now)

    def advance(self, row: Enrollment, percent: Decimal, now: datetime) -> None:
        """Record that the learner has finished ``percent`` (0 to 100) of the course."""
        was_completed = row.completed_at is not None
        row.progress = percent / 100
        row.updated_at = now
        if percent > 0:
            row.started_at = row.started_at or now
        row.completed_at = (row.completed_at or now) if row.progress >= 1 else None
        self.listener(row, "progress", now)
        if row.completed_at is not None and not was_completed:
            row.credential_id = secrets.token_hex(6)
            self.listener(row, "completed", now)

    def enroll_in_bundle(self, bundle: Bundle, user_id: int, terms: Terms, now: datetime) -> None:
        """Give a user every course of a bundle; a row that is there already is amended."""
        for course_id in bundle.course_ids:
            rows = self.enrollments_of(user_id, [course_id])
            if rows:
                self.amend(rows[-1], terms, now)
            else:
                self.enroll(user_id, course_id, terms, now)

    def postpone(self, pending: PendingBundle) -> None:
        """Keep a bundle enrollment for later, as the answer 202 promises."""
        self._pending.append(pending)

    def settle(self, now: datetime) -> None:
        """Carry out the postponed bundle enrollments that are due by ``now``."""
        due = [one for one in self._pending if one.due <= now]
        self._pending = [one for one in self._pending if one.due > now]
        for one in due:
            if one.user_id in self.users:
                self.enroll_in_bundle(one.bundle, one.user_id, one.terms, one.due)


def _set_dates(row: Enrollment, terms: Terms, now: datetime) -> None:
    row.activated_at = terms.get("activated_at", row.activated_at)
    row.expiry_date = terms.get("expiry_date", row.expiry_date)
    row.updated_at = now


def _kind_of(row: Enrollment) -> Happening:
    return "trial" if row.is_free_trial else "created"

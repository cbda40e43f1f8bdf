"""The state after a round, once nothing moves: read from the table and both providers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from lunas.domain.anomalies import Anomaly, AnomalyKind
from lunas.domain.catalog import Course
from lunas.domain.enrollments import DeliveryStatus, Enrollment, enrollment_id
from lunas.domain.lists import PaymentFilter, Position
from lunas.domain.payment_steps import is_correction
from lunas.domain.payments import HistoryEvent, Payment, Status
from lunas.storage.anomalies import Anomalies
from lunas.storage.catalog import Catalog
from lunas.storage.enrollments import Enrollments
from lunas.storage.payments import Payments
from tests.faults.races.setups import RaceSetup
from tests.support.cloud import Cloud
from tests.support.providers import Duitku, Thinkific
from tests.support.users import Json

SETTLED = frozenset({Status.APPROVED, Status.COMPLETED, Status.REFUNDED})
"""States of a payment that was settled."""
PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """All that concerns one learner; enrollments and courses by course, the rest by payment.

    ``paid`` are the orders with money at Duitku, ``claimed`` those that a callback called paid.
    ``platform_enrollments`` and ``accounts`` are those at Thinkific, of every address of the
    learner. ``address`` is that of the latest correction, or else the token's.
    """

    payments: tuple[Payment, ...]
    history: Mapping[str, list[HistoryEvent]]
    enrollments: Mapping[str, Enrollment]
    courses: Mapping[str, Course]
    anomalies: Mapping[str, set[AnomalyKind]]
    paid: frozenset[str]
    claimed: frozenset[str]
    platform_enrollments: list[Json]
    accounts: list[Json]
    address: str

    def payment(self, payment: Json) -> Payment:
        """Return a payment as it is now."""
        (found,) = (each for each in self.payments if each.id == payment["id"])
        return found


class Observer:
    """Reads the state. The providers and the anomalies are read once."""

    def __init__(self, cloud: Cloud, duitku: Duitku, thinkific: Thinkific) -> None:
        table = cloud.table
        self._payments, self._enrollments = Payments(table), Enrollments(table)
        self._catalog, self._anomalies = Catalog(table), Anomalies(table)
        self._duitku, self._thinkific = duitku, thinkific

    def is_quiet(self, setup: RaceSetup) -> bool:
        """Return whether nothing is left that Lunas does by itself."""
        waiting = {each.delivery.status for each in self._enrolled(setup)}
        moving = {each.status for each in self._bought(setup)}
        return DeliveryStatus.PENDING not in waiting and Status.APPROVED not in moving

    def look(self, setup: RaceSetup) -> Aftermath:
        """Return the state that a round has left."""
        # Read one by one: the index of a list lacks what lists do not show.
        found = [self._payments.read(each.id) for each in self._bought(setup)]
        payments = tuple(payment for payment, _ in found if payment)
        history = {payment.id: events for payment, events in found if payment}
        return Aftermath(
            payments=payments,
            history=history,
            enrollments={each.course_id: each for each in self._enrolled(setup)},
            courses={each.id: each for each in self._catalog.courses(setup.mapped)},
            anomalies={each.id: self._found.get(each.id, set()) for each in payments},
            paid=self._paid,
            claimed=frozenset(setup.claimed),
            platform_enrollments=_of(setup, self._platform_enrollments, "user_email"),
            accounts=_of(setup, self._users, "email"),
            address=_address(setup, payments, history),
        )

    def _bought(self, setup: RaceSetup) -> tuple[Payment, ...]:
        return self._payments.page(PaymentFilter(user_id=setup.learner.id), PAGE, None).items

    def _enrolled(self, setup: RaceSetup) -> list[Enrollment]:
        ids = [enrollment_id(setup.learner.id, course) for course in setup.mapped]
        return self._enrollments.get_many(ids)

    @cached_property
    def _found(self) -> dict[str, set[AnomalyKind]]:
        found: dict[str, set[AnomalyKind]] = {}
        for each in self._pages():
            found.setdefault(each.payment_id or "", set()).add(each.kind)
        return found

    def _pages(self) -> Iterable[Anomaly]:
        after: Position | None = None
        while True:
            page = self._anomalies.page(None, PAGE, after)
            yield from page.items
            if page.after is None:
                return
            after = page.after

    @cached_property
    def _paid(self) -> frozenset[str]:
        orders = self._duitku.see("orders")["items"]
        return frozenset(each["merchantOrderId"] for each in orders if each["state"] == "paid")

    @cached_property
    def _platform_enrollments(self) -> list[Json]:
        found: list[Json] = self._thinkific.see("enrollments")["items"]
        return found

    @cached_property
    def _users(self) -> list[Json]:
        users: list[Json] = self._thinkific.see("users")["items"]
        return users


def _of(setup: RaceSetup, items: Iterable[Json], field: str) -> list[Json]:
    # A corrected address ends with the first one.
    return [each for each in items if each[field].endswith(setup.learner.email)]


def _address(
    setup: RaceSetup, payments: Iterable[Payment], history: Mapping[str, list[HistoryEvent]]
) -> str:
    """Return the address of the learner's account; only one payment of a round is corrected."""
    corrected = [each for each in payments if any(map(is_correction, history[each.id]))]
    if not corrected:
        return setup.learner.email
    (payment,) = corrected
    return payment.learner.email

"""Users who share an account at Thinkific, and courses that are one there: real threads.

Deliveries of two users run side by side. Whatever meets, in the end the course is there for as
long as anybody's payment for it stands.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from local.cloud import Stack
from local.tokens import user_token
from lunas.domain.enrollments import Enrollment, enrollment_id
from lunas.storage.enrollments import Enrollments
from tests.faults.races.barrier import at_once
from tests.faults.races.messages import delivery_event
from tests.support.cloud import Cloud
from tests.support.providers import Thinkific
from tests.support.users import Json, Person, Users

FUNCTION = "DeliverEnrollmentFunction"
ROUNDS, TRIES = 6, 5
WINDOW = 2.0
"""Seconds by which a write at Thinkific is held back, so that the other run fits in between."""


@dataclass(frozen=True)
class Buyer:
    """A user with a course that they have bought, by a payment that is approved."""

    person: Person
    course: str
    payment: Json
    cloud: Cloud

    def deliver(self, request: int = 1) -> None:
        """Serve a request of theirs as the queue would, which brings it again if it failed.

        It may: whoever reads back what another has changed since puts it off.
        """
        event = delivery_event(self.payment, self.course, request)
        served = (self.cloud.invoke(FUNCTION, event) for _ in range(TRIES))
        assert {"batchItemFailures": []} in served

    @property
    def delivery(self) -> str:
        """How the delivery of their course stands."""
        return str(self.enrollment.delivery.status)

    @property
    def enrollment(self) -> Enrollment:
        found = Enrollments(self.cloud.table).get(enrollment_id(self.person.id, self.course))
        assert found
        return found


@dataclass(frozen=True)
class SharedAccounts:
    """Everybody who takes part, while nothing is delivered by itself."""

    users: Users
    cloud: Cloud
    thinkific: Thinkific
    admin: Person

    def sharing(self, person: Person) -> Person:
        """Return another user, whose token carries the same address in capitals."""
        other = self.users.learner()
        token = user_token(other.stack, other.id, email=person.email.upper(), name="Citra Hadi")
        return replace(other, token=token)

    def bought(self, person: Person) -> Buyer:
        """Have a person buy a course of their own that leads to the same one at Thinkific."""
        course = self.admin.put_course()
        payment = person.submit(self.admin.put_package(course), course)
        assert self.admin.approve(payment["id"]).ok
        return Buyer(person, course, payment, self.cloud)

    def refunded(self, buyer: Buyer) -> None:
        assert self.admin.refund(buyer.payment["id"]).ok

    def open_rows(self, person: Person) -> int:
        """Return how many rows at Thinkific let somebody in."""
        rows = self.thinkific.enrollments(person.email)
        return sum(bool(row["activated_at"]) and not row["expired"] for row in rows)


@pytest.fixture
def accounts(stack: Stack, users: Users, thinkific: Thinkific) -> Iterator[SharedAccounts]:
    cloud = Cloud(stack)
    thinkific.set(rateLimit=100_000)
    with cloud.deliveries_held():
        yield SharedAccounts(users, cloud, thinkific, users.admin())


def later(action: Callable[[], None]) -> Callable[[], None]:
    """Do something once the other thread is in the middle of its own."""

    def wait_and_act() -> None:
        time.sleep(WINDOW / 2)
        action()

    return wait_and_act


def test_a_delivery_amid_the_revocation_of_another_user_keeps_its_course(
    accounts: SharedAccounts,
) -> None:
    budi = accounts.users.learner()
    first, second = accounts.bought(budi), accounts.bought(accounts.sharing(budi))
    first.deliver()
    accounts.refunded(first)
    accounts.thinkific.fault("updateEnrollment", "slow", seconds=WINDOW, times=1)

    at_once(lambda: first.deliver(2), later(second.deliver))

    assert (first.delivery, second.delivery) == ("REVOKED", "DELIVERED")
    assert accounts.open_rows(budi) == 1
    accounts.refunded(second)
    second.deliver(2)
    assert accounts.open_rows(budi) == 0


def test_a_revocation_amid_the_delivery_of_another_user_keeps_its_course(
    accounts: SharedAccounts,
) -> None:
    budi = accounts.users.learner()
    first, second = accounts.bought(budi), accounts.bought(accounts.sharing(budi))
    first.deliver()
    accounts.refunded(first)
    accounts.thinkific.fault("listEnrollments", "slow", seconds=WINDOW, times=1)

    at_once(second.deliver, later(lambda: first.deliver(2)))

    assert (first.delivery, second.delivery) == ("REVOKED", "DELIVERED")
    assert accounts.open_rows(budi) == 1


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_revocation_and_a_delivery_at_once_leave_what_is_paid(
    accounts: SharedAccounts, number: int
) -> None:
    del number
    budi = accounts.users.learner()
    first, second = accounts.bought(budi), accounts.bought(accounts.sharing(budi))
    first.deliver()
    accounts.refunded(first)

    at_once(lambda: first.deliver(2), second.deliver)

    assert (first.delivery, second.delivery) == ("REVOKED", "DELIVERED")
    assert accounts.open_rows(budi) == 1


def test_the_first_deliveries_of_an_account_at_once_leave_one_row(accounts: SharedAccounts) -> None:
    budi = accounts.users.learner()
    buyers = [accounts.bought(budi), *(accounts.bought(accounts.sharing(budi)) for _ in range(3))]
    known = accounts.bought(budi)
    known.deliver()
    accounts.refunded(known)
    known.deliver(2)

    at_once(*(buyer.deliver for buyer in buyers))

    assert {buyer.delivery for buyer in buyers} == {"DELIVERED"}
    assert accounts.open_rows(budi) == 1
    for buyer in buyers[:-1]:
        accounts.refunded(buyer)
    at_once(*(lambda buyer=buyer: buyer.deliver(2) for buyer in buyers[:-1]))
    assert accounts.open_rows(budi) == 1
    accounts.refunded(buyers[-1])
    buyers[-1].deliver(2)
    assert accounts.open_rows(budi) == 0

"""Users who share an account and a course at Thinkific: real threads.

Deliveries of two users run side by side. In the end the course is open for as long as a payment
of either user pays for it.
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
"""Seconds by which a write at Thinkific is delayed, so that the other run comes in between."""


@dataclass(frozen=True)
class Buyer:
    """A user with a course that they have bought, by a payment that is approved."""

    person: Person
    course: str
    payment: Json
    cloud: Cloud

    def deliver(self, request: int = 1) -> None:
        """Handle a delivery request as the queue does, which brings it again if it failed.

        It may fail: a delivery that reads back a change of another one is rescheduled.
        """
        event = delivery_event(self.payment, self.course, request)
        answers = (self.cloud.invoke(FUNCTION, event) for _ in range(TRIES))
        assert {"batchItemFailures": []} in answers

    @property
    def delivery(self) -> str:
        """The status of their delivery."""
        return str(self.enrollment.delivery.status)

    @property
    def enrollment(self) -> Enrollment:
        found = Enrollments(self.cloud.table).get(enrollment_id(self.person.id, self.course))
        assert found
        return found


@dataclass(frozen=True)
class SharedAccounts:
    """Makes users who share an account, while nothing is delivered by itself."""

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
        """Have a person buy a catalog course of their own; all are mapped to one at Thinkific."""
        course = self.admin.put_course()
        payment = person.submit(self.admin.put_package(course), course)
        assert self.admin.approve(payment["id"]).ok
        return Buyer(person, course, payment, self.cloud)

    def refunded(self, buyer: Buyer) -> None:
        assert self.admin.refund(buyer.payment["id"]).ok

    def active(self, person: Person) -> int:
        """Count the active enrollments of an account at Thinkific."""
        found = self.thinkific.enrollments(person.email)
        return sum(bool(each["activated_at"]) and not each["expired"] for each in found)


@pytest.fixture
def accounts(stack: Stack, users: Users, thinkific: Thinkific) -> Iterator[SharedAccounts]:
    cloud = Cloud(stack)
    thinkific.set(rateLimit=100_000)
    with cloud.deliveries_held():
        yield SharedAccounts(users, cloud, thinkific, users.admin())


def later(action: Callable[[], None]) -> Callable[[], None]:
    """Act once the other thread is in the middle of its own action."""

    def wait_and_act() -> None:
        time.sleep(WINDOW / 2)
        action()

    return wait_and_act


def test_a_delivery_during_the_revocation_of_another_user_keeps_its_course(
    accounts: SharedAccounts,
) -> None:
    budi = accounts.users.learner()
    first, second = accounts.bought(budi), accounts.bought(accounts.sharing(budi))
    first.deliver()
    accounts.refunded(first)
    accounts.thinkific.fault("updateEnrollment", "slow", seconds=WINDOW, times=1)

    at_once(lambda: first.deliver(2), later(second.deliver))

    assert (first.delivery, second.delivery) == ("REVOKED", "DELIVERED")
    assert accounts.active(budi) == 1
    accounts.refunded(second)
    second.deliver(2)
    assert accounts.active(budi) == 0


def test_a_revocation_during_the_delivery_of_another_user_keeps_its_course(
    accounts: SharedAccounts,
) -> None:
    budi = accounts.users.learner()
    first, second = accounts.bought(budi), accounts.bought(accounts.sharing(budi))
    first.deliver()
    accounts.refunded(first)
    accounts.thinkific.fault("listEnrollments", "slow", seconds=WINDOW, times=1)

    at_once(second.deliver, later(lambda: first.deliver(2)))

    assert (first.delivery, second.delivery) == ("REVOKED", "DELIVERED")
    assert accounts.active(budi) == 1


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_revocation_and_a_delivery_at_once_leave_the_paid_course(
    accounts: SharedAccounts, number: int
) -> None:
    del number
    budi = accounts.users.learner()
    first, second = accounts.bought(budi), accounts.bought(accounts.sharing(budi))
    first.deliver()
    accounts.refunded(first)

    at_once(lambda: first.deliver(2), second.deliver)

    assert (first.delivery, second.delivery) == ("REVOKED", "DELIVERED")
    assert accounts.active(budi) == 1


def test_the_first_deliveries_of_an_account_at_once_leave_one_enrollment(
    accounts: SharedAccounts,
) -> None:
    budi = accounts.users.learner()
    buyers = [accounts.bought(budi), *(accounts.bought(accounts.sharing(budi)) for _ in range(3))]
    known = accounts.bought(budi)
    known.deliver()
    accounts.refunded(known)
    known.deliver(2)

    at_once(*(buyer.deliver for buyer in buyers))

    assert {buyer.delivery for buyer in buyers} == {"DELIVERED"}
    assert accounts.active(budi) == 1
    for buyer in buyers[:-1]:
        accounts.refunded(buyer)
    at_once(*(lambda buyer=buyer: buyer.deliver(2) for buyer in buyers[:-1]))
    assert accounts.active(budi) == 1
    accounts.refunded(buyers[-1])
    buyers[-1].deliver(2)
    assert accounts.active(budi) == 0

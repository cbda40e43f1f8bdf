"""Admins decide, refund, ask again and edit; time passes."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.faults.machine.base import ADMINS, BaseMachine, chosen, pick
from tests.faults.world.ledger import Actors
from tests.faults.world.users import Person

SECONDS = (5, 40, 61, 300, 900, 3_600, 14_400)
BUNDLE = 4_000_001
"""Thinkific's own bundle of the same courses."""
ADDRESSES = ("budi@example.com", "santoso@example.org", "Dewi@example.com")
"""Two that learners have, and one that no one has."""
FIRST, SECOND = "python-dasar", "literasi-data"
PACKAGES = ("entry", "intermediate", "bundle-data")


class Deciding(BaseMachine):
    """What admins do."""

    @precondition(lambda self: self.payments("PAID"))
    @rule(number=pick)
    def approve(self, number: int) -> None:
        """Approve a payment that waits for it."""
        self.actors.approve(ADMINS[0], chosen(self.payments("PAID"), number))

    @precondition(lambda self: self.payments("APPROVED", "COMPLETED"))
    @rule(number=pick)
    def refund(self, number: int) -> None:
        """Refund a payment that was settled."""
        self.actors.refund(ADMINS[0], chosen(self.payments("APPROVED", "COMPLETED"), number))

    @precondition(lambda self: self.payments())
    @rule(
        number=pick,
        admin=st.sampled_from(ADMINS),
        action=st.sampled_from((Actors.approve, Actors.reject, Actors.recheck, Actors.refund)),
    )
    def decide(self, number: int, admin: Person, action: Callable[..., object]) -> None:
        """Do anything to any payment, allowed or not."""
        action(self.actors, admin, chosen(self.payments(), number))

    @precondition(lambda self: self.payments())
    @rule(number=pick, email=st.sampled_from(ADDRESSES))
    def correct(self, number: int, email: str) -> None:
        """Correct the learner of a payment, settled or not."""
        self.actors.correct(ADMINS[1], chosen(self.payments(), number), email)

    @precondition(lambda self: self.enrollments())
    @rule(number=pick)
    def redeliver(self, number: int) -> None:
        """Have an enrollment sent again."""
        self.actors.redeliver(ADMINS[0], chosen(self.enrollments(), number)["id"])

    @rule(
        package=st.sampled_from(PACKAGES),
        price=st.sampled_from((25_000, 49_000, 130_000)),
        days=st.sampled_from((None, None, 1, 30)),
        by_bundle=st.booleans(),
    )
    def offer(self, package: str, price: int, days: int | None, by_bundle: bool) -> None:
        """Sell on other terms, which change nothing that was bought before."""
        bundle = BUNDLE if by_bundle and package == "bundle-data" else None
        self.actors.offer(ADMINS[0], package, price, accessDays=days, thinkificBundleId=bundle)

    @rule(
        course=st.sampled_from(("python-dasar", "analisis-sql")),
        quota=st.sampled_from((None, 0, 1, 2)),
    )
    def limit(self, course: str, quota: int | None) -> None:
        """Give a course a quota, or take it away."""
        self.actors.limit(ADMINS[0], course, quota)

    def _second_course_is_unsold(self) -> bool:
        return all(each["courseId"] != SECOND for each in self.enrollments())

    @precondition(_second_course_is_unsold)
    @rule(together=st.booleans())
    def map(self, together: bool) -> None:
        """Map two catalog courses to one course at Thinkific, or to one each."""
        self.actors.map(ADMINS[0], SECOND, FIRST if together else SECOND)


class Passing(BaseMachine):
    """Time, and what happens by itself meanwhile."""

    @rule()
    def settle(self) -> None:
        """Let everything happen that is due."""
        self.world.scheduler.settle()

    @rule()
    def go_on(self) -> None:
        """Let one thing happen that is due."""
        self.world.scheduler.step()

    @rule(seconds=st.sampled_from(SECONDS))
    def pass_time(self, seconds: int) -> None:
        """Let time pass."""
        self.world.scheduler.pass_time(seconds)


def act(machine: BaseMachine, action: str, number: int) -> None:
    """Do one action in the middle of another."""
    actions: dict[str, Any] = {
        "approve": machine.actors.approve,
        "refund": machine.actors.refund,
        "recheck": machine.actors.recheck,
        "correct": lambda admin, payment: machine.actors.correct(admin, payment, ADDRESSES[1]),
    }
    payments, enrollments = machine.payments(), machine.enrollments()
    match action:
        case "settle":
            machine.world.scheduler.settle()
        case "reconcile":
            machine.world.run("reconcile")
        case "redeliver" if enrollments:
            machine.actors.redeliver(ADMINS[1], chosen(enrollments, number)["id"])
        case _ if action in actions and payments:
            actions[action](ADMINS[1], chosen(payments, number))

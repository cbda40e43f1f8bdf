"""What all parts of the state machine share: a world, a ledger, the checks."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from local.simulators.duitku.orders import Order, State
from tests.faults.world.ledger import Actors
from tests.faults.world.users import Person
from tests.faults.world.watch import Watch
from tests.faults.world.world import World

LEARNERS = (
    Person("budi"),
    Person("dewi", kind="DIKE"),
    Person("citra", address="BUDI@example.com"),
)
"""The last one shares an account at Thinkific with the first."""
ADMINS = (Person("ayu", "ADMIN"), Person("bima", "ADMIN"))
PURCHASES = (
    ("entry", "python-dasar"),
    ("entry", "literasi-data"),
    ("intermediate", "analisis-sql"),
    ("bundle-data", None),
)
"""The bundle holds the first course and the third."""

pick = st.integers(0, 59)
"""The number that :func:`chosen` takes."""


def chosen[T](found: Iterable[T], number: int) -> T:
    """Return one of what is found."""
    items = list(found)
    return items[number % len(items)]


class BaseMachine(RuleBasedStateMachine):
    """The machine without rules."""

    world: World
    actors: Actors
    watch: Watch
    failed = False
    """Whether a call failed in a way for which the product has no error of its own."""
    steps = 0

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        """Start again; the seed decides in which order records, messages and callbacks come."""
        self.world.start(seed)
        self.actors = Actors(self.world)
        self.watch = Watch(self.world, self.actors.ledger)

    @invariant()
    def nothing_is_wrong(self) -> None:
        """Check the invariants."""
        BaseMachine.steps += 1
        self.expect_none(self.watch.wrong())
        if not self.failed:
            self.expect_none(self.watch.unexpected())

    def expect_none(self, found: list[str]) -> None:
        """Fail with what was found, and with what the functions logged last."""
        assert not found, {"found": found, "logged": self.world.logged[-20:]}

    def orders(self) -> list[Order]:
        """Return the orders at Duitku."""
        return list(self.world.duitku.gateway.orders)

    def unpaid(self) -> list[Order]:
        """Return the unpaid orders."""
        return [order for order in self.orders() if order.state is not State.PAID]

    def payments(self, *statuses: str) -> list[str]:
        """Return the ids of payments, of some statuses only if any are named."""
        found = self.watch.snapshot.payments.values()
        return [each["id"] for each in found if not statuses or each["status"] in statuses]

    def enrollments(self) -> list[dict[str, Any]]:
        """Return all enrollments."""
        return self.watch.snapshot.enrollments

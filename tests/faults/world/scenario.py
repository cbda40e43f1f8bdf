"""A run of one workflow: one learner, one admin, one payment that it is about."""

from dataclasses import dataclass, field

from local.simulators.duitku.orders import Order
from tests.faults.world.ledger import Actors
from tests.faults.world.users import Person
from tests.faults.world.watch import Watch
from tests.faults.world.world import World
from tests.support.dynamodb.table import Wire

type Purchase = tuple[str, str | None]

LEARNER, ADMIN = Person("budi"), Person("ayu", "ADMIN")
RIGHT = "budi@example.org"
"""The address that a learner should have had."""
BUNDLE: Purchase = ("bundle-data", None)
PYTHON: Purchase = ("entry", "python-dasar")
SQL: Purchase = ("intermediate", "analisis-sql")


@dataclass
class Scenario:
    """What one learner and one admin do; ``payment`` is the id of the payment."""

    world: World
    actors: Actors = field(init=False)
    watch: Watch = field(init=False)
    payment: str = ""

    def __post_init__(self) -> None:
        self.actors = Actors(self.world)
        self.watch = Watch(self.world, self.actors.ledger)

    def status(self) -> str | None:
        """Return the status of the payment, of the newest if none is named; None if none is."""
        items = list(self.world.aws.table.of_type("payment"))
        about = [each for each in items if self.payment in {"", id_of(each)}]
        return str(about[-1]["status"]["S"]) if about else None

    def order(self) -> Order:
        """Return the order of the payment at Duitku."""
        order = self.world.duitku.order(self.payment)
        assert order
        return order

    def initiate(self, purchase: Purchase, **more: str) -> None:
        """Open a payment at Duitku; the answer may be lost."""
        answer = self.actors.initiate(LEARNER, *purchase, **more)
        if answer.ok:
            self.payment = answer.body["id"]

    def submit(self, purchase: Purchase, **more: str) -> None:
        """Submit a manual payment; the answer may be lost."""
        answer = self.actors.submit(LEARNER, *purchase, **more)
        if answer.ok:
            self.payment = answer.body["id"]

    def approve(self) -> None:
        """Approve the payment; the answer may be lost."""
        self.actors.approve(ADMIN, self.payment)

    def reject(self) -> None:
        """Reject the payment; the answer may be lost."""
        self.actors.reject(ADMIN, self.payment)

    def correct(self) -> None:
        """Correct the learner of the payment; the answer may be lost."""
        self.actors.correct(ADMIN, self.payment, RIGHT)

    def recheck(self) -> None:
        """Have Duitku asked about the payment; the answer may be lost."""
        self.actors.recheck(ADMIN, self.payment)

    def check(self) -> None:
        """Check the payment as its buyer; the answer may be lost."""
        self.actors.check(LEARNER, self.payment)

    def refund(self) -> None:
        """Record that the money went back; the answer may be lost."""
        self.actors.refund(ADMIN, self.payment)

    def compare(self) -> None:
        """Compare the catalog with Thinkific; the answer may be lost."""
        self.world.call(ADMIN, "POST /courses/sync")

    def redeliver(self) -> None:
        """Fix what is wrong at Thinkific, and have everything sent there again."""
        self.world.thinkific.calm()
        for each in self.enrollments():
            self.actors.redeliver(ADMIN, id_of(each))

    def pay(self) -> None:
        """Pay at Duitku, which sends a callback."""
        self.world.duitku.pay(self.order())

    def pay_silently(self) -> None:
        """Pay at Duitku, which sends no callback."""
        self.world.duitku.pay(self.order(), callback=False)

    def pay_all_orders(self) -> None:
        """Pay every invoice that Duitku has, whether the buyer got an answer with it or not."""
        for order in self.world.duitku.gateway.orders:
            self.world.duitku.pay(order)

    def rest(self) -> None:
        """Let what is due happen."""
        self.world.scheduler.settle()

    def wait(self, minutes: float) -> None:
        """Let time pass."""
        self.world.scheduler.pass_time(minutes * 60)

    def enrollments(self) -> list[Wire]:
        """Return all enrollments."""
        return list(self.world.aws.table.of_type("enrollment"))


def id_of(item: Wire) -> str:
    """Return the id of a payment or an enrollment, which its key contains."""
    return str(item["pk"]["S"]).partition("#")[2]

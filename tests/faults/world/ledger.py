"""What users and admins did, recorded beside the product: the model for its state.

Whether a Duitku payment has money is not recorded: Duitku's simulator knows.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.faults.world.deployment import sample
from tests.faults.world.users import Answer, Json, Person
from tests.faults.world.world import World

PROOF = "https://proof.example/1"

type Prices = dict[tuple[str, str], set[int]]


@dataclass(frozen=True)
class PurchaseRequest:
    """A learner's request to buy, at a price in rupiah that the catalog had then."""

    user: str
    package: str
    course: str | None
    kind: str
    price: int


def _prices() -> Prices:
    return {
        (name, kind): {price}
        for name, package in sample()["packages"].items()
        for kind, price in package["prices"].items()
    }


@dataclass
class Ledger:
    """Who asked for what. A request counts from when it was sent, answered or not."""

    requested: set[PurchaseRequest] = field(default_factory=set)
    users: dict[str, Person] = field(default_factory=dict)
    approvals: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    rejections: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    refunds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    corrections: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    corrected: dict[str, list[str]] = field(default_factory=dict)
    """Addresses that admins asked for, by user, answered or not, the latest last."""
    confirmed: set[str] = field(default_factory=set)
    """Payments whose approval was answered with success."""
    prices: Prices = field(default_factory=_prices)
    """What a package may cost a kind of buyer: more than one price after a lost answer."""


class Actors:
    """Learners and admins at work; each action goes into the ledger first."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ledger = Ledger()

    def initiate(
        self,
        person: Person,
        package: str,
        course: str | None = None,
        channel: str | None = None,
        key: str | None = None,
    ) -> Answer:
        """Open a payment at Duitku; with a ``channel`` by v2, with a ``key`` idempotently."""
        self._note_request(person, package, course)
        body = _given({"packageId": package, "courseId": course, "paymentMethod": channel})
        headers = {"idempotency-key": key} if key else None
        return self.world.call(person, "POST /payments/initiate", body=body, headers=headers)

    def submit(
        self, person: Person, package: str, course: str | None = None, key: str | None = None
    ) -> Answer:
        """Submit a manual payment; with a ``key`` idempotently."""
        self._note_request(person, package, course)
        body = {"packageId": package, "courseId": course, "proofLink": PROOF}
        asked = _given({**body, "paymentType": person.kind})
        headers = {"idempotency-key": key} if key else None
        return self.world.call(person, "POST /payments", body=asked, headers=headers)

    def approve(self, admin: Person, payment: str) -> Answer:
        """Approve a manual payment."""
        self.ledger.approvals[payment].add(admin.id)
        answer = self._on_payment(admin, "PATCH /payments/{id}/approve", payment)
        if answer.ok:
            self.ledger.confirmed.add(payment)
        return answer

    def reject(self, admin: Person, payment: str) -> Answer:
        """Reject a manual payment."""
        self.ledger.rejections[payment].add(admin.id)
        body = {"reason": "no such transfer"}
        return self._on_payment(admin, "PATCH /payments/{id}/reject", payment, body)

    def refund(self, admin: Person, payment: str) -> Answer:
        """Record that the money went back."""
        self.ledger.refunds[payment].add(admin.id)
        body = {"reason": "cancelled within seven days"}
        return self._on_payment(admin, "POST /payments/{id}/refund", payment, body)

    def correct(self, admin: Person, payment: str, email: str) -> Answer:
        """Correct the address of a payment's learner."""
        person = self.world.aws.table.items[f"PAYMENT#{payment}", "PAYMENT"]["userId"]["S"]
        self.ledger.corrections[payment].add(admin.id)
        body = {"email": email, "reason": "a slip in the address"}
        answer = self._on_payment(admin, "PATCH /payments/{id}/learner", payment, body)
        self.ledger.corrected.setdefault(person, []).append(email)
        return answer

    def recheck(self, admin: Person, payment: str) -> Answer:
        """Have Duitku asked about a payment."""
        return self._on_payment(admin, "POST /payments/{id}/recheck", payment)

    def check(self, person: Person, payment: str) -> Answer:
        """Have Duitku asked about a payment as a learner, its buyer or not."""
        return self._on_payment(person, "POST /payments/{id}/check", payment)

    def redeliver(self, admin: Person, enrollment: str) -> Answer:
        """Have an enrollment sent to Thinkific again."""
        path = f"/enrollments/{enrollment}/redeliver"
        return self.world.call(admin, "POST /enrollments/{id}/redeliver", path)

    def report(self, person: Person, enrollment: str, progress: int) -> Answer:
        """Report a learner's progress in percent."""
        path, body = f"/enrollments/{enrollment}/progress", {"progress": progress}
        return self.world.call(person, "PATCH /enrollments/{id}/progress", path, body=body)

    def offer(self, admin: Person, package: str, price: int, **terms: int | None) -> Answer:
        """Sell a package for ``price`` rupiah from now on, on other ``terms`` if any are given."""
        shown = sample()["packages"][package]
        kinds = shown["prices"]
        for kind in kinds:
            self.ledger.prices[package, kind].add(price)
        body = _given({**shown, "prices": dict.fromkeys(kinds, price), **terms})
        answer = self.world.call(admin, "PUT /packages/{id}", f"/packages/{package}", body=body)
        if answer.ok:
            self.ledger.prices |= {(package, kind): {price} for kind in kinds}
        return answer

    def limit(self, admin: Person, course: str, quota: int | None) -> Answer:
        """Let a course have ``quota`` places, or any number."""
        item = self.world.aws.table.items["CATALOG#COURSE", course]
        mapped = int(item["platformCourseId"]["S"])
        body = {"name": item["name"]["S"], "thinkificCourseId": mapped, "quota": quota}
        path = f"/courses/{course}"
        return self.world.call(admin, "PUT /courses/{id}", path, body=_given(body))

    def map(self, admin: Person, course: str, like: str) -> Answer:
        """Map a course to the course at Thinkific that has the name of another in the catalog."""
        items, site = self.world.aws.table.items, self.world.thinkific.site
        name = items["CATALOG#COURSE", course]["name"]["S"]
        wanted = items["CATALOG#COURSE", like]["name"]["S"]
        (mapped,) = (each.id for each in site.courses.values() if each.name == wanted)
        body = {"name": name, "thinkificCourseId": mapped}
        return self.world.call(admin, "PUT /courses/{id}", f"/courses/{course}", body=body)

    def _note_request(self, person: Person, package: str, course: str | None) -> None:
        self.ledger.users[person.id] = person
        self.ledger.requested |= {
            PurchaseRequest(person.id, package, course, person.kind, price)
            for price in self.ledger.prices[package, person.kind]
        }

    def _on_payment(
        self, admin: Person, route: str, payment: str, body: Json | None = None
    ) -> Answer:
        path = route.partition(" ")[2].replace("{id}", payment)
        return self.world.call(admin, route, path, body=body)


def _given(body: Json) -> Json:
    return {name: value for name, value in body.items() if value is not None}

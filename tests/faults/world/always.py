"""What must hold at every moment, whatever happened before.

Written against the promises and the ledger, without the product's own rules.
"""

from collections import Counter
from collections.abc import Iterator

from tests.faults.world.ledger import PurchaseRequest
from tests.faults.world.snapshot import Item, Snapshot, chosen_course, courses_of

MOVES: dict[str, set[str]] = {
    "PENDING": {"PAID", "FAILED", "EXPIRED"},
    "FAILED": {"PAID"},
    "EXPIRED": {"PAID"},
    "PAID": {"APPROVED", "REJECTED"},
    "APPROVED": {"COMPLETED", "REFUNDED"},
    "COMPLETED": {"REFUNDED"},
    "REJECTED": set(),
    "REFUNDED": set(),
}
"""Every allowed change of state."""
SETTLED = {"APPROVED", "COMPLETED", "REFUNDED"}
CONFIRMED = "00"
"""Duitku's status code for a paid order."""


class Always:
    """Describes each broken invariant. It remembers the states and the progress that it saw."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._states: dict[str, str] = {}
        self._progress: dict[tuple[str, str], int] = {}

    def wrong(self) -> Iterator[str]:
        """Return everything that is wrong."""
        for payment in self._snapshot.payments.values():
            for text in self._payment(payment):
                yield f"payment {payment['id']}: {text}"
        for enrollment in self._snapshot.enrollments:
            for text in self._enrollment(enrollment):
                yield f"enrollment {enrollment['id']}: {text}"
        yield from self._transfers_twice()
        yield from self._unknown_orders()
        yield from self._doubles()
        yield from self._counters()
        yield from self._thinkific()

    def _payment(self, payment: Item) -> Iterator[str]:
        yield from self._as_bought(payment)
        yield from self._explained(payment)
        before = self._states.setdefault(payment["id"], payment["status"])
        if payment["status"] not in _reachable(before):
            yield f"went from {before} to {payment['status']}"
        self._states[payment["id"]] = payment["status"]
        if payment["status"] in SETTLED and not self._snapshot.has_money(payment):
            yield f"is {payment['status']} without money"
        if payment["status"] == "COMPLETED" and payment.get("undelivered"):
            yield f"is COMPLETED, and waits for {payment['undelivered']}"

    def _as_bought(self, payment: Item) -> Iterator[str]:
        amount = int(payment["purchase"]["amount"])
        request = PurchaseRequest(
            payment["userId"],
            payment["purchase"]["packageId"],
            chosen_course(payment),
            payment["paymentType"],
            amount,
        )
        if request not in self._snapshot.ledger.requested:
            yield f"no one asked for {request}"
        order = self._snapshot.world.duitku.order(payment["id"])
        if order is not None and order.amount != amount:
            yield f"costs {amount} in Lunas and {order.amount} at Duitku"

    def _explained(self, payment: Item) -> Iterator[str]:
        """Check that the history explains the state."""
        events = self._snapshot.history(payment["id"])
        versions = [int(each["version"]) for each in events]
        if versions != list(range(1, int(payment["version"]) + 1)):
            yield f"is version {payment['version']}, and its history has {versions}"
        state: str | None = None
        at = ""
        for event in events:
            moved = state == event["to"] and "learnerAfter" in (event.get("evidence") or {})
            if moved and event.get("from") == state:
                yield from self._corrected(payment, event)
                at = event["at"]
                continue
            if event.get("from") != state or (state and event["to"] not in MOVES[state]):
                yield f"history goes {state} to {event.get('from')} to {event['to']}"
            if event["at"] < at:
                yield "history goes back in time"
            state, at = event["to"], event["at"]
            yield from self._justified(payment, event)
        if state != payment["status"]:
            yield f"is {payment['status']}, and its history ends with {state}"

    def _corrected(self, payment: Item, event: Item) -> Iterator[str]:
        role, _, who = event["actor"].partition(":")
        if role != "admin" or who not in self._snapshot.ledger.corrections[payment["id"]]:
            yield f"corrected by {event['actor']}, who did not ask for it"
        if event["to"] == "REFUNDED" or not event.get("reason"):
            yield "corrected after its refund, or without a reason"

    def _justified(self, payment: Item, event: Item) -> Iterator[str]:
        """Check that the actor of an event asked for it, or that Duitku's status confirms it."""
        to, ledger = event["to"], self._snapshot.ledger
        asked = {"REJECTED": ledger.rejections, "REFUNDED": ledger.refunds}
        if payment["method"] == "MANUAL":
            asked["APPROVED"] = ledger.approvals
        if to in asked:
            role, _, who = event["actor"].partition(":")
            if role != "admin" or who not in asked[to].get(payment["id"], set()):
                yield f"{to} by {event['actor']}, who did not ask for it"
        elif to in {"PAID", "APPROVED"} and event.get("from"):
            evidence = event.get("evidence") or {}
            shown = [evidence.get(name) for name in ("statusCode", "orderId", "amount")]
            if shown != [CONFIRMED, payment["id"], str(payment["purchase"]["amount"])]:
                yield f"{to} on the evidence {evidence}"
        if to in {"REJECTED", "REFUNDED"} and not event.get("reason"):
            yield f"{to} without a reason"

    def _enrollment(self, enrollment: Item) -> Iterator[str]:
        named = enrollment["id"], enrollment["paymentId"]
        progress = int(enrollment["progress"])
        if progress < self._progress.get(named, 0):
            yield "progress went down"
        self._progress[named] = progress
        payment = self._snapshot.payments.get(enrollment["paymentId"])
        if payment is None or payment["userId"] != enrollment["userId"]:
            yield "has no payment of its learner"
        elif enrollment["courseId"] not in courses_of(payment):
            yield "is in a course that was not bought"
        elif enrollment["enrollmentStatus"] == "ENROLLED":
            if payment["status"] not in {"APPROVED", "COMPLETED"}:
                yield f"belongs to a payment that is {payment['status']}"
            if not self._snapshot.has_money(payment):
                yield "has no money behind it"

    def _unknown_orders(self) -> Iterator[str]:
        for order in self._snapshot.world.duitku.gateway.orders:
            if order.merchant_order_id not in self._snapshot.payments:
                yield f"Duitku has the order {order.merchant_order_id}, and Lunas does not"

    def _transfers_twice(self) -> Iterator[str]:
        """Find a purchase with two transfers that wait for approval."""
        waiting = Counter(
            (each["userId"], each["purchase"]["packageId"], chosen_course(each))
            for each in self._snapshot.payments.values()
            if each["method"] == "MANUAL" and each["status"] == "PAID"
        )
        yield from (
            f"{number} transfers wait for {named}"
            for named, number in waiting.items()
            if number > 1
        )

    def _doubles(self) -> Iterator[str]:
        pairs = Counter((each["userId"], each["courseId"]) for each in self._snapshot.enrollments)
        yield from (f"two enrollments of {pair}" for pair, number in pairs.items() if number > 1)

    def _counters(self) -> Iterator[str]:
        made = Counter(each["courseId"] for each in self._snapshot.enrollments if each["counted"])
        for name, course in self._snapshot.courses.items():
            if made[name] != course.get("enrolled", 0):
                yield f"{name} counts {course.get('enrolled')}, and has {made[name]}"

    def _thinkific(self) -> Iterator[str]:
        site, now = self._snapshot.world.thinkific.site, self._snapshot.world.clock.now()
        accounts = Counter(user.email.lower() for user in site.users.values())
        yield from (f"two accounts of {email}" for email, number in accounts.items() if number > 1)
        active = Counter(
            (site.users[each.user_id].email.lower(), each.course_id)
            for each in site.enrollments.values()
            if each.activated_at and not each.expired(now)
        )
        covered = self._covered() if active else set()
        for (email, course), number in active.items():
            if number > 1:
                yield f"{number} active enrollments of {email} in {course} at Thinkific"
            if (email, course) not in covered:
                yield f"{email} is in {course} at Thinkific without money"

    def _covered(self) -> set[tuple[str, int]]:
        """Return the pairs of address and Thinkific course that were paid for, refunded or not."""
        snapshot = self._snapshot
        return {
            (email, snapshot.mapped(course))
            for payment in snapshot.payments.values()
            if snapshot.has_money(payment)
            for email in {snapshot.email(payment["userId"]), *snapshot.former(payment["userId"])}
            for course in courses_of(payment)
        }


def _reachable(state: str) -> set[str]:
    """Return the states that a payment can reach from one, itself included."""
    found: set[str] = set()
    new = {state}
    while new:
        found |= new
        new = {after for each in new for after in MOVES[each]} - found
    return found

"""The table, Duitku and Thinkific at one moment, beside the ledger."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from local.simulators.duitku.orders import State
from tests.faults.world.ledger import Ledger
from tests.faults.world.world import World
from tests.support.dynamodb.table import Key, Wire

type Item = dict[str, Any]

GIVING_ACCESS = {"APPROVED", "COMPLETED"}
"""States of a payment that give access."""
FAR = timedelta(days=10_000)
"""An end that far ahead means access without an end."""

_decode = TypeDeserializer().deserialize


class Snapshot:
    """Everything that the invariants need; :meth:`look` brings it up to date."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self.world, self.ledger = world, ledger
        self._decoded: dict[Key, tuple[Wire, Item]] = {}
        self.payments: dict[str, Item] = {}
        self.enrollments: list[Item] = []
        self.anomalies: list[Item] = []
        self.courses: dict[str, Item] = {}
        self._history: dict[str, list[Item]] = {}
        self._payers: set[str] = set()
        self._place = 0
        self._addresses: dict[str, list[str]] = {}

    def look(self) -> None:
        """Read everything again."""
        kinds: dict[str, list[Item]] = defaultdict(list)
        for key, wire in self.world.aws.table.items.items():
            item = self._read(key, wire)
            kinds[item.get("type", "")].append(item)
        self.payments = {each["id"]: each for each in kinds["payment"]}
        self.enrollments = kinds["enrollment"]
        self.anomalies = kinds["anomaly"]
        self.courses = {each["id"]: each for each in kinds["course"]}
        self._history = defaultdict(list)
        for each in kinds["history"]:
            self._history[each["id"]].append(each)
        self._read_stream()

    def email(self, user: str) -> str:
        """Return the address of the account with a user's courses, after all corrections."""
        corrected = self._addresses.get(user)
        return corrected[-1] if corrected else self.ledger.users[user].email.lower()

    def former(self, user: str) -> set[str]:
        """Return every other address that a user has had."""
        known = {self.ledger.users[user].email.lower(), *self._addresses.get(user, ())}
        return known - {self.email(user)}

    def history(self, payment: str) -> list[Item]:
        """Return the events of a payment's history, oldest first, each with ``from`` and ``to``.

        The payment's own item stands for the first event; other items hold one event or several.
        """
        opened = self.payments[payment]
        first = {
            "version": 1,
            "at": opened["createdAt"],
            "actor": opened.get("openedBy", f"user:{opened['userId']}"),
            "to": "PAID" if opened["method"] == "MANUAL" else "PENDING",
        }
        items = sorted(self._history[payment], key=lambda each: int(each["version"]))
        return [first, *(event for item in items for event in _events(item))]

    def enrollment(self, user: str, course: str) -> Item | None:
        """Return the enrollment of a learner in a course."""
        found = (each for each in self.enrollments if each["userId"] == user)
        return next((each for each in found if each["courseId"] == course), None)

    def has_money(self, payment: Item) -> bool:
        """Return whether the money is there: paid at Duitku, or approved by an admin."""
        if payment["method"] == "MANUAL":
            return payment["id"] in self.ledger.approvals
        order = self.world.duitku.order(payment["id"])
        return order is not None and order.state is State.PAID

    def mapped(self, course: str) -> int:
        """Return the id of a course at Thinkific."""
        return int(self.courses[course]["platformCourseId"])

    def active(self, user: str, course: str) -> int:
        """Return how many enrollments at Thinkific give a learner full access to a course."""
        return len(self.world.thinkific.active(self.email(user), self.mapped(course)))

    def paid_until(self, user: str, course: str) -> list[datetime | None]:
        """Return the ends of all access that is paid for in a course at Thinkific; None: no end.

        Any user with this learner's address may have paid, for any catalog course mapped to it.
        """
        return self.paid_at(self.email(user), self.mapped(course))

    def paid_at(self, email: str, mapped: int) -> list[datetime | None]:
        """Return the ends of all access that is paid for at an address; None: no end."""
        return [
            _end_of(payment)
            for payment in self.payments.values()
            if payment["status"] in GIVING_ACCESS
            and self.email(payment["userId"]) == email
            and mapped in map(self.mapped, courses_of(payment))
        ]

    def lasts(self, user: str, course: str) -> bool:
        """Return whether any access that is paid for in a course at Thinkific still lasts."""
        now = self.world.clock.now()
        return any(end is None or end > now for end in self.paid_until(user, course))

    def ends(self, user: str, course: str) -> list[datetime | None]:
        """Return when a learner's active enrollments in a course end at Thinkific; None: never."""
        email, far = self.email(user), self.world.clock.now() + FAR
        active = self.world.thinkific.active(email, self.mapped(course))
        ends = [each.expiry_date for each in active]
        return [None if end is None or end > far else end for end in ends]

    def brought(self, payment: str) -> bool:
        """Return whether a payment ever brought access or lengthened it."""
        return payment in self._payers

    def _read_stream(self) -> None:
        """Keep what the changes since the last look show and the items no longer do."""
        written = self.world.aws.table.stream
        for change in written[self._place :]:
            kind = (change.new or {}).get("type")
            if change.new and kind == {"S": "enrollment"}:
                self._payers.add(change.new["paymentId"]["S"])
                if change.old and _is_longer(change.old, change.new):
                    self._payers |= set(change.new.get("claims", {}).get("M", {}))
            if change.new and kind == {"S": "history"}:
                self._note_correction(change.new)
        self._place = len(written)

    def _note_correction(self, event: Wire) -> None:
        named = event.get("evidence", {}).get("M", {}).get("learnerAfter")
        if named is not None:
            user = self.payments[event["pk"]["S"].removeprefix("PAYMENT#")]["userId"]
            address = named["S"].rpartition("<")[2].removesuffix(">").lower()
            self._addresses.setdefault(user, []).append(address)

    def dead_letters(self) -> list[Item]:
        """Return the requests in the dead-letter queue."""
        messages = self.world.aws.queues["DeadLetterQueue"].messages
        return [json.loads(message.body) for message in messages]

    def _read(self, key: Key, wire: Wire) -> Item:
        """Return an item in Python's types, with its id; items are replaced, never changed."""
        known = self._decoded.get(key)
        if known is None or known[0] is not wire:
            decoded = {name: _decode(value) for name, value in wire.items()}
            known = wire, {"id": key[0].partition("#")[2], **decoded}
            self._decoded[key] = known
        return known[1]


def _end_of(payment: Item) -> datetime | None:
    days = payment["purchase"].get("accessDays")
    return None if days is None else time_of(payment, "approvedAt") + timedelta(days=int(days))


def _events(item: Item) -> Iterator[Item]:
    """Split an item of the history into its events."""
    before = item["from"]
    for place, to in enumerate(item["statuses"]):
        moved = {"version": int(item["version"]) + place, "from": before, "to": to}
        yield {**item, **moved, "at": item["createdAt"]}
        before = to


def _is_longer(old: Wire, new: Wire) -> bool:
    if "expiresAt" not in old:
        return False
    return "expiresAt" not in new or new["expiresAt"]["S"] > old["expiresAt"]["S"]


def courses_of(payment: Item) -> list[str]:
    """Return the ids of the courses as bought."""
    return [each["id"] for each in payment["purchase"]["courses"]]


def chosen_course(payment: Item) -> str | None:
    """Return the course that the buyer chose, None if the package has fixed courses."""
    return None if payment["purchase"].get("fixed") else courses_of(payment)[0]


def time_of(item: Item, name: str) -> datetime:
    """Return a time of an item."""
    return datetime.fromisoformat(item[name])

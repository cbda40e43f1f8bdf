"""What must not be left once all faults have ended and time has passed.

Written against the promises and the ledger, without the product's own rules.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.faults.world.deployment import INVOICE_MINUTES
from tests.faults.world.snapshot import GIVING_ACCESS, Item, Snapshot, courses_of, time_of

LAST_CHANCE = timedelta(minutes=INVOICE_MINUTES + 15 + 6)
"""After opening a payment: by then, an unpaid one has ended."""


class AtRest:
    """Describes what is left undone."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def unfinished(self) -> Iterator[str]:
        """Return everything that is left."""
        for payment in self._snapshot.payments.values():
            for text in self._payment(payment):
                yield f"payment {payment['id']}: {text}"
        yield from self._wrong_accounts()
        yield from self._messages()
        yield from self._dead_letters()

    def undelivered(self) -> Iterator[str]:
        """Return the payments that Lunas knows to be paid and has not delivered."""
        for payment in self._snapshot.payments.values():
            if payment["status"] == "APPROVED" and not self._dead_lettered(payment):
                yield f"payment {payment['id']}: is still APPROVED"

    def _payment(self, payment: Item) -> Iterator[str]:
        status, world = payment["status"], self._snapshot.world
        waits = self._dead_lettered(payment)
        if self._due(payment) and status not in {"COMPLETED", "REFUNDED"} and not waits:
            yield f"has money, and is {status}"
        if status == "PENDING" and world.clock.now() > time_of(payment, "createdAt") + LAST_CHANCE:
            yield "stays PENDING"
        if status == "COMPLETED":
            yield from self._delivered(payment)
        if status == "REFUNDED" and not waits:
            yield from self._revoked(payment)

    def _due(self, payment: Item) -> bool:
        """Return whether there is money that Lunas knows of, or that Duitku's status shows."""
        if payment["method"] == "MANUAL":
            return (
                payment["id"] in self._snapshot.ledger.confirmed or payment["status"] == "APPROVED"
            )
        order = self._snapshot.world.duitku.order(payment["id"])
        return self._snapshot.has_money(payment) and order is not None and not order.answer

    def _dead_lettered(self, payment: Item) -> bool:
        """Return whether a failed delivery of a payment has a dead-letter message."""
        named = {each["enrollmentId"] for each in self._snapshot.dead_letters()}
        return any(
            each["deliveryStatus"] == "FAILED" and each["id"] in named
            for each in self._snapshot.enrollments
            if each["paymentId"] == payment["id"]
        )

    def _delivered(self, payment: Item) -> Iterator[str]:
        user = payment["userId"]
        for course in courses_of(payment):
            enrollment = self._snapshot.enrollment(user, course)
            if enrollment is None or enrollment["enrollmentStatus"] != "ENROLLED":
                yield f"does not give {course}"
            elif not self._snapshot.lasts(user, course):
                if self._snapshot.active(user, course):
                    yield f"the time in {course} is over, and it is still at Thinkific"
            elif enrollment["deliveryStatus"] != "DELIVERED":
                yield f"{course} is {enrollment['deliveryStatus']}: {enrollment.get('lastError')}"
            elif self._snapshot.active(user, course) != 1:
                yield f"{course} is not at Thinkific"
            else:
                yield from self._lasts(payment, enrollment)
        if not self._snapshot.brought(payment["id"]) and not self._has_anomaly(payment):
            yield "is money for nothing new, without an anomaly"

    def _lasts(self, payment: Item, enrollment: Item) -> Iterator[str]:
        """Check the end of access, in Lunas and at Thinkific, against all that was paid for it."""
        user, course = payment["userId"], enrollment["courseId"]
        ends = self._snapshot.paid_until(user, course)
        if self._awaits_others(user, course):
            return
        longest = None if None in ends else max(end for end in ends if end)
        wanted = longest and longest.replace(microsecond=0)
        if self._snapshot.ends(user, course) != [wanted]:
            yield f"{course} is paid until {wanted}, not {self._snapshot.ends(user, course)}"
        if self._shown(enrollment) != wanted:
            yield f"{course} is paid until {wanted}, and shown until {self._shown(enrollment)}"

    def _awaits_others(self, user: str, course: str) -> bool:
        """Return whether any delivery to the same place waits for a person."""
        mapped = self._snapshot.mapped(course)
        email = self._snapshot.email(user)
        return any(
            each["deliveryStatus"] == "FAILED"
            for each in self._snapshot.enrollments
            if self._snapshot.mapped(each["courseId"]) == mapped
            and self._snapshot.email(each["userId"]) == email
        )

    def _shown(self, enrollment: Item) -> datetime | None:
        """Return until when Lunas shows that the learner has access; None: without an end."""
        names = [name for name in ("expiresAt", "sharedUntil") if name in enrollment]
        if "expiresAt" not in names or enrollment.get("sharedUntil") == "FOREVER":
            return None
        return max(time_of(enrollment, name) for name in names).replace(microsecond=0)

    def _has_anomaly(self, payment: Item) -> bool:
        named = (each["finding"].get("paymentId") for each in self._snapshot.anomalies)
        return payment["id"] in named

    def _revoked(self, payment: Item) -> Iterator[str]:
        user = payment["userId"]
        for course in courses_of(payment):
            if course in self._paid_elsewhere(user):
                continue
            enrollment = self._snapshot.enrollment(user, course)
            if enrollment is not None and enrollment["enrollmentStatus"] == "ENROLLED":
                yield f"is REFUNDED, and {course} still ENROLLED"
            elif enrollment is not None and enrollment["deliveryStatus"] != "REVOKED":
                yield f"is REFUNDED, and {course} {enrollment['deliveryStatus']}"
            if self._snapshot.active(user, course) and not self._snapshot.lasts(user, course):
                yield f"is REFUNDED, and {course} still at Thinkific"

    def _paid_elsewhere(self, user: str) -> set[str]:
        """Return the courses that a learner has by payments that are not refunded."""
        return {
            course
            for payment in self._snapshot.payments.values()
            if payment["userId"] == user and payment["status"] in GIVING_ACCESS
            for course in courses_of(payment)
        }

    def _wrong_accounts(self) -> Iterator[str]:
        """Return courses that are still open to an address that an admin has corrected."""
        snapshot = self._snapshot
        for each in snapshot.enrollments:
            mapped = snapshot.mapped(each["courseId"])
            for email in snapshot.former(each["userId"]):
                active = snapshot.world.thinkific.active(email, mapped)
                if active and not snapshot.paid_at(email, mapped):
                    yield f"{each['id']}: the wrong account still has {each['courseId']}"

    def _messages(self) -> Iterator[str]:
        world = self._snapshot.world
        if world.aws.queues["DeliveryQueue"].messages:
            yield "messages in the delivery queue"
        if world.stream.next_at() or world.stream.reported:
            yield "records in the stream"
        if world.duitku.callback_queue.waiting:
            yield "callbacks on their way"

    def _dead_letters(self) -> Iterator[str]:
        """Return dead-letter messages whose delivery neither FAILED nor was requested again."""
        enrollments = {each["id"]: each for each in self._snapshot.enrollments}
        for message in self._snapshot.dead_letters():
            found = enrollments[message["enrollmentId"]]
            asked = message["paymentId"], message["request"]
            now = found["paymentId"], int(found["deliveryRequest"])
            if asked == now and found["deliveryStatus"] != "FAILED":
                yield f"a dead-letter message that no FAILED enrollment explains: {message}"

"""Enrollments in the table, with the state of their delivery."""

from dataclasses import dataclass, replace
from datetime import datetime

from lunas.domain.delivery import DeliveryRecord, PaymentChange, asked_again
from lunas.domain.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.lists import EnrollmentFilter, Page, Position
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.anomalies import anomaly_item
from lunas.storage.enrollment_items import TYPE, delivery_attributes, enrollment_from
from lunas.storage.expressions import Change
from lunas.storage.pages import Listing, read_page
from lunas.storage.payment_items import progress_attributes
from lunas.storage.settlements import NEW, count_action, full_courses, history_actions
from lunas.storage.table import Action, ConditionsFailed, Table

CURRENT = "#enrollmentStatus = :enrolled AND #paymentId = :paymentId"
"""Condition: the enrollment was neither refunded nor bought again meanwhile."""
WAITING = f"{CURRENT} AND #deliveryStatus = :pending AND #deliveryRequest = :request"
"""Condition: the delivery is still requested and not recorded yet."""


@dataclass(frozen=True, slots=True)
class Enrollments:
    """Reads enrollments and writes the state of their delivery."""

    table: Table

    def get(self, enrollment_id: str) -> Enrollment | None:
        """Read an enrollment: one GetItem."""
        item = self.table.get(keys.enrollment(enrollment_id))
        return enrollment_from(item) if item else None

    def get_many(self, enrollment_ids: list[str]) -> list[Enrollment]:
        """Read the enrollments that exist: one BatchGetItem per hundred."""
        items = self.table.get_many(keys.enrollment(each) for each in enrollment_ids)
        return [enrollment_from(item) for item in items]

    def page(
        self, wanted: EnrollmentFilter, limit: int, after: Position | None
    ) -> Page[Enrollment]:
        """Read a page of enrollments, newest first: one Query."""
        items, last = read_page(self.table, _listing(wanted), limit, after)
        return Page(tuple(enrollment_from(item) for item in items), last)

    def raise_progress(self, enrollment: Enrollment, progress: int, at: datetime) -> Enrollment:
        """Write a progress in percent unless a higher one is stored; return the stored enrollment.

        Because of the condition, the higher progress stays when two devices report at once.
        Raises ConcurrentUpdate if the enrollment was revoked or bought again meanwhile.
        """
        change = Change(
            {"progress": progress, "updatedAt": to_iso(at)},
            condition=f"{CURRENT} AND #progress < :progress",
            given={"enrolled": EnrollmentStatus.ENROLLED, "paymentId": enrollment.payment_id},
        )
        if self.table.update(keys.enrollment(enrollment.id), change):
            return replace(enrollment, progress=progress, updated_at=at)
        again = self.get(enrollment.id)
        if again is None or again.progress < progress:
            raise ConcurrentUpdate(stale=True)
        return again

    def request_again(self, enrollment: Enrollment, at: datetime) -> Enrollment:
        """Request delivery, or revocation, again; the stream carries the request to the queue.

        Raises ConcurrentUpdate if it was requested, delivered or refunded meanwhile.
        """
        asked = asked_again(enrollment, at)
        change = Change(
            {"updatedAt": to_iso(at), **delivery_attributes(asked.delivery)},
            condition=f"{CURRENT} AND #deliveryRequest = :read AND #deliveryStatus = :was",
            given={
                "was": enrollment.delivery.status,
                "enrolled": enrollment.status,
                "read": enrollment.delivery.request,
                "paymentId": enrollment.payment_id,
            },
        )
        if not self.table.update(keys.enrollment(enrollment.id), change):
            raise ConcurrentUpdate(stale=True)
        return asked

    def record_attempt(self, enrollment: Enrollment) -> bool:
        """Write a failed attempt; False if the enrollment changed meanwhile."""
        return self.table.update(keys.enrollment(enrollment.id), _delivery_change(enrollment))

    def record_delivery(self, record: DeliveryRecord) -> None:
        """Write a delivery together with its effects on payments, or nothing.

        Raises ConcurrentUpdate if the enrollment or a payment changed meanwhile, or
        StorageContention.
        """
        enrollment = record.enrollment
        actions = [
            self.table.update_action(
                "enrollment", keys.enrollment(enrollment.id), _delivery_change(enrollment)
            )
        ]
        for change in record.payments:
            actions.append(self._payment_action(change))
            actions += history_actions(self.table, change.history)
        if record.count:
            actions.append(
                count_action(self.table, enrollment.course_id, keep_quota=record.keep_quota)
            )
        if record.anomaly:
            actions.append(self.table.put_action("anomaly", anomaly_item(record.anomaly), NEW))
        self._transact(actions)

    def record_revocation(self, before: Enrollment, after: Enrollment) -> None:
        """Write that the platform has revoked an enrollment, and free its place, or nothing.

        Raises ConcurrentUpdate if the course was bought or requested again meanwhile.
        """
        actions = [
            self.table.update_action(
                "enrollment", keys.enrollment(after.id), _delivery_change(after)
            )
        ]
        if before.counted:
            actions.append(count_action(self.table, after.course_id, keep_quota=False, by=-1))
        self._transact(actions)

    def _transact(self, actions: list[Action]) -> None:
        try:
            self.table.transact(actions)
        except ConditionsFailed as failed:
            full = full_courses(failed)
            raise ConcurrentUpdate(stale=not full, full=full) from failed

    def _payment_action(self, change: PaymentChange) -> Action:
        # The set of undelivered courses is part of the condition: when two courses are delivered at
        # once, the second must see that the first is done, or neither would complete the payment.
        before = change.before
        return self.table.update_action(
            f"payment:{before.id}",
            keys.payment(before.id),
            Change(
                progress_attributes(change.after),
                condition="#status = :was AND #version = :read AND #undelivered = :waiting",
                given={
                    "was": before.status,
                    "read": before.version,
                    "waiting": set(before.undelivered),
                },
            ),
        )


def _delivery_change(enrollment: Enrollment) -> Change:
    return Change(
        {
            "counted": enrollment.counted,
            "platformCourseId": enrollment.platform_course_id,
            "updatedAt": to_iso(enrollment.updated_at),
            **delivery_attributes(enrollment.delivery),
        },
        condition=WAITING,
        given={
            "enrolled": enrollment.status,
            "pending": DeliveryStatus.PENDING,
            "request": enrollment.delivery.request,
            "paymentId": enrollment.payment_id,
        },
    )


def _listing(wanted: EnrollmentFilter) -> Listing:
    where: dict[str, str | None] = {}
    if wanted.user_id is not None:
        index, partition = "byLearner", {"userId": wanted.user_id}
        where = {"enrollmentStatus": wanted.status}
    elif wanted.course_id is not None:
        index, partition = "byCourse", {"courseId": wanted.course_id}
        where = {"deliveryStatus": wanted.delivery}
    elif wanted.delivery is not None:
        index, partition = "byDelivery", {"deliveryStatus": wanted.delivery}
    else:
        index, partition = "byEnrolledAt", {"type": TYPE}
    return Listing(
        index=index, partition=partition, sort="enrolledAt", span=wanted.span, where=where
    )

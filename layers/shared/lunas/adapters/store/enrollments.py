"""Enrollments in the table: reading them, and noting how their delivery went."""

from lunas.adapters.store import keys
from lunas.adapters.store.enrollment_items import KIND, delivery_attributes, enrollment_from
from lunas.adapters.store.expressions import Change, Item, placeholders
from lunas.adapters.store.payment_items import progress_attributes
from lunas.adapters.store.payments import Payments
from lunas.adapters.store.table import Action, ConditionsFailed, Table
from lunas.rules.delivery import DeliveryRecord
from lunas.rules.enrollments import DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.rules.errors import Collision
from lunas.rules.times import to_iso

WAITING = (
    "#status = :enrolled AND #deliveryStatus = :pending"
    " AND #deliveryRequest = :request AND #paymentId = :paymentId"
)
"""Condition under which a delivery may be noted: it is still asked for, and not noted yet."""


class Enrollments:
    """Reads enrollments and writes the state of their delivery."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, enrollment_id: str) -> Enrollment | None:
        """Read an enrollment: one GetItem."""
        item = self._table.get(keys.enrollment(enrollment_id))
        return enrollment_from(item) if item else None

    def get_many(self, enrollment_ids: list[str]) -> list[Enrollment]:
        """Read those of the enrollments that exist: one BatchGetItem per hundred."""
        items = self._table.get_many(keys.enrollment(each) for each in enrollment_ids)
        return [enrollment_from(item) for item in items]

    def of_user(
        self, user_id: str, limit: int, after: Item | None = None
    ) -> tuple[list[Enrollment], Item | None]:
        """Read a page of a user's enrollments, newest first: one Query of the index byOwner.

        ``after`` is the key that the page before ended with.
        """
        request = {
            "IndexName": "byOwner",
            "KeyConditionExpression": "ownerKey = :owner",
            "ExpressionAttributeValues": placeholders({"owner": keys.owner(user_id, KIND)}),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        items, last = self._table.query(request, after)
        return [enrollment_from(item) for item in items], last

    def record_attempt(self, enrollment: Enrollment) -> bool:
        """Note a try that failed, unless the enrollment moved on meanwhile; tell which."""
        return self._table.update(keys.enrollment(enrollment.id), _delivery_change(enrollment))

    def record_delivery(self, record: DeliveryRecord) -> None:
        """Write a delivery together with what it means for the payment, or nothing.

        Raises Collision when enrollment or payment changed meanwhile, or StoreBusy.
        """
        enrollment = record.enrollment
        actions = [
            self._table.update_action(
                "enrollment", keys.enrollment(enrollment.id), _delivery_change(enrollment)
            )
        ]
        if record.payment_after != record.payment_before:
            actions.append(self._payment_action(record))
        payments = Payments(self._table)
        actions += payments.history_actions(record.history)
        if record.count:
            actions.append(payments.count_action(enrollment.course_id, keep_quota=False))
        try:
            self._table.transact(actions)
        except ConditionsFailed as failed:
            raise Collision(stale=True) from failed

    def _payment_action(self, record: DeliveryRecord) -> Action:
        # The set of undelivered courses is part of the condition: of two courses delivered at
        # once, one must see the other gone, or neither would complete the payment.
        before = record.payment_before
        return self._table.update_action(
            "payment",
            keys.payment(before.id),
            Change(
                progress_attributes(record.payment_after),
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
            "updatedAt": to_iso(enrollment.updated_at),
            **delivery_attributes(enrollment.delivery),
        },
        condition=WAITING,
        given={
            "enrolled": EnrollmentStatus.ENROLLED,
            "pending": DeliveryStatus.PENDING,
            "request": enrollment.delivery.request,
            "paymentId": enrollment.payment_id,
        },
    )

"""Progress in the table: enrollments, processed events, and the position of the sync."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from lunas.domain.enrollments import Enrollment, EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.progress import EVENT_LIFETIME, SyncPosition
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.enrollment_items import enrollment_from
from lunas.storage.expressions import Change, placeholders
from lunas.storage.table import Action, ConditionsFailed, Table

NEW = "attribute_not_exists(pk)"
NOT_LESS = "#enrollmentStatus = :enrolled AND #paymentId = :paymentId AND #progress <= :progress"
"""Condition: the enrollment was neither refunded nor bought again, nor is its progress higher."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Finds the enrollments of a platform enrollment, and raises their progress."""

    table: Table

    def of_platform_enrollment(self, platform_enrollment_id: str) -> list[Enrollment]:
        """Return the enrollments of a platform enrollment: one Query, one BatchGetItem.

        The index has keys only, so that a progress is written once. It lags behind, so a recent
        delivery may be missing.
        """
        found, _ = self.table.query(
            {
                "IndexName": "byPlatformEnrollment",
                "KeyConditionExpression": "platformEnrollmentId = :id",
                "ExpressionAttributeValues": placeholders({"id": platform_enrollment_id}),
            }
        )
        items = self.table.get_many({"pk": each["pk"], "sk": each["sk"]} for each in found)
        return [enrollment_from(item) for item in items]

    def is_processed(self, event_id: str) -> bool:
        """Return whether an event was processed: one GetItem."""
        return self.table.get(keys.platform_event(event_id)) is not None

    def note_processed(self, event_id: str, at: datetime) -> None:
        """Note that an event was processed without a change."""
        self.table.put(_event_item(event_id, at), NEW)

    def raise_to(self, changed: Sequence[Enrollment], event_id: str | None, at: datetime) -> bool:
        """Write the progress of enrollments together with its event, or nothing.

        An enrollment without a certificate keeps the one in the table, which may be newer. Returns
        whether the event is new. Raises ConcurrentUpdate if an enrollment changed since it was
        read.
        """
        actions = [self._raising(each) for each in changed]
        if event_id is not None:
            actions.append(self.table.put_action("event", _event_item(event_id, at), NEW))
        try:
            self.table.transact(actions)
        except ConditionsFailed as failed:
            if "event" in failed.found:
                return False
            raise ConcurrentUpdate(stale=True) from failed
        return True

    def position(self) -> SyncPosition | None:
        """Return the position of the progress sync, None before its first run: one GetItem."""
        item = self.table.get(keys.sync_progress())
        if item is None:
            return None
        began = from_iso(item["began"]) if "began" in item else None
        return SyncPosition(from_iso(item["since"]), began, int(item["page"]))

    def note_position(self, position: SyncPosition) -> None:
        """Write the position, unless a concurrent run is further ahead."""
        change = Change(
            {
                "type": "progress sync",
                "since": to_iso(position.since),
                "began": position.began and to_iso(position.began),
                "page": position.page,
            },
            condition="attribute_not_exists(#since) OR #since <= :since",
        )
        self.table.update(keys.sync_progress(), change)

    def _raising(self, after: Enrollment) -> Action:
        # Change would remove an attribute that is None.
        certificate = {"certificateUrl": after.certificate_url} if after.certificate_url else {}
        change = Change(
            {"progress": after.progress, "updatedAt": to_iso(after.updated_at), **certificate},
            condition=NOT_LESS,
            given={"enrolled": EnrollmentStatus.ENROLLED, "paymentId": after.payment_id},
        )
        return self.table.update_action(after.id, keys.enrollment(after.id), change)


def _event_item(event_id: str, at: datetime) -> dict[str, object]:
    return {
        **keys.platform_event(event_id),
        "type": "event",
        "at": to_iso(at),
        "ttl": ceil((at + EVENT_LIFETIME).timestamp()),
    }

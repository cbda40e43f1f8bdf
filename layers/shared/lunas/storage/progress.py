"""Progress in the table: whose row it is, which events were processed, how far the sync is."""

from collections.abc import Sequence
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
NOT_LESS = "#status = :enrolled AND #paymentId = :paymentId AND #progress <= :progress"
"""Condition of an enrollment that was neither refunded nor bought anew, nor got further."""


class Progress:
    """Finds the enrollments of a row at the platform, and raises their progress."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of_platform_enrollment(self, platform_enrollment_id: int) -> list[Enrollment]:
        """Return the enrollments that were delivered as this row: one Query, one BatchGetItem.

        The index holds keys only, so that a progress is written once, and it lags behind: what
        was delivered a moment ago may be missing.
        """
        found, _ = self._table.query(
            {
                "IndexName": "byPlatformEnrollment",
                "KeyConditionExpression": "platformEnrollmentId = :row",
                "ExpressionAttributeValues": placeholders({"row": platform_enrollment_id}),
            }
        )
        items = self._table.get_many({"pk": each["pk"], "sk": each["sk"]} for each in found)
        return [enrollment_from(item) for item in items]

    def is_processed(self, event_id: str) -> bool:
        """Tell whether an event was dealt with: one GetItem."""
        return self._table.get(keys.platform_event(event_id)) is not None

    def note_processed(self, event_id: str, at: datetime) -> None:
        """Note that an event was dealt with, where that changed nothing."""
        self._table.put(_mark(event_id, at), NEW)

    def raise_to(self, changed: Sequence[Enrollment], event_id: str | None, at: datetime) -> bool:
        """Write enrollments that got further, together with the event that told it, or nothing.

        An enrollment without a certificate keeps the one that the table has: it may have come
        since. Tells whether the event is new; ConcurrentUpdate when an enrollment moved since it
        was read.
        """
        actions = [self._raising(each) for each in changed]
        if event_id is not None:
            actions.append(self._table.put_action("event", _mark(event_id, at), NEW))
        try:
            self._table.transact(actions)
        except ConditionsFailed as failed:
            if "event" in failed.found:
                return False
            raise ConcurrentUpdate(stale=True) from failed
        return True

    def position(self) -> SyncPosition | None:
        """Return how far the progress sync is: one GetItem; None if there was none yet."""
        item = self._table.get(keys.sync_progress())
        if item is None:
            return None
        began = from_iso(item["began"]) if "began" in item else None
        return SyncPosition(from_iso(item["since"]), began, int(item["page"]))

    def note_position(self, position: SyncPosition) -> None:
        """Keep how far it is. Of two runs at once, one that is behind takes nothing back."""
        change = Change(
            {
                "type": "progress sync",
                "since": to_iso(position.since),
                "began": position.began and to_iso(position.began),
                "page": position.page,
            },
            condition="attribute_not_exists(#since) OR #since <= :since",
        )
        self._table.update(keys.sync_progress(), change)

    def _raising(self, after: Enrollment) -> Action:
        # Change would take an attribute away that is None.
        certificate = {"certificateUrl": after.certificate_url} if after.certificate_url else {}
        change = Change(
            {"progress": after.progress, "updatedAt": to_iso(after.updated_at), **certificate},
            condition=NOT_LESS,
            given={"enrolled": EnrollmentStatus.ENROLLED, "paymentId": after.payment_id},
        )
        return self._table.update_action(after.id, keys.enrollment(after.id), change)


def _mark(event_id: str, at: datetime) -> dict[str, object]:
    return {
        **keys.platform_event(event_id),
        "type": "event",
        "at": to_iso(at),
        "ttl": ceil((at + EVENT_LIFETIME).timestamp()),
    }

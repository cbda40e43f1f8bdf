"""What is due: the index byDue, and the pause that Duitku asked for."""

from datetime import datetime

from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change, placeholders
from lunas.storage.table import Table


class Due:
    """Reads what reconcile has to look at; an item leaves the index when it is settled."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def payments(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of payments to ask Duitku about, the most overdue first: one Query."""
        return self._ids(keys.DUE_AT_GATEWAY, now, limit)

    def deliveries(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of enrollments whose delivery is overdue: one Query."""
        return self._ids(keys.DUE_AT_PLATFORM, now, limit)

    def paused_until(self) -> datetime | None:
        """Return until when Duitku must not be asked by schedule, or None."""
        item = self._table.get(keys.pause())
        return from_iso(item["until"]) if item else None

    def pause(self, until: datetime) -> None:
        """Ask Duitku nothing by schedule until then."""
        self._table.update(keys.pause(), Change({"type": "pause", "until": to_iso(until)}))

    def _ids(self, partition: str, now: datetime, limit: int) -> list[str]:
        items, _ = self._table.query(
            {
                "IndexName": "byDue",
                "KeyConditionExpression": "dueKey = :key AND dueAt <= :now",
                "ExpressionAttributeValues": placeholders({"key": partition, "now": to_iso(now)}),
                "Limit": limit,
            }
        )
        return [item["pk"].partition("#")[2] for item in items]

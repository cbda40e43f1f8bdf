"""What the audit reads and writes: trails, marks, payments with their history, completions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from lunas.domain.audit_feeds import FIRST_LOOK, Stretch, Trace, Trail
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payments import HistoryEvent, Payment, Status
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.enrollment_items import KIND as ENROLLMENT
from lunas.storage.expressions import Change, Item, placeholders
from lunas.storage.payment_items import KIND as PAYMENT
from lunas.storage.payment_items import history_from, payment_from, progress_attributes
from lunas.storage.settlements import history_actions
from lunas.storage.table import ConditionsFailed, Table

BEGINNING, LATEST = "0", ":"
"""Below and above every time as text."""


class Audits:
    """Follows what changed, one Query a stretch, and never reads anything else by a list."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def mark(self, trail: Trail, now: datetime) -> str:
        """Return where a trail goes on: a time, or the last sort key that was looked at."""
        item = self._table.get(keys.audit(trail))
        if item:
            return str(item["mark"])
        return BEGINNING if trail is Trail.APPROVED else to_iso(now - FIRST_LOOK)

    def note(self, trail: Trail, mark: str) -> None:
        """Keep where a trail goes on. Of two runs at once, the one that came further counts."""
        ahead = "attribute_not_exists(#mark) OR #mark < :mark"
        only_if = None if trail is Trail.APPROVED else ahead
        change = Change({"type": "audit", "mark": mark}, condition=only_if)
        self._table.update(keys.audit(trail), change)

    def follow(self, trail: Trail, mark: str, until: datetime, limit: int) -> Stretch:
        """Read the next stretch of a trail: one Query of up to ``limit`` items.

        A history is kept by days, so a stretch ends with its day, which may be empty. Of what is
        APPROVED the list begins anew after its end.
        """
        match trail:
            case Trail.APPROVED:
                return self._waiting(mark, limit)
            case _ if mark >= to_iso(until):
                return Stretch((), mark, over=True)
            case Trail.HISTORY | Trail.PLATFORM | Trail.PLATFORM_AGAIN:
                end = min(_midnight_after(mark), until)
                found = self._stretch(keys.day_of_history(mark), mark, end, limit)
                return replace(found, over=found.over and end == until)
            case Trail.ENROLLMENT:
                return self._stretch(ENROLLMENT, mark, until, limit)

    def read(self, payment_id: str) -> tuple[Payment | None, list[HistoryEvent]]:
        """Read a payment with its history, oldest first: one consistent Query."""
        items, _ = self._table.query(
            {
                "KeyConditionExpression": "pk = :pk AND sk BETWEEN :history AND :payment",
                "ExpressionAttributeValues": placeholders(
                    {
                        "pk": keys.payment(payment_id)["pk"],
                        "history": keys.history(payment_id, 0)["sk"],
                        "payment": keys.payment(payment_id)["sk"],
                    }
                ),
                "ConsistentRead": True,
            }
        )
        events = [history_from(item) for item in items if item["type"] == "history"]
        found = [payment_from(item) for item in items if item["type"] == "payment"]
        return next(iter(found), None), events

    def complete(self, before: Payment, after: Payment, history: Sequence[HistoryEvent]) -> None:
        """Write the completion of a payment; raises ConcurrentUpdate if it has changed since."""
        waiting = set(before.undelivered)
        still = "#undelivered = :waiting" if waiting else "attribute_not_exists(#undelivered)"
        given = {"was": before.status, "read": before.version}
        change = Change(
            progress_attributes(after),
            condition=f"#status = :was AND #version = :read AND {still}",
            given=given | ({"waiting": waiting} if waiting else {}),
        )
        step = self._table.update_action("payment", keys.payment(before.id), change)
        try:
            self._table.transact([step, *history_actions(self._table, history)])
        except ConditionsFailed as failed:
            raise ConcurrentUpdate(stale=True) from failed

    def _stretch(self, partition: str, mark: str, end: datetime, limit: int) -> Stretch:
        items, more = self._query("byKind", "kindKey", partition, (mark, to_iso(end)), limit)
        going_on = items[-1]["listSort"] if more else to_iso(end)
        return Stretch(tuple(map(_trace, items)), going_on, over=not more)

    def _waiting(self, mark: str, limit: int) -> Stretch:
        partition = keys.state(PAYMENT, Status.APPROVED)
        items, more = self._query("byState", "stateKey", partition, (mark, LATEST), limit)
        traces = tuple(Trace(item["id"]) for item in items)
        return Stretch(traces, items[-1]["listSort"] if more else BEGINNING, over=not more)

    def _query(
        self, index: str, key: str, partition: str, span: tuple[str, str], limit: int
    ) -> tuple[list[Item], bool]:
        items, last = self._table.query(
            {
                "IndexName": index,
                "KeyConditionExpression": "#key = :key AND listSort BETWEEN :start AND :end",
                "ExpressionAttributeNames": {"#key": key},
                "ExpressionAttributeValues": placeholders(
                    {"key": partition, "start": span[0], "end": span[1]}
                ),
                "Limit": limit,
            }
        )
        return items, last is not None


def _midnight_after(mark: str) -> datetime:
    day = from_iso(mark.partition("#")[0]).date()
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _trace(item: Item) -> Trace:
    enrollment_id = item["id"] if item["type"] == "enrollment" else None
    return Trace(item["paymentId"], enrollment_id, item["listSort"])

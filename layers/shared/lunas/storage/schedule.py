"""What is due when: the index byDue, the gateway's pause, and the audit's checkpoints."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from lunas.domain.audit_feeds import FIRST_LOOK, Batch, Feed, Ref
from lunas.domain.payments import Payment, Status
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.enrollment_items import KIND as ENROLLMENT
from lunas.storage.expressions import Change, Item, placeholders
from lunas.storage.payment_items import KIND as PAYMENT
from lunas.storage.payment_items import asked_attributes, denied_attributes, due_attributes
from lunas.storage.table import Table

BEGINNING, LATEST = "0", ":"
"""Below and above every time as text."""
NO_TIME = "never"
"""In a condition, in place of an absent time; it sorts after every time."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Reads and writes due times and checkpoints; an item leaves the index once it is settled.

    The audit reads changed items only, one Query for each batch.
    """

    table: Table

    def payments(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of payments to check, the most overdue first: one Query."""
        return self._ids(keys.DUE_AT_GATEWAY, now, limit)

    def deliveries(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of enrollments whose delivery is overdue: one Query."""
        return self._ids(keys.DUE_AT_PLATFORM, now, limit)

    def paused_until(self) -> datetime | None:
        """Return until when calls to the gateway are paused, or None."""
        item = self.table.get(keys.pause())
        return from_iso(item["until"]) if item else None

    def pause(self, until: datetime) -> None:
        """Pause calls to the gateway."""
        self.table.update(keys.pause(), Change({"type": "pause", "until": to_iso(until)}))

    def claim_question(self, payment_id: str, now: datetime, before: datetime) -> bool:
        """Record that the gateway is asked now; False if it was asked after ``before``.

        Of concurrent requests, one may ask.
        """
        change = Change(
            {"askedAt": to_iso(now), "asking": True},
            condition=(
                "attribute_exists(#pk) AND (attribute_not_exists(#askedAt) OR #askedAt <= :before)"
            ),
            given={"before": to_iso(before)},
        )
        return self.table.update(keys.payment(payment_id), change)

    def note_answer(self, payment_id: str, asked_at: datetime) -> None:
        """Record that the gateway was asked and has answered or failed."""
        change = Change(asked_attributes(asked_at), condition="attribute_exists(#pk)")
        self.table.update(keys.payment(payment_id), change)

    def check_at(
        self,
        payment: Payment,
        moment: datetime | None,
        asked_at: datetime | None = None,
        denied_at: datetime | None = None,
    ) -> bool:
        """Record when the gateway is asked next; False if the payment's status has changed.

        A time that another request has recorded since ``payment`` was read stays, unless this one
        is sooner. The status is compared, not the version, which a correction changes as well: a
        payment never returns to a status. ``asked_at``: when the gateway was asked, answered or
        not. ``denied_at``: since when it denies a success.
        """
        asked = asked_attributes(asked_at) if asked_at else {}
        change = Change(
            due_attributes(moment) | asked | denied_attributes(denied_at),
            condition=(
                "#status = :was"
                " AND (attribute_not_exists(#dueAt) OR #dueAt = :read OR #dueAt > :moment)"
            ),
            given={
                "was": payment.status,
                "read": to_iso(payment.check_at) if payment.check_at else NO_TIME,
                "moment": to_iso(moment) if moment else NO_TIME,
            },
        )
        return self.table.update(keys.payment(payment.id), change)

    def checkpoint(self, feed: Feed, now: datetime) -> str:
        """Return the checkpoint of a feed: a time, or the last audited sort key."""
        item = self.table.get(keys.audit(feed))
        if item:
            return str(item["checkpoint"])
        return BEGINNING if feed is Feed.APPROVED else to_iso(now - FIRST_LOOK)

    def record_checkpoint(self, feed: Feed, checkpoint: str) -> None:
        """Write the checkpoint of a feed, unless a concurrent run is further ahead."""
        ahead = "attribute_not_exists(#checkpoint) OR #checkpoint < :checkpoint"
        only_if = None if feed is Feed.APPROVED else ahead
        change = Change({"type": "audit", "checkpoint": checkpoint}, condition=only_if)
        self.table.update(keys.audit(feed), change)

    def batch(self, feed: Feed, checkpoint: str, until: datetime, limit: int) -> Batch:
        """Read the next batch of a feed: one Query of up to ``limit`` items.

        History is partitioned by day, so a batch ends with its day, and may be empty. The list of
        APPROVED payments starts again after its end.
        """
        match feed:
            case Feed.APPROVED:
                return self._waiting(checkpoint, limit)
            case _ if checkpoint >= to_iso(until):
                return Batch((), checkpoint, is_last=True)
            case Feed.HISTORY | Feed.PLATFORM | Feed.PLATFORM_AGAIN:
                end = min(_midnight_after(checkpoint), until)
                found = self._batch(keys.day_of_history(checkpoint), checkpoint, end, limit)
                return replace(found, is_last=found.is_last and end == until)
            case Feed.ENROLLMENT:
                return self._batch(ENROLLMENT, checkpoint, until, limit)

    def _ids(self, partition: str, now: datetime, limit: int) -> list[str]:
        items, _ = self.table.query(
            {
                "IndexName": "byDue",
                "KeyConditionExpression": "dueKey = :key AND dueAt <= :now",
                "ExpressionAttributeValues": placeholders({"key": partition, "now": to_iso(now)}),
                "Limit": limit,
            }
        )
        return [item["pk"].partition("#")[2] for item in items]

    def _batch(self, partition: str, checkpoint: str, end: datetime, limit: int) -> Batch:
        items, more = self._query("byKind", "kindKey", partition, (checkpoint, to_iso(end)), limit)
        following = items[-1]["listSort"] if more else to_iso(end)
        return Batch(tuple(map(_ref, items)), following, is_last=not more)

    def _waiting(self, checkpoint: str, limit: int) -> Batch:
        partition = keys.state(PAYMENT, Status.APPROVED)
        items, more = self._query("byState", "stateKey", partition, (checkpoint, LATEST), limit)
        refs = tuple(Ref(item["id"]) for item in items)
        return Batch(refs, items[-1]["listSort"] if more else BEGINNING, is_last=not more)

    def _query(
        self, index: str, key: str, partition: str, span: tuple[str, str], limit: int
    ) -> tuple[list[Item], bool]:
        items, last = self.table.query(
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


def _midnight_after(checkpoint: str) -> datetime:
    day = from_iso(checkpoint.partition("#")[0]).date()
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _ref(item: Item) -> Ref:
    enrollment_id = item["id"] if item["type"] == "enrollment" else None
    return Ref(item["paymentId"], enrollment_id, item["listSort"])

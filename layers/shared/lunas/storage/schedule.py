"""What is due when: the index byDue, the gateway's pause, and the audit's checkpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lunas.domain.audit_feeds import FIRST_LOOK, Batch, Feed, Ref
from lunas.domain.payments import Payment, Status
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.enrollment_items import TYPE as ENROLLMENT
from lunas.storage.expressions import Change, Item, Key, placeholders
from lunas.storage.history_items import TYPE as HISTORY
from lunas.storage.pages import LATEST, RESOLUTION, in_partition
from lunas.storage.payment_items import TYPE as PAYMENT
from lunas.storage.payment_items import asked_attributes, denied_attributes, due_attributes
from lunas.storage.table import Table

BEGINNING = "0"
"""Below every time as text."""
SEPARATOR = "|"
"""Between the parts of a checkpoint; no key of a payment or an enrollment contains it."""
_CHANGES = "byType", {"type": HISTORY}, "createdAt"
_READ: Mapping[Feed, tuple[str, Mapping[str, str], str]] = {
    Feed.APPROVED: ("byStatus", {"type": PAYMENT, "status": Status.APPROVED}, "createdAt"),
    Feed.PAYMENT: ("byType", {"type": PAYMENT}, "createdAt"),
    Feed.HISTORY: _CHANGES,
    Feed.ENROLLMENT: ("byEnrolledAt", {"type": ENROLLMENT}, "enrolledAt"),
    Feed.PLATFORM: _CHANGES,
    Feed.PLATFORM_AGAIN: _CHANGES,
}
"""What each feed reads: an index, its partition, and the attribute by which it is sorted."""
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
        return self._ids(PAYMENT, now, limit)

    def deliveries(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of enrollments whose delivery is overdue: one Query."""
        return self._ids(ENROLLMENT, now, limit)

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
        """Return the checkpoint of a feed: a time, or the place of the last audited item."""
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

        The list of APPROVED payments starts again after its end.
        """
        start, _, place = checkpoint.partition(SEPARATOR)
        index, partition, sort = _READ[feed]
        end = LATEST if feed is Feed.APPROVED else to_iso(until - RESOLUTION)
        following = BEGINNING if feed is Feed.APPROVED else to_iso(until)
        if start > end:
            return Batch((), checkpoint, is_last=True)
        after = {**partition, sort: start, **_key_of(place)} if place else None
        request = {**in_partition(index, partition, sort, start, end), "Limit": limit}
        items, last = self.table.query(request, after)
        refs = tuple(_ref(item, item[sort]) for item in items)
        return Batch(refs, refs[-1].place if last else following, is_last=last is None)

    def _ids(self, kind: str, now: datetime, limit: int) -> list[str]:
        items, _ = self.table.query(
            {
                "IndexName": "byDue",
                "KeyConditionExpression": "#type = :type AND dueAt <= :now",
                "ExpressionAttributeNames": {"#type": "type"},
                "ExpressionAttributeValues": placeholders({"type": kind, "now": to_iso(now)}),
                "Limit": limit,
            }
        )
        return [keys.id_of(item) for item in items]


def _key_of(place: str) -> Key:
    pk, _, sk = place.partition(SEPARATOR)
    return {"pk": pk, "sk": sk}


def _ref(item: Item, created: str) -> Ref:
    place = SEPARATOR.join([created, item["pk"], item["sk"]])
    if item["type"] == ENROLLMENT:
        return Ref(item["paymentId"], keys.id_of(item), place)
    return Ref(keys.id_of(item), None, place)

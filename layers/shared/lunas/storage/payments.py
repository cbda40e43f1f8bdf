"""Payments in the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.lists import Page, PaymentFilter, Position
from lunas.domain.payments import GatewayInvoice, Held, HistoryEvent, Payment, Slot, Status
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.catalog import Catalog
from lunas.storage.expressions import Change, given, placeholders
from lunas.storage.history_items import TYPE as HISTORY
from lunas.storage.history_items import first_event, history_from
from lunas.storage.pages import Listing, places, read_page
from lunas.storage.payment_items import (
    TYPE,
    invoice_attributes,
    payment_from,
    payment_item,
)
from lunas.storage.settlements import (
    NEW,
    completion_actions,
    concurrent_update_of,
    settlement_actions,
)
from lunas.storage.table import Action, ConditionsFailed, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from lunas.domain.access_claims import AccountLink
    from lunas.domain.corrections import Correction
    from lunas.domain.refunds import Refund
    from lunas.domain.settlement import Settlement


@dataclass(frozen=True, slots=True)
class Payments:
    """Reads and writes payments with their history.

    A change of several items is one transaction. It raises ConcurrentUpdate if one of them has
    changed since it was read, StorageContention if the table is too busy.
    """

    table: Table

    def get(self, payment_id: str) -> Payment | None:
        """Read a payment: one GetItem."""
        item = self.table.get(keys.payment(payment_id))
        return payment_from(item) if item else None

    def read(self, payment_id: str) -> tuple[Payment | None, list[HistoryEvent]]:
        """Read a payment with its history, oldest first: one consistent Query."""
        # The payment's sort key comes after those of its history.
        key, last = keys.history(payment_id, 0), keys.payment(payment_id)["sk"]
        values = {"pk": key["pk"], "first": key["sk"], "last": last}
        items, _ = self.table.query(
            {
                "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
                "ExpressionAttributeValues": placeholders(values),
                "ConsistentRead": True,
            }
        )
        found = [item for item in items if item["type"] == TYPE]
        events = [first_event(item) for item in found]
        for item in items:
            events += history_from(item) if item["type"] == HISTORY else []
        return next(map(payment_from, found), None), events

    def page(self, wanted: PaymentFilter, limit: int, after: Position | None) -> Page[Payment]:
        """Read a page of payments, newest first: one Query."""
        listing = _listing(wanted)
        items, last = read_page(self.table, listing, limit, after)
        return Page(tuple(payment_from(item) for item in items), last, places(listing, items))

    def slot(self, user_id: str, package_id: str, course_id: str | None) -> Slot:
        """Read the slot of this purchase: one GetItem."""
        item = self.table.get(keys.open_purchase(user_id, package_id, course_id))
        held = item["payments"] if item else ()
        return Slot(tuple(Held(each["id"], each.get("channel")) for each in held))

    def waiting_transfer(
        self, user_id: str, package_id: str, course_id: str | None
    ) -> Payment | None:
        """Read the transfer that holds the slot of this purchase: one or two GetItem."""
        slot = self.table.get(keys.waiting_transfer(user_id, package_id, course_id))
        return self.get(slot["paymentId"]) if slot else None

    def create_transfer(
        self, payment: Payment, event: HistoryEvent, *, instead_of: str | None
    ) -> None:
        """Write a new manual payment and take the slot of its purchase.

        The slot prevents two payments, both approved, when a proof is sent twice at once: it must
        be free, or held by ``instead_of``, a payment that is decided.
        """
        slot = {
            **keys.waiting_transfer(payment.user_id, payment.package_id, payment.course_id),
            "type": "waiting-transfer",
            "paymentId": payment.id,
        }
        taking = self.table.put_action(
            "slot", slot, f"{NEW} OR #paymentId = :decided", {"decided": instead_of or ""}
        )
        self._write([self._creation(payment, event), taking])

    def create_open(
        self, payment: Payment, event: HistoryEvent, slot: Slot, *, instead_of: str | None
    ) -> None:
        """Write a new payment, and the slot of its purchase with it as the newest payment.

        The slot prevents two invoices for the same purchase when two requests arrive at once: its
        newest payment must still be ``instead_of``, as it was read. Every change of a slot adds a
        newest payment, so its other payments are unchanged too.
        """
        held = [given({"id": each.payment_id, "channel": each.channel}) for each in slot.held]
        item = {
            **keys.open_purchase(payment.user_id, payment.package_id, payment.course_id),
            "type": "open-purchase",
            "newest": slot.newest,
            "payments": held,
        }
        taking = self.table.put_action(
            "slot", item, f"{NEW} OR #newest = :read", {"read": instead_of or ""}
        )
        self._write([self._creation(payment, event), taking])

    def record_invoice(
        self, payment: Payment, invoice: GatewayInvoice, expires_at: datetime
    ) -> None:
        """Write the gateway's invoice of a payment, which may have been settled meanwhile.

        The invoice ends at ``expires_at``. After several calls, every reference is kept: the buyer
        may have seen either invoice.
        """
        key = keys.payment(payment.id)
        invoiced = {
            **invoice_attributes(payment, invoice),
            "expiresAt": to_iso(expires_at),
            "invoiceAskedAt": None,
        }
        only = Change(
            invoiced, condition="attribute_exists(#pk) AND attribute_not_exists(#furtherCalls)"
        )
        if self.table.update(key, only):
            return
        counted: dict[str, int | set[str]] = {
            "references": {invoice.reference},
            "invoiceAnswers": 1,
        }
        again = Change(invoiced, adds=counted, condition="attribute_exists(#pk)")
        self.table.update(key, again)

    def claim_invoice(self, payment: Payment, now: datetime, before: datetime) -> bool:
        """Count a call for the invoice of a payment without one; False if there must be no call.

        There must be none if another request claimed it after ``before``. Counting before the call
        shows that a reference is missing if the answer is lost.
        """
        change = Change(
            {"invoiceAskedAt": to_iso(now)},
            adds={"furtherCalls": 1},
            condition=(
                "#status = :pending AND attribute_not_exists(#gateway)"
                " AND (attribute_not_exists(#invoiceAskedAt) OR #invoiceAskedAt <= :before)"
            ),
            given={"pending": Status.PENDING, "before": to_iso(before)},
        )
        return self.table.update(keys.payment(payment.id), change)

    def note_bundle(
        self, payment_id: str, asked_at: datetime, *, over: datetime | None = None
    ) -> bool:
        """Record when the bundle of a payment was requested; False unless this is the first time.

        With ``over``, replace that recorded time.
        """
        first = "attribute_exists(#pk) AND attribute_not_exists(#bundleAskedAt)"
        change = Change(
            {"bundleAskedAt": to_iso(asked_at)},
            condition=first if over is None else "#bundleAskedAt = :over",
            given=None if over is None else {"over": to_iso(over)},
        )
        return self.table.update(keys.payment(payment_id), change)

    def first_transaction(self, payment_id: str, transaction: str) -> str:
        """Record the gateway's number of the transfer that paid, and return the first recorded."""
        change = Change({}, set_if_missing={"gatewayTransaction": transaction})
        _, noted = self.table.update_returning(keys.payment(payment_id), change)
        return str(noted["gatewayTransaction"])

    def commit(self, settlement: Settlement, *, keep_quota: bool) -> None:
        """Write a settlement completely, or nothing.

        ``keep_quota``: refuse to exceed the quota of a course. Raises ConcurrentUpdate with the
        changes that came first, or StorageContention.
        """
        try:
            self.table.transact(settlement_actions(self.table, settlement, keep_quota=keep_quota))
        except ConditionsFailed as failed:
            raise concurrent_update_of(failed, settlement.after.updated_at) from failed

    def complete(self, before: Payment, after: Payment, history: Sequence[HistoryEvent]) -> None:
        """Write the completion of a payment."""
        self._write(completion_actions(self.table, before, after, history))

    def record_refund(self, refund: Refund) -> None:
        """Write payment, history and every enrollment of a refund."""
        # Only admins' requests pay for the import.
        from lunas.storage.refunds import refund_actions  # noqa: PLC0415

        self._write(refund_actions(self.table, refund))

    def record_correction(self, correction: Correction, link: AccountLink) -> None:
        """Write payment, history, link, and every enrollment to deliver again."""
        from lunas.storage.corrections import correction_actions  # noqa: PLC0415

        self._write(correction_actions(self.table, correction, link))

    def full_courses(self, course_ids: Iterable[str]) -> frozenset[str]:
        """Return the courses whose quota is reached: one BatchGetItem per hundred."""
        courses = Catalog(self.table).courses(course_ids)
        return frozenset(course.id for course in courses if course.full)

    def _write(self, actions: list[Action]) -> None:
        try:
            self.table.transact(actions)
        except ConditionsFailed as failed:
            raise ConcurrentUpdate(stale=True) from failed

    def _creation(self, payment: Payment, event: HistoryEvent) -> Action:
        return self.table.put_action("payment", payment_item(payment, event.actor), NEW)


def _listing(wanted: PaymentFilter) -> Listing:
    where: dict[str, str | None] = {"paymentType": wanted.payment_type, "method": wanted.method}
    index, partition = "byType", {"type": TYPE}
    if wanted.user_id is not None:
        index, partition = "byUser", {"userId": wanted.user_id}
        where["status"] = wanted.status
    elif wanted.status is not None:
        index, partition = "byStatus", {"type": TYPE, "status": wanted.status}
    return Listing(index=index, partition=partition, span=wanted.span, where=where)

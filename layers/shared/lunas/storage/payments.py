"""Payments in the table: opening them, settling them, reading them."""

from collections.abc import Iterable
from datetime import datetime

from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.lists import Page, PaymentFilter, Position
from lunas.domain.payments import (
    GatewayInvoice,
    Held,
    HistoryEvent,
    Payment,
    Slot,
    Status,
)
from lunas.domain.settlement import Settlement
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.catalog import Catalog
from lunas.storage.expressions import Change, Item, placeholders
from lunas.storage.pages import Listing, places, read_page
from lunas.storage.payment_items import (
    KIND,
    asked_attributes,
    denied_attributes,
    due_attributes,
    history_from,
    history_item,
    invoice_attributes,
    payment_from,
    payment_item,
)
from lunas.storage.settlements import NEW, concurrent_update_of, settlement_actions
from lunas.storage.table import Action, ConditionsFailed, Table

NO_TIME = "never"
"""Stands in a condition for a time that there is none; it sorts after every time."""


class Payments:
    """Reads and writes payments with their history."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, payment_id: str) -> Payment | None:
        """Read a payment: one GetItem."""
        item = self._table.get(keys.payment(payment_id))
        return payment_from(item) if item else None

    def history(self, payment_id: str) -> list[HistoryEvent]:
        """Read the history of a payment, oldest first: one Query of a short partition."""
        items, _ = self._table.query(
            {
                "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
                "ExpressionAttributeValues": placeholders(
                    {"pk": keys.payment(payment_id)["pk"], "sk": "HISTORY#"}
                ),
                "ConsistentRead": True,
            }
        )
        return [history_from(item) for item in items]

    def page(self, wanted: PaymentFilter, limit: int, after: Position | None) -> Page[Payment]:
        """Read a page of payments, newest first: one Query."""
        listing = _listing(wanted)
        items, last = read_page(self._table, listing, limit, after)
        return Page(tuple(payment_from(item) for item in items), last, places(listing, items))

    def slot(self, user_id: str, package_id: str, course_id: str | None) -> Slot:
        """Read the slot of this purchase: one GetItem."""
        item = self._table.get(keys.open_purchase(user_id, package_id, course_id))
        held = item["payments"] if item else ()
        return Slot(tuple(Held(each["id"], each.get("channel")) for each in held))

    def waiting_transfer(
        self, user_id: str, package_id: str, course_id: str | None
    ) -> Payment | None:
        """Read the transfer that holds the slot of this purchase: up to two GetItem."""
        slot = self._table.get(keys.waiting_transfer(user_id, package_id, course_id))
        return self.get(slot["paymentId"]) if slot else None

    def create_transfer(
        self, payment: Payment, event: HistoryEvent, *, instead_of: str | None
    ) -> None:
        """Write a new manual payment and take the slot of its purchase.

        The slot stops a proof that is sent twice at once from becoming two payments, which would
        both be approved: it must be free, or held by the decided payment ``instead_of``. Raises
        ConcurrentUpdate when another request took it first.
        """
        slot = {
            **keys.waiting_transfer(payment.user_id, payment.package_id, payment.course_id),
            "type": "waiting-transfer",
            "paymentId": payment.id,
        }
        taking = self._table.put_action(
            "slot", slot, f"{NEW} OR #paymentId = :decided", {"decided": instead_of or ""}
        )
        try:
            self._table.transact([*self._creation(payment, event), taking])
        except ConditionsFailed as failed:
            raise ConcurrentUpdate(stale=True) from failed

    def create_open(
        self, payment: Payment, event: HistoryEvent, slot: Slot, *, instead_of: str | None
    ) -> None:
        """Write a new payment and the slot of its purchase, where it is the newest.

        The slot stops two requests at once from opening two invoices for the same thing: its
        newest payment must still be ``instead_of``, as it was read. Every change of a slot is a
        new newest payment, so the others in it are as they were read as well. Raises
        ConcurrentUpdate when another request came first.
        """
        held = [_given({"id": each.payment_id, "channel": each.channel}) for each in slot.held]
        item = {
            **keys.open_purchase(payment.user_id, payment.package_id, payment.course_id),
            "type": "open-purchase",
            "newest": slot.newest,
            "payments": held,
        }
        taking = self._table.put_action(
            "slot", item, f"{NEW} OR #newest = :read", {"read": instead_of or ""}
        )
        try:
            self._table.transact([*self._creation(payment, event), taking])
        except ConditionsFailed as failed:
            raise ConcurrentUpdate(stale=True) from failed

    def record_invoice(
        self, payment_id: str, invoice: GatewayInvoice, expires_at: datetime
    ) -> None:
        """Keep what Duitku gave for a payment; it may be settled meanwhile, which is untouched.

        ``expires_at``: when this invoice ends. Every reference is kept, also when two calls
        crossed: the buyer may have been shown either.
        """
        change = Change(
            {
                "gateway": invoice_attributes(invoice),
                "gatewayExpiresAt": to_iso(expires_at),
            },
            adds={"references": {invoice.reference}, "invoiceAnswers": 1},
            condition="attribute_exists(#pk)",
        )
        self._table.update(keys.payment(payment_id), change)

    def claim_invoice(self, payment: Payment, now: datetime, before: datetime) -> bool:
        """Count another call for the invoice of a payment that has none; tell whether it may.

        Nobody may have claimed it after ``before``. The count comes first, so that a reference
        whose answer is lost is known to be missing.
        """
        change = Change(
            {"invoiceAskedAt": to_iso(now)},
            adds={"invoiceCalls": 1},
            condition=(
                "#status = :pending AND attribute_not_exists(#gateway)"
                " AND (attribute_not_exists(#invoiceAskedAt) OR #invoiceAskedAt <= :before)"
            ),
            given={"pending": Status.PENDING, "before": to_iso(before)},
        )
        return self._table.update(keys.payment(payment.id), change)

    def claim_question(self, payment_id: str, now: datetime, before: datetime) -> bool:
        """Note that Duitku is asked now, unless it was asked after ``before``; tell whether noted.

        Of requests at once one may ask.
        """
        change = Change(
            {"askedAt": to_iso(now), "asking": True},
            condition=(
                "attribute_exists(#pk) AND (attribute_not_exists(#askedAt) OR #askedAt <= :before)"
            ),
            given={"before": to_iso(before)},
        )
        return self._table.update(keys.payment(payment_id), change)

    def note_answer(self, payment_id: str, asked_at: datetime) -> None:
        """Note that Duitku was asked, and that no answer is awaited any more."""
        change = Change(asked_attributes(asked_at), condition="attribute_exists(#pk)")
        self._table.update(keys.payment(payment_id), change)

    def note_bundle(
        self, payment_id: str, asked_at: datetime, *, over: datetime | None = None
    ) -> bool:
        """Note when the platform was asked for the bundle of a payment; only one asks first.

        With ``over``, the time that was noted, the note is replaced. Tell whether noted.
        """
        first = "attribute_exists(#pk) AND attribute_not_exists(#bundleAskedAt)"
        change = Change(
            {"bundleAskedAt": to_iso(asked_at)},
            condition=first if over is None else "#bundleAskedAt = :over",
            given=None if over is None else {"over": to_iso(over)},
        )
        return self._table.update(keys.payment(payment_id), change)

    def check_at(
        self,
        payment: Payment,
        moment: datetime | None,
        asked_at: datetime | None = None,
        denied_at: datetime | None = None,
    ) -> bool:
        """Note when Duitku is asked next, unless the payment moved on; tell whether noted.

        What another request has noted since ``payment`` was read stays, unless this is sooner. A
        correction of the learner, which changes the version, is in nobody's way: no state comes
        twice. ``asked_at``: it was asked just now, and has answered or not. ``denied_at``: since
        when it denies a success.
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
        return self._table.update(keys.payment(payment.id), change)

    def first_transaction(self, payment_id: str, transaction: str) -> str:
        """Note Duitku's number of the transfer that paid, if none is; return the one noted."""
        change = Change({}, firsts={"gatewayTransaction": transaction})
        _, noted = self._table.update_returning(keys.payment(payment_id), change)
        return str(noted["gatewayTransaction"])

    def commit(self, settlement: Settlement, *, keep_quota: bool) -> None:
        """Write a settlement with all that belongs to it, or nothing.

        ``keep_quota``: refuse when a course is full, instead of counting on. Raises
        ConcurrentUpdate with what came first, or StorageContention.
        """
        try:
            self._table.transact(settlement_actions(self._table, settlement, keep_quota=keep_quota))
        except ConditionsFailed as failed:
            raise concurrent_update_of(failed, settlement.after.updated_at) from failed

    def full_courses(self, course_ids: Iterable[str]) -> frozenset[str]:
        """Return those of the courses whose quota is reached: one BatchGetItem per hundred."""
        return frozenset(
            course.id for course in Catalog(self._table).courses(course_ids) if course.full
        )

    def _creation(self, payment: Payment, event: HistoryEvent) -> list[Action]:
        return [
            self._table.put_action("payment", payment_item(payment), NEW),
            self._table.put_action("history", history_item(event), NEW),
        ]


def _given(item: Item) -> Item:
    return {name: value for name, value in item.items() if value is not None}


def _listing(wanted: PaymentFilter) -> Listing:
    where: dict[str, str | None] = {"paymentType": wanted.payment_type, "method": wanted.method}
    if wanted.user_id is not None:
        return Listing(
            index="byOwner",
            key="ownerKey",
            partition=keys.owner(wanted.user_id, KIND),
            span=wanted.span,
            where={**where, "status": wanted.status},
        )
    if wanted.status is not None:
        partition = keys.state(KIND, wanted.status)
        return Listing(
            index="byState", key="stateKey", partition=partition, span=wanted.span, where=where
        )
    return Listing(index="byKind", key="kindKey", partition=KIND, span=wanted.span, where=where)

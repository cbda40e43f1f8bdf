"""Payments in the table: opening them, settling them, reading them."""

from collections.abc import Sequence
from datetime import datetime

from lunas.adapters.store import keys
from lunas.adapters.store.anomalies import anomaly_item
from lunas.adapters.store.enrollment_items import enrollment_item
from lunas.adapters.store.expressions import Change, placeholders
from lunas.adapters.store.lists import Listing, read_page
from lunas.adapters.store.payment_items import (
    KIND,
    due_attributes,
    history_from,
    history_item,
    invoice_attributes,
    payment_from,
    payment_item,
    progress_attributes,
)
from lunas.adapters.store.table import Action, ConditionsFailed, Table
from lunas.rules.enrollments import EnrollmentStatus
from lunas.rules.errors import Collision
from lunas.rules.listing import Page, PaymentFilter, Position
from lunas.rules.payments import GatewayInvoice, HistoryEvent, Payment
from lunas.rules.settlement import Settlement

NEW = "attribute_not_exists(#pk)"
"""Condition of an item that must not be there yet."""


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
        items, last = read_page(self._table, _listing(wanted), limit, after)
        return Page(tuple(payment_from(item) for item in items), last)

    def open_payment(self, user_id: str, package_id: str, course_id: str | None) -> Payment | None:
        """Read the payment that holds the slot of this purchase: two GetItem."""
        slot = self._table.get(keys.open_purchase(user_id, package_id, course_id))
        return self.get(slot["paymentId"]) if slot else None

    def create(self, payment: Payment, event: HistoryEvent) -> None:
        """Write a new payment that needs no slot."""
        self._table.transact(self._creation(payment, event))

    def create_open(self, payment: Payment, event: HistoryEvent, *, instead_of: str | None) -> None:
        """Write a new payment and take the slot of its purchase.

        The slot stops two requests at once from opening two invoices for the same thing: it
        must be free, or held by the ended payment ``instead_of``. Raises Collision when another
        request took it first.
        """
        slot = {
            **keys.open_purchase(payment.user_id, payment.package_id, payment.course_id),
            "type": "open-purchase",
            "paymentId": payment.id,
        }
        taking = self._table.put_action(
            "slot", slot, f"{NEW} OR #paymentId = :ended", {"ended": instead_of or ""}
        )
        try:
            self._table.transact([*self._creation(payment, event), taking])
        except ConditionsFailed as failed:
            raise Collision(stale=True) from failed

    def record_invoice(self, payment_id: str, invoice: GatewayInvoice) -> None:
        """Keep what Duitku gave for a payment; it may be settled meanwhile, which is untouched."""
        self._table.update(
            keys.payment(payment_id),
            Change({"gateway": invoice_attributes(invoice)}, condition="attribute_exists(#pk)"),
        )

    def check_at(self, payment: Payment, moment: datetime | None) -> bool:
        """Note when Duitku is asked next, unless the payment moved on; tell whether noted."""
        change = Change(
            due_attributes(moment),
            condition="#status = :was AND #version = :read",
            given={"was": payment.status, "read": payment.version},
        )
        return self._table.update(keys.payment(payment.id), change)

    def commit(self, settlement: Settlement, *, keep_quota: bool) -> None:
        """Write a settlement: payment, history, enrollments, counters, anomaly, or nothing.

        ``keep_quota``: refuse when a course is full, instead of counting on. Raises Collision
        with what came first, or StoreBusy.
        """
        try:
            self._table.transact(self._actions(settlement, keep_quota=keep_quota))
        except ConditionsFailed as failed:
            raise _collision(failed) from failed

    def _creation(self, payment: Payment, event: HistoryEvent) -> list[Action]:
        return [
            self._table.put_action("payment", payment_item(payment), NEW),
            self._table.put_action("history", history_item(event), NEW),
        ]

    def _actions(self, settlement: Settlement, *, keep_quota: bool) -> list[Action]:
        actions = [self._step(settlement.before, settlement.after)]
        actions += self.history_actions(settlement.history)
        for enrollment in settlement.enrollments:
            # The item is the rule "one per user and course"; a revoked one may be taken again.
            actions.append(
                self._table.put_action(
                    f"owned:{enrollment.course_id}",
                    enrollment_item(enrollment),
                    f"{NEW} OR #status = :revoked",
                    {"revoked": EnrollmentStatus.NOT_ENROLLED},
                )
            )
            if enrollment.counted:
                actions.append(self.count_action(enrollment.course_id, keep_quota=keep_quota))
        if settlement.anomaly:
            actions.append(self._table.put_action("anomaly", anomaly_item(settlement.anomaly), NEW))
        return actions

    def _step(self, before: Payment, after: Payment) -> Action:
        # Version and status together: of all who read the same payment, one moves it.
        return self._table.update_action(
            "payment",
            keys.payment(before.id),
            Change(
                progress_attributes(after),
                condition="#status = :was AND #version = :read",
                given={"was": before.status, "read": before.version},
            ),
        )

    def history_actions(self, events: Sequence[HistoryEvent]) -> list[Action]:
        """Build the actions that add history events."""
        return [self._table.put_action("payment", history_item(event), NEW) for event in events]

    def count_action(self, course_id: str, *, keep_quota: bool) -> Action:
        """Build the action that counts one more enrollment of a course."""
        room = "attribute_not_exists(#quota) OR #enrolled < #quota"
        return self._table.update_action(
            f"full:{course_id}",
            keys.course(course_id),
            # A course that only the package service knows gets its item here.
            Change(
                {"type": "course", "id": course_id},
                adds={"enrolled": 1},
                condition=room if keep_quota else None,
            ),
        )


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


def _collision(failed: ConditionsFailed) -> Collision:
    kinds = [label.partition(":")[::2] for label in failed.labels]
    return Collision(
        stale=any(kind in {"payment", "anomaly"} for kind, _ in kinds),
        owned=frozenset(course for kind, course in kinds if kind == "owned"),
        full=frozenset(course for kind, course in kinds if kind == "full"),
    )

"""What one transaction writes when a payment is refunded."""

from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payments import Payment
from lunas.domain.refunds import Refund, Taking
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.enrollment_items import delivery_attributes, term_attributes
from lunas.storage.expressions import Change
from lunas.storage.payments import Payments
from lunas.storage.settlements import (
    as_read,
    history_actions,
    paid_as_read,
    step_action,
)
from lunas.storage.table import Action, ConditionsFailed, Table


class Refunds:
    """Reads payments and writes refunds."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, payment_id: str) -> Payment | None:
        """Read a payment: one GetItem."""
        return Payments(self._table).get(payment_id)

    def record_refund(self, refund: Refund) -> None:
        """Write payment, history and every enrollment of a refund, or nothing.

        One action for each course, so that 90 of them fit. Raises ConcurrentUpdate when the
        payment or an enrollment changed meanwhile, StorageContention.
        """
        actions = [
            step_action(self._table, refund.before, refund.after),
            *history_actions(self._table, refund.history),
            *(self._taking(taking) for taking in refund.takings),
        ]
        try:
            self._table.transact(actions)
        except ConditionsFailed as failed:
            raise ConcurrentUpdate(stale=True) from failed

    def _taking(self, taking: Taking) -> Action:
        """Build the action that takes an enrollment back, or hands it over.

        Its conditions are what the decision went by: another payment that claims the course at
        the same moment, a delivery that is noted, and another request are all seen.
        """
        before, after = taking.before, taking.after
        return self._table.update_action(
            "enrollment",
            keys.enrollment(after.id),
            Change(
                {
                    "status": after.status,
                    "paymentId": after.payment_id,
                    **term_attributes(after),
                    "updatedAt": to_iso(after.updated_at),
                    **delivery_attributes(after.delivery),
                },
                condition=f"#status = :was AND #deliveryStatus = :delivery AND "
                f"{paid_as_read(before)}",
                given={
                    "was": before.status,
                    "delivery": before.delivery.status,
                    **as_read(before),
                },
            ),
        )

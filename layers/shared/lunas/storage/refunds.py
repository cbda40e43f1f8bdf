"""The transaction that refunds a payment."""

from lunas.domain.refunds import Refund, Taking
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.enrollment_items import delivery_attributes, term_attributes
from lunas.storage.expressions import Change
from lunas.storage.settlements import claims_read, claims_unchanged, history_actions, step_action
from lunas.storage.table import Action, Table


def refund_actions(table: Table, refund: Refund) -> list[Action]:
    """Build the actions of a refund, one for each course, so that there is room for 90."""
    return [
        step_action(table, refund.before, refund.after),
        *history_actions(table, refund.history),
        *(_take_back(table, taking) for taking in refund.takings),
    ]


def _take_back(table: Table, taking: Taking) -> Action:
    """Build the action that takes an enrollment back, or hands it over to another payment.

    Its condition fails if another payment claimed the course meanwhile, or if a delivery was
    recorded or requested.
    """
    before, after = taking.before, taking.after
    return table.update_action(
        "enrollment",
        keys.enrollment(after.id),
        Change(
            {
                "enrollmentStatus": after.status,
                "paymentId": after.payment_id,
                **term_attributes(after),
                "updatedAt": to_iso(after.updated_at),
                **delivery_attributes(after.delivery),
            },
            condition="#enrollmentStatus = :was AND #deliveryStatus = :delivery"
            f" AND {claims_unchanged(before)}",
            given={"was": before.status, "delivery": before.delivery.status, **claims_read(before)},
        ),
    )

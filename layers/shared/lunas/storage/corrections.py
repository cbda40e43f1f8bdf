"""What one transaction writes when the learner of a payment is corrected."""

from lunas.domain.access_claims import AccountLink
from lunas.domain.corrections import Correction, Redelivery
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payments import Payment
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.enrollment_items import request_attributes
from lunas.storage.expressions import Change
from lunas.storage.learners import Learners, link_as_read, revision_as_read
from lunas.storage.payment_items import learner_item
from lunas.storage.payments import Payments
from lunas.storage.settlements import as_read, history_actions, paid_as_read
from lunas.storage.table import Action, ConditionsFailed, Table


class Corrections:
    """Reads payments and links, and writes corrections."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, payment_id: str) -> Payment | None:
        """Read a payment: one GetItem."""
        return Payments(self._table).get(payment_id)

    def link_of(self, user_id: str) -> AccountLink:
        """Read which account belongs to a user: one GetItem."""
        return Learners(self._table).link_of(user_id)

    def claiming(self, account_id: int) -> set[str]:
        """Return the enrollments that lead to any course of an account: one Query."""
        claims = Learners(self._table).of_account(account_id).values()
        return {claiming for each in claims for claiming in each.enrollment_ids}

    def record_correction(self, correction: Correction, link: AccountLink) -> None:
        """Write payment, history, link and every enrollment to deliver again, or nothing.

        One action for each course, so that 90 of them fit. Raises ConcurrentUpdate when any of them
        changed meanwhile, StorageContention.
        """
        actions = [
            self._payment(correction),
            *history_actions(self._table, [correction.event]),
            self._link(correction, link),
            *(self._redelivery(each) for each in correction.redeliveries),
        ]
        try:
            self._table.transact(actions)
        except ConditionsFailed as failed:
            raise ConcurrentUpdate(stale=True) from failed

    def _payment(self, correction: Correction) -> Action:
        # A delivery that is noted takes courses out of ``undelivered`` without a new version.
        # A question to Duitku is noted without one as well, so only what a correction changes is
        # written.
        before, after = correction.before, correction.after
        waiting = "#undelivered = :waiting" if before.undelivered else NONE_WAITS
        return self._table.update_action(
            "payment",
            keys.payment(before.id),
            Change(
                {
                    "version": after.version,
                    "updatedAt": to_iso(after.updated_at),
                    "undelivered": set(after.undelivered) or None,
                    "learner": learner_item(after.learner),
                },
                condition=f"#status = :was AND #version = :read AND {waiting}",
                given={
                    "was": before.status,
                    "read": before.version,
                    **({"waiting": set(before.undelivered)} if before.undelivered else {}),
                },
            ),
        )

    def _link(self, correction: Correction, link: AccountLink) -> Action:
        """Build the action that has the account found anew, by the learner as corrected.

        A name alone is the user's only where this payment has named their address as well.
        """
        after = correction.after
        former = {str(link.account_id)} if correction.moves and link.account_id else None
        moved = {"platformUserId": None, "correctedBy": after.id} if correction.moves else {}
        named = correction.moves or link.corrected_by == after.id
        return self._table.update_action(
            "learner",
            keys.learner(after.user_id),
            Change(
                {
                    "type": "learner",
                    "userId": after.user_id,
                    **({"learner": learner_item(after.learner)} if named else {}),
                    **moved,
                },
                adds={"revision": 1, **({"former": former} if former else {})},
                condition=link_as_read(link),
                given=revision_as_read(link),
            ),
        )

    def _redelivery(self, redelivery: Redelivery) -> Action:
        before, after = redelivery.before, redelivery.after
        return self._table.update_action(
            "enrollment",
            keys.enrollment(after.id),
            Change(
                {
                    "updatedAt": to_iso(after.updated_at),
                    **request_attributes(after.delivery),
                },
                condition=f"#status = :was AND {paid_as_read(before)}",
                given={"was": before.status, **as_read(before)},
            ),
        )


NONE_WAITS = "attribute_not_exists(#undelivered)"
"""Condition of a payment that waits for no delivery."""

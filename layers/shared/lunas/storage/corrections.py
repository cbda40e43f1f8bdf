"""The transaction that corrects the learner of a payment."""

from lunas.domain.access_claims import AccountLink
from lunas.domain.corrections import Correction, Redelivery
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.enrollment_items import request_attributes
from lunas.storage.expressions import Change
from lunas.storage.learners import link_as_read, revision_as_read
from lunas.storage.payment_items import learner_item
from lunas.storage.settlements import (
    claims_read,
    claims_unchanged,
    history_actions,
    read_values,
    unchanged_since_read,
)
from lunas.storage.table import Action, Table


def correction_actions(table: Table, correction: Correction, link: AccountLink) -> list[Action]:
    """Build the actions of a correction, one for each course, so that there is room for 90."""
    return [
        _payment(table, correction),
        *history_actions(table, [correction.event]),
        _link(table, correction, link),
        *(_redelivery(table, each) for each in correction.redeliveries),
    ]


def _payment(table: Table, correction: Correction) -> Action:
    # Other requests may update the payment meanwhile, so only changed attributes are written.
    before, after = correction.before, correction.after
    changed = {
        "version": after.version,
        "updatedAt": to_iso(after.updated_at),
        "undelivered": set(after.undelivered) or None,
        "learner": learner_item(after.learner),
    }
    change = Change(
        changed,
        condition=f"#status = :was AND {unchanged_since_read(before)}",
        given={"was": before.status, **read_values(before)},
    )
    return table.update_action("payment", keys.payment(before.id), change)


def _link(table: Table, correction: Correction, link: AccountLink) -> Action:
    """Build the action that makes Lunas look up the account again, for the corrected learner.

    A corrected name is stored for the user only if this payment has corrected the address as well.
    """
    after = correction.after
    former = {link.account_id} if correction.moves and link.account_id else None
    moved = {"platformUserId": None, "correctedBy": after.id} if correction.moves else {}
    named = correction.moves or (link.named and link.named.payment_id == after.id)
    return table.update_action(
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


def _redelivery(table: Table, redelivery: Redelivery) -> Action:
    before, after = redelivery.before, redelivery.after
    return table.update_action(
        "enrollment",
        keys.enrollment(after.id),
        Change(
            {"updatedAt": to_iso(after.updated_at), **request_attributes(after.delivery)},
            condition=f"#enrollmentStatus = :was AND {claims_unchanged(before)}",
            given={"was": before.status, **claims_read(before)},
        ),
    )

"""Converts history events to items of the table, and back.

Events that happened as one are one item, and the first event of a payment is in the payment's own.
"""

from collections.abc import Sequence
from itertools import groupby

from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.payments import FIRST, HistoryEvent, Method, Status
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.callbacks import evidence_attributes
from lunas.storage.expressions import Item

TYPE = "history"


def first_event(item: Item) -> HistoryEvent:
    """Return the first history event of a payment, from the payment's item."""
    return HistoryEvent(
        payment_id=keys.id_of(item),
        version=1,
        at=from_iso(item["createdAt"]),
        actor=item.get("openedBy", by_owner(item["userId"])),
        source=None,
        target=FIRST[Method(item["method"])],
    )


def history_items(
    events: Sequence[HistoryEvent], callback: CallbackEvidence | None = None
) -> list[Item]:
    """Return the items of new history events: one for those that happened as one.

    ``callback``: the evidence of the callback that caused them.
    """
    return [
        _history_item(list(each), callback)
        for _, each in groupby(
            events, lambda each: (each.at, each.actor, each.evidence, each.reason)
        )
    ]


def history_from(item: Item) -> list[HistoryEvent]:
    """Return the history events of an item, oldest first."""
    statuses = [Status(each) for each in item["statuses"]]
    sources = [Status(item["from"]) if "from" in item else None, *statuses]
    return [
        HistoryEvent(
            payment_id=keys.id_of(item),
            version=int(item["version"]) + place,
            at=from_iso(item["createdAt"]),
            actor=item["actor"],
            source=sources[place],
            target=status,
            evidence=item.get("evidence"),
            reason=item.get("reason"),
        )
        for place, status in enumerate(statuses)
    ]


def by_owner(user_id: str) -> str:
    """Name a payment's owner as the actor of a history event."""
    return f"user:{user_id}"


def _history_item(events: Sequence[HistoryEvent], callback: CallbackEvidence | None) -> Item:
    first = events[0]
    return {
        **keys.history(first.payment_id, first.version),
        "type": TYPE,
        "version": first.version,
        "createdAt": to_iso(first.at),
        "actor": first.actor,
        "from": first.source,
        "statuses": [each.target for each in events],
        "evidence": dict(first.evidence) if first.evidence else None,
        "reason": first.reason,
        "callback": _callback_item(callback) if callback else None,
    }


def _callback_item(callback: CallbackEvidence) -> Item:
    proof = {"digest": callback.digest, "signature": callback.signature}
    return {**proof, **evidence_attributes(callback)}

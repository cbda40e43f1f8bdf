"""Callbacks in the table: evidence that DynamoDB deletes when its lifetime is over."""

from dataclasses import dataclass
from math import ceil

from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change, Key
from lunas.storage.table import Action, Table


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Stores the evidence of callbacks, forged ones included."""

    table: Table

    def keep(self, evidence: CallbackEvidence) -> None:
        """Write the evidence of a callback unless it is stored already: one UpdateItem."""
        self.table.update(_key(evidence), _change(evidence))


def callback_action(table: Table, evidence: CallbackEvidence) -> Action:
    """Build the action that writes evidence in a transaction; it has no condition."""
    return table.update_action("callback", _key(evidence), _change(evidence))


def _key(evidence: CallbackEvidence) -> Key:
    return keys.callback(evidence.order_id, evidence.digest)


def _change(evidence: CallbackEvidence) -> Change:
    # The attributes of the first time stay, but each result of the signature check is added: the
    # same body may be refused first, while a wrong key is set, and match later.
    return Change(
        {},
        adds={"signature": {evidence.signature}},
        set_if_missing={
            "type": "callback",
            "at": to_iso(evidence.at),
            "ttl": ceil(evidence.until.timestamp()),
            "correlationId": evidence.correlation_id,
            "mediaType": evidence.media_type,
            "length": evidence.length,
            "fields": dict(evidence.fields),
            "others": dict(evidence.others),
            "unnamed": evidence.unnamed,
        },
    )

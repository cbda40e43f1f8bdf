"""Callbacks in the table: evidence that DynamoDB deletes when its lifetime is over."""

from dataclasses import dataclass
from math import ceil

from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change, Item, Key
from lunas.storage.table import Table


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Stores the evidence of callbacks, forged ones included."""

    table: Table

    def keep(self, evidence: CallbackEvidence) -> None:
        """Write the evidence of a callback unless it is stored already: one UpdateItem."""
        self.table.update(_key(evidence), _change(evidence))


def evidence_attributes(evidence: CallbackEvidence) -> Item:
    """Return what is stored of a callback but its digest, signature and lifetime."""
    return {
        "at": to_iso(evidence.at),
        "correlationId": evidence.correlation_id,
        "mediaType": evidence.media_type,
        "length": evidence.length,
        "fields": dict(evidence.fields),
        "others": dict(evidence.others),
        "unnamed": evidence.unnamed,
    }


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
            "ttl": ceil(evidence.until.timestamp()),
            **evidence_attributes(evidence),
        },
    )

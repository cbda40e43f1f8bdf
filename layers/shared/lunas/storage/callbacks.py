"""Callbacks in the table: evidence that goes by itself when its time is over."""

from math import ceil

from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change, Key
from lunas.storage.table import Action, Table


class Callbacks:
    """Keeps what came from the gateway, or claimed to."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, evidence: CallbackEvidence) -> None:
        """Write the evidence of a callback, one UpdateItem; one that is kept stays as it is."""
        self._table.update(_key(evidence), _change(evidence))


def callback_action(table: Table, evidence: CallbackEvidence) -> Action:
    """Build the action that keeps evidence within a transaction; it has no condition to fail."""
    return table.update_action("callback", _key(evidence), _change(evidence))


def _key(evidence: CallbackEvidence) -> Key:
    return keys.callback(evidence.order_id, evidence.digest)


def _change(evidence: CallbackEvidence) -> Change:
    # The first time stands. What the signature was found to be is collected instead: the same
    # body can be refused first, while a wrong key is set, and fit afterwards.
    return Change(
        {},
        adds={"signature": {evidence.signature}},
        firsts={
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

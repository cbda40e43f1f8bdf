"""The note how far the progress sync is."""

from lunas.domain.progress_sync import Stand
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change
from lunas.storage.table import Table


class ProgressSyncs:
    """Keeps one item for the whole stack."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def stand(self) -> Stand | None:
        """Return how far the progress sync is: one GetItem; None if there was none yet."""
        item = self._table.get(keys.sync_progress())
        if item is None:
            return None
        began = from_iso(item["began"]) if "began" in item else None
        return Stand(from_iso(item["since"]), began, int(item["page"]))

    def note(self, stand: Stand) -> None:
        """Keep how far it is. Of two runs at once, one that is behind takes nothing back."""
        change = Change(
            {
                "type": "progress sync",
                "since": to_iso(stand.since),
                "began": stand.began and to_iso(stand.began),
                "page": stand.page,
            },
            condition="attribute_not_exists(#since) OR #since <= :since",
        )
        self._table.update(keys.sync_progress(), change)

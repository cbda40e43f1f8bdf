"""Anomalies in the table."""

from dataclasses import dataclass, replace

from lunas.domain.anomalies import Anomaly, AnomalyKind, AnomalyStatus, Resolution
from lunas.domain.lists import Page, Position
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change, Item, given
from lunas.storage.pages import Listing, read_page
from lunas.storage.table import Table

TYPE = "anomaly"


def anomaly_item(anomaly: Anomaly) -> Item:
    """Write an anomaly."""
    return {
        **keys.anomaly(anomaly.id),
        "type": TYPE,
        "status": anomaly.status,
        "createdAt": to_iso(anomaly.at),
        "finding": given(
            {
                "kind": anomaly.kind,
                "orderId": anomaly.order_id,
                "paymentId": anomaly.payment_id,
                "evidence": dict(anomaly.evidence),
            }
        ),
    }


@dataclass(frozen=True, slots=True)
class Anomalies:
    """Reads and writes anomalies."""

    table: Table

    def keep(self, anomaly: Anomaly) -> bool:
        """Write an anomaly unless it is known; return whether it is new."""
        return self.table.put(anomaly_item(anomaly), "attribute_not_exists(#pk)")

    def get(self, anomaly_id: str) -> Anomaly | None:
        """Read an anomaly: one GetItem."""
        item = self.table.get(keys.anomaly(anomaly_id))
        return _anomaly_from(item) if item else None

    def page(
        self, status: AnomalyStatus | None, limit: int, after: Position | None
    ) -> Page[Anomaly]:
        """Read a page of anomalies, newest first: one Query."""
        listing = Listing(index="byType", partition={"type": TYPE})
        if status is not None:
            listing = Listing(index="byStatus", partition={"type": TYPE, "status": status})
        items, last = read_page(self.table, listing, limit, after)
        return Page(tuple(_anomaly_from(item) for item in items), last)

    def resolve(self, anomaly: Anomaly, resolution: Resolution) -> Anomaly | None:
        """Resolve an open anomaly; None if it was resolved meanwhile."""
        change = Change(
            {
                "status": AnomalyStatus.RESOLVED,
                "resolved": {
                    "resolution": resolution.resolution,
                    "reason": resolution.reason,
                    "at": to_iso(resolution.at),
                    "actor": resolution.actor,
                },
            },
            condition="#status = :open",
            given={"open": AnomalyStatus.OPEN},
        )
        if not self.table.update(keys.anomaly(anomaly.id), change):
            return None
        return replace(anomaly, status=AnomalyStatus.RESOLVED, resolved=resolution)


def _anomaly_from(item: Item) -> Anomaly:
    finding = item["finding"]
    return Anomaly(
        id=keys.id_of(item),
        kind=AnomalyKind(finding["kind"]),
        at=from_iso(item["createdAt"]),
        order_id=finding["orderId"],
        evidence=finding["evidence"],
        payment_id=finding.get("paymentId"),
        status=AnomalyStatus(item["status"]),
        resolved=_resolution_from(item["resolved"]) if "resolved" in item else None,
    )


def _resolution_from(item: Item) -> Resolution:
    return Resolution(
        resolution=item["resolution"],
        reason=item["reason"],
        at=from_iso(item["at"]),
        actor=item["actor"],
    )

"""Anomalies in the table."""

from lunas.adapters.store import keys
from lunas.adapters.store.expressions import Item
from lunas.adapters.store.table import Table
from lunas.rules.anomalies import Anomaly
from lunas.rules.times import to_iso


def anomaly_item(anomaly: Anomaly) -> Item:
    """Write an anomaly."""
    return {
        **keys.anomaly(anomaly.id),
        "type": "anomaly",
        "id": anomaly.id,
        "kind": anomaly.kind,
        "status": "OPEN",
        "at": to_iso(anomaly.at),
        "orderId": anomaly.order_id,
        "paymentId": anomaly.payment_id,
        "evidence": dict(anomaly.evidence),
    }


class Anomalies:
    """Keeps what does not fit."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, anomaly: Anomaly) -> bool:
        """Write an anomaly unless it is known; tell whether it is new."""
        return self._table.put(anomaly_item(anomaly), "attribute_not_exists(#pk)")

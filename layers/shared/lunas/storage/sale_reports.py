"""Sale reports in the table: one item for a sale and one for its refund, in no index."""

from dataclasses import dataclass

from lunas.domain.sale_reports import SaleReport, SaleReportKind, SaleReportStatus
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change, Item
from lunas.storage.table import Table


@dataclass(frozen=True, slots=True)
class SaleReports:
    """The state of sale reports. A write returns whether its condition held."""

    table: Table

    def get(self, payment_id: str, kind: SaleReportKind) -> SaleReport | None:
        """Read a report: one GetItem."""
        item = self.table.get(keys.external_order(payment_id, kind))
        return _note_from(item) if item else None

    def claim(self, note: SaleReport) -> bool:
        """Take a report that is free; of two concurrent callers, one gets it."""
        change = Change(
            _attributes(note),
            condition="attribute_not_exists(#pk) OR #status = :free",
            given={"free": SaleReportStatus.FREE},
        )
        return self.table.update(keys.external_order(note.payment_id, note.kind), change)

    def note(self, note: SaleReport) -> bool:
        """Write the result of a claim, if it belongs to this attempt."""
        change = Change(
            _attributes(note), condition="#attempt = :mine", given={"mine": note.attempt}
        )
        return self.table.update(keys.external_order(note.payment_id, note.kind), change)

    def reopen(self, note: SaleReport) -> bool:
        """Free a report that a person has checked, if it has not changed since."""
        change = Change(
            {"status": SaleReportStatus.FREE, "reason": None},
            condition="#attempt = :seen AND #status = :was",
            given={"seen": note.attempt, "was": note.status},
        )
        return self.table.update(keys.external_order(note.payment_id, note.kind), change)


def _attributes(note: SaleReport) -> Item:
    return {
        "type": "order",
        "paymentId": note.payment_id,
        "kind": note.kind,
        "status": note.status,
        "attempt": note.attempt,
        "at": to_iso(note.at),
        "orderId": note.order_id,
        "reason": note.reason,
    }


def _note_from(item: Item) -> SaleReport:
    return SaleReport(
        payment_id=item["paymentId"],
        kind=SaleReportKind(item["kind"]),
        status=SaleReportStatus(item["status"]),
        attempt=item["attempt"],
        at=from_iso(item["at"]),
        order_id=item.get("orderId"),
        reason=item.get("reason"),
    )

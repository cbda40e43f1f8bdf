"""What one transaction writes when money or an approval becomes enrollments."""

from collections.abc import Sequence
from datetime import datetime

from lunas.domain.enrollments import Enrollment, EnrollmentStatus, is_owed
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payments import HistoryEvent, Payment
from lunas.domain.settlement import Overlap, Settlement
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.anomalies import anomaly_item
from lunas.storage.callbacks import callback_action
from lunas.storage.enrollment_items import (
    claims_attribute,
    enrollment_from,
    enrollment_item,
    request_attributes,
    term_attributes,
)
from lunas.storage.expressions import Change, Item
from lunas.storage.payment_items import history_item, progress_attributes
from lunas.storage.table import Action, ConditionsFailed, Table

NEW = "attribute_not_exists(#pk)"
"""Condition of an item that must not be there yet."""
GONE = "(#status = :revoked OR #expiresAt <= :now)"
"""Condition of a course that the learner had: a refund took it away, or its time is over."""
FREE = f"{NEW} OR ({GONE} AND #counted = :wasCounted)"
"""Condition of a course that the learner can get and whose place nobody counts for them."""
LASTING = "attribute_not_exists(#expiresAt) OR #expiresAt > :now"
"""Condition of access that is not over."""
HELD = f"{GONE} AND #counted = :wasCounted"
"""Condition of a course that the learner can get again at the place that is counted already."""


def settlement_actions(table: Table, plan: Settlement, *, keep_quota: bool) -> list[Action]:
    """Build all actions of a settlement: 100 at most, whatever was bought."""
    actions = [step_action(table, plan.before, plan.after), *history_actions(table, plan.history)]
    for enrollment in plan.enrollments:
        held = enrollment.course_id in plan.held
        actions.append(_taking(table, enrollment, held=held))
        if enrollment.counted and not held:
            limited = keep_quota and enrollment.course_id not in plan.full
            actions.append(count_action(table, enrollment.course_id, keep_quota=limited))
    actions += [_overlap(table, plan.after, each) for each in plan.overlaps]
    if plan.anomaly:
        actions.append(table.put_action("anomaly", anomaly_item(plan.anomaly), NEW))
    if plan.callback:
        actions.append(callback_action(table, plan.callback))
    return actions


def completion_actions(
    table: Table, before: Payment, after: Payment, history: Sequence[HistoryEvent]
) -> list[Action]:
    """Build the actions that complete a payment whose deliveries are still as they were read."""
    condition, given = as_delivered(before)
    change = Change(progress_attributes(after), condition=condition, given=given)
    step = table.update_action("payment", keys.payment(before.id), change)
    return [step, *history_actions(table, history)]


def as_delivered(payment: Payment) -> tuple[str, dict[str, object]]:
    """Return the condition, with its values, that a payment is as it was read.

    A delivery takes courses out of ``undelivered`` without a new version.
    """
    waiting = set(payment.undelivered)
    still = "#undelivered = :waiting" if waiting else "attribute_not_exists(#undelivered)"
    given: dict[str, object] = {"was": payment.status, "read": payment.version}
    return (
        f"#status = :was AND #version = :read AND {still}",
        given | ({"waiting": waiting} if waiting else {}),
    )


def step_action(table: Table, before: Payment, after: Payment) -> Action:
    """Build the action that moves a payment.

    Version and status together are its condition: of all who read the same payment, one moves it.
    """
    return table.update_action(
        "payment",
        keys.payment(before.id),
        Change(
            progress_attributes(after),
            firsts={"gatewayTransaction": after.transaction} if after.transaction else {},
            condition="#status = :was AND #version = :read",
            given={"was": before.status, "read": before.version},
        ),
    )


def history_actions(table: Table, events: Sequence[HistoryEvent]) -> list[Action]:
    """Build the actions that add history events."""
    return [table.put_action("payment", history_item(event), NEW) for event in events]


def count_action(table: Table, course_id: str, *, keep_quota: bool, by: int = 1) -> Action:
    """Build the action that counts an enrollment of a course, or takes it back (``by`` -1)."""
    room = "attribute_not_exists(#quota) OR #enrolled < #quota"
    return table.update_action(
        f"full:{course_id}",
        keys.course(course_id),
        # A course that only the package service knows gets its item here.
        Change(
            {"type": "course", "id": course_id},
            adds={"enrolled": by},
            condition=room if keep_quota else None,
        ),
    )


def concurrent_update_of(failed: ConditionsFailed, now: datetime) -> ConcurrentUpdate:
    """Read from the conditions that failed at a moment what came first."""
    kinds = {label: label.partition(":")[::2] for label in failed.found}
    found = {
        course: _enrollment(failed.found[label])
        for label, (kind, course) in kinds.items()
        if kind == "course"
    }
    owned = {course: each for course, each in found.items() if each and is_owed(each, now)}
    lost = found.keys() - owned.keys()
    held = frozenset(course for course in lost if _is_counted(found[course]))
    return ConcurrentUpdate(
        stale=any(kind in {"payment", "anomaly"} for kind, _ in kinds.values()),
        owned=owned,
        held=held,
        free=frozenset(lost) - held,
        full=full_courses(failed),
    )


def full_courses(failed: ConditionsFailed) -> frozenset[str]:
    """Read from the conditions that failed which courses had no place left."""
    kinds = (label.partition(":")[::2] for label in failed.found)
    return frozenset(course for kind, course in kinds if kind == "full")


def _taking(table: Table, enrollment: Enrollment, *, held: bool) -> Action:
    # The item is the rule "one per user and course". One that was revoked or is over is taken
    # again, and keeps the progress and the certificate that the platform keeps as well.
    item = enrollment_item(enrollment)
    kept = {"progress": item["progress"]}
    left = {"pk", "sk", "progress", "certificateUrl", "deliveryRequest"}
    written = {name: each for name, each in item.items() if name not in left}
    return table.update_action(
        f"course:{enrollment.course_id}",
        keys.enrollment(enrollment.id),
        Change(
            written,
            firsts=kept,
            # Requests are counted on, so that none has the number of one of the former purchase.
            adds={"deliveryRequest": 1},
            condition=HELD if held else FREE,
            given={
                "revoked": EnrollmentStatus.NOT_ENROLLED,
                "now": to_iso(enrollment.created_at),
                "wasCounted": held,
            },
        ),
    ).showing()


def _overlap(table: Table, payment: Payment, overlap: Overlap) -> Action:
    # Being enrolled is a condition, or a refund at the same moment would leave the learner with
    # a payment that counts on a course which is gone. So is what the new end was computed from:
    # who pays for the course until when, and the request that a refund or a purchase counts up.
    before, after = overlap.before, overlap.after
    lengthened = {"updatedAt": to_iso(after.updated_at), **request_attributes(after.delivery)}
    return table.update_action(
        f"course:{after.course_id}",
        keys.enrollment(after.id),
        Change(
            {**term_attributes(after), **(lengthened if overlap.lengthens else {})},
            condition=f"#status = :enrolled AND ({LASTING}) AND {paid_as_read(before)}",
            given={
                "enrolled": EnrollmentStatus.ENROLLED,
                "now": to_iso(payment.updated_at),
                **as_read(before),
            },
        ),
    ).showing()


def paid_as_read(enrollment: Enrollment) -> str:
    """Return the condition that nobody paid, refunded or asked meanwhile; see as_read()."""
    claims = "#claims = :paidBy" if enrollment.claims else "attribute_not_exists(#claims)"
    return f"#paymentId = :payer AND #deliveryRequest = :request AND {claims}"


def as_read(enrollment: Enrollment) -> dict[str, object]:
    """Return the values that paid_as_read() compares with."""
    claims = claims_attribute(enrollment)
    read = {"payer": enrollment.payment_id, "request": enrollment.delivery.request}
    return {**read, **({"paidBy": claims} if claims else {})}


def _enrollment(item: Item | None) -> Enrollment | None:
    return enrollment_from(item) if item else None


def _is_counted(enrollment: Enrollment | None) -> bool:
    return enrollment is not None and enrollment.counted

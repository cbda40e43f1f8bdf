"""The transaction that settles a payment and writes its enrollments."""

from collections.abc import Sequence
from datetime import datetime

from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.enrollments import Enrollment, EnrollmentStatus, is_owed
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.payments import HistoryEvent, Payment
from lunas.domain.settlement import Overlap, Settlement
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.anomalies import anomaly_item
from lunas.storage.enrollment_items import (
    claims_attribute,
    enrollment_from,
    enrollment_item,
    request_attributes,
    term_attributes,
)
from lunas.storage.expressions import Change, Item
from lunas.storage.history_items import history_items
from lunas.storage.payment_items import progress_attributes
from lunas.storage.table import Action, ConditionsFailed, Table

NEW = "attribute_not_exists(#pk)"
"""Condition: the item does not exist yet."""
NOT_ENTITLED = "(#enrollmentStatus = :revoked OR #expiresAt <= :now)"
"""Condition: the learner no longer has the course, after a refund or at the end of access."""
AVAILABLE = f"{NEW} OR ({NOT_ENTITLED} AND #counted = :wasCounted)"
"""Condition: the learner can get the course, and is not counted in its quota."""
STILL_OWNED = (
    "#enrollmentStatus = :enrolled AND (attribute_not_exists(#expiresAt) OR #expiresAt > :now)"
)
"""Condition: the learner has the course, and access has not ended."""
AVAILABLE_AND_COUNTED = f"{NOT_ENTITLED} AND #counted = :wasCounted"
"""Condition: the learner can get the course again, and is still counted in its quota."""


def settlement_actions(table: Table, plan: Settlement, *, keep_quota: bool) -> list[Action]:
    """Build all actions of a settlement, at most 100."""
    actions = [
        step_action(table, plan.before, plan.after),
        *history_actions(table, plan.history, plan.callback),
    ]
    for enrollment in plan.enrollments:
        still_counted = enrollment.course_id in plan.still_counted
        actions.append(_enroll(table, enrollment, still_counted=still_counted))
        if enrollment.counted and not still_counted:
            limited = keep_quota and enrollment.course_id not in plan.full
            actions.append(count_action(table, enrollment.course_id, keep_quota=limited))
    actions += [_overlap(table, plan.after, each) for each in plan.overlaps]
    if plan.anomaly:
        actions.append(table.put_action("anomaly", anomaly_item(plan.anomaly), NEW))
    return actions


def completion_actions(
    table: Table, before: Payment, after: Payment, history: Sequence[HistoryEvent]
) -> list[Action]:
    """Build the actions that complete a payment, if its deliveries are unchanged since the read."""
    change = Change(
        progress_attributes(after),
        condition=f"#status = :was AND {unchanged_since_read(before)}",
        given={"was": before.status, **read_values(before)},
    )
    step = table.update_action("payment", keys.payment(before.id), change)
    return [step, *history_actions(table, history)]


def unchanged_since_read(payment: Payment) -> str:
    """Return the condition that a payment is unchanged since it was read, but for its status.

    It compares ``undelivered`` as well: a delivery removes courses without a new version.
    """
    waiting = (
        "#undelivered = :waiting" if payment.undelivered else "attribute_not_exists(#undelivered)"
    )
    return f"#version = :read AND {waiting}"


def read_values(payment: Payment) -> dict[str, object]:
    """Return the values for unchanged_since_read()."""
    waiting = set(payment.undelivered)
    return {"read": payment.version, **({"waiting": waiting} if waiting else {})}


def step_action(table: Table, before: Payment, after: Payment) -> Action:
    """Build the action that changes a payment's status.

    Its condition compares version and status, so that only one of concurrent requests succeeds.
    """
    return table.update_action(
        "payment",
        keys.payment(before.id),
        Change(
            progress_attributes(after),
            set_if_missing={"gatewayTransaction": after.transaction} if after.transaction else {},
            condition="#status = :was AND #version = :read",
            given={"was": before.status, "read": before.version},
        ),
    )


def history_actions(
    table: Table, events: Sequence[HistoryEvent], callback: CallbackEvidence | None = None
) -> list[Action]:
    """Build the actions that add history events, with the callback that caused them."""
    return [table.put_action("payment", item, NEW) for item in history_items(events, callback)]


def count_action(table: Table, course_id: str, *, keep_quota: bool, by: int = 1) -> Action:
    """Build the action that counts an enrollment of a course, or frees its place (``by`` -1)."""
    room = "attribute_not_exists(#quota) OR #enrolled < #quota"
    return table.update_action(
        f"full:{course_id}",
        keys.course(course_id),
        # This creates the item of a course that only the package service knows.
        Change(
            {"type": "course", "id": course_id},
            adds={"enrolled": by},
            condition=room if keep_quota else None,
        ),
    )


def concurrent_update_of(failed: ConditionsFailed, now: datetime) -> ConcurrentUpdate:
    """Return the concurrent changes that the failed conditions show."""
    kinds = {label: label.partition(":")[::2] for label in failed.found}
    found = {
        course: _enrollment(failed.found[label])
        for label, (kind, course) in kinds.items()
        if kind == "course"
    }
    owned = {course: each for course, each in found.items() if each and is_owed(each, now)}
    no_longer_owned = found.keys() - owned.keys()
    still_counted = frozenset(course for course in no_longer_owned if _is_counted(found[course]))
    return ConcurrentUpdate(
        stale=any(kind in {"payment", "anomaly"} for kind, _ in kinds.values()),
        owned=owned,
        still_counted=still_counted,
        free=frozenset(no_longer_owned) - still_counted,
        full=full_courses(failed),
    )


def full_courses(failed: ConditionsFailed) -> frozenset[str]:
    """Return the courses whose quota was reached, according to the failed conditions."""
    kinds = (label.partition(":")[::2] for label in failed.found)
    return frozenset(course for kind, course in kinds if kind == "full")


def _enroll(table: Table, enrollment: Enrollment, *, still_counted: bool) -> Action:
    # One item for each user and course makes sure that there is one enrollment. If it was revoked
    # or has ended, it is reused with its progress and certificate, as at the platform.
    item = enrollment_item(enrollment)
    kept = {"progress": item["progress"]}
    excluded = {"pk", "sk", "progress", "certificateUrl", "deliveryRequest"}
    attributes = {name: each for name, each in item.items() if name not in excluded}
    return table.update_action(
        f"course:{enrollment.course_id}",
        keys.enrollment(enrollment.id),
        Change(
            attributes,
            set_if_missing=kept,
            # The number goes on, so that no request has the number of one for a former purchase.
            adds={"deliveryRequest": 1},
            condition=AVAILABLE_AND_COUNTED if still_counted else AVAILABLE,
            given={
                "revoked": EnrollmentStatus.NOT_ENROLLED,
                "now": to_iso(enrollment.created_at),
                "wasCounted": still_counted,
            },
        ),
    ).returning_old_item()


def _overlap(table: Table, payment: Payment, overlap: Overlap) -> Action:
    # The learner must still be enrolled: a refund at the same moment would take away a course that
    # this payment relies on. The values from which the new end was computed must be unchanged as
    # well: the claims, and the request, which a refund or a purchase increments.
    before, after = overlap.before, overlap.after
    lengthened = {"updatedAt": to_iso(after.updated_at), **request_attributes(after.delivery)}
    return table.update_action(
        f"course:{after.course_id}",
        keys.enrollment(after.id),
        Change(
            {**term_attributes(after), **(lengthened if overlap.lengthens else {})},
            condition=f"{STILL_OWNED} AND {claims_unchanged(before)}",
            given={
                "enrolled": EnrollmentStatus.ENROLLED,
                "now": to_iso(payment.updated_at),
                **claims_read(before),
            },
        ),
    ).returning_old_item()


def claims_unchanged(enrollment: Enrollment) -> str:
    """Return the condition that nothing was paid, refunded or requested since the read.

    The values are claims_read().
    """
    claims = "#claims = :paidBy" if enrollment.claims else "attribute_not_exists(#claims)"
    return f"#paymentId = :payer AND #deliveryRequest = :request AND {claims}"


def claims_read(enrollment: Enrollment) -> dict[str, object]:
    """Return the values for claims_unchanged()."""
    claims = claims_attribute(enrollment)
    read = {"payer": enrollment.payment_id, "request": enrollment.delivery.request}
    return {**read, **({"paidBy": claims} if claims else {})}


def _enrollment(item: Item | None) -> Enrollment | None:
    return enrollment_from(item) if item else None


def _is_counted(enrollment: Enrollment | None) -> bool:
    return enrollment is not None and enrollment.counted

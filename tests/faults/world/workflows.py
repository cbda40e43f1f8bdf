"""Every workflow of Lunas: its preparation, its action, and how it must end."""

from dataclasses import dataclass
from typing import Any

from tests.faults.world import before
from tests.faults.world.before import (
    Action,
    approved,
    both,
    bought,
    completed,
    owning,
    submitted,
)
from tests.faults.world.scenario import BUNDLE, PYTHON, SQL, Scenario

QUARTER = 15
"""Minutes within which everything heals by itself (P5)."""
CHANNEL, KEY = "SP", "key-1"
SUBMIT = "payments"
INITIATE, APPROVE, RECHECK = "initiate_payment", "approve_payment", "recheck_payment"
WEBHOOK, REFUND, RECONCILE = "duitku_webhook", "refund_payment", "reconcile"
PUBLISH, DELIVER, ENROLLMENTS = "publish_enrollments", "deliver_enrollment", "enrollments"


@dataclass(frozen=True)
class Workflow:
    """A workflow whose function dies while it runs, and which heals.

    ``afterwards`` is what users do next who know of no crash. Everything must be healed
    ``minutes`` later, with the payment in one of ``ends`` (between bars; ``none``: there is no
    payment). ``then`` is what a person fixes after that, if something was left to a person; it
    ends COMPLETED or REFUNDED.
    """

    name: str
    function: str
    ends: str
    action: Action
    prepare: Action = lambda _: None
    afterwards: Action = lambda _: None
    minutes: int = QUARTER
    then: Action | None = None


def waiting(minutes: int) -> Action:
    """Let time pass."""
    return lambda scenario: scenario.wait(minutes)


WAYS: dict[str, dict[str, Any]] = {
    "POP": {},
    "v2": {"channel": CHANNEL},
    "POP with a key": {"key": KEY},
}
INITIATING = (
    Workflow(
        "initiate by POP",
        INITIATE,
        "none|PENDING|COMPLETED",
        bought(),
        afterwards=Scenario.pay_all_orders,
    ),
    Workflow(
        "initiate by v2",
        INITIATE,
        "none|PENDING|COMPLETED",
        bought(channel=CHANNEL),
        afterwards=Scenario.pay_all_orders,
    ),
    *(
        Workflow(
            f"initiate by {name}, asked again",
            INITIATE,
            "COMPLETED",
            bought(**more),
            afterwards=before.asked_again(**more),
        )
        for name, more in WAYS.items()
    ),
    Workflow(
        "initiate by another channel",
        INITIATE,
        "COMPLETED",
        bought(channel="BC"),
        prepare=bought(channel=CHANNEL),
        afterwards=before.asked_again(channel="BC"),
    ),
    Workflow(
        "initiate after an open one expired",
        INITIATE,
        "COMPLETED",
        bought(),
        prepare=before.expiring,
        afterwards=before.asked_again(),
    ),
)


def _webhook(name: str, prepare: Action, ends: str = "COMPLETED", **more: Any) -> Workflow:
    return Workflow(f"webhook{name}", WEBHOOK, ends, Scenario.rest, prepare, **more)


CALLBACKS = (
    _webhook("", both(bought(BUNDLE), Scenario.pay)),
    _webhook(", late success", both(before.expired, Scenario.pay)),
    _webhook(", nothing new", before.paid_for_nothing_new),
    _webhook(", not confirmed yet", before.paid_with_lag),
    _webhook(", wrong amount", before.paid_another_amount, "PENDING", then=before.right_amount),
)


def _admin(
    name: str,
    function: str,
    ends: str,
    action: Action,
    prepare: Action,
    **more: Any,
) -> Workflow:
    return Workflow(name, function, ends, action, prepare, **more)


DECIDING = (
    Workflow("submit", SUBMIT, "none|PAID", submitted()),
    Workflow(
        "submit, sent again",
        SUBMIT,
        "COMPLETED",
        submitted(),
        afterwards=before.submitted_again(),
    ),
    Workflow(
        "submit with a key, sent again",
        SUBMIT,
        "COMPLETED",
        submitted(key=KEY),
        afterwards=before.submitted_again(key=KEY),
    ),
    Workflow("submit after a rejection", SUBMIT, "REJECTED|PAID", submitted(), before.rejected()),
    _admin("approve", APPROVE, "PAID|COMPLETED", Scenario.approve, submitted(BUNDLE)),
    _admin(
        "approve, one course owned",
        APPROVE,
        "PAID|COMPLETED",
        Scenario.approve,
        owning(PYTHON, submitted(BUNDLE)),
    ),
    _admin(
        "approve, bought again after a refund",
        APPROVE,
        "PAID|COMPLETED",
        Scenario.approve,
        both(completed(), Scenario.refund, submitted()),
    ),
    _admin("approve, lengthens", APPROVE, "PAID|COMPLETED", Scenario.approve, before.to_lengthen),
    _admin("reject", APPROVE, "PAID|REJECTED", Scenario.reject, submitted()),
    _admin(
        "recheck",
        RECHECK,
        "COMPLETED",
        Scenario.recheck,
        both(bought(BUNDLE), Scenario.pay_silently),
        # Only the timetable asks again, a quarter of an hour after the payment was opened.
        minutes=QUARTER + 2,
    ),
    _admin(
        "check",
        RECHECK,
        "COMPLETED",
        Scenario.check,
        both(bought(BUNDLE), Scenario.pay_silently),
        minutes=QUARTER + 2,
    ),
    _admin("refund", REFUND, "COMPLETED|REFUNDED", Scenario.refund, completed(BUNDLE)),
    _admin("refund, paid twice", REFUND, "COMPLETED|REFUNDED", Scenario.refund, before.paid_twice),
    _admin("correct", REFUND, "COMPLETED", Scenario.correct, completed(BUNDLE)),
    _admin(
        "correct, other payments follow",
        REFUND,
        "COMPLETED",
        Scenario.correct,
        owning(SQL, completed(PYTHON)),
    ),
    _admin("correct, before approval", REFUND, "PAID", Scenario.correct, owning(SQL, submitted())),
    _admin(
        "correct, delivery on its way", REFUND, "COMPLETED", Scenario.correct, before.on_its_way
    ),
    _admin("refund, shortens", REFUND, "COMPLETED|REFUNDED", Scenario.refund, before.to_shorten),
    _admin(
        "refund, delivery on its way",
        REFUND,
        "COMPLETED|REFUNDED",
        Scenario.refund,
        before.on_its_way,
    ),
    _admin(
        "redeliver",
        ENROLLMENTS,
        "APPROVED|COMPLETED",
        Scenario.redeliver,
        both(approved(), before.refusing("createEnrollment"), Scenario.rest),
        then=Scenario.redeliver,
    ),
)


def _deliver(name: str, prepare: Action, ends: str = "COMPLETED", **more: Any) -> Workflow:
    return Workflow(name, DELIVER, ends, more.pop("action", Scenario.rest), prepare, **more)


DELIVERING = (
    Workflow("publish", PUBLISH, "COMPLETED", Scenario.rest, approved(BUNDLE)),
    Workflow(
        "publish a refund",
        PUBLISH,
        "REFUNDED",
        Scenario.rest,
        both(completed(BUNDLE), Scenario.refund),
    ),
    _deliver("deliver, new learner", approved(PYTHON)),
    _deliver("deliver, known learner", owning(SQL, approved(PYTHON))),
    _deliver("deliver and complete", approved(BUNDLE)),
    _deliver("deliver by bundle", both(before.sold_as_bundle, approved(BUNDLE))),
    _deliver(
        "deliver by bundle, enrollments later",
        both(before.sold_as_bundle, approved(BUNDLE), before.bundle_later),
        action=waiting(2),
    ),
    _deliver("deliver, a trial at Thinkific", both(before.trial_at_thinkific, approved(PYTHON))),
    _deliver("deliver, rescheduled", both(approved(), before.limited)),
    _deliver(
        "deliver, dead-lettered",
        both(approved(), before.refusing("createEnrollment")),
        "APPROVED",
        then=Scenario.redeliver,
    ),
    _deliver("deliver, lengthened", both(before.to_lengthen, Scenario.approve)),
    _deliver("deliver, shortened", both(before.to_shorten, Scenario.refund), "REFUNDED"),
    _deliver("deliver, two courses behind one", both(before.two_behind_one, Scenario.approve)),
    _deliver("deliver, mapped to another course", before.remapped),
    _deliver("deliver, shared and mapped to another course", before.shared_and_remapped),
    _deliver(
        "revoke, two courses behind one",
        both(before.two_behind_one, Scenario.approve, Scenario.rest, Scenario.refund),
        "REFUNDED",
    ),
    _deliver("deliver, corrected", both(completed(BUNDLE), Scenario.correct)),
    _deliver(
        "deliver, corrected, others follow",
        both(owning(SQL, completed(PYTHON)), Scenario.correct),
    ),
    _deliver(
        "deliver, corrected on its way",
        both(before.on_its_way, Scenario.correct),
        action=waiting(3),
    ),
    _deliver(
        "revoke, corrected before",
        both(completed(), Scenario.correct, Scenario.refund),
        "REFUNDED",
    ),
    _deliver("revoke", both(completed(BUNDLE), Scenario.refund), "REFUNDED"),
    _deliver(
        "revoke, delivery on its way",
        both(before.on_its_way, Scenario.refund),
        "REFUNDED",
        action=waiting(3),
    ),
    _deliver(
        "revoke, rescheduled",
        both(completed(), Scenario.refund, before.failing("updateEnrollment")),
        "REFUNDED",
    ),
    _deliver(
        "revoke, dead-lettered",
        both(completed(), Scenario.refund, before.refusing("updateEnrollment")),
        "REFUNDED",
        then=Scenario.redeliver,
    ),
)


def _reconcile(
    name: str, after: int, prepare: Action, ends: str = "COMPLETED", **more: Any
) -> Workflow:
    return Workflow(f"reconcile, {name}", RECONCILE, ends, waiting(after), prepare, **more)


AUDITING = (
    Workflow("audit", "audit", "COMPLETED", waiting(21), completed()),
    Workflow(
        "audit, completion missing", "audit", "COMPLETED", waiting(21), before.left_incomplete
    ),
    Workflow("compare with Thinkific", "sync_courses", "none", Scenario.compare),
)

RECONCILING = (
    _reconcile("settle", 16, both(bought(BUNDLE), Scenario.pay_silently)),
    _reconcile("expire", 76, bought(), "EXPIRED"),
    _reconcile("late success", 24 * 60, both(before.expired, Scenario.pay_silently)),
    _reconcile("overdue", 11, both(approved(), before.unpublished)),
    _reconcile(
        "blocked",
        16,
        both(bought(BUNDLE), Scenario.pay_silently, before.blocked),
        # Duitku refuses to be asked for an hour.
        minutes=60 + QUARTER,
    ),
)

WORKFLOWS = (*INITIATING, *CALLBACKS, *DECIDING, *DELIVERING, *RECONCILING, *AUDITING)

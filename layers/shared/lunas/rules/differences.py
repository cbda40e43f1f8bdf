"""What can differ from what must be."""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Stable names of what is broken; docs/reconcile.md tells what each of them means."""

    AMOUNT_WRONG = "AMOUNT_WRONG"
    COURSES_WRONG = "COURSES_WRONG"
    PAYMENT_MISSING = "PAYMENT_MISSING"
    UNREADABLE = "UNREADABLE"
    ENROLLED_UNPAID = "ENROLLED_UNPAID"
    ENROLLMENT_MISSING = "ENROLLMENT_MISSING"
    ENROLLMENT_FOREIGN = "ENROLLMENT_FOREIGN"
    ENROLLMENT_STRAY = "ENROLLMENT_STRAY"
    DELIVERY_LOST = "DELIVERY_LOST"
    DELIVERY_DIFFERS = "DELIVERY_DIFFERS"
    DELIVERED_AWAITED = "DELIVERED_AWAITED"
    DELIVERY_UNAWAITED = "DELIVERY_UNAWAITED"
    COMPLETED_EARLY = "COMPLETED_EARLY"
    COMPLETION_MISSING = "COMPLETION_MISSING"
    NEVER_ASKED = "NEVER_ASKED"
    HISTORY_GAP = "HISTORY_GAP"
    HISTORY_CHAIN = "HISTORY_CHAIN"
    HISTORY_STEP = "HISTORY_STEP"
    HISTORY_STATE = "HISTORY_STATE"
    HISTORY_TIME = "HISTORY_TIME"
    HISTORY_ACTOR = "HISTORY_ACTOR"
    HISTORY_EVIDENCE = "HISTORY_EVIDENCE"
    APPROVAL_DIFFERS = "APPROVAL_DIFFERS"
    COMPLETION_DIFFERS = "COMPLETION_DIFFERS"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is broken: a stable code, and a text that holds ids and figures only."""

    code: Code
    text: str

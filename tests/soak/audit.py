"""Compares the end of a soak with what really happened: nothing is lost or doubled.

What really happened is what Duitku's simulator was paid and what the admins did; no code of Lunas
takes part in the comparison.
"""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tests.soak.client import email_of
from tests.soak.facts import Facts, Json

DONE = {"COMPLETED", "REFUNDED"}


@dataclass(frozen=True, slots=True)
class Actions:
    """What was done from outside: manual payments approved, payments refunded, by their ids."""

    approved: AbstractSet[str]
    refunded: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """An error: LOST, DOUBLED or WRONG, and what."""

    kind: str
    what: str


def audit(facts: Facts, actions: Actions) -> list[Finding]:
    """Return every error."""
    return [
        *_money(facts, actions),
        *_access(facts),
        *_histories(facts),
        *_counters(facts),
    ]


def is_quiet(facts: Facts, actions: Actions) -> bool:
    """Return whether nothing is on its way and nothing waits for a person."""
    settled = all(facts.payments[each]["status"] in DONE for each in _backed(facts, actions))
    delivered = all(
        each["deliveryStatus"] in {"DELIVERED", "REVOKED"} for each in facts.enrollments.values()
    )
    return settled and delivered and not facts.messages and not facts.dead_letters


def paid_orders(facts: Facts) -> set[str]:
    """Return the payments whose orders are paid at Duitku."""
    return {name for name, order in facts.orders.items() if order["state"] == "paid"}


def _backed(facts: Facts, actions: Actions) -> set[str]:
    """Return the payments that are paid at Duitku or approved by an admin."""
    return paid_orders(facts) | set(actions.approved)


def _money(facts: Facts, actions: Actions) -> Iterator[Finding]:
    backed = _backed(facts, actions)
    for payment_id in backed:
        payment = facts.payments.get(payment_id)
        if payment is None or payment["status"] not in DONE:
            yield Finding("LOST", f"{payment_id} was paid and is {payment and payment['status']}")
    for payment_id, payment in facts.payments.items():
        if payment["status"] in {*DONE, "APPROVED"} and payment_id not in backed:
            yield Finding("WRONG", f"{payment_id} is {payment['status']} without money")
        order = facts.orders.get(payment_id)
        if order and order["amount"] != payment["purchase"]["amount"]:
            yield Finding("WRONG", f"{payment_id}: amounts differ")
        if (payment["status"] == "REFUNDED") != (payment_id in actions.refunded):
            yield Finding("WRONG", f"{payment_id} is {payment['status']}, refunds differ")


def _access(facts: Facts) -> Iterator[Finding]:
    """Compare courses in Lunas and at Thinkific with what is paid and not refunded."""
    owed = {
        (payment["userId"], course["id"])
        for payment in facts.payments.values()
        if payment["status"] == "COMPLETED"
        for course in payment["purchase"]["courses"]
    }
    for user, course in owed | facts.enrollments.keys():
        yield from _one_access(facts, user, course, owed=(user, course) in owed)
    for email, times in facts.accounts.items():
        if times > 1:
            yield Finding("DOUBLED", f"{times} accounts of {email}")


def _one_access(facts: Facts, user: str, course: str, *, owed: bool) -> Iterator[Finding]:
    enrollment = facts.enrollments.get((user, course))
    mapped = int(facts.courses[course]["platformCourseId"])
    found = facts.platform_enrollments.get((email_of(user), mapped), [])
    active = [each for each in found if _is_active(each)]
    enrolled = enrollment is not None and enrollment["enrollmentStatus"] == "ENROLLED"
    if owed and not (enrolled and active):
        yield Finding("LOST", f"{user} in {course}: {enrolled=}, at Thinkific {len(active)}")
    if not owed and (enrolled or active):
        yield Finding(
            "WRONG", f"{user} in {course} unpaid: {enrolled=}, at Thinkific {len(active)}"
        )
    if len(found) > 1:
        yield Finding("DOUBLED", f"{user} in {course}: {len(found)} times at Thinkific")


def _is_active(enrollment: Json) -> bool:
    ended, trial = enrollment["expired"], enrollment["is_free_trial"]
    return bool(enrollment["activated_at"]) and not ended and not trial


def _histories(facts: Facts) -> Iterator[Finding]:
    for payment_id, events in facts.history.items():
        states = [each["to"] for each in sorted(events, key=lambda each: each["version"])]
        if doubled := [state for state, times in Counter(states).items() if times > 1]:
            yield Finding("DOUBLED", f"{payment_id} entered {doubled} twice: {states}")
        if states[-1] != facts.payments[payment_id]["status"]:
            yield Finding("WRONG", f"{payment_id}: its history ends with {states[-1]}")


def _counters(facts: Facts) -> Iterator[Finding]:
    counted = Counter(each["courseId"] for each in facts.enrollments.values() if each["counted"])
    for course_id, course in facts.courses.items():
        if int(course.get("enrolled", 0)) != counted[course_id]:
            yield Finding(
                "WRONG", f"{course_id} counts {course['enrolled']}, not {counted[course_id]}"
            )

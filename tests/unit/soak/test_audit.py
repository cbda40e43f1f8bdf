"""The audit of a soak finds each kind of fault."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.soak.audit import Actions, audit, is_quiet
from tests.soak.client import email_of
from tests.soak.facts import Facts

NOTHING = Actions(approved=frozenset(), refunded=frozenset())
PLATFORM_ENROLLMENT = {
    "activated_at": "2026-11-22T00:00:00Z",
    "expired": False,
    "is_free_trial": False,
}


def correct() -> Facts:
    """Build the correct end of a purchase through Duitku."""
    facts = Facts()
    facts.payments["pay1"] = {
        "userId": "u1",
        "status": "COMPLETED",
        "purchase": {"amount": 49_000, "courses": [{"id": "c1"}]},
    }
    states = ["PENDING", "PAID", "APPROVED", "COMPLETED"]
    facts.history["pay1"] = [
        {"version": number, "to": state, "actor": "duitku:callback"}
        for number, state in enumerate(states)
    ]
    facts.enrollments["u1", "c1"] = {
        "courseId": "c1",
        "enrollmentStatus": "ENROLLED",
        "deliveryStatus": "DELIVERED",
        "counted": True,
    }
    facts.courses["c1"] = {"id": "c1", "platformCourseId": 7, "enrolled": 1}
    facts.orders["pay1"] = {"merchantOrderId": "pay1", "state": "paid", "amount": 49_000}
    facts.platform_enrollments[email_of("u1"), 7].append(dict(PLATFORM_ENROLLMENT))
    facts.accounts[email_of("u1")] = 1
    return facts


def test_a_correct_purchase_is_quiet_and_without_findings() -> None:
    assert audit(correct(), NOTHING) == []
    assert is_quiet(correct(), NOTHING)


def unpaid(facts: Facts) -> None:
    facts.orders["pay1"]["state"] = "pending"


def still_open(facts: Facts) -> None:
    facts.payments["pay1"]["status"] = "PENDING"
    facts.history["pay1"] = facts.history["pay1"][:1]
    facts.enrollments.clear()
    facts.platform_enrollments.clear()
    facts.courses["c1"]["enrolled"] = 0


def gone(facts: Facts) -> None:
    facts.payments.clear()
    facts.history.clear()
    facts.enrollments.clear()
    facts.platform_enrollments.clear()
    facts.courses["c1"]["enrolled"] = 0


def not_at_thinkific(facts: Facts) -> None:
    facts.platform_enrollments.clear()


def a_trial_only(facts: Facts) -> None:
    facts.platform_enrollments[email_of("u1"), 7][0]["is_free_trial"] = True


def not_in_lunas(facts: Facts) -> None:
    facts.enrollments.clear()
    facts.courses["c1"]["enrolled"] = 0


def two_platform_enrollments(facts: Facts) -> None:
    facts.platform_enrollments[email_of("u1"), 7].append(dict(PLATFORM_ENROLLMENT))


def two_accounts(facts: Facts) -> None:
    facts.accounts[email_of("u1")] = 2


def settled_twice(facts: Facts) -> None:
    facts.history["pay1"].insert(2, {"version": 2, "to": "PAID", "actor": "lunas:reconcile"})


def history_behind(facts: Facts) -> None:
    facts.history["pay1"].pop()


def counted_twice(facts: Facts) -> None:
    facts.courses["c1"]["enrolled"] = 2


def other_amount(facts: Facts) -> None:
    facts.payments["pay1"]["purchase"]["amount"] = 1


def for_nothing(facts: Facts) -> None:
    facts.enrollments["u2", "c1"] = {
        "courseId": "c1",
        "enrollmentStatus": "ENROLLED",
        "counted": False,
    }


def refunded_unasked(facts: Facts) -> None:
    facts.payments["pay1"]["status"] = "REFUNDED"
    facts.history["pay1"].append({"version": 9, "to": "REFUNDED", "actor": "admin:a1"})
    facts.enrollments["u1", "c1"]["enrollmentStatus"] = "NOT_ENROLLED"
    facts.platform_enrollments[email_of("u1"), 7][0]["expired"] = True


@pytest.mark.parametrize(
    ("spoil", "kinds"),
    [
        (unpaid, ["WRONG"]),
        (still_open, ["LOST"]),
        (gone, ["LOST"]),
        (not_at_thinkific, ["LOST"]),
        (a_trial_only, ["LOST"]),
        (not_in_lunas, ["LOST"]),
        (two_platform_enrollments, ["DOUBLED"]),
        (two_accounts, ["DOUBLED"]),
        (settled_twice, ["DOUBLED"]),
        (history_behind, ["WRONG"]),
        (counted_twice, ["WRONG"]),
        (other_amount, ["WRONG"]),
        (for_nothing, ["WRONG"]),
        (refunded_unasked, ["WRONG"]),
    ],
)
def test_each_fault_is_found(spoil: Callable[[Facts], None], kinds: list[str]) -> None:
    facts = correct()
    spoil(facts)
    assert [finding.kind for finding in audit(facts, NOTHING)] == kinds


def test_a_requested_refund_must_end_the_access() -> None:
    asked = Actions(approved=frozenset(), refunded=frozenset({"pay1"}))
    assert [finding.kind for finding in audit(correct(), asked)] == ["WRONG"]
    facts = correct()
    refunded_unasked(facts)
    assert audit(facts, asked) == []
    facts.platform_enrollments[email_of("u1"), 7][0]["expired"] = False
    assert [finding.kind for finding in audit(facts, asked)] == ["WRONG"]


def test_an_approved_transfer_counts_as_money() -> None:
    facts = correct()
    facts.orders.clear()
    assert [finding.kind for finding in audit(facts, NOTHING)] == ["WRONG"]
    assert audit(facts, Actions(approved=frozenset({"pay1"}), refunded=frozenset())) == []


@pytest.mark.parametrize(
    "change",
    [
        {"messages": 1},
        {"dead_letters": 1},
        {"enrollments": {("u1", "c1"): {"deliveryStatus": "PENDING"}}},
        {"enrollments": {("u1", "c1"): {"deliveryStatus": "FAILED"}}},
        {"payments": {"pay1": {"status": "APPROVED"}}},
    ],
)
def test_unfinished_work_is_not_quiet(change: dict[str, Any]) -> None:
    facts = correct()
    whole = {
        "payments": facts.payments,
        "enrollments": facts.enrollments,
        "orders": facts.orders,
    }
    assert not is_quiet(Facts(**{**whole, **change}), NOTHING)

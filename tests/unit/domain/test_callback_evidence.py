"""The evidence of a callback belongs to the step that the callback causes, and to no other."""

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.catalog import MAX_COURSES
from lunas.domain.payment_steps import take
from lunas.domain.payments import AuditContext, Payment, Status, Step
from lunas.domain.settlement import Settlement, close, settle
from lunas.storage.settlements import settlement_actions
from lunas.storage.table import Table
from tests.support.builders import GATEWAY_CONTEXT, bought, evidence, owning, payment

HANDLED = replace(GATEWAY_CONTEXT, callback=evidence())
COURSES = [f"c{number:02}" for number in range(MAX_COURSES)]


def settled(
    before: Payment, audit_context: AuditContext, owned: set[str] | None = None
) -> Settlement:
    return settle(before, Step.CONFIRM, audit_context, owning(*(owned or ())))


PLANS = ["new", "nothing new", "failed", "expired"]


def plans(audit_context: AuditContext) -> list[Settlement]:
    """Return every plan that a callback can lead to."""
    return [
        settled(payment(), audit_context),
        settled(payment(), audit_context, {"c1"}),
        close(payment(), Step.FAIL, audit_context),
        close(payment(), Step.EXPIRE, audit_context),
    ]


@pytest.mark.parametrize("plan", plans(HANDLED), ids=PLANS)
def test_a_step_by_callback_carries_its_evidence(plan: Settlement) -> None:
    assert plan.callback == evidence()
    assert plan.after.callbacks == {evidence().short}


@pytest.mark.parametrize("plan", plans(GATEWAY_CONTEXT), ids=PLANS)
def test_a_step_without_a_callback_carries_no_evidence(plan: Settlement) -> None:
    assert (plan.callback, plan.after.callbacks) == (None, frozenset())


def test_later_steps_leave_the_callbacks_as_they_are() -> None:
    approved = settled(payment(), HANDLED).after
    completed, _ = take(approved, Step.COMPLETE, GATEWAY_CONTEXT)
    assert completed.status is Status.COMPLETED
    assert completed.callbacks == {evidence().short}


def test_callbacks_of_two_steps_are_both_named() -> None:
    failed = close(payment(), Step.FAIL, replace(HANDLED, callback=evidence(digest="f" * 64))).after
    assert settled(failed, HANDLED).after.callbacks == {"f" * 16, evidence().short}


@given(st.integers(1, MAX_COURSES), st.sets(st.sampled_from(COURSES)))
def test_a_settlement_with_its_evidence_fits_into_a_transaction(size: int, owned: set[str]) -> None:
    before = payment(courses=bought(*COURSES[:size]))
    full = set(COURSES[:size]) - owned
    plan = settle(before, Step.CONFIRM, HANDLED, owning(*owned), full)
    actions = settlement_actions(Table(cast("Any", None), "lunas"), plan, keep_quota=False)
    puts = [each.request["Put"]["Item"] for each in actions if "Put" in each.request]
    assert [each["callback"]["M"]["digest"] for each in puts if "callback" in each] == [
        {"S": evidence().digest}
    ]
    assert len(actions) <= 100

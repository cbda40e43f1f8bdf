"""Transitions: every step from every state, exactly as documented."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.errors import WrongState
from lunas.domain.payment_steps import opened, take
from lunas.domain.payments import AuditContext, Status, Step, is_settled
from tests.support.builders import ADMIN_CONTEXT, GATEWAY_CONTEXT, LATER, NOW, payment

S = Status
ALLOWED: dict[tuple[Step, Status], tuple[Status, ...]] = {
    (Step.CONFIRM, S.PENDING): (S.PAID, S.APPROVED),
    (Step.CONFIRM, S.FAILED): (S.PAID, S.APPROVED),
    (Step.CONFIRM, S.EXPIRED): (S.PAID, S.APPROVED),
    (Step.APPROVE, S.PAID): (S.APPROVED,),
    (Step.FAIL, S.PENDING): (S.FAILED,),
    (Step.EXPIRE, S.PENDING): (S.EXPIRED,),
    (Step.REJECT, S.PAID): (S.REJECTED,),
    (Step.COMPLETE, S.APPROVED): (S.COMPLETED,),
    (Step.REFUND, S.APPROVED): (S.REFUNDED,),
    (Step.REFUND, S.COMPLETED): (S.REFUNDED,),
}
EVERY_PAIR = list(itertools.product(Step, Status))
FORBIDDEN = [pair for pair in EVERY_PAIR if pair not in ALLOWED]


def test_the_table_covers_every_step_from_every_state() -> None:
    assert len(EVERY_PAIR) == 56
    assert len(ALLOWED) + len(FORBIDDEN) == 56


@pytest.mark.parametrize(("pair", "path"), ALLOWED.items())
def test_an_allowed_step_leads_to_the_documented_state(
    pair: tuple[Step, Status], path: tuple[Status, ...]
) -> None:
    step, source = pair
    moved, events = take(payment(source), step, GATEWAY_CONTEXT)
    assert moved.status is path[-1]
    assert [event.target for event in events] == list(path)
    assert [event.source for event in events] == [source, *path[:-1]]


@pytest.mark.parametrize(("step", "source"), FORBIDDEN)
def test_any_other_step_is_refused(step: Step, source: Status) -> None:
    with pytest.raises(WrongState):
        take(payment(source), step, GATEWAY_CONTEXT)


@pytest.mark.parametrize("step", Step)
def test_no_step_leaves_refunded(step: Step) -> None:
    with pytest.raises(WrongState):
        take(payment(S.REFUNDED), step, ADMIN_CONTEXT)


@pytest.mark.parametrize("status", Status)
def test_approved_completed_and_refunded_count_as_settled(status: Status) -> None:
    assert is_settled(status) is (status in {S.APPROVED, S.COMPLETED, S.REFUNDED})


def test_a_confirmation_records_paid_and_approved_both() -> None:
    _, events = take(payment(), Step.CONFIRM, GATEWAY_CONTEXT)
    assert [event.target for event in events] == [S.PAID, S.APPROVED]


def test_an_event_shows_actor_time_evidence_and_reason() -> None:
    audit_context = AuditContext("duitku:callback", LATER, {"statusCode": "02"}, "ended")
    _, (event,) = take(payment(), Step.FAIL, audit_context)
    assert (event.actor, event.at, event.evidence, event.reason) == (
        "duitku:callback",
        LATER,
        {"statusCode": "02"},
        "ended",
    )


def test_times_of_the_history_never_go_backwards() -> None:
    failed, (first,) = take(payment(), Step.FAIL, AuditContext("lunas:reconcile", LATER))
    approved, events = take(failed, Step.CONFIRM, AuditContext("duitku:callback", NOW))
    assert {each.at for each in (first, *events)} == {LATER}
    assert (approved.approved_at, approved.updated_at) == (LATER, LATER)


def test_the_first_event_has_no_source_and_the_version_of_the_new_payment() -> None:
    event = opened(payment(), AuditContext("user:u1", LATER))
    assert (event.source, event.target, event.version) == (None, S.PENDING, 1)


@given(st.lists(st.sampled_from(Step), max_size=12))
def test_versions_of_the_history_are_contiguous(steps: list[Step]) -> None:
    current = payment()
    history = [opened(current, GATEWAY_CONTEXT)]
    for step in steps:
        try:
            current, events = take(current, step, GATEWAY_CONTEXT)
        except WrongState:
            continue
        history += events
    assert [event.version for event in history] == list(range(1, len(history) + 1))
    assert current.version == len(history)
    assert [event.source for event in history[1:]] == [event.target for event in history[:-1]]
    assert history[-1].target is current.status


@given(st.sampled_from(EVERY_PAIR))
def test_a_step_never_changes_what_was_bought(pair: tuple[Step, Status]) -> None:
    step, source = pair
    before = payment(source)
    if pair not in ALLOWED:
        return
    after, _ = take(before, step, GATEWAY_CONTEXT)
    fixed = ("id", "user_id", "amount", "courses", "learner", "customer", "created_at")
    assert [getattr(after, name) for name in fixed] == [getattr(before, name) for name in fixed]


def test_an_approval_is_stamped_with_admin_and_time_and_clears_an_old_reason() -> None:
    approved, _ = take(payment(S.PAID, reason="old"), Step.APPROVE, ADMIN_CONTEXT)
    assert (approved.approved_by, approved.approved_at) == ("a1", LATER)
    assert approved.reason is None


def test_a_confirmation_is_stamped_with_the_gateway() -> None:
    approved, _ = take(payment(S.FAILED, reason="ended"), Step.CONFIRM, GATEWAY_CONTEXT)
    assert (approved.approved_by, approved.reason) == ("duitku", None)


def test_a_completion_is_stamped_and_keeps_the_approval() -> None:
    approved, _ = take(payment(S.PAID), Step.APPROVE, ADMIN_CONTEXT)
    done, _ = take(approved, Step.COMPLETE, AuditContext("lunas:deliver", LATER))
    assert (done.completed_at, done.approved_by) == (LATER, "a1")


def test_a_rejection_keeps_its_reason_on_the_payment() -> None:
    rejected, _ = take(
        payment(S.PAID), Step.REJECT, AuditContext("admin:a1", LATER, reason="no transfer")
    )
    assert rejected.reason == "no transfer"


def test_an_admin_id_with_a_colon_is_kept_whole() -> None:
    assert AuditContext("admin:a:b", LATER).approver == "a:b"


@pytest.mark.parametrize(
    "actor", ["duitku:callback", "lunas:initiate", "lunas:reconcile", "admin:a1"]
)
def test_a_confirmation_is_approved_by_the_gateway_for_every_actor(actor: str) -> None:
    approved, events = take(payment(), Step.CONFIRM, AuditContext(actor, LATER))
    assert approved.approved_by == "duitku"
    assert {event.actor for event in events} == {actor}

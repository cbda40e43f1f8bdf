"""The invariants of a payment's history: it must explain the payment's state."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from lunas.domain.differences import Code, Difference
from lunas.domain.gateway_status import GatewayState
from lunas.domain.payment_steps import is_correction
from lunas.domain.payments import FIRST, TRANSITIONS, HistoryEvent, Method, Payment, Status, Step

AHEAD = timedelta(minutes=5)
"""How far a clock may be ahead of the audit's."""
STEPS: Mapping[Method, frozenset[Step]] = {
    Method.GATEWAY: frozenset({Step.CONFIRM, Step.FAIL, Step.EXPIRE, Step.COMPLETE, Step.REFUND}),
    Method.MANUAL: frozenset({Step.APPROVE, Step.REJECT, Step.COMPLETE, Step.REFUND}),
}
"""The steps of a payment, by its method."""
BY_ADMIN = frozenset({Status.APPROVED, Status.REJECTED, Status.REFUNDED})
"""Targets that only an admin may cause, except an approval by the gateway's status."""
WITH_REASON = frozenset({Status.REJECTED, Status.REFUNDED})
"""Targets for which the admin has to give a reason."""


def history_differences(
    payment: Payment, history: Sequence[HistoryEvent], now: datetime
) -> list[Difference]:
    """Return where the history, oldest first, does not explain the payment's state."""
    return [
        *_numbers(payment, history),
        *_chain(payment, history),
        *_times(payment, history, now),
        *_stamps(payment, history),
        *(found for event in history for found in _grounds(payment, event)),
    ]


def _numbers(payment: Payment, history: Sequence[HistoryEvent]) -> Iterator[Difference]:
    numbers = [event.version for event in history]
    if numbers != [*range(1, payment.version + 1)] or not numbers:
        evidence = ",".join(map(str, numbers)) or "none"
        yield Difference(Code.HISTORY_GAP, f"version {payment.version}, events {evidence}")
    if any(event.payment_id != payment.id for event in history):
        yield Difference(Code.HISTORY_GAP, "events of another payment")


def _chain(payment: Payment, history: Sequence[HistoryEvent]) -> Iterator[Difference]:
    if not history:
        return
    first, last = history[0], history[-1]
    if first.source is not None or first.target is not FIRST[payment.method]:
        yield Difference(Code.HISTORY_CHAIN, f"begins with {first.source} to {first.target}")
    for before, event in pairwise(history):
        if event.source is not before.target:
            gap = f"event {event.version} leaves {event.source}, not {before.target}"
            yield Difference(Code.HISTORY_CHAIN, gap)
        if not is_correction(event) and (event.source, event.target) not in _hops(payment.method):
            step = f"event {event.version}: {event.source} to {event.target}"
            yield Difference(Code.HISTORY_STEP, step)
    if last.target is not payment.status:
        yield Difference(Code.HISTORY_STATE, f"{payment.status}, history ends {last.target}")
    elif payment.status not in _rests(payment.method):
        yield Difference(Code.HISTORY_STATE, f"{payment.method} stays {payment.status}")


def _hops(method: Method) -> set[tuple[Status | None, Status]]:
    """Return every change of state, those inside a step included."""
    taken = [TRANSITIONS[step] for step in STEPS[method]]
    into = {(source, each.path[0]) for each in taken for source in each.sources}
    return into | {hop for each in taken for hop in pairwise(each.path)}


def _rests(method: Method) -> set[Status]:
    """Return every state in which a payment can stay after a step."""
    return {FIRST[method], *(TRANSITIONS[step].path[-1] for step in STEPS[method])}


def _times(
    payment: Payment, history: Sequence[HistoryEvent], now: datetime
) -> Iterator[Difference]:
    for before, event in pairwise(history):
        if event.at < before.at:
            yield Difference(Code.HISTORY_TIME, f"event {event.version} is before the one before")
    if history and history[-1].at > now + AHEAD:
        yield Difference(Code.HISTORY_TIME, f"event {history[-1].version} is still to come")
    if history and (payment.created_at, payment.updated_at) != (history[0].at, history[-1].at):
        yield Difference(Code.HISTORY_TIME, "createdAt or updatedAt is not that of the events")


def _stamps(payment: Payment, history: Sequence[HistoryEvent]) -> Iterator[Difference]:
    at, by = payment.approved_at, payment.approved_by
    approvals = [(event.at, _approver(payment, event)) for event in _to(history, Status.APPROVED)]
    if approvals != ([(at, by)] if at or by else []):
        yield Difference(Code.APPROVAL_DIFFERS, f"approved by {by or 'no one'}, or at another time")
    completions = [event.at for event in _to(history, Status.COMPLETED)]
    if completions != ([payment.completed_at] if payment.completed_at else []):
        yield Difference(Code.COMPLETION_DIFFERS, "completedAt is not that of the event")


def _to(history: Sequence[HistoryEvent], target: Status) -> list[HistoryEvent]:
    return [event for event in history if event.target is target and not is_correction(event)]


def _approver(payment: Payment, event: HistoryEvent) -> str | None:
    if payment.method is Method.GATEWAY:
        return payment.gateway_name
    return event.actor.removeprefix("admin:")


def _grounds(payment: Payment, event: HistoryEvent) -> Iterator[Difference]:
    """Check the actor and the evidence of an event."""
    if not event.actor.strip():
        yield Difference(Code.HISTORY_ACTOR, f"event {event.version} has no actor")
    if is_correction(event):
        yield from _correction_grounds(event)
        return
    by_gateway = payment.method is Method.GATEWAY and event.target in {Status.PAID, Status.APPROVED}
    if by_gateway and not _is_confirmed(payment, event):
        yield Difference(
            Code.HISTORY_EVIDENCE, f"event {event.version}: the gateway's status is missing"
        )
    if not by_gateway and event.target in BY_ADMIN and not event.actor.startswith("admin:"):
        yield Difference(Code.HISTORY_ACTOR, f"event {event.version} is by no admin")
    if event.target in WITH_REASON and not (event.reason or "").strip():
        yield Difference(Code.HISTORY_EVIDENCE, f"event {event.version} has no reason")


def _correction_grounds(event: HistoryEvent) -> Iterator[Difference]:
    if not event.actor.startswith("admin:"):
        yield Difference(Code.HISTORY_ACTOR, f"event {event.version} is by no admin")
    if event.target is Status.REFUNDED:
        yield Difference(Code.HISTORY_STEP, f"event {event.version} corrects what was refunded")
    named = {"learnerBefore", "learnerAfter"} <= (event.evidence or {}).keys()
    if not named or not (event.reason or "").strip():
        yield Difference(Code.HISTORY_EVIDENCE, f"event {event.version}: no learners, or no reason")


def _is_confirmed(payment: Payment, event: HistoryEvent) -> bool:
    """Return whether the event holds the gateway's status of this order and amount."""
    evidence = event.evidence or {}
    wanted = {"state": GatewayState.PAID, "orderId": payment.id, "amount": str(payment.amount)}
    same = all(evidence.get(name) == value for name, value in wanted.items())
    return same and bool(evidence.get("reference"))

"""The steps of a payment: each returns the changed payment with the event for its history."""

from dataclasses import replace
from datetime import datetime

from lunas.domain.errors import WrongState
from lunas.domain.payments import (
    TRANSITIONS,
    AuditContext,
    HistoryEvent,
    Payment,
    Status,
    Step,
    is_settled,
)
from lunas.domain.schedule import DENIED_CHECKS, next_check
from lunas.domain.users import Learner


def opened(payment: Payment, audit_context: AuditContext) -> HistoryEvent:
    """Return the first history event of a new payment."""
    return _event(payment, audit_context, None, payment.status, payment.version)


def take(
    payment: Payment, step: Step, audit_context: AuditContext
) -> tuple[Payment, tuple[HistoryEvent, ...]]:
    """Return the payment after ``step`` and its history events, or raise WrongState.

    Only this function changes the status of a payment. Times in a history never go backwards: an
    event with an earlier time than its predecessor, by a race or a slow clock, takes that time.
    """
    audit_context = replace(audit_context, at=max(audit_context.at, payment.updated_at))
    transition = TRANSITIONS[step]
    if payment.status not in transition.sources:
        raise WrongState(f"a payment that is {payment.status} cannot {step.lower()}")
    events: list[HistoryEvent] = []
    status = payment.status
    for target in transition.path:
        events.append(
            _event(payment, audit_context, status, target, payment.version + len(events) + 1)
        )
        status = target
    moved = replace(
        payment,
        status=status,
        version=payment.version + len(events),
        updated_at=audit_context.at,
        callbacks=payment.callbacks
        | ({audit_context.callback.short} if audit_context.callback else set()),
    )
    return _stamped(moved, step, audit_context), tuple(events)


def corrected(
    payment: Payment, learner: Learner, audit_context: AuditContext
) -> tuple[Payment, HistoryEvent]:
    """Return the payment with another learner, and its history event; the status stays."""
    audit_context = replace(audit_context, at=max(audit_context.at, payment.updated_at))
    version = payment.version + 1
    event = _event(payment, audit_context, payment.status, payment.status, version)
    return replace(payment, learner=learner, version=version, updated_at=audit_context.at), event


def is_correction(event: HistoryEvent) -> bool:
    """Return whether an event corrects the learner instead of changing the status."""
    return event.source is event.target


def _stamped(payment: Payment, step: Step, audit_context: AuditContext) -> Payment:
    match payment.status:
        case Status.APPROVED:
            return replace(
                payment,
                # The buyer must not pay by this code a second time.
                gateway=payment.gateway and replace(payment.gateway, qr_string=None),
                approved_at=audit_context.at,
                approved_by=payment.gateway_name
                if step is Step.CONFIRM
                else audit_context.approver,
                reason=None,
                check_at=None,
                transaction=audit_context.callback.transaction if audit_context.callback else None,
            )
        case Status.COMPLETED:
            return replace(payment, completed_at=audit_context.at)
        case _:
            return replace(
                payment,
                reason=audit_context.reason,
                check_at=check_after(payment, audit_context.at),
            )


def check_after(payment: Payment, now: datetime) -> datetime | None:
    """Return when the gateway is asked about a payment next; None if it is settled."""
    if payment.gateway_expires_at is None or is_settled(payment.status):
        return None
    return next_check(
        payment.created_at,
        payment.gateway_expires_at,
        now,
        prompt=payment.prompt,
        denied_at=payment.denied_at,
    )


def denied_since(payment: Payment, now: datetime) -> datetime:
    """Return the start of the checks after a denial, given another denial ``now``.

    For an open payment the first denial counts until those checks are over, so that repeated
    callbacks cannot keep it open.
    """
    first = payment.denied_at
    if payment.status is not Status.PENDING or first is None:
        return now
    return first if now < first + DENIED_CHECKS[-1] else now


def sooner(payment: Payment, moment: datetime) -> datetime:
    """Return ``moment``, or the payment's next check if that is earlier.

    So repeated callbacks cannot delay the next check.
    """
    return moment if payment.check_at is None else min(payment.check_at, moment)


def _event(
    payment: Payment,
    audit_context: AuditContext,
    source: Status | None,
    target: Status,
    version: int,
) -> HistoryEvent:
    return HistoryEvent(
        payment_id=payment.id,
        version=version,
        at=audit_context.at,
        actor=audit_context.actor,
        source=source,
        target=target,
        evidence=audit_context.evidence,
        reason=audit_context.reason,
    )

"""A payment, and the table of the steps that change its status."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.errors import NotFound
from lunas.domain.users import Customer, Learner, PaymentType


class Status(StrEnum):
    """The status of a payment."""

    PENDING = "PENDING"
    PAID = "PAID"
    APPROVED = "APPROVED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    REFUNDED = "REFUNDED"


class Method(StrEnum):
    """How the money travels."""

    GATEWAY = "DUITKU"
    """By any payment gateway; the API's value dates from when there was only one."""
    MANUAL = "MANUAL"


FIRST: Mapping[Method, Status] = {Method.GATEWAY: Status.PENDING, Method.MANUAL: Status.PAID}
"""The status of a new payment."""


class Step(StrEnum):
    """What can happen to a payment."""

    CONFIRM = "CONFIRM"
    APPROVE = "APPROVE"
    FAIL = "FAIL"
    EXPIRE = "EXPIRE"
    REJECT = "REJECT"
    COMPLETE = "COMPLETE"
    REFUND = "REFUND"


@dataclass(frozen=True, slots=True)
class Transition:
    """The statuses from which a step starts, and those it passes through to the last."""

    sources: frozenset[Status]
    path: tuple[Status, ...]


TRANSITIONS: Mapping[Step, Transition] = {
    # A success that the gateway confirms is valid however late: it overrides FAILED and EXPIRED.
    Step.CONFIRM: Transition(
        frozenset({Status.PENDING, Status.FAILED, Status.EXPIRED}), (Status.PAID, Status.APPROVED)
    ),
    Step.APPROVE: Transition(frozenset({Status.PAID}), (Status.APPROVED,)),
    Step.FAIL: Transition(frozenset({Status.PENDING}), (Status.FAILED,)),
    Step.EXPIRE: Transition(frozenset({Status.PENDING}), (Status.EXPIRED,)),
    Step.REJECT: Transition(frozenset({Status.PAID}), (Status.REJECTED,)),
    Step.COMPLETE: Transition(frozenset({Status.APPROVED}), (Status.COMPLETED,)),
    Step.REFUND: Transition(frozenset({Status.APPROVED, Status.COMPLETED}), (Status.REFUNDED,)),
}


def is_settled(status: Status) -> bool:
    """Return whether the payment was turned into enrollments. Lists every status on purpose."""
    match status:
        case Status.APPROVED | Status.COMPLETED | Status.REFUNDED:
            return True
        case Status.PENDING | Status.PAID | Status.FAILED | Status.EXPIRED | Status.REJECTED:
            return False
        case _:  # pragma: no cover
            assert_never(status)


@dataclass(frozen=True, slots=True)
class BoughtCourse:
    """A course as it was when it was bought: its name, and its id at the platform."""

    id: str
    name: str
    platform_course_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayInvoice:
    """The gateway's invoice of a payment; the channel determines which fields are set."""

    reference: str
    payment_url: str | None = None
    payment_method: str | None = None
    va_number: str | None = None
    qr_string: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One attempt of one learner to buy one package.

    ``amount`` is in whole rupiah. ``amount``, ``courses``, ``access_days`` and
    ``platform_bundle_id`` are copied from the catalog when the payment is created and never
    change. ``bundle_asked_at`` is when enrollment in that bundle was requested. ``version`` counts
    the history events. ``undelivered`` holds the courses that wait for delivery. ``overlap`` are
    courses that the learner owned already, ``overbook`` whether an admin approved beyond quotas.
    ``callbacks`` are the digests of the callbacks that changed it, whose evidence is stored.

    ``gateway_name`` is None for a manual payment, ``gateway`` the invoice there. ``channel`` is the
    one that the buyer chose, ``prompt`` whether buyers pay by it at once or not at all.
    ``check_at`` is the next scheduled check, None after the last. ``asked_at`` is when the
    gateway was asked last, ``asking`` whether that response is pending. ``denied_at`` is since when
    the gateway denies it although a callback reports a success or its time is not over.
    ``references`` are all that the gateway gave, in ``invoice_answers`` responses to
    ``invoice_calls`` calls. ``transaction`` is its number of the transfer, once a callback has
    named one.
    """

    id: str
    user_id: str
    package_id: str
    package_name: str
    course_id: str | None
    courses: tuple[BoughtCourse, ...]
    status: Status
    payment_type: PaymentType
    method: Method
    amount: int
    customer: Customer
    learner: Learner
    created_at: datetime
    updated_at: datetime
    version: int
    currency: str = "IDR"
    proof_link: str | None = None
    gateway_name: str | None = None
    gateway_expires_at: datetime | None = None
    check_at: datetime | None = None
    channel: str | None = None
    prompt: bool = False
    asked_at: datetime | None = None
    asking: bool = False
    denied_at: datetime | None = None
    references: frozenset[str] = frozenset()
    invoice_calls: int = 0
    invoice_answers: int = 0
    gateway: GatewayInvoice | None = None
    approved_at: datetime | None = None
    approved_by: str | None = None
    completed_at: datetime | None = None
    reason: str | None = None
    undelivered: frozenset[str] = frozenset()
    overlap: tuple[str, ...] = ()
    overbook: bool = False
    callbacks: frozenset[str] = frozenset()
    transaction: str | None = None
    access_days: int | None = None
    platform_bundle_id: str | None = None
    bundle_asked_at: datetime | None = None
    correlation_id: str | None = None

    @property
    def course_ids(self) -> tuple[str, ...]:
        """Return the ids of the courses as bought."""
        return tuple(course.id for course in self.courses)

    @property
    def known_references(self) -> frozenset[str] | None:
        """Return every reference of the gateway; None while the response to a call is missing."""
        if self.gateway is None or self.invoice_answers < self.invoice_calls:
            return None
        return self.references | {self.gateway.reference}


@dataclass(frozen=True, slots=True)
class Held:
    """An open payment of a slot, with the channel that the buyer chose."""

    payment_id: str
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """The open payments of one purchase, newest first, at most one for each channel."""

    held: tuple[Held, ...] = ()

    @property
    def newest(self) -> str | None:
        """Return the id of the newest payment."""
        return self.held[0].payment_id if self.held else None

    def naming(self, channel: str | None) -> tuple[Held, ...]:
        """Return the payments that suit a buyer who chose ``channel``; None: any channel."""
        return tuple(each for each in self.held if channel is None or each.channel == channel)

    def with_new(self, new: Held, ended: frozenset[str]) -> "Slot":
        """Return the slot with a new payment, without ended ones and the one that it replaces."""
        left = (e for e in self.held if e.payment_id not in ended and e.channel != new.channel)
        return Slot((new, *left))


def existing(payment: Payment | None) -> Payment:
    """Return a payment that was read; raises NotFound if there is none."""
    if payment is None:
        raise NotFound("there is no such payment")
    return payment


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """One entry of the history: who changed the payment, when, from and to which status, why."""

    payment_id: str
    version: int
    at: datetime
    actor: str
    source: Status | None
    target: Status
    evidence: Mapping[str, str] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AuditContext:
    """Who does something, when, and on what evidence; ``callback`` is stored with the change."""

    actor: str
    at: datetime
    evidence: Mapping[str, str] | None = None
    reason: str | None = None
    callback: CallbackEvidence | None = None

    @property
    def approver(self) -> str:
        """Return the user id of the admin who approves."""
        return self.actor.partition(":")[2]

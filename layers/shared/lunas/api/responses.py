"""Responses about payments and anomalies, and the functions that build all views.

A view is a typed dictionary with the keys of the JSON. ``NotRequired`` keys are absent if there is
nothing to show, and no value is null. The OpenAPI document is derived from these types.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypedDict, cast

from aws_lambda_powertools.event_handler import Response, content_types
from pydantic import Field

from lunas.domain.anomalies import Anomaly, AnomalyKind, AnomalyStatus
from lunas.domain.payments import HistoryEvent, Method, Payment, Status
from lunas.domain.times import to_iso
from lunas.domain.users import Caller, Customer, Learner, PaymentType, Role

if TYPE_CHECKING:
    from lunas.domain.gateway_status import PaymentChannel

NAMES_LEARNER = frozenset({"learnerBefore", "learnerAfter"})
"""Evidence of a correction that contains the name and address of a learner."""

WRITERS: Mapping[type, Callable[[Any], object]] = {datetime: to_iso, tuple: list}
"""How values of a type are written in JSON; all others are written as they are."""

type Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
type Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]
type Amount = Annotated[int, Field(ge=0, description="Whole rupiah.")]
type Evidence = Annotated[dict[str, str], Field(description="The known facts, by name.")]
type NextCursor = Annotated[str, Field(description="The `cursor` of the next page.")]


class ListView[V](TypedDict):
    """All items of a list."""

    items: list[V]


class PageView[V](TypedDict):
    """One page, newest first. A page may be empty and still have a next one."""

    items: list[V]
    nextCursor: NotRequired[NextCursor]


class CustomerView(TypedDict):
    """The person on the invoice. A name of one word has no `lastName`."""

    firstName: str
    lastName: NotRequired[str]
    email: str
    phone: NotRequired[str]


class LearnerView(TypedDict):
    """The person whose account at the platform gets the courses."""

    name: str
    email: str


class GatewayView(TypedDict):
    """The gateway's invoice for a payment; its fields depend on the channel."""

    reference: NotRequired[str]
    paymentUrl: NotRequired[Url]
    paymentMethod: NotRequired[str]
    vaNumber: NotRequired[str]
    qrString: NotRequired[str]
    expiresAt: NotRequired[Time]


class PaymentView(TypedDict):
    """A payment; `customer`, `learner` and `proofLink` are for its owner and admins only."""

    id: str
    userId: str
    packageId: str
    packageName: str
    courseId: NotRequired[str]
    courseIds: list[str]
    status: Status
    paymentType: PaymentType
    method: Method
    amount: Amount
    currency: Literal["IDR"]
    proofLink: NotRequired[str]
    gateway: NotRequired[GatewayView]
    customer: NotRequired[CustomerView]
    learner: NotRequired[LearnerView]
    createdAt: Time
    updatedAt: Time
    approvedAt: NotRequired[Time]
    approvedBy: NotRequired[str]
    completedAt: NotRequired[Time]
    reason: NotRequired[str]
    version: Annotated[int, Field(ge=1)]


_Origin = TypedDict("_Origin", {"from": NotRequired[Status]})


class HistoryEventView(_Origin):
    """A change of a payment's status, with its time, actor and evidence."""

    at: Time
    actor: str
    to: Status
    evidence: NotRequired[Evidence]
    reason: NotRequired[str]


class ChannelView(TypedDict):
    """A channel to pay by, with its fee."""

    code: str
    name: str
    imageUrl: str
    fee: Amount


class AnomalyView(TypedDict):
    """Unmatched money or inconsistent data, with its evidence and resolution."""

    id: str
    kind: AnomalyKind
    status: AnomalyStatus
    orderId: str
    paymentId: NotRequired[str]
    evidence: Evidence
    createdAt: Time
    resolution: NotRequired[str]
    reason: NotRequired[str]
    resolvedAt: NotRequired[Time]
    resolvedBy: NotRequired[str]


def show[V](kind: type[V], source: object, **computed: object) -> V:
    """Return the view ``kind`` of ``source``.

    Each field comes from ``computed``, else from the attribute with its name in snake case. Times
    are written as ISO 8601, tuples as lists; a field that is None is left out.
    """
    shown: dict[str, object] = {}
    for name, attribute in _fields(cast("type", kind)):
        value = computed[name] if name in computed else getattr(source, attribute)
        if value is not None:
            write = WRITERS.get(type(value))
            shown[name] = write(value) if write else value
    return cast("V", shown)


def page_view[V](items: Iterable[V], cursor: str | None) -> PageView[V]:
    """Return one page of views; ``cursor`` is that of the next page, None at the end."""
    shown: PageView[V] = {"items": list(items)}
    if cursor:
        shown["nextCursor"] = cursor
    return shown


def payment_view(payment: Payment, viewer: Caller) -> PaymentView:
    """Show a payment; the customer's data only to the owner and admins."""
    personal = is_personal_to(viewer, payment.user_id)
    return show(
        PaymentView,
        payment,
        proofLink=payment.proof_link if personal else None,
        gateway=_gateway_view(payment) if payment.method is Method.GATEWAY else None,
        customer=_customer_view(payment.customer) if personal else None,
        learner=_learner_view(payment.learner) if personal else None,
    )


def purchase_response(caller: Caller, payment: Payment, is_new: bool) -> Response[PaymentView]:  # noqa: FBT001
    """Show the payment of a purchase: 201 if it is new."""
    return Response(
        status_code=HTTPStatus.CREATED if is_new else HTTPStatus.OK,
        content_type=content_types.APPLICATION_JSON,
        body=payment_view(payment, caller),
    )


def history_view(event: HistoryEvent, viewer: Caller) -> HistoryEventView:
    """Show a history event; evidence that names a learner only to the owner and admins."""
    evidence = {
        name: value
        for name, value in (event.evidence or {}).items()
        if viewer.role is not Role.SERVICE or name not in NAMES_LEARNER
    }
    moved = {"from": event.source, "to": event.target}
    return show(HistoryEventView, event, evidence=evidence or None, **moved)


def channel_view(channel: "PaymentChannel") -> ChannelView:
    """Show a channel."""
    return show(ChannelView, channel)


def anomaly_view(anomaly: Anomaly) -> AnomalyView:
    """Show an anomaly with its evidence and resolution."""
    resolved = anomaly.resolved
    return show(
        AnomalyView,
        anomaly,
        evidence=dict(anomaly.evidence),
        createdAt=anomaly.at,
        resolution=resolved and resolved.resolution,
        reason=resolved and resolved.reason,
        resolvedAt=resolved and resolved.at,
        resolvedBy=resolved and resolved.actor,
    )


def is_personal_to(viewer: Caller, owner_id: str) -> bool:
    """Return whether a viewer sees the personal data of ``owner_id``, as owner or admin."""
    return viewer.role is Role.ADMIN or (viewer.role is Role.USER and viewer.id == owner_id)


def _gateway_view(payment: Payment) -> GatewayView:
    ends = payment.gateway_expires_at
    if payment.gateway is None:
        return {"expiresAt": to_iso(ends)} if ends else {}
    return show(GatewayView, payment.gateway, expiresAt=ends)


def _learner_view(learner: Learner) -> LearnerView:
    # A name of one word serves as both names at the platform.
    names = dict.fromkeys([learner.first_name, learner.last_name])
    return {"name": " ".join(names), "email": learner.email}


def _customer_view(customer: Customer) -> CustomerView:
    return show(CustomerView, customer, lastName=customer.last_name or None)


@cache
def _fields(kind: type) -> tuple[tuple[str, str], ...]:
    """Return the keys of a view, each with its name in snake case."""
    return tuple((each, re.sub("(?=[A-Z])", "_", each).lower()) for each in kind.__annotations__)

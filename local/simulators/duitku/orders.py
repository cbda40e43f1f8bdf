"""The orders that the simulated Duitku keeps, with every callback attempt made for them."""

import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from local.simulators.duitku.channels import DAY, Channel, Kind
from local.simulators.duitku.qris import qr_string
from local.simulators.duitku.settings import Changes

type Product = Literal["v2", "pop"]

_LETTERS = string.ascii_uppercase + string.digits


class State(StrEnum):
    """What became of an order. Duitku itself shows only 00, 01 or 02."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def code(self) -> str:
        """Return the status code of Check Transaction, the same as in the redirect."""
        return {State.PAID: "00", State.PENDING: "01"}.get(self, "02")


@dataclass(frozen=True)
class Attempt:
    """One POST to the callback URL: what was sent, and the answer or the network error."""

    at: datetime
    delivery: int
    number: int
    url: str
    sent: str
    status: int | None
    answer: str
    error: str | None


@dataclass
class Order:
    """One order, made by v2/inquiry or by createInvoice; ``request`` is the body as it came."""

    product: Product
    request: dict[str, Any]
    reference: str
    payment_url: str
    created_at: datetime
    expires_at: datetime
    channel: Channel | None = None
    state: State = State.PENDING
    paid_at: datetime | None = None
    va_number: str | None = None
    qr_string: str | None = None
    deliveries: int = 0
    answer: Changes = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    merchant_emails: list[datetime] = field(default_factory=list)

    @property
    def merchant_order_id(self) -> str:
        """Return the merchant's own id of the order."""
        return self.text("merchantOrderId")

    @property
    def amount(self) -> int:
        """Return the whole rupiah that were asked for."""
        return int(self.request["paymentAmount"])

    def text(self, name: str) -> str:
        """Return a text of the request, empty when it was not given."""
        return str(self.request.get(name) or "")

    def choose(self, channel: Channel, now: datetime) -> None:
        """Put the order on a channel, which gives it its numbers and its final expiry time."""
        self.channel = channel
        asked = self.request.get("expiryPeriod")
        self.expires_at = now + timedelta(minutes=channel.minutes(asked))
        self.va_number = self.qr_string = None
        if channel.kind in {Kind.VIRTUAL_ACCOUNT, Kind.RETAIL}:
            self.va_number = "".join(secrets.choice(string.digits) for _ in range(16))
        if channel.kind is Kind.QRIS:
            self.qr_string = qr_string(channel, self.reference, self.amount)

    def code(self, now: datetime, lag: float) -> str:
        """Return the status code shown now; a payment shows only after ``lag`` seconds."""
        if self.paid_at is not None and now < self.paid_at + timedelta(seconds=lag):
            return State.PENDING.code
        return self.state.code


def new_order(
    product: Product, body: dict[str, Any], merchant_code: str, base_url: str, now: datetime
) -> Order:
    """Make an order without a channel; ``base_url`` is where its payment page is served."""
    reference = merchant_code + "".join(secrets.choice(_LETTERS) for _ in range(14))
    minutes = body.get("expiryPeriod") or DAY
    return Order(
        product=product,
        request=body,
        reference=reference,
        payment_url=f"{base_url}redirect_checkout?reference={reference}",
        created_at=now,
        expires_at=now + timedelta(minutes=minutes),
    )


class SaleReportRepository:
    """All orders, oldest first; ``in_progress`` are the ids whose invoice is being made.

    A merchant's id may be used again: each use is an order with a reference of its own, which can
    still be paid by its own page, while questions by the id are about the newest.
    """

    def __init__(self) -> None:
        self._orders: list[Order] = []
        self.in_progress: set[str] = set()

    def __iter__(self) -> Iterator[Order]:
        return iter(self._orders)

    def add(self, order: Order) -> Order:
        """Keep an order and return it."""
        self._orders.append(order)
        return order

    def find(self, merchant_order_id: str, product: Product | None = None) -> Order | None:
        """Return the newest order with the merchant's id, of one product if named, or None."""
        found = (
            order
            for order in reversed(self._orders)
            if order.merchant_order_id == merchant_order_id and product in {None, order.product}
        )
        return next(found, None)

    def by_reference(self, reference: str) -> Order | None:
        """Return the order with Duitku's reference, or None."""
        return next((order for order in self if order.reference == reference), None)

    def expire_due(self, now: datetime) -> list[Order]:
        """Close the pending orders whose time is over and return them."""
        due = [one for one in self if one.state is State.PENDING and one.expires_at <= now]
        for order in due:
            order.state = State.EXPIRED
        return due

    def clear(self) -> None:
        """Forget every order."""
        self._orders.clear()
        self.in_progress.clear()

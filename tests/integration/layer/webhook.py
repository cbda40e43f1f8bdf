"""The webhook function with an open order, Duitku's status of it, and the evidence kept."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from lunas.api import webhook
from lunas.domain.payments import Payment
from lunas.storage.expressions import from_wire
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.integration.layer import providers, purchases
from tests.support import callbacks
from tests.support.functions import invoke
from tests.support.http_stub import Reply

FUNCTION = "duitku_webhook"
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Webhook:
    """Posts callbacks for an order of 49,000 with the reference R1, and reads the evidence."""

    table: Table
    calls: Counter[str]
    patch: pytest.MonkeyPatch
    order: str

    @classmethod
    def opened(cls, table: Table, calls: Counter[str], patch: pytest.MonkeyPatch) -> "Webhook":
        """Open the order; Duitku answers nothing yet."""
        order = str(purchases.initiated(patch)["id"])
        made = cls(table, calls, patch, order)
        made.duitku()
        return made

    def duitku(self, *replies: Reply | Exception) -> None:
        """Let Duitku answer status calls in turn."""
        providers.answers(self.patch, FUNCTION, *replies)

    def pays(self, times: int = 1) -> None:
        """Let Duitku report the order as paid."""
        self.duitku(*[providers.status(self.order)] * times)

    def at(self, moment: datetime) -> None:
        """Set the clock of what is received."""
        self.patch.setattr(webhook, "now", lambda: moment)

    def body(self, **changes: str) -> bytes:
        """Return a correctly signed callback of the order; ``changes`` are made after signing."""
        return urlencode(callbacks.fields(self.order, **changes)).encode()

    def handle(self, body: bytes | None = None, media_type: str = callbacks.FORM) -> int:
        """Post a body, by default a correct callback; the count of calls starts at zero."""
        self.calls.clear()
        event = callbacks.event(self.body() if body is None else body, media_type)
        status: int = invoke(FUNCTION, event)["statusCode"]
        return status

    def kept(self, order: str | None = None) -> list[dict[str, Any]]:
        """Return the evidence under an order id, as the second command in operations.md does."""
        answer = self.table.client.query(
            TableName=self.table.name,
            KeyConditionExpression="pk = :order",
            ExpressionAttributeValues={":order": {"S": f"CALLBACK#{order or self.order}"}},
        )
        return [from_wire(item) for item in answer["Items"]]

    def in_history(self) -> list[dict[str, Any]]:
        """Return the evidence in the payment's history, as the first command there does."""
        answer = self.table.client.query(
            TableName=self.table.name,
            KeyConditionExpression="pk = :payment",
            ExpressionAttributeValues={":payment": {"S": f"PAYMENT#{self.order}"}},
        )
        found = [from_wire(item) for item in answer["Items"]]
        return [item["callback"] for item in found if "callback" in item]

    def signatures(self, order: str | None = None) -> list[set[str]]:
        """Return the result of each kept callback's signature check."""
        return [item["signature"] for item in self.kept(order)]

    def payment(self) -> Payment:
        """Return the stored payment."""
        found = Payments(self.table).get(self.order)
        assert found
        return found


def digest(body: bytes) -> str:
    """Return the digest that names a body."""
    return hashlib.sha256(body).hexdigest()

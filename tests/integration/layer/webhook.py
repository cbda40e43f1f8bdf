"""The webhook function with an open order, Duitku's word on it, and what it keeps."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from lunas.api import callback_recorder
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

    def duitku(self, *reply: Reply | Exception) -> None:
        """Let Duitku answer in turn when it is asked."""
        providers.answers(self.patch, FUNCTION, *reply)

    def pays(self, times: int = 1) -> None:
        """Let Duitku say that the order is paid."""
        self.duitku(*[providers.status(self.order)] * times)

    def at(self, moment: datetime) -> None:
        """Set the clock of what is received."""
        self.patch.setattr(callback_recorder, "now", lambda: moment)

    def body(self, **changes: str) -> bytes:
        """Return a callback of the order, rightly signed but for what is changed afterwards."""
        return urlencode(callbacks.fields(self.order, **changes)).encode()

    def handle(self, body: bytes | None = None, media_type: str = callbacks.FORM) -> int:
        """Post a body, the right callback unless told otherwise; the calls are counted anew."""
        self.calls.clear()
        event = callbacks.event(self.body() if body is None else body, media_type)
        status: int = invoke(FUNCTION, event)["statusCode"]
        return status

    def kept(self, order: str | None = None) -> list[dict[str, Any]]:
        """Return what is kept under an order id, as the command in operations.md does."""
        answer = self.table.client.query(
            TableName=self.table.name,
            KeyConditionExpression="pk = :order",
            ExpressionAttributeValues={":order": {"S": f"CALLBACK#{order or self.order}"}},
        )
        return [from_wire(item) for item in answer["Items"]]

    def signatures(self, order: str | None = None) -> list[set[str]]:
        """Return what the signature of each kept callback was found to be."""
        return [item["signature"] for item in self.kept(order)]

    def payment(self) -> Payment:
        """Return the payment as it stands."""
        found = Payments(self.table).get(self.order)
        assert found
        return found


def digest(body: bytes) -> str:
    """Return the digest by which a body is known."""
    return hashlib.sha256(body).hexdigest()

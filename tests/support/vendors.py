"""The payment gateways that the use cases are tested with: Duitku's own code, and a second vendor.

Both answer what a test sets. Duitku's code runs over a session that answers as Duitku does, so that
what it makes of an answer is part of each test; the second vendor lives in memory.
"""

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

import requests

from lunas.domain.callback_evidence import Signature
from lunas.domain.errors import Forbidden, MalformedInput
from lunas.domain.gateway_status import GatewayState, GatewayStatus, PaymentChannel, whole_rupiah
from lunas.domain.payments import GatewayInvoice, Payment
from lunas.domain.schedule import DAY, Channel
from lunas.gateways.base import PaymentGateway, ReceivedCallback, VerifiedCallback
from lunas.gateways.duitku import signatures
from lunas.gateways.duitku.client import Duitku, DuitkuAccount

DUITKU, MEMORY = NAMES = ("duitku", "memory")
ORIGIN = "https://duitku.test"
ACCOUNT = DuitkuAccount("D1", "key", ORIGIN, ORIGIN, callback_url="https://lunas.test/callback")
CODES = {
    GatewayState.PAID: "00",
    GatewayState.OPEN: "01",
    GatewayState.ENDED: "02",
}

type AskStatus = Callable[[Payment], GatewayStatus]
type AskInvoice = Callable[[Payment, str | None, int], GatewayInvoice]

_chosen = [DUITKU]


def chosen() -> str:
    """Return the name of the gateway that the payments of the running test go by."""
    return _chosen[-1]


@contextmanager
def choose(name: str) -> Iterator[None]:
    """Let payments go by a gateway for a while."""
    _chosen.append(name)
    try:
        yield
    finally:
        _chosen.pop()


def gateway(status: AskStatus, invoice: AskInvoice | None = None) -> PaymentGateway:
    """Return the chosen gateway, which answers what these two functions say."""
    if chosen() == MEMORY:
        return MemoryGateway(status, invoice or _no_invoice)
    session = cast("requests.Session", DuitkuSession(status, invoice or _no_invoice))
    return Duitku(lambda: ACCOUNT, session)


def callback_body(order: str, amount: int, *, is_paid: bool = True) -> bytes:
    """Return a callback as the chosen gateway sends and signs it."""
    if chosen() == MEMORY:
        fields = {"order": order, "amount": amount, "outcome": "paid" if is_paid else "ended"}
        return json.dumps({**fields, "signature": MemoryGateway.sign(fields)}).encode()
    merchant = ACCOUNT.merchant_code
    form = {
        "merchantCode": merchant,
        "amount": str(amount),
        "merchantOrderId": order,
        "resultCode": CODES[GatewayState.PAID if is_paid else GatewayState.ENDED],
        "signature": signatures.callback_signature(merchant, str(amount), order, ACCOUNT.api_key),
    }
    return urlencode(form).encode()


def _no_invoice(payment: Payment, *_: object) -> GatewayInvoice:
    raise AssertionError(f"no invoice of {payment.id} is to be opened")


@dataclass(frozen=True)
class DuitkuSession:
    """Answers Duitku's client as Duitku does; what the functions raise comes through."""

    status: AskStatus
    invoice: AskInvoice

    def post(self, url: str, json: Mapping[str, Any], **_: object) -> requests.Response:
        payment = cast("Payment", SimpleNamespace(id=json["merchantOrderId"]))
        if url.endswith("/transactionStatus"):
            return _response(self._status(payment))
        return _response(self._invoice(payment, json))

    def _status(self, payment: Payment) -> dict[str, Any] | None:
        found = self.status(payment)
        if found.state is GatewayState.NOT_STARTED:
            return None
        return {
            "statusCode": CODES[found.state],
            "merchantOrderId": found.order_id,
            "reference": found.reference,
            "amount": "" if found.rupiah is None else str(found.rupiah),
            "fee": found.fee,
        }

    def _invoice(self, payment: Payment, asked: Mapping[str, Any]) -> dict[str, Any]:
        given = self.invoice(payment, asked.get("paymentMethod"), asked["expiryPeriod"])
        return {
            "statusCode": "00",
            "reference": given.reference,
            "paymentUrl": given.payment_url,
            "vaNumber": given.va_number,
            "qrString": given.qr_string,
        }


def _response(answer: dict[str, Any] | None) -> requests.Response:
    response = requests.Response()
    response.status_code = 200 if answer is not None else 404
    response._content = json.dumps(answer or {}).encode()  # noqa: SLF001
    return response


@dataclass(frozen=True)
class MemoryGateway:
    """A second vendor: its own name, channels and callbacks, and no network.

    A callback is a JSON object with a signature over all its other fields.
    """

    ask_status: AskStatus
    ask_invoice: AskInvoice

    name = MEMORY

    def channel(self, code: str | None) -> Channel:
        return MEMORY_CHANNELS.get(code or "", Channel(prompt=False))

    def methods(self, amount: int, moment: datetime) -> list[PaymentChannel]:
        del moment
        return [PaymentChannel(each, each, "", amount // 100) for each in MEMORY_CHANNELS]

    def create_invoice(self, payment: Payment, minutes: int, return_url: str) -> GatewayInvoice:
        assert return_url
        return self.ask_invoice(payment, payment.channel, minutes)

    def repeats_invoice(self, payment: Payment) -> bool:
        return payment.channel is None

    def status(self, payment: Payment) -> GatewayStatus:
        return self.ask_status(payment)

    def parse_callback(self, received: ReceivedCallback) -> VerifiedCallback:
        try:
            fields = dict(json.loads(received.body))
            signature = fields.pop("signature")
        except (ValueError, TypeError, KeyError) as error:
            raise MalformedInput("the body is no callback") from error
        right = hmac.compare_digest(signature, self.sign(fields))
        found = Signature.VALID if right else Signature.DIFFERS
        received.evidence = replace(received.evidence, signature=found)
        if not right:
            raise Forbidden("the signature does not match")
        return VerifiedCallback(
            order_id=fields["order"],
            amount=str(fields["amount"]),
            rupiah=whole_rupiah(fields["amount"]),
            hints={"outcome": fields["outcome"]},
            evidence=received.evidence,
            code=fields["outcome"],
            claims_success=fields["outcome"] == "paid",
        )

    @staticmethod
    def sign(fields: Mapping[str, Any]) -> str:
        """Sign the fields of a callback."""
        return hmac.new(
            b"memory", json.dumps(fields, sort_keys=True).encode(), "sha256"
        ).hexdigest()


MEMORY_CHANNELS: Mapping[str, Channel] = {
    "VC": Channel(fixed=30),
    "OL": Channel(fixed=15),
    "LF": Channel(fixed=24),
    "SP": Channel(longest=60),
    "OV": Channel(longest=DAY),
    "JP": Channel(longest=10),
}
"""Channels that tests of services name by their codes; any other has the default expiry."""

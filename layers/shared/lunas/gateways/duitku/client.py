"""The calls that Lunas makes to Duitku (docs/reference/duitku.md, Calls)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

import requests

from lunas.domain.callback_evidence import Signature
from lunas.domain.errors import ConfigurationError, GatewayRefused, GatewayUnavailable
from lunas.domain.gateway_status import GatewayState, GatewayStatus, PaymentChannel, whole_rupiah
from lunas.domain.payments import GatewayInvoice, Payment
from lunas.domain.schedule import Channel
from lunas.gateways.base import ReceivedCallback, VerifiedCallback
from lunas.gateways.duitku import callbacks, invoices, signatures
from lunas.gateways.duitku.callbacks import check_sender
from lunas.gateways.duitku.http import (
    CutOffError,
    UnknownOrder,
    choice_refused,
    not_accepted,
    post_json,
    post_json_once,
)
from lunas.gateways.duitku.invoices import channel_of
from lunas.http_sessions import KeptSession, fresh_session
from lunas.observability import logger

ACCEPTED = "00"
STATES = {"00": GatewayState.PAID, "01": GatewayState.OPEN, "02": GatewayState.ENDED}
"""statusCode of transactionStatus; in callbacks and redirects, the codes mean something else."""
AT_ONCE = 1.0
"""Seconds in which a dead connection fails. A later failure has another cause, and leaves no time
for a retry: a query takes at most one time-out and these seconds."""
JAKARTA = timezone(timedelta(hours=7))
"""Zone of the datetime field; Jakarta has no summer time, so no zone data is needed."""


@dataclass(frozen=True, slots=True)
class DuitkuAccount:
    """A Duitku project, the origins of its two APIs, and the settings of its callbacks.

    ``senders``: comma-separated addresses and networks that may send callbacks, None for all.
    """

    merchant_code: str
    api_key: str
    api_url: str
    pop_url: str
    callback_url: str | None = None
    legacy_callbacks: bool = False
    senders: str | None = None


@dataclass(frozen=True, slots=True)
class Duitku:
    """The payment gateway Duitku, created for each request.

    A payment with a named channel uses the product v2, any other uses POP: each knows only its own
    orders (docs/reference/duitku.md, Status).

    Queries share a connection that is kept alive. It may be dead by now, so a query that fails at
    once is sent again on a new connection. An order must not be sent twice, so it gets a new
    connection from the start.
    """

    name = "duitku"

    account: Callable[[], DuitkuAccount]
    session: requests.Session | None = None

    def channel(self, code: str | None) -> Channel:
        """Return the terms of a channel; None if the buyer picks it on Duitku's page."""
        return channel_of(code)

    def repeats_invoice(self, payment: Payment) -> bool:
        """Return True for POP; v2 creates another invoice with its own reference."""
        return payment.channel is None

    def methods(self, amount: int, moment: datetime) -> list[PaymentChannel]:
        """Return the channels that can pay ``amount`` rupiah, with their fees."""
        account = self.account()
        stamp = moment.astimezone(JAKARTA).strftime("%Y-%m-%d %H:%M:%S")
        answer = self._query(
            f"{account.api_url}/webapi/api/merchant/paymentmethod/getpaymentmethod",
            {
                "merchantcode": account.merchant_code,
                "amount": amount,
                "datetime": stamp,
                "signature": signatures.methods_signature(
                    account.merchant_code, amount, stamp, account.api_key
                ),
            },
        )
        return [_channel(each) for each in answer.get("paymentFee") or []]

    def create_invoice(self, payment: Payment, minutes: int, return_url: str) -> GatewayInvoice:
        """Create an invoice for ``payment`` at POP, or at v2 if a channel is named.

        Raises PurchaseRefused if Duitku refuses the buyer's choice, GatewayRefused for any other
        refusal, GatewayUnavailable if the outcome is unknown.
        """
        callback_url = self.account().callback_url
        if callback_url is None:
            raise ConfigurationError("DUITKU_CALLBACK_URL is not set: see template.yaml")
        body = invoices.purchase(payment, callback_url, return_url, minutes)
        try:
            if payment.channel is None:
                return _invoice(self._create_invoice(body), None)
            return _invoice(self._inquire(body, payment, payment.channel), payment.channel)
        except GatewayRefused as refused:
            raise choice_refused(refused, payment.channel, payment.amount) or refused from None

    def status(self, payment: Payment) -> GatewayStatus:
        """Query the status of a payment, on the host that knows it.

        A POP order is unknown (404) until the buyer picks a channel: not started, never failed.
        Raises GatewayUnavailable, also if Duitku refuses the query itself.
        """
        account = self.account()
        host = f"{account.api_url}/webapi" if payment.channel is not None else account.pop_url
        body = {
            "merchantCode": account.merchant_code,
            "merchantOrderId": payment.id,
            "signature": signatures.status_signature(
                account.merchant_code, payment.id, account.api_key
            ),
        }
        try:
            answer = self._query(f"{host}/api/merchant/transactionStatus", body)
        except UnknownOrder:
            return GatewayStatus(GatewayState.NOT_STARTED, order_id=payment.id, code="404")
        except GatewayRefused as refused:
            # A refused query proves nothing about the order, which may be paid.
            raise GatewayUnavailable.after(refused, str(refused)) from None
        return _status(answer)

    def parse_callback(self, received: ReceivedCallback) -> VerifiedCallback:
        """Read a callback, check its signature, its merchant, and then its sender.

        Raises MalformedInput, Forbidden, ConfigurationError.
        """
        callback = callbacks.parse_callback(received.body)
        account = self.account()
        verifier = callbacks.Verifier(
            account.merchant_code, account.api_key, account.legacy_callbacks
        )
        received.evidence = replace(received.evidence, signature=verifier.check(callback))
        if verifier.verify(callback) is Signature.VALID_LEGACY:
            logger.warning("legacy signature accepted", todo="ask Duitku to sign by HMAC-SHA256")
        check_sender(account.senders, received.sender)
        return callbacks.verified(callback, received.evidence)

    def _inquire(
        self, body: dict[str, Any], payment: Payment, payment_method: str
    ) -> dict[str, Any]:
        account = self.account()
        signature = signatures.inquiry_signature(
            account.merchant_code, payment.id, payment.amount, account.api_key
        )
        named = {
            **body,
            "merchantCode": account.merchant_code,
            "paymentMethod": payment_method,
            "signature": signature,
        }
        return self._accepted(f"{account.api_url}/webapi/api/merchant/v2/inquiry", named, {})

    def _create_invoice(self, body: dict[str, Any]) -> dict[str, Any]:
        account = self.account()
        # Epoch milliseconds, read once: header and signature need the same text.
        timestamp = str(time.time_ns() // 1_000_000)
        headers = {
            "x-duitku-timestamp": timestamp,
            "x-duitku-merchantcode": account.merchant_code,
            "x-duitku-signature": signatures.invoice_signature(
                account.merchant_code, timestamp, account.api_key
            ),
        }
        return self._accepted(f"{account.pop_url}/api/merchant/createInvoice", body, headers)

    def _accepted(self, url: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        answer = post_json(self.session or fresh_session(), url, body, headers)
        if str(answer.get("statusCode", "")) != ACCEPTED:
            raise not_accepted(answer)
        if not answer.get("reference"):
            raise GatewayUnavailable("Duitku accepted the invoice without a reference")
        return answer

    def _query(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        started = time.monotonic()
        try:
            return post_json_once(self.session or _kept().current(), url, body, {})
        except CutOffError as cut:
            if time.monotonic() - started > AT_ONCE:
                raise GatewayUnavailable(str(cut)) from None
        return post_json(self.session or fresh_session(), url, body, {})


@cache
def _kept() -> KeptSession:
    return KeptSession()


def _channel(given: dict[str, Any]) -> PaymentChannel:
    return PaymentChannel(
        code=str(given.get("paymentMethod", "")),
        name=str(given.get("paymentName", "")),
        image_url=str(given.get("paymentImage", "")),
        fee=whole_rupiah(given.get("totalFee")) or 0,
    )


def _invoice(answer: dict[str, Any], payment_method: str | None) -> GatewayInvoice:
    return GatewayInvoice(
        reference=str(answer["reference"]),
        payment_url=answer.get("paymentUrl") or None,
        payment_method=payment_method,
        va_number=answer.get("vaNumber") or None,
        qr_string=answer.get("qrString") or None,
    )


def _status(answer: dict[str, Any]) -> GatewayStatus:
    code = str(answer.get("statusCode", ""))
    state = STATES.get(code)
    if state is None:
        raise GatewayUnavailable(f"Duitku answered an unknown statusCode {code!r:.20}")
    return GatewayStatus(
        state,
        order_id=str(answer.get("merchantOrderId") or ""),
        reference=str(answer.get("reference") or ""),
        rupiah=whole_rupiah(answer.get("amount")),
        code=code,
        fee=None if answer.get("fee") is None else str(answer["fee"]),
    )

"""The calls that Lunas makes to Duitku (docs/reference/duitku.md, Calls)."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

import requests

from lunas.aws.settings import CheckoutSettings
from lunas.domain.errors import GatewayRefused, GatewayUnavailable
from lunas.domain.gateway_status import GatewayState, GatewayStatus, PaymentChannel, whole_rupiah
from lunas.domain.payments import GatewayInvoice, GatewayProduct, Payment
from lunas.gateways.duitku import invoices, signatures
from lunas.gateways.duitku.http import (
    CutOffError,
    UnknownOrder,
    not_accepted,
    post_json,
    post_json_once,
)
from lunas.gateways.duitku.refusals import choice_refused
from lunas.http_sessions import KeptSession, fresh_session

ACCEPTED = "00"
STATES = {"00": GatewayState.PAID, "01": GatewayState.OPEN, "02": GatewayState.ENDED}
"""transactionStatus' statusCode; callbacks and redirects use the same codes otherwise."""
AT_ONCE = 1.0
"""Seconds in which a dead connection shows. A later cut is Duitku's doing, and the time for
another try is gone: a question takes one time-out and this at most."""
JAKARTA = timezone(timedelta(hours=7))
"""Zone of the datetime field; Jakarta has no summer time, so no zone data is needed."""


@dataclass(frozen=True, slots=True)
class DuitkuAccount:
    """A Duitku project, and the origins of its two APIs."""

    merchant_code: str
    api_key: str
    api_url: str
    pop_url: str


class Duitku:
    """Duitku's POP and v2 products behind one face, made anew for each request.

    Questions go by a connection that is kept for a while. It may have died in between, so a
    question that is cut off at once is asked once more, by a new one. An order must not be
    repeated, so it has a new connection from the beginning.
    """

    def __init__(self, account: DuitkuAccount, session: requests.Session | None = None) -> None:
        self._account = account
        self._session = session

    def methods(self, amount: int, moment: datetime) -> list[PaymentChannel]:
        """Return the channels that can pay ``amount`` rupiah, with their fees."""
        account = self._account
        stamp = moment.astimezone(JAKARTA).strftime("%Y-%m-%d %H:%M:%S")
        answer = self._question(
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

    def open_invoice(
        self,
        payment: Payment,
        checkout: CheckoutSettings,
        payment_method: str | None,
        minutes: int,
    ) -> GatewayInvoice:
        """Ask for an invoice for ``payment``; by POP, or by v2 when a channel is named.

        Asked again for the same payment, POP gives the same open invoice, and v2 another one with
        a reference of its own. Raises PurchaseRefused for what the buyer chose, GatewayRefused for
        good, GatewayUnavailable when the outcome is unknown.
        """
        body = invoices.purchase(payment, checkout, minutes)
        try:
            if payment.gateway_product is GatewayProduct.V2:
                answer = self._inquire(body, payment, payment_method or "")
                return _invoice(answer, payment_method)
            return _invoice(self._create_invoice(body), None)
        except GatewayRefused as refused:
            raise choice_refused(refused, payment_method, payment.amount) or refused from None

    def status(self, payment: Payment) -> GatewayStatus:
        """Ask for the status of a payment, on the host that knows it.

        A POP order is unknown (404) until the buyer picks a channel: not started, never failed.
        Raises GatewayUnavailable, also when Duitku refuses the question itself.
        """
        account = self._account
        host = (
            f"{account.api_url}/webapi"
            if payment.gateway_product is GatewayProduct.V2
            else account.pop_url
        )
        body = {
            "merchantCode": account.merchant_code,
            "merchantOrderId": payment.id,
            "signature": signatures.status_signature(
                account.merchant_code, payment.id, account.api_key
            ),
        }
        try:
            answer = self._question(f"{host}/api/merchant/transactionStatus", body)
        except UnknownOrder:
            return GatewayStatus(GatewayState.NOT_STARTED, order_id=payment.id, code="404")
        except GatewayRefused as refused:
            # A refused question says nothing about the order: it may well be paid.
            raise GatewayUnavailable.after(refused, str(refused)) from None
        return _status(answer)

    def _inquire(
        self, body: dict[str, Any], payment: Payment, payment_method: str
    ) -> dict[str, Any]:
        account = self._account
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
        account = self._account
        # Plain epoch milliseconds, made once: header and signature must carry the same text.
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
        answer = post_json(self._session or fresh_session(), url, body, headers)
        if str(answer.get("statusCode", "")) != ACCEPTED:
            raise not_accepted(answer)
        if not answer.get("reference"):
            raise GatewayUnavailable("Duitku accepted the invoice without a reference")
        return answer

    def _question(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        started = time.monotonic()
        try:
            return post_json_once(self._session or _kept().current(), url, body, {})
        except CutOffError as cut:
            if time.monotonic() - started > AT_ONCE:
                raise GatewayUnavailable(str(cut)) from None
        return post_json(self._session or fresh_session(), url, body, {})


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

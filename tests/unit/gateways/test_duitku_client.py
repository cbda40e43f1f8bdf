"""The calls to Duitku: what they send, and what each response means."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from lunas.domain.errors import (
    GatewayBlocked,
    GatewayError,
    GatewayRefused,
    GatewayTimeout,
    GatewayUnavailable,
    PurchaseRefused,
)
from lunas.domain.gateway_status import GatewayState, matches
from lunas.domain.payments import Payment
from lunas.domain.users import Customer
from lunas.gateways.duitku import signatures
from lunas.gateways.duitku.client import Duitku, DuitkuAccount
from lunas.gateways.duitku.http import KNOWN, error_text
from tests.support.builders import EMAIL, payment
from tests.support.duitku_vectors import METHODS, B
from tests.support.http_stub import Asked, Reply, StubProvider

ACCOUNT = DuitkuAccount(
    B.merchant, B.key, "https://v2.test", "https://pop.test", "https://lunas.test/callback"
)
RETURN_URL = "https://shop.test/back"
MINUTES = 45
CHANNELS = [None, "BC"]
"""None uses POP, a channel uses v2."""
ACCEPTED = {"statusCode": "00", "reference": "R1", "paymentUrl": "https://pay.test/R1"}
PAID = {"merchantOrderId": "pay1", "reference": "R1", "amount": "49000", "statusCode": "00"}


def duitku(provider: StubProvider) -> Duitku:
    return Duitku(lambda: ACCOUNT, provider.session)


def opened(purchase: Payment, answer: Any = None) -> Asked:
    """Open an invoice and return the request to Duitku."""
    provider = StubProvider(Reply(body=answer or ACCEPTED))
    duitku(provider).create_invoice(purchase, MINUTES, RETURN_URL)
    return provider.asked[0]


def test_a_pop_invoice_is_requested_at_the_pop_host_without_a_signature_in_the_body() -> None:
    asked = opened(payment())
    assert asked.url == "https://pop.test/api/merchant/createInvoice"
    assert set(asked.body) == {
        "merchantOrderId", "paymentAmount", "productDetails", "email", "customerVaName",
        "itemDetails", "customerDetail", "callbackUrl", "returnUrl", "expiryPeriod", "phoneNumber",
    }  # fmt: skip
    assert B.key not in json.dumps(asked.body)


def test_a_pop_invoice_is_signed_in_its_headers_over_their_timestamp() -> None:
    before = time.time_ns() // 1_000_000
    asked = opened(payment())
    stamp = asked.headers["x-duitku-timestamp"]
    assert before <= int(stamp) <= time.time_ns() // 1_000_000
    assert asked.headers["x-duitku-merchantcode"] == B.merchant
    expected = signatures.invoice_signature(B.merchant, stamp, B.key)
    assert asked.headers["x-duitku-signature"] == expected
    assert asked.headers["Content-Type"] == "application/json"
    assert B.key not in str(asked.headers)


def test_an_inquiry_is_signed_in_its_body() -> None:
    asked = opened(payment(channel="BC"))
    assert asked.url == "https://v2.test/webapi/api/merchant/v2/inquiry"
    assert asked.body["paymentMethod"] == "BC"
    assert asked.body["merchantCode"] == B.merchant
    expected = signatures.inquiry_signature(B.merchant, "pay1", 49_000, B.key)
    assert asked.body["signature"] == expected
    assert not [name for name in asked.headers if name.lower().startswith("x-duitku")]


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_invoice_is_for_the_price_of_the_payment_in_one_item(channel: str | None) -> None:
    body = opened(payment(channel=channel, amount=130_000)).body
    assert body["paymentAmount"] == 130_000
    assert body["itemDetails"] == [{"name": "Entry", "price": 130_000, "quantity": 1}]
    assert body["merchantOrderId"] == "pay1"
    assert (body["callbackUrl"], body["returnUrl"]) == (ACCOUNT.callback_url, RETURN_URL)
    assert body["expiryPeriod"] == MINUTES


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("amount", ["49000", "49000.00", 49000, "", None, "absent"])
def test_an_invoice_is_accepted_with_any_notation_of_its_amount(
    channel: str | None, amount: object
) -> None:
    answer: dict[str, Any] = {**ACCEPTED, "amount": amount}
    if amount == "absent":
        del answer["amount"]
    provider = StubProvider(Reply(body=answer))
    purchase = payment(channel=channel)
    invoice = duitku(provider).create_invoice(purchase, MINUTES, RETURN_URL)
    assert invoice.reference == "R1"


@pytest.mark.parametrize("amount", ["49000", "49000.00", 49000, 49000.0])
@pytest.mark.parametrize("fee", ["0.00", None, "absent"])
def test_a_status_is_read_with_any_notation_of_amount_and_fee(amount: object, fee: object) -> None:
    answer: dict[str, Any] = {**PAID, "amount": amount, "fee": fee}
    if fee == "absent":
        del answer["fee"]
    status = duitku(StubProvider(Reply(body=answer))).status(payment())
    assert (status.state, status.rupiah) == (GatewayState.PAID, 49_000)


def test_overlong_texts_are_cut_to_duitkus_limits() -> None:
    long = Customer("A" * 80, "B" * 80, EMAIL, "+62 (812) 3456-7890 1234567")
    body = opened(payment(package_name="P" * 300, customer=long)).body
    assert len(body["productDetails"]) == 255
    assert len(body["itemDetails"][0]["name"]) == 50
    assert len(body["customerVaName"]) == 20
    assert (len(body["customerDetail"]["firstName"]), len(body["phoneNumber"])) == (50, 20)


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        ("Budi", "Santoso", "Budi Santoso"),
        ("Zo\u00eb", "D'Arc", "Zo D Arc"),
        ("\u674e", "\u96f7", "Lunas"),
        ("Siti Nurhaliza Putri", "Ayu", "Siti Nurhaliza Putri"),
        ("Siti Nurhaliza Putr", "Ayu", "Siti Nurhaliza Putr"),
        ("A_b", "C.d", "A b C.d"),
    ],
)
def test_a_virtual_account_is_named_in_plain_letters(first: str, last: str, shown: str) -> None:
    named = payment(customer=Customer(first, last, EMAIL))
    assert opened(named).body["customerVaName"] == shown


@pytest.mark.parametrize(
    ("phone", "sent"), [("+62 812-3456", "62812-3456"), ("(021) 5555", "(021)5555")]
)
def test_a_phone_number_keeps_the_characters_that_duitku_accepts(phone: str, sent: str) -> None:
    body = opened(payment(customer=Customer("Budi", "S", EMAIL, phone))).body
    assert body["phoneNumber"] == body["customerDetail"]["phoneNumber"] == sent


def test_without_a_phone_number_none_is_sent() -> None:
    body = opened(payment(customer=Customer("Budi", "S", EMAIL))).body
    assert "phoneNumber" not in body
    assert "phoneNumber" not in body["customerDetail"]


def test_every_call_has_a_timeout_and_names_the_client() -> None:
    asked = opened(payment())
    connect, read = asked.timeout
    assert 0 < connect < read < 15
    assert asked.headers["User-Agent"].startswith("Lunas")


def test_values_of_the_channel_are_kept_and_empty_ones_are_not() -> None:
    answer = {**ACCEPTED, "vaNumber": "70012", "qrString": "", "amount": "49000", "appUrl": None}
    provider = StubProvider(Reply(body=answer))
    invoice = duitku(provider).create_invoice(payment(channel="BC"), MINUTES, RETURN_URL)
    assert (invoice.reference, invoice.va_number, invoice.qr_string) == ("R1", "70012", None)
    assert (invoice.payment_url, invoice.payment_method) == ("https://pay.test/R1", "BC")


@pytest.mark.parametrize("code", ["01", "02", "", None, "99", 0])
def test_a_200_with_another_code_than_00_is_a_refusal(code: object) -> None:
    provider = StubProvider(Reply(body={**ACCEPTED, "statusCode": code}))
    with pytest.raises(GatewayRefused):
        duitku(provider).create_invoice(payment(), MINUTES, RETURN_URL)


@pytest.mark.parametrize("reference", [None, ""])
def test_an_invoice_without_a_reference_is_of_unknown_outcome(reference: str | None) -> None:
    provider = StubProvider(Reply(body={**ACCEPTED, "reference": reference}))
    with pytest.raises(GatewayUnavailable):
        duitku(provider).create_invoice(payment(), MINUTES, RETURN_URL)


REFUSALS = [
    Reply(400, {"Message": "Minimum Payment 10000 IDR"}),
    Reply(400, {"MerchantOrderId": ["already paid"]}),
    Reply(400, "plain text"),
    Reply(400),
    Reply(401, {"Message": "Wrong signature"}),
    Reply(404, {"Message": "Payment channel not available"}),
    Reply(400, ["a", "list"]),
    Reply(400, "null"),
]
UNKNOWN = [
    Reply(500, {"Message": "Failed to generate payment number"}),
    Reply(502, "<html><body>Bad Gateway</body></html>"),
    Reply(503),
    Reply(409, {"Message": "still in progress"}),
    Reply(429, "slow down"),
    Reply(403, "<html>blocked</html>"),
    Reply(408),
    Reply(200),
    Reply(200, "<html>maintenance</html>"),
    Reply(200, "[]"),
    Reply(200, '"00"'),
    Reply(200, "null"),
    Reply(200, b"\xff\xfe\x00"),
    requests.ConnectionError("connection dropped"),
    requests.exceptions.ChunkedEncodingError("cut off"),
    requests.exceptions.SSLError("certificate"),
]


@pytest.mark.parametrize("reply", REFUSALS, ids=str)
def test_a_clear_refusal_is_refused(reply: Reply) -> None:
    with pytest.raises(GatewayRefused):
        duitku(StubProvider(reply)).create_invoice(payment(), MINUTES, RETURN_URL)


@pytest.mark.parametrize("reply", UNKNOWN, ids=str)
def test_an_unclear_response_is_of_unknown_outcome(reply: Reply | Exception) -> None:
    with pytest.raises(GatewayUnavailable):
        duitku(StubProvider(reply)).create_invoice(payment(), MINUTES, RETURN_URL)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 408, 409, 429, 500, 503])
@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("Minimum Payment 10000 IDR", "paymentMethod"),
        ("Maximum Payment exceeded", "paymentMethod"),
        ("Invalid Email Address", "customer.email"),
        ("Payment channel not available", "paymentMethod"),
    ],
)
@pytest.mark.parametrize("shape", ["Message", "statusMessage", "text", "JSON text"])
def test_a_refused_choice_of_the_buyer_is_recognized_with_any_status(
    status: int, text: str, field: str, shape: str
) -> None:
    bodies: dict[str, object] = {"text": text, "JSON text": json.dumps(text)}
    body = bodies.get(shape, {"statusCode": "01", shape: text})
    purchase = payment(channel="VC")
    with pytest.raises(PurchaseRefused) as raised:
        duitku(StubProvider(Reply(status, body))).create_invoice(purchase, MINUTES, RETURN_URL)
    assert [each.field for each in raised.value.errors] == [field]


@pytest.mark.parametrize("status", [200, 400, 409, 500])
@pytest.mark.parametrize("shape", ["Message", "statusMessage", "text"])
def test_an_order_in_progress_is_of_unknown_outcome_with_any_status(
    status: int, shape: str
) -> None:
    text = "The transaction is still in progress."
    reply = Reply(status, text if shape == "text" else {"statusCode": "01", shape: text})
    with pytest.raises(GatewayUnavailable):
        duitku(StubProvider(reply)).create_invoice(payment(), MINUTES, RETURN_URL)


@pytest.mark.parametrize("text", ["Maximum Payment exceeded", "Payment channel not available"])
def test_a_refusal_of_a_status_request_is_unavailable(text: str) -> None:
    with pytest.raises(GatewayUnavailable):
        duitku(StubProvider(Reply(500, {"Message": text}))).status(payment())


def test_the_error_of_a_refused_200_names_the_code_and_only_a_known_text() -> None:
    body = {"statusCode": "01", "statusMessage": f"Maximum Payment exceeded by {EMAIL}"}
    with pytest.raises(PurchaseRefused) as raised:
        duitku(StubProvider(Reply(body=body))).create_invoice(payment(), MINUTES, RETURN_URL)
    assert str(raised.value) == "Duitku answered statusCode '01': Maximum Payment"


@pytest.mark.parametrize("status", [403, 429])
def test_too_many_requests_are_a_block(status: int) -> None:
    with pytest.raises(GatewayBlocked):
        duitku(StubProvider(Reply(status))).status(payment())


@pytest.mark.parametrize("error", [requests.ReadTimeout("x"), requests.ConnectTimeout("x")])
def test_no_response_in_time_is_a_timeout(error: Exception) -> None:
    with pytest.raises(GatewayTimeout):
        duitku(StubProvider(error)).create_invoice(payment(), MINUTES, RETURN_URL)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, {"Message": f"Invalid Email Address {EMAIL}"}),
        Reply(400, {"email": [f"{EMAIL} is not valid"]}),
        Reply(400, f"no customer <{EMAIL}>"),
        Reply(400, f"no customer {EMAIL}, sorry"),
        Reply(500, json.dumps(f"mailto:{EMAIL}")),
        requests.ConnectionError(f"while sending {EMAIL}"),
    ],
    ids=str,
)
def test_no_error_quotes_an_address(reply: Reply | Exception) -> None:
    with pytest.raises(GatewayError) as raised:
        duitku(StubProvider(reply)).create_invoice(payment(), MINUTES, RETURN_URL)
    assert EMAIL not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"Message": "Wrong signature"}', "Wrong signature"),
        ('{"Message": "Minimum Payment 10000 IDR"}', "Minimum Payment"),
        ('{"MerchantOrderId": ["Order is already paid by Budi"]}', "already paid"),
        ('{"A": "one", "B": "PAYMENT CHANNEL NOT AVAILABLE"}', "Payment channel not available"),
        ("Unauthorized", "Unauthorized"),
        ('{"A": "Budi", "B": "Santoso"}', "no known text"),
        ("0812-3456 is no phone", "no known text"),
        ("<html>x</html>", "no known text"),
        ("", "no known text"),
        ("x" * 5000, "no known text"),
    ],
)
def test_an_error_shows_only_a_known_beginning(body: str, text: str) -> None:
    assert error_text(body) == text


@pytest.mark.parametrize(
    ("channel", "url"),
    [
        (None, "https://pop.test/api/merchant/transactionStatus"),
        ("BC", "https://v2.test/webapi/api/merchant/transactionStatus"),
    ],
)
def test_a_status_is_requested_at_the_product_of_the_order(channel: str | None, url: str) -> None:
    provider = StubProvider(Reply(body=PAID))
    duitku(provider).status(payment(channel=channel))
    (asked,) = provider.asked
    assert asked.url == url
    assert asked.body == {
        "merchantCode": B.merchant,
        "merchantOrderId": "pay1",
        "signature": signatures.status_signature(B.merchant, "pay1", B.key),
    }


@pytest.mark.parametrize(
    ("code", "state"),
    [("00", GatewayState.PAID), ("01", GatewayState.OPEN), ("02", GatewayState.ENDED)],
)
def test_the_three_codes_of_a_status(code: str, state: GatewayState) -> None:
    provider = StubProvider(Reply(body={**PAID, "statusCode": code, "fee": "0.00"}))
    status = duitku(provider).status(payment())
    assert (status.state, status.code, status.fee) == (state, code, "0.00")
    assert (status.order_id, status.reference, status.rupiah) == ("pay1", "R1", 49_000)


def test_an_order_that_duitku_does_not_know_is_not_started_and_never_failed() -> None:
    status = duitku(StubProvider(Reply(404, {"Message": "not found"}))).status(payment())
    assert status.state is GatewayState.NOT_STARTED


@pytest.mark.parametrize("code", ["03", "", None, "0", "000", "PAID", ["00"]])
def test_an_unknown_code_decides_nothing(code: object) -> None:
    with pytest.raises(GatewayUnavailable):
        duitku(StubProvider(Reply(body={**PAID, "statusCode": code}))).status(payment())


@pytest.mark.parametrize("reply", [*UNKNOWN, Reply(401)], ids=str)
def test_an_unreadable_status_is_an_error(reply: Reply | Exception) -> None:
    with pytest.raises(GatewayError):
        duitku(StubProvider(reply, reply)).status(payment())


@pytest.mark.parametrize("missing", ["reference", "merchantOrderId", "amount"])
@pytest.mark.parametrize("how", ["absent", "null", "empty"])
def test_paid_without_reference_order_or_amount_matches_no_payment(missing: str, how: str) -> None:
    answer: dict[str, object] = {**PAID, missing: None if how == "null" else ""}
    if how == "absent":
        del answer[missing]
    unknown = replace(payment(), gateway=None)
    assert not matches(unknown, duitku(StubProvider(Reply(body=answer))).status(unknown))


@pytest.mark.parametrize(("of", "signature"), METHODS)
def test_channels_are_requested_in_jakarta_time(of: Any, signature: str) -> None:
    moment = datetime.strptime(f"{of.moment} +0700", "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    account = DuitkuAccount(of.merchant, of.key, "https://v2.test", "https://pop.test")
    provider = StubProvider(Reply(body={"paymentFee": []}))
    Duitku(lambda: account, provider.session).methods(int(of.amount), moment)
    (asked,) = provider.asked
    assert asked.path == "/webapi/api/merchant/paymentmethod/getpaymentmethod"
    assert asked.body == {
        "merchantcode": of.merchant,
        "amount": int(of.amount),
        "datetime": of.moment,
        "signature": signature,
    }


@pytest.mark.parametrize(("fee", "rupiah"), [("0", 0), ("4000", 4000), (None, 0), ("n/a", 0)])
def test_a_channel_is_read_with_its_fee(fee: object, rupiah: int) -> None:
    fields = {"paymentMethod": "BC", "paymentName": "BCA", "paymentImage": "u", "totalFee": fee}
    provider = StubProvider(Reply(body={"paymentFee": [fields], "responseCode": "00"}))
    (channel,) = duitku(provider).methods(49_000, datetime.now(UTC))
    assert (channel.code, channel.name, channel.fee) == ("BC", "BCA", rupiah)


@pytest.mark.parametrize("body", [{}, {"paymentFee": None}, {"paymentFee": []}])
def test_no_channels_is_an_empty_list(body: dict[str, Any]) -> None:
    assert duitku(StubProvider(Reply(body=body))).methods(49_000, datetime.now(UTC)) == []


def test_a_redirect_is_not_followed() -> None:
    provider = StubProvider(
        Reply(302, headers={"Location": "https://elsewhere.test/"}), Reply(body=PAID)
    )
    with pytest.raises(GatewayError):
        duitku(provider).status(payment())
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, {"Message": "Wrong signature"}),
        Reply(401),
        Reply(403, "<html>blocked</html>"),
        Reply(422, {"Message": "unknown"}),
    ],
    ids=str,
)
def test_a_refused_status_request_is_unavailable(reply: Reply) -> None:
    with pytest.raises(GatewayUnavailable) as raised:
        duitku(StubProvider(reply)).status(payment())
    assert str(reply.status) in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "reply",
    [
        Reply(201, ACCEPTED),
        Reply(204),
        Reply(302, None, {"Location": "https://x.test/"}),
        Reply(304),
    ],
    ids=str,
)
def test_another_success_or_a_redirect_is_of_unknown_outcome(reply: Reply) -> None:
    with pytest.raises(GatewayUnavailable):
        duitku(StubProvider(reply)).create_invoice(payment(), MINUTES, RETURN_URL)
    with pytest.raises(GatewayUnavailable):
        duitku(StubProvider(reply)).status(payment())


@pytest.mark.parametrize(
    "body", [{"Message": "Budi Santoso, 0812-3456, has no account"}, "Budi Santoso", [1]], ids=str
)
def test_an_unknown_error_text_is_not_kept(body: object) -> None:
    with pytest.raises(GatewayRefused) as raised:
        duitku(StubProvider(Reply(400, body))).create_invoice(payment(), MINUTES, RETURN_URL)
    assert str(raised.value) == "Duitku answered 400: no known text"


@pytest.mark.parametrize("known", KNOWN)
def test_every_documented_error_is_shown_to_the_operator(known: str) -> None:
    with pytest.raises(GatewayError) as raised:
        duitku(StubProvider(Reply(400, {"Message": f"{known} 0812-3456"}))).create_invoice(
            payment(), MINUTES, RETURN_URL
        )
    assert str(raised.value) == f"Duitku answered 400: {known}"

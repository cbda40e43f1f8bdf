"""The simulated Duitku, over HTTP in one process; callbacks go to a stub of the network."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from local.simulators.duitku import signatures
from local.simulators.duitku.app import create_app
from local.simulators.duitku.settings import Settings
from lunas.domain.callback_evidence import Signature
from lunas.domain.errors import Forbidden
from lunas.gateways.duitku.callbacks import Callback, Verifier, parse_callback

MERCHANT, KEY = "DS12345", "0123456789abcdef0123456789abcdef"
SHOP = "https://shop.example"
INQUIRY = "/webapi/api/merchant/v2/inquiry"
METHODS = "/webapi/api/merchant/paymentmethod/getpaymentmethod"
V2_STATUS = "/webapi/api/merchant/transactionStatus"
POP_STATUS = "/api/merchant/transactionStatus"
CREATE = "/api/merchant/createInvoice"

pytestmark = pytest.mark.anyio

type Json = dict[str, Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Shop:
    """The merchant's side: signs calls, and receives callbacks with the answers it is given."""

    def __init__(self) -> None:
        self.received: list[dict[str, str]] = []
        self.answers: Iterator[httpx.Response | httpx.TransportError] = iter(())
        self.app = create_app(
            Settings(merchant_code=MERCHANT, api_key=KEY, retry_spacing=0),
            httpx.MockTransport(self._callback),
        )
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://duitku.test"
        )

    def _callback(self, request: httpx.Request) -> httpx.Response:
        form = request.content.decode()
        self.received.append(dict(parse_qsl(form, keep_blank_values=True)))
        answer = next(self.answers, httpx.Response(200))
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    async def post(self, path: str, body: Json | None = None, **more: Any) -> httpx.Response:
        """Send JSON to the simulator."""
        return await self.http.post(path, json=body or {}, **more)

    async def admin(self, path: str, body: Json | None = None) -> Json:
        """Call an admin route that must succeed."""
        answer = await self.post(f"/_sim/{path}", body)
        assert answer.status_code == 200, answer.text
        done: Json = answer.json()
        return done

    async def order(self, order_id: str = "LNS1") -> Json:
        """Return an order as the simulator stores it."""
        detail: Json = (await self.http.get(f"/_sim/orders/{order_id}")).json()
        return detail

    async def invoice(self, skew: float = 0, **changes: Any) -> httpx.Response:
        """Ask for an invoice, with a stamp that is ``skew`` seconds off."""
        stamp = str(int((time.time() + skew) * 1000))
        headers = {
            "x-duitku-timestamp": stamp,
            "x-duitku-signature": signatures.current(KEY, MERCHANT, stamp),
            "x-duitku-merchantcode": MERCHANT,
        }
        return await self.post(CREATE, invoice_body(**changes), headers=headers)

    async def inquire(self, **changes: Any) -> httpx.Response:
        """Request a transaction on the v2 host."""
        body = {**invoice_body(paymentMethod="SP", customerVaName="Siti"), **changes}
        parts = (MERCHANT, str(body.get("merchantOrderId", "")), str(body.get("paymentAmount", "")))
        signed = {"merchantCode": MERCHANT, "signature": signatures.current(KEY, *parts)}
        return await self.post(INQUIRY, {**signed, **body})

    async def status(self, order_id: str = "LNS1", path: str = POP_STATUS) -> httpx.Response:
        """Check a transaction."""
        return await self.post(path, status_body(order_id))


def invoice_body(**changes: Any) -> Json:
    body = {
        "merchantOrderId": "LNS1",
        "paymentAmount": 150000,
        "productDetails": "Kelas Dasar",
        "email": "siti@example.com",
        "callbackUrl": f"{SHOP}/webhooks/duitku",
        "returnUrl": f"{SHOP}/done?p=7",
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def status_body(order_id: str) -> Json:
    signature = signatures.current(KEY, MERCHANT, order_id)
    return {"merchantCode": MERCHANT, "merchantOrderId": order_id, "signature": signature}


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with opened() as one:
        yield one


@asynccontextmanager
async def opened() -> AsyncIterator[Shop]:
    one = Shop()
    async with one.http, one.app.router.lifespan_context(one.app):
        yield one


# Get Payment Method


async def test_methods_are_listed_with_fees_as_text(shop: Shop) -> None:
    stamp = "2026-01-15 09:30:00"
    signature = signatures.current(KEY, MERCHANT, "150000", stamp)
    body = {
        "merchantcode": MERCHANT,
        "amount": 150000,
        "datetime": stamp,
        "signature": signature,
    }
    listed = (await shop.post(METHODS, body)).json()
    assert listed["responseCode"] == "00"
    assert {fee["paymentMethod"] for fee in listed["paymentFee"]} >= {"SP", "BC", "VC"}
    assert all(isinstance(fee["totalFee"], str) for fee in listed["paymentFee"])
    image = await shop.http.get(listed["paymentFee"][0]["paymentImage"])
    assert image.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("amount", "stamp"),
    [("150000.00", "2026-01-15 09:30:00"), (150000.5, "2026-01-15 09:30:00"), (150000, "2026-1-5")],
)
async def test_methods_refuse_other_types_and_formats(shop: Shop, amount: Any, stamp: str) -> None:
    signature = signatures.current(KEY, MERCHANT, str(amount), stamp)
    body = {"merchantcode": MERCHANT, "amount": amount, "datetime": stamp, "signature": signature}
    assert (await shop.post(METHODS, body)).status_code == 400


# Request Transaction


@pytest.mark.parametrize(
    ("method", "shown"),
    [("SP", "qrString"), ("BC", "vaNumber"), ("IR", "vaNumber"), ("OV", "AppUrl"), ("VC", None)],
)
async def test_inquiry_returns_the_fields_of_the_channel(
    shop: Shop, method: str, shown: str | None
) -> None:
    answer = (await shop.inquire(paymentMethod=method)).json()
    assert answer["statusCode"] == "00"
    assert answer.get("amount") == (None if method == "VC" else "150000")
    assert {"qrString", "vaNumber", "AppUrl"} & set(answer) == ({shown} if shown else set())
    page = await shop.http.get(answer["paymentUrl"])
    assert "Rp 150.000" in page.text


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"merchantCode": ""}, 401, "Wrong signature"),
        ({"merchantCode": "DS99999"}, 404, "Merchant not found"),
        ({"signature": "0" * 64, "email": None}, 401, "Wrong signature"),
        ({"paymentAmount": 9999}, 400, "Minimum Payment 10000 IDR"),
        ({"paymentAmount": 50_000_001}, 400, "Maximum Payment exceeded"),
        ({"paymentAmount": "150000.00"}, 400, "paymentAmount must be an integer"),
        ({"paymentMethod": ""}, 400, "paymentMethod is mandatory"),
        ({"merchantOrderId": ""}, 400, "merchantOrderId is mandatory"),
        ({"merchantOrderId": "L" * 51}, 400, "length of merchantOrderId can't > 50"),
        ({"email": f"{'a' * 45}@ex.id"}, 400, "length of email can't > 50"),
        ({"phoneNumber": "0" * 51}, 400, "length of phoneNumber can't > 50"),
        ({"customerVaName": "S" * 21}, 400, "length of customerVaName can't > 20"),
        ({"email": "siti"}, 400, "Invalid Email Address"),
        ({"email": ["a"]}, 400, "email must be a string"),
        ({"expiryPeriod": 0}, 400, "expiryPeriod must be a number of minutes"),
        (
            {"paymentMethod": "BC", "customerVaName": ""},
            400,
            "Customer VA Name must not be empty for this payment channel",
        ),
        ({"paymentMethod": "GQ"}, 404, "Payment channel not available"),
        (
            {"itemDetails": [{"name": "x", "quantity": 3, "price": 50000}]},
            409,
            "Payment amount must be equal to all item price",
        ),
    ],
)
async def test_inquiry_refuses_invalid_fields(
    shop: Shop, changes: Json, status: int, message: str
) -> None:
    answer = await shop.inquire(**changes)
    assert (answer.status_code, answer.json()) == (status, {"Message": message})


async def test_inquiry_refuses_an_empty_body_as_unsigned(shop: Shop) -> None:
    answer = await shop.http.post(INQUIRY, content=b"")
    assert (answer.status_code, answer.json()) == (401, {"Message": "Wrong signature"})


async def test_paylater_without_details_is_refused_with_an_empty_body(shop: Shop) -> None:
    answer = await shop.inquire(paymentMethod="DN")
    assert (answer.status_code, answer.content) == (400, b"")


async def test_item_prices_are_line_totals(shop: Shop) -> None:
    items = [
        {"name": "x", "quantity": 1, "price": 50000},
        {"name": "y", "quantity": 3, "price": 100000},
    ]
    assert (await shop.inquire(itemDetails=items)).status_code == 200


async def test_inquiry_order_is_pending_at_once_and_unknown_to_pop(shop: Shop) -> None:
    await shop.inquire()
    status = (await shop.status(path=V2_STATUS)).json()
    assert (status["statusCode"], status["statusMessage"]) == ("01", "PROCESS")
    assert "fee" not in status
    assert (await shop.status()).status_code == 404
    await shop.admin("settings", {"shareOrders": True})
    assert (await shop.status()).status_code == 200


async def test_a_used_id_is_another_order_on_v2(shop: Shop) -> None:
    first = (await shop.inquire()).json()
    second = (await shop.inquire(paymentMethod="BC", paymentAmount=99000)).json()
    assert second["statusCode"] == "00"
    assert second["reference"] != first["reference"]
    status = (await shop.status(path=V2_STATUS)).json()
    assert (status["reference"], status["amount"]) == (second["reference"], "99000")


async def test_both_orders_of_a_used_id_can_be_paid(shop: Shop) -> None:
    await shop.inquire(customerVaName="Siti", paymentMethod="SP")
    first = await shop.order()
    await shop.inquire()
    await shop.http.post(f"/redirect_checkout/{first['reference']}/pay")
    await shop.admin("orders/LNS1/pay", {"callback": {"wait": True}})
    assert len({each["reference"] for each in shop.received}) == 2
    assert {each["resultCode"] for each in shop.received} == {"00"}


async def test_a_used_id_is_refused_by_setting(shop: Shop) -> None:
    await shop.admin("settings", {"reusedIds": "refuse"})
    await shop.inquire()
    assert (await shop.inquire()).status_code == 400
    assert (await shop.invoice()).status_code == 400


@pytest.mark.parametrize("end", ["expire", "fail", "cancel"])
async def test_pop_creates_another_invoice_after_one_that_ended(shop: Shop, end: str) -> None:
    first = (await shop.invoice()).json()
    await shop.admin(f"orders/LNS1/{end}")
    second = (await shop.invoice(paymentAmount=99000)).json()
    assert second["statusCode"] == "00"
    assert second["reference"] != first["reference"]


async def test_pop_creates_an_invoice_for_an_id_of_v2(shop: Shop) -> None:
    inquired = (await shop.inquire()).json()
    invoice = (await shop.invoice()).json()
    assert invoice["reference"] != inquired["reference"]
    assert (await shop.status()).status_code == 404
    on_v2 = (await shop.status(path=V2_STATUS)).json()
    assert on_v2["reference"] == inquired["reference"]


@pytest.mark.parametrize("text", ["150000", "0150000"])
async def test_numbers_are_accepted_as_text(shop: Shop, text: str) -> None:
    items = [{"name": "x", "quantity": "1", "price": text}]
    given: dict[str, Any] = {"paymentAmount": text, "expiryPeriod": "60", "itemDetails": items}
    assert (await shop.inquire(**given)).json()["amount"] == "150000"
    assert (await shop.invoice(merchantOrderId="LNS2", **given)).json()["amount"] == "150000.00"


async def test_numbers_as_text_are_refused_by_setting(shop: Shop) -> None:
    await shop.admin("settings", {"strictNumbers": True})
    assert (await shop.inquire(paymentAmount="150000")).status_code == 400
    assert (await shop.invoice(expiryPeriod="60")).status_code == 400
    items = [{"name": "x", "quantity": 1, "price": "150000"}]
    assert (await shop.invoice(itemDetails=items)).status_code == 400


async def test_failing_and_closed_channels_are_refused(shop: Shop) -> None:
    await shop.admin("settings", {"failingChannels": ["SP"], "closedChannels": ["SQ"]})
    failing = await shop.inquire()
    assert failing.json() == {"Message": "Failed to generate QR String"}
    assert failing.status_code == 500
    assert (await shop.inquire(paymentMethod="SQ")).status_code == 404


# Create Invoice


async def test_invoice_is_unknown_until_a_channel_is_chosen(shop: Shop) -> None:
    invoice = (await shop.invoice()).json()
    assert invoice["statusCode"] == "00"
    assert invoice["paymentUrl"].startswith("http://duitku.test/redirect_checkout?reference=")
    assert (await shop.status()).status_code == 404
    await shop.admin("orders/LNS1", {"paymentMethod": "SP"})
    status = (await shop.status()).json()
    assert (status["statusCode"], status["reference"]) == ("01", invoice["reference"])


@pytest.mark.parametrize("skew", [-25200, -301, 301, 25200])
async def test_invoice_refuses_a_stamp_off_by_more_than_five_minutes(
    shop: Shop, skew: float
) -> None:
    assert (await shop.invoice(skew)).status_code == 401
    assert (await shop.invoice(skew / 26000)).status_code == 200


async def test_moving_the_clock_does_not_refuse_stamps(shop: Shop) -> None:
    await shop.admin("clock", {"seconds": 86400})
    assert (await shop.invoice()).status_code == 200


@pytest.mark.parametrize(
    ("drop", "status"),
    [
        ("x-duitku-merchantcode", 401),
        ("x-duitku-timestamp", 401),
        ("x-duitku-signature", 401),
    ],
)
async def test_invoice_needs_all_three_headers(shop: Shop, drop: str, status: int) -> None:
    stamp = str(int(time.time() * 1000))
    headers = {
        "x-duitku-timestamp": stamp,
        "x-duitku-signature": signatures.current(KEY, MERCHANT, stamp),
        "x-duitku-merchantcode": MERCHANT,
    }
    del headers[drop]
    answer = await shop.post(CREATE, invoice_body(), headers=headers)
    assert (answer.status_code, answer.json()) == (status, {"Message": "Unauthorized"})


async def test_invoice_errors_are_keyed_by_field(shop: Shop) -> None:
    answer = await shop.invoice(email="siti")
    assert (answer.status_code, answer.json()) == (400, {"Email": "Invalid Email Address"})


async def test_same_id_returns_the_open_invoice(shop: Shop) -> None:
    first = (await shop.invoice()).json()
    assert (await shop.invoice()).json()["reference"] == first["reference"]


async def test_same_id_with_another_amount_is_refused_with_duitkus_text(shop: Shop) -> None:
    await shop.invoice()
    refused = await shop.invoice(paymentAmount=160000)
    text = "Amount is different please try again later."
    assert (refused.status_code, refused.json()) == (400, {"Message": text})


async def test_a_paid_id_is_refused_with_duitkus_text(shop: Shop) -> None:
    await shop.invoice()
    await shop.admin("orders/LNS1/pay")
    refused = await shop.invoice()
    text = "Bill already paid. (Parameter 'MerchantOrderId')"
    assert (refused.status_code, refused.json()) == (400, {"MerchantOrderId": text})


async def test_concurrent_invoices_are_refused_with_duitkus_text(shop: Shop) -> None:
    await shop.admin("settings", {"invoiceSeconds": 0.05})
    answers = await asyncio.gather(*(shop.invoice() for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    texts = {answer.text for answer in answers if answer.status_code == 409}
    assert texts == {"The transaction is still in progress."}


async def test_legacy_signatures_are_accepted_by_setting_only(shop: Shop) -> None:
    body = status_body("LNS1")
    body["signature"] = signatures.legacy("status", KEY, MERCHANT, "LNS1")
    assert (await shop.post(POP_STATUS, body)).status_code == 401
    await shop.admin("settings", {"signatureMode": "both"})
    assert (await shop.post(POP_STATUS, body)).status_code == 404


async def test_status_accepts_a_form_by_default(shop: Shop) -> None:
    await shop.inquire()
    body = status_body("LNS1")
    assert (await shop.http.post(V2_STATUS, data=body)).status_code == 200
    await shop.admin("settings", {"acceptForm": False})
    assert (await shop.http.post(V2_STATUS, data=body)).status_code == 401


async def test_status_is_asked_by_reference(shop: Shop) -> None:
    reference = (await shop.inquire()).json()["reference"]
    signature = signatures.current(KEY, MERCHANT, reference)
    body = {"merchantCode": MERCHANT, "reference": reference, "signature": signature}
    assert (await shop.post(V2_STATUS, body)).json()["merchantOrderId"] == "LNS1"
    assert (await shop.post(POP_STATUS, body)).status_code == 404
    unknown = signatures.current(KEY, MERCHANT, "DS1X")
    missing = {"merchantCode": MERCHANT, "reference": "DS1X", "signature": unknown}
    assert (await shop.post(V2_STATUS, missing)).status_code == 404


async def test_callback_of_a_virtual_account_names_the_accounts(shop: Shop) -> None:
    number = (await shop.inquire(paymentMethod="BC")).json()["vaNumber"]
    await shop.admin("orders/LNS1/pay", {"callback": {"wait": True}})
    assert shop.received[0]["vaNumber"] == number
    assert shop.received[0]["sourceAccount"]


# Payment page


def actions(page: httpx.Response) -> set[str]:
    return set(re.findall(r"/redirect_checkout/\w+/(\w+)", page.text))


async def test_buyer_pays_on_the_page(shop: Shop) -> None:
    invoice = (await shop.invoice()).json()
    page = await shop.http.get(invoice["paymentUrl"])
    assert "<script" not in page.text
    assert actions(page) == {"channel", "cancel", "expire", "back"}
    path = f"/redirect_checkout/{invoice['reference']}"
    chosen = await shop.http.post(f"{path}/channel", data={"paymentMethod": "BC"})
    page = await shop.http.get(chosen.headers["location"])
    assert (await shop.order())["vaNumber"] in page.text
    assert {"pay", "fail"} <= actions(page)
    paid = await shop.http.post(f"{path}/pay")
    assert paid.status_code == 303
    target = urlsplit(paid.headers["location"])
    assert parse_qs(target.query) == {
        "p": ["7"],
        "merchantOrderId": ["LNS1"],
        "reference": [invoice["reference"]],
        "resultCode": ["00"],
    }
    await shop.admin("wait")
    assert (await shop.status()).json()["statusCode"] == "00"
    assert [form["paymentCode"] for form in shop.received] == ["BC"]


@pytest.mark.parametrize(
    ("action", "redirect", "status"),
    [("fail", "02", "02"), ("cancel", "02", "02"), ("expire", "02", "02"), ("back", "01", "01")],
)
async def test_other_buttons_send_the_buyer_back_unpaid(
    shop: Shop, action: str, redirect: str, status: str
) -> None:
    reference = (await shop.invoice(paymentMethod="SP")).json()["reference"]
    left = await shop.http.post(f"/redirect_checkout/{reference}/{action}")
    query = parse_qs(urlsplit(left.headers["location"]).query)
    assert query["resultCode"] == [redirect]
    assert (await shop.status()).json()["statusCode"] == status
    assert shop.received == []


async def test_ended_order_cannot_be_paid_on_the_page(shop: Shop) -> None:
    reference = (await shop.invoice(paymentMethod="SP")).json()["reference"]
    await shop.admin("orders/LNS1/cancel")
    again = await shop.http.post(f"/redirect_checkout/{reference}/pay")
    assert again.headers["location"].startswith("/redirect_checkout?reference=")
    assert (await shop.order())["state"] == "cancelled"


async def test_page_escapes_what_the_shop_sent(shop: Shop) -> None:
    invoice = (await shop.invoice(productDetails="<b>&</b>")).json()
    page = (await shop.http.get(invoice["paymentUrl"])).text
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in page
    assert "<b>" not in page


async def test_page_speaks_english_and_keeps_it_through_the_forms(shop: Shop) -> None:
    invoice = (await shop.invoice()).json()
    page = await shop.http.get(f"{invoice['paymentUrl']}&lang=en")
    assert "Choose how to pay" in page.text
    path = f"/redirect_checkout/{invoice['reference']}/channel?lang=en"
    chosen = await shop.http.post(path, data={"paymentMethod": "SP"})
    assert chosen.headers["location"].endswith("&lang=en")


async def test_unknown_reference_is_404(shop: Shop) -> None:
    assert (await shop.http.get("/redirect_checkout?reference=NONE")).status_code == 404


async def test_embedded_page_reports_to_the_script(shop: Shop) -> None:
    script = await shop.http.get("/lib/js/duitku.js")
    events = ("successEvent", "pendingEvent", "closeEvent")
    assert all(name in script.text for name in events)
    reference = (await shop.invoice(paymentMethod="SP")).json()["reference"]
    done = await shop.http.post(f"/redirect_checkout/{reference}/pay?embed=1")
    assert '"resultCode": "00"' in done.text


# Callbacks


async def paid(shop: Shop, **callback: Any) -> Json:
    """Pay a QRIS order; return it after all its callbacks."""
    await shop.invoice(paymentMethod="SP", additionalParam="a%20b")
    return await shop.admin("orders/LNS1/pay", {"callback": {"wait": True, **callback}})


async def test_callback_is_a_signed_form(shop: Shop) -> None:
    order = await paid(shop)
    (form,) = shop.received
    assert form["signature"] == signatures.current(KEY, MERCHANT, "150000", "LNS1")
    assert form["resultCode"] == "00"
    assert form["reference"] == order["reference"]
    assert form["additionalParam"] == "a%20b"
    assert {"issuerCode", "customerName", "spUserHash", "settlementDate"} <= set(form)
    assert [attempt["status"] for attempt in order["callbacks"]] == [200]


async def test_callback_is_sent_five_times_and_then_mailed_to_the_merchant(shop: Shop) -> None:
    codes = (500, 302, 204, 404, 503)
    shop.answers = iter([httpx.Response(code, headers={"location": SHOP}) for code in codes])
    order = await paid(shop)
    assert [attempt["status"] for attempt in order["callbacks"]] == list(codes)
    assert len(order["merchantEmails"]) == 1
    again = await shop.admin("orders/LNS1/callback", {"wait": True})
    assert [attempt["delivery"] for attempt in again["callbacks"]] == [1, 1, 1, 1, 1, 2]
    assert again["callbacks"][-1]["status"] == 200


async def test_callback_stops_at_the_first_200(shop: Shop) -> None:
    shop.answers = iter([httpx.Response(503), httpx.Response(200, text="ok")])
    order = await paid(shop)
    assert [attempt["answer"] for attempt in order["callbacks"]] == ["", "ok"]
    assert order["merchantEmails"] == []


async def test_network_error_counts_as_an_attempt(shop: Shop) -> None:
    shop.answers = iter([httpx.ConnectError("refused"), httpx.Response(200)])
    order = await paid(shop)
    assert [attempt["error"] for attempt in order["callbacks"]] == ["ConnectError: refused", None]
    assert [attempt["status"] for attempt in order["callbacks"]] == [None, 200]


async def test_callback_can_go_to_another_url(shop: Shop) -> None:
    order = await paid(shop, url=f"{SHOP}/elsewhere")
    assert [attempt["url"] for attempt in order["callbacks"]] == [f"{SHOP}/elsewhere"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("valid", signatures.current(KEY, MERCHANT, "1", "LNS1")),
        ("original", signatures.current(KEY, MERCHANT, "150000", "LNS1")),
        ("legacy", signatures.legacy("callback", KEY, MERCHANT, "1", "LNS1")),
        ("empty", ""),
        ("missing", None),
    ],
)
async def test_changed_amount_is_signed_as_asked(
    shop: Shop, choice: str, expected: str | None
) -> None:
    await paid(shop, signature=choice, fields={"amount": "1"})
    (form,) = shop.received
    assert (form["amount"], form.get("signature")) == ("1", expected)


async def test_bad_signature_is_wrong_in_every_scheme(shop: Shop) -> None:
    await paid(shop, signature="bad")
    given = shop.received[0]["signature"]
    parts = (MERCHANT, "150000", "LNS1")
    assert len(given) == 64
    assert not signatures.accepts("both", "callback", KEY, parts, given)


async def test_any_field_can_be_changed_added_or_dropped(shop: Shop) -> None:
    changes = {
        "amount": "150000.00",
        "resultCode": "01",
        "productDetail": None,
        "productDetails": "Kelas é & =",
        "somethingNew": "1",
    }
    await paid(shop, fields=changes)
    (form,) = shop.received
    assert form["signature"] == signatures.current(KEY, MERCHANT, "150000.00", "LNS1")
    assert "productDetail" not in form
    assert form["productDetails"] == "Kelas é & ="
    assert (form["resultCode"], form["somethingNew"]) == ("01", "1")


@pytest.mark.parametrize("parallel", [False, True])
async def test_callback_can_be_sent_many_times(shop: Shop, *, parallel: bool) -> None:
    order = await paid(shop, times=4, parallel=parallel)
    assert len(shop.received) == 4
    assert {attempt["delivery"] for attempt in order["callbacks"]} == {1, 2, 3, 4}


@pytest.mark.parametrize(("parallel", "expected"), [(False, [1, 1, 1, 2]), (True, [1, 1, 2, 2])])
async def test_parallel_deliveries_overlap(
    shop: Shop, *, parallel: bool, expected: list[int]
) -> None:
    shop.answers = iter([httpx.Response(500), httpx.Response(500)])
    order = await paid(shop, times=2, parallel=parallel)
    assert sorted(attempt["delivery"] for attempt in order["callbacks"]) == expected


async def test_callback_can_be_withheld(shop: Shop) -> None:
    await shop.invoice()
    await shop.admin("orders/LNS1/pay", {"callback": False})
    assert await shop.admin("wait") == {"idle": True}
    assert shop.received == []
    assert (await shop.status()).json()["statusCode"] == "00"


async def test_unpaid_ends_send_a_callback_only_by_setting(shop: Shop) -> None:
    await shop.admin("settings", {"expiryCallback": "02"})
    for order_id, action in (("LNS1", "expire"), ("LNS2", "fail")):
        await shop.invoice(merchantOrderId=order_id)
        await shop.admin(f"orders/{order_id}/{action}")
    await shop.admin("wait")
    assert [(one["merchantOrderId"], one["resultCode"]) for one in shop.received] == [
        ("LNS1", "02")
    ]


async def test_legacy_account_signs_callbacks_with_md5(shop: Shop) -> None:
    await shop.inquire()
    await shop.admin("settings", {"signatureMode": "legacy"})
    await shop.admin("orders/LNS1/pay", {"callback": {"wait": True}})
    expected = signatures.legacy("callback", KEY, MERCHANT, "150000", "LNS1")
    assert shop.received[0]["signature"] == expected


async def called_back(shop: Shop, mode: str, **callback: Any) -> Callback:
    """Return the callback of a paid order, once the account signs by ``mode``."""
    await shop.inquire()
    await shop.admin("settings", {"signatureMode": mode})
    order = await shop.admin("orders/LNS1/pay", {"callback": {"wait": True, **callback}})
    return parse_callback(order["callbacks"][0]["sent"].encode())


@pytest.mark.parametrize(
    ("mode", "found"),
    [("legacy", Signature.VALID_LEGACY), ("both", Signature.VALID), ("hmac", Signature.VALID)],
)
async def test_lunas_verifies_the_callbacks_of_an_account_of_either_scheme(
    shop: Shop, mode: str, found: Signature
) -> None:
    callback = await called_back(shop, mode)
    assert Verifier(MERCHANT, KEY, legacy=True).verify(callback) is found
    if found is Signature.VALID:
        assert Verifier(MERCHANT, KEY).verify(callback) is found
    else:
        with pytest.raises(Forbidden):
            Verifier(MERCHANT, KEY).verify(callback)


async def test_lunas_refuses_an_altered_callback_of_the_old_scheme(shop: Shop) -> None:
    altered = await called_back(shop, "legacy", signature="original", fields={"amount": "1"})
    with pytest.raises(Forbidden):
        Verifier(MERCHANT, KEY, legacy=True).verify(altered)


# Clock, status settings and faults


async def test_orders_expire_on_the_moved_clock_and_can_be_paid_late(shop: Shop) -> None:
    await shop.invoice(paymentMethod="SP", expiryPeriod=600)
    await shop.admin("clock", {"seconds": 59 * 60})
    assert (await shop.order())["state"] == "pending"
    await shop.admin("clock", {"seconds": 61})
    assert (await shop.status()).json()["statusCode"] == "02"
    await shop.admin("orders/LNS1/pay")
    assert (await shop.status()).json()["statusCode"] == "00"


async def test_payment_can_appear_later_than_its_callback(shop: Shop) -> None:
    await shop.admin("settings", {"statusLag": 60})
    await paid(shop)
    assert len(shop.received) == 1
    assert (await shop.status()).json()["statusCode"] == "01"
    await shop.admin("clock", {"seconds": 61})
    assert (await shop.status()).json()["statusCode"] == "00"


async def test_answers_can_be_changed_for_all_orders_and_for_one(shop: Shop) -> None:
    await shop.admin("settings", {"answers": {"createInvoice": {"statusCode": "99"}}})
    invoice = await shop.invoice(paymentMethod="SP")
    assert (invoice.status_code, invoice.json()["statusCode"]) == (200, "99")
    await shop.admin("orders/LNS1", {"answer": {"reference": "OTHER", "amount": "1"}})
    status = (await shop.status()).json()
    assert (status["reference"], status["amount"]) == ("OTHER", "1")


async def test_status_is_blocked_for_an_hour_after_too_many_calls(shop: Shop) -> None:
    await shop.inquire()
    await shop.admin("settings", {"statusLimit": {"calls": 2, "status": 403, "body": "later"}})
    codes = [(await shop.status(path=V2_STATUS)).status_code for _ in range(4)]
    assert codes == [200, 200, 403, 403]
    await shop.admin("clock", {"seconds": 3599})
    assert (await shop.status(path=V2_STATUS)).text == "later"
    await shop.admin("clock", {"seconds": 2})
    assert (await shop.status(path=V2_STATUS)).status_code == 200


async def test_faults_happen_on_the_named_route_and_are_counted(shop: Shop) -> None:
    fault = {"route": "createInvoice", "kind": "answer_after", "status": 502, "body": "<html>"}
    await shop.admin("faults", fault)
    lost = await shop.invoice()
    assert (lost.status_code, lost.text) == (502, "<html>")
    assert (await shop.order())["state"] == "pending"
    assert (await shop.invoice()).status_code == 200
    traffic = (await shop.http.get("/_sim/requests")).json()
    assert traffic["counts"] == {"createInvoice": 2}
    assert [call["status"] for call in traffic["calls"]] == [502, 200]


async def test_faults_with_a_share_happen_to_that_part_and_are_counted(shop: Shop) -> None:
    never = {"route": "*", "kind": "answer", "status": 418, "times": 9**9, "share": 0}
    often = {"route": "popTransactionStatus", "kind": "answer", "times": 9**9, "share": 0.5}
    await shop.admin("faults", never)
    await shop.admin("faults", often)
    codes = [(await shop.status()).status_code for _ in range(200)]
    struck = (await shop.http.get("/_sim/faults")).json()["struck"]
    assert struck == {"popTransactionStatus answer 500": codes.count(500)}
    # With a share of one half, fewer than 40 or more than 160 of 200 happen once in 10**17 runs.
    assert 40 <= codes.count(500) <= 160


async def test_removed_faults_do_not_happen(shop: Shop) -> None:
    await shop.admin("faults", {"route": "*", "kind": "answer", "times": 9})
    assert (await shop.invoice()).status_code == 500
    await shop.http.delete("/_sim/faults")
    assert (await shop.invoice()).status_code == 200
    assert (await shop.http.get("/_sim/faults")).json() == {"struck": {}}


async def test_reset_forgets_everything(shop: Shop) -> None:
    await paid(shop)
    await shop.admin("settings", {"shareOrders": True})
    await shop.admin("reset")
    assert (await shop.http.get("/_sim/orders")).json() == {"items": []}
    assert (await shop.http.get("/_sim/requests")).json() == {"counts": {}, "calls": []}
    assert (await shop.admin("settings"))["shareOrders"] is False


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("settings", {"noSuchSetting": 1}),
        ("faults", {"route": "*", "kind": "none"}),
        ("faults", {"route": "*", "kind": "slow", "unknown": 1}),
        ("clock", {}),
    ],
)
async def test_bad_admin_bodies_are_refused(shop: Shop, path: str, body: Json) -> None:
    assert (await shop.post(f"/_sim/{path}", body)).status_code == 400


async def test_admin_routes_answer_404_for_unknown_orders(shop: Shop) -> None:
    assert (await shop.post("/_sim/orders/NONE/pay")).status_code == 404

"""Public clients of Duitku against the simulator, and their signatures against Lunas' own check.

A test's docstring notes what a client cannot do. None of them uses the current scheme throughout:
npm's ``duitku`` and ``paynesia`` sign by MD5 and plain SHA-256 only, PyPI's ``Duitku`` by HMAC at
POP alone. So the simulated account takes both schemes, as the sandbox was seen to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
import requests

from local.cloud import simulators
from local.cloud.stack import DuitkuProject
from local.cloud.state import State
from lunas.domain.callback_evidence import Signature
from lunas.domain.errors import Forbidden
from lunas.gateways.duitku.callbacks import Verifier, parse_callback
from tests.integration.simulators.public_clients import (
    NodeClient,
    PythonClient,
    configured_node_client,
)

PROJECT = DuitkuProject(merchant_code="DS12345", api_key="0123456789abcdef" * 2)
TIMEOUT = 30
ITEMS = [
    {"name": "Kelas Dasar", "quantity": 1, "price": 100_000},
    {"name": "Buku", "quantity": 2, "price": 50_000},
]
"""The price is that of a line; npm's client adds prices up as Duitku does."""

type Json = dict[str, Any]


@dataclass
class Receiver:
    """Receives callbacks: answers 200 if Lunas' own check accepts them, otherwise 403."""

    url: str = ""
    legacy: bool = False
    forms: list[str] = field(default_factory=list)
    """All bodies, including the refused ones."""

    def verified(self, body: bytes) -> Signature:
        """Return by which scheme a callback is signed; raises Forbidden when Lunas refuses it."""
        verifier = Verifier(PROJECT.merchant_code, PROJECT.api_key, self.legacy)
        return verifier.verify(parse_callback(body))

    def status(self, body: bytes) -> int:
        """Keep a body and return the status that answers it."""
        self.forms.append(body.decode())
        try:
            self.verified(body)
        except Forbidden:
            return 403
        return 200


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        """Passes a body to the receiver."""

        def do_POST(self) -> None:
            self.send_response(made.status(self.rfile.read(int(self.headers["content-length"]))))
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/webhooks/duitku"
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Simulated:
    """The simulated Duitku, by its admin routes."""

    url: str

    def do(self, path: str, body: Json | None = None) -> Json:
        """Use an admin route."""
        answer = requests.post(f"{self.url}/_sim/{path}", json=body or {}, timeout=TIMEOUT)
        assert answer.ok, answer.text
        done: Json = answer.json()
        return done

    def paid(self, order_id: str, **callback: Any) -> int:
        """Pay an order; return the status that its callback was answered with."""
        order = self.do(f"orders/{order_id}/pay", {"callback": {"wait": True, **callback}})
        status: int = order["callbacks"][-1]["status"]
        return status


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = State(tmp_path_factory.mktemp("duitku"))
    state.prepare()
    started = simulators.start_duitku(state, PROJECT)
    started.wait()
    yield started.url
    started.service.stop()


@pytest.fixture
def duitku(url: str) -> Simulated:
    """Start with an account without orders that accepts both schemes and sends a callback once."""
    made = Simulated(url)
    made.do("reset")
    made.do("settings", {"signatureMode": "both", "callbackAttempts": 1})
    return made


@pytest.fixture
def account(duitku: Simulated) -> dict[str, str]:
    return {"url": duitku.url, "merchantCode": PROJECT.merchant_code, "apiKey": PROJECT.api_key}


@pytest.fixture
def pypi(account: dict[str, str]) -> PythonClient:
    """``Duitku`` 0.2.10 of PyPI."""
    return PythonClient("pypi_duitku", account)


@pytest.fixture
def paynesia(account: dict[str, str]) -> PythonClient:
    """``paynesia`` 0.1.2 of PyPI."""
    return PythonClient("pypi_paynesia", account)


@pytest.fixture
def npm(duitku: Simulated, receiver: Receiver, tmp_path: Path) -> NodeClient:
    """Duitku's own ``duitku`` 0.0.7 of npm."""
    return configured_node_client(
        duitku.url,
        tmp_path,
        merchantCode=PROJECT.merchant_code,
        apiKey=PROJECT.api_key,
        passport=False,
        callbackUrl=receiver.url,
        returnUrl="https://shop.example/return",
        expiryPeriod=60,
    )


def ordered(receiver: Receiver, order_id: str, **more: Any) -> Json:
    """Return the request of an order, as PyPI's client takes it."""
    return {
        "paymentAmount": 150_000,
        "merchantOrderId": order_id,
        "productDetails": "Kelas Dasar",
        "email": "siti@example.com",
        "customerVaName": "Siti Aminah",
        "callbackUrl": receiver.url,
        "returnUrl": "https://shop.example/return",
        **more,
    }


def callback_form(order_id: str, signature: str, **changes: str) -> bytes:
    """Return a callback for 150,000 rupiah that the simulator did not sign."""
    fields = {
        "merchantCode": PROJECT.merchant_code,
        "amount": "150000",
        "merchantOrderId": order_id,
        "resultCode": "00",
        "signature": signature,
        **changes,
    }
    return urlencode(fields).encode()


# PyPI's Duitku


def test_pypi_duitku_opens_an_invoice_whose_callback_lunas_accepts(
    duitku: Simulated, pypi: PythonClient, receiver: Receiver
) -> None:
    opened = pypi.call("invoice", ordered(receiver, "LNS1"))
    assert (opened["status"], opened["body"]["statusCode"]) == (200, "00")
    assert opened["body"]["amount"] == "150000.00"
    again = pypi.call("invoice", ordered(receiver, "LNS1"))
    assert again["body"]["reference"] == opened["body"]["reference"]
    assert duitku.paid("LNS1") == 200


def test_pypi_duitku_follows_a_virtual_account_until_it_is_paid(
    duitku: Simulated, pypi: PythonClient, receiver: Receiver
) -> None:
    fees = pypi.call("methods", {"amount": 150_000, "datetime": "2026-01-15 09:30:00"})
    assert {"BC", "SP", "VC"} <= {each["paymentMethod"] for each in fees["body"]["paymentFee"]}
    opened = pypi.call("inquiry", ordered(receiver, "LNS1", paymentMethod="BC"))["body"]
    assert opened["vaNumber"].isdigit()
    asked = {"merchantOrderId": "LNS1"}
    assert pypi.call("status", asked)["body"]["statusCode"] == "01"
    assert duitku.paid("LNS1") == 200
    settled = pypi.call("status", asked)["body"]
    assert (settled["statusCode"], settled["reference"]) == ("00", opened["reference"])


def test_pypi_duitku_works_only_at_pop_without_the_old_scheme(
    duitku: Simulated, pypi: PythonClient, receiver: Receiver
) -> None:
    duitku.do("settings", {"signatureMode": "hmac"})
    assert pypi.call("invoice", ordered(receiver, "LNS1"))["status"] == 200
    refused = pypi.call("inquiry", ordered(receiver, "LNS2", paymentMethod="BC"))
    assert (refused["status"], refused["body"]) == (401, {"Message": "Wrong signature"})


def test_pypi_duitku_reads_a_refusal(pypi: PythonClient, receiver: Receiver) -> None:
    cheap = ordered(receiver, "LNS1", paymentMethod="BC", paymentAmount=9_999)
    refused = pypi.call("inquiry", cheap)
    assert (refused["status"], refused["body"]) == (400, {"Message": "Minimum Payment 10000 IDR"})


@pytest.mark.parametrize(
    ("scheme", "choice", "found"),
    [("hmac", "valid", Signature.VALID), ("md5", "legacy", Signature.VALID_LEGACY)],
)
def test_pypi_duitku_and_the_simulator_sign_a_callback_alike_and_lunas_accepts_it(
    duitku: Simulated,
    pypi: PythonClient,
    receiver: Receiver,
    scheme: str,
    choice: str,
    found: Signature,
) -> None:
    """The client does not check callbacks; its formulas for invoices and inquiries are the same."""
    receiver.legacy = True
    pypi.call("invoice", ordered(receiver, "LNS1"))
    assert duitku.paid("LNS1", signature=choice) == 200
    (sent,) = receiver.forms
    signed = pypi.call("sign", "150000LNS1")[scheme]
    assert parse_qs(sent)["signature"] == [signed]
    assert receiver.verified(callback_form("LNS1", signed)) is found
    with pytest.raises(Forbidden):
        receiver.verified(callback_form("LNS1", signed, amount="150001"))


# npm's duitku


def test_npm_duitku_opens_an_invoice_of_several_items(duitku: Simulated, npm: NodeClient) -> None:
    opened = npm.call("invoice", orderId="LNS1", items=ITEMS)
    assert "error" not in opened
    assert opened["answer"]["statusMessage"] == "SUCCESS"
    assert PROJECT.merchant_code in opened["answer"]["reference"]
    assert duitku.paid("LNS1") == 200


@pytest.mark.parametrize(
    ("method", "shown"), [("BC", "vaNumber"), ("SP", "qrString"), ("DN", None), ("VC", None)]
)
def test_npm_duitku_opens_each_kind_of_channel(
    npm: NodeClient, method: str, shown: str | None
) -> None:
    opened = npm.call("inquiry", orderId="LNS1", method=method, items=ITEMS)
    assert "error" not in opened
    assert {"vaNumber", "qrString"} & set(opened["answer"]) == ({shown} if shown else set())
    assert opened["answer"].get("amount") == (None if method == "VC" else "150000")


def test_npm_duitku_opens_an_order_of_an_item_without_a_quantity_less_a_discount(
    npm: NodeClient,
) -> None:
    """The client's live tests send quantity 0, and a discount is a line with a negative price."""
    items = [{"name": "Kelas Dasar", "quantity": 0, "price": 150_000}]
    opened = npm.call("inquiry", orderId="LNS1", method="BC", items=items, discount=10)
    assert opened["answer"]["amount"] == "135000"


def test_npm_duitku_uses_one_id_on_v2_twice_and_at_pop(npm: NodeClient) -> None:
    """The client's live tests do this in each run."""
    orders = [
        npm.call("inquiry", orderId="test_payment_01", method="BC", items=ITEMS),
        npm.call("inquiry", orderId="test_payment_01", method="SP", items=ITEMS),
        npm.call("invoice", orderId="test_payment_01", items=ITEMS),
    ]
    references = [each["answer"]["reference"] for each in orders]
    assert len(set(references)) == 3
    newest_on_v2 = npm.call("status", orderId="test_payment_01")["answer"]
    assert newest_on_v2["reference"] == references[1]


def test_npm_duitku_follows_an_order_until_it_is_paid(duitku: Simulated, npm: NodeClient) -> None:
    fees = npm.call("methods", amount=150_000)["answer"]
    assert {"BC", "SP", "VC"} <= {each["paymentMethod"] for each in fees}
    npm.call("inquiry", orderId="LNS1", method="BC", items=ITEMS)
    assert npm.call("status", orderId="LNS1")["answer"]["statusMessage"] == "PROCESS"
    assert duitku.paid("LNS1") == 200
    assert npm.call("status", orderId="LNS1")["answer"]["statusCode"] == "00"


def test_npm_duitku_reads_refusals(npm: NodeClient) -> None:
    """The client reads ``Message`` without checking that there is one."""
    unknown = npm.call("status", orderId="none")["error"]
    assert (unknown["status"], unknown["reason"]) == (404, "Transaction not found")
    cheap = npm.call("methods", amount=5)["error"]
    assert (cheap["status"], cheap["reason"]) == (400, "Minimum Payment 10000 IDR")


@pytest.mark.parametrize("choice", ["valid", "legacy", "bad"])
def test_npm_duitku_refuses_every_callback_that_has_a_signature(
    duitku: Simulated, npm: NodeClient, receiver: Receiver, choice: str
) -> None:
    """The client's check expects a form without one, and compares it with the hash of nothing.

    So it cannot confirm a callback of the simulator. Lunas must confirm it, and must refuse a
    wrong signature.
    """
    receiver.legacy = True
    npm.call("inquiry", orderId="LNS1", method="BC", items=ITEMS)
    assert duitku.paid("LNS1", signature=choice) == (403 if choice == "bad" else 200)
    form = {name: values[0] for name, values in parse_qs(receiver.forms[0]).items()}
    assert npm.call("callback", **form) == {"error": "Bad Parameter"}
    del form["signature"]
    assert npm.call("callback", **form) == {"error": "Wrong Signature"}


def test_a_callback_signed_by_npm_duitkus_md5_is_accepted_where_lunas_takes_the_old_scheme(
    npm: NodeClient, receiver: Receiver
) -> None:
    """The formula is the one of the client's check, over the amount and the id of the callback."""
    text = f"{PROJECT.merchant_code}150000LNS1{PROJECT.api_key}"
    form = callback_form("LNS1", npm.call("md5", text=text)["answer"])
    with pytest.raises(Forbidden):
        receiver.verified(form)
    receiver.legacy = True
    assert receiver.verified(form) is Signature.VALID_LEGACY


# PyPI's paynesia


def test_paynesia_names_no_channel_which_v2_asks_for(paynesia: PythonClient) -> None:
    """The client cannot open a payment at Duitku, which documents the refusal."""
    customer = {"name": "Siti Aminah", "email": "siti@example.com", "phone": "081234567890"}
    order = {"order_id": "LNS1", "amount": 150_000, "customer": customer}
    refused = paynesia.call("payment", order)
    assert refused["error"] == "GatewayError"
    assert '{"Message":"paymentMethod is mandatory"}' in refused["message"]


def test_paynesia_accepts_a_legacy_callback_of_the_simulator_as_lunas_does(
    duitku: Simulated, pypi: PythonClient, paynesia: PythonClient, receiver: Receiver
) -> None:
    receiver.legacy = True
    duitku.do("settings", {"signatureMode": "legacy"})
    pypi.call("inquiry", ordered(receiver, "LNS1", paymentMethod="BC"))
    assert duitku.paid("LNS1") == 200
    read = paynesia.call("callback", receiver.forms[0])
    assert read == {"orderId": "LNS1", "status": "PAID", "amount": 150_000.0}
    assert receiver.verified(receiver.forms[0].encode()) is Signature.VALID_LEGACY


@pytest.mark.parametrize("choice", ["valid", "bad", "original"])
def test_paynesia_refuses_a_callback_that_is_not_signed_by_md5(
    duitku: Simulated, pypi: PythonClient, paynesia: PythonClient, receiver: Receiver, choice: str
) -> None:
    """Callbacks of an account that has moved to HMAC are included; Lunas accepts those."""
    pypi.call("invoice", ordered(receiver, "LNS1"))
    changed = {"amount": "15000"} if choice == "original" else {}
    status = duitku.paid("LNS1", signature=choice, fields=changed)
    assert status == (200 if choice == "valid" else 403)
    refused = paynesia.call("callback", receiver.forms[0])
    assert refused["error"] == "SignatureError"

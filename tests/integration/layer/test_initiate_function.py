"""POST /payments/initiate and GET /payments/methods, from the request to the table."""

from collections import Counter
from typing import Any

import pytest
import requests

from lunas.domain.payments import Status
from lunas.gateways.duitku import client
from lunas.storage.catalog import Catalog
from lunas.storage.payments import Payments
from tests.integration.layer import providers, purchases
from tests.support.api_requests import service_headers, service_token, user_token
from tests.support.builders import course
from tests.support.functions import call
from tests.support.http_stub import Reply, StubProvider
from tests.support.logs import Logged

pytestmark = pytest.mark.usefixtures("catalog")
FUNCTION = "initiate_payment"
WANTED = {"packageId": "p1", "courseId": "c1"}


def initiate(body: Any = None, sub: str = "u1", **more: Any) -> tuple[int, Any]:
    route = "POST /payments/initiate"
    return call(
        FUNCTION, route, body=WANTED if body is None else body, token=user_token(sub), **more
    )


def duitku(monkeypatch: pytest.MonkeyPatch, *replies: Reply | Exception) -> StubProvider:
    return providers.answers(monkeypatch, FUNCTION, *replies)


def test_a_new_payment_is_a_201_with_the_invoice_of_duitku(monkeypatch: pytest.MonkeyPatch) -> None:
    duitku(monkeypatch, providers.invoice("R1"))
    status, payment = initiate()
    assert (status, payment["status"], payment["amount"]) == (201, "PENDING", 49_000)
    assert payment["gateway"]["reference"] == "R1"
    assert payment["gateway"]["paymentUrl"] == "https://pay.test/R1"
    assert payment["customer"]["email"] == "u1@example.com"


def test_the_price_comes_from_the_catalog_whatever_the_body_contains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = duitku(monkeypatch, providers.invoice())
    _, payment = initiate({**WANTED, "amount": 1, "price": 1, "userId": "u9", "status": "PAID"})
    assert (payment["amount"], payment["userId"]) == (49_000, "u1")
    assert provider.asked[0].body["paymentAmount"] == 49_000


def test_a_dike_buyer_pays_the_dike_price(monkeypatch: pytest.MonkeyPatch) -> None:
    duitku(monkeypatch, providers.invoice())
    token = user_token(type="DIKE")
    _, payment = call(FUNCTION, "POST /payments/initiate", body=WANTED, token=token)
    assert (payment["amount"], payment["paymentType"]) == (40_000, "DIKE")


def test_the_same_purchase_again_is_a_200_with_the_same_payment(
    monkeypatch: pytest.MonkeyPatch, calls: Counter[str]
) -> None:
    first = purchases.initiated(monkeypatch)
    provider = duitku(monkeypatch, Reply(404))
    assert initiate() == (200, first)
    calls.clear()
    assert initiate() == (200, first)
    assert len(provider.asked) == 1
    assert not {"PutItem", "UpdateItem", "TransactWriteItems"} & set(calls)


def test_the_alias_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    duitku(monkeypatch, providers.invoice())
    status, _ = call(FUNCTION, "POST /payment/initiate", body=WANTED, token=user_token())
    assert status == 201


def test_the_invoice_carries_where_to_call_back_and_where_to_return(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = duitku(monkeypatch, providers.invoice(), providers.invoice())
    initiate()
    initiate({**WANTED, "courseId": "c2", "returnUrl": "https://shop.example/thanks"})
    assert [each.body["returnUrl"] for each in provider.asked] == [
        "https://shop.test/back",
        "https://shop.example/thanks",
    ]
    assert {each.body["callbackUrl"] for each in provider.asked} == {"https://lunas.test/callback"}


def test_a_refusal_of_duitku_is_a_502_that_does_not_quote_it(
    monkeypatch: pytest.MonkeyPatch, payments: Payments
) -> None:
    provider = duitku(monkeypatch, Reply(400, {"Message": "length of phoneNumber can't > 50"}))
    status, problem = initiate()
    assert (status, problem["type"]) == (502, "urn:lunas:problem:gateway-refused")
    assert "phoneNumber" not in str(problem)
    failed = payments.get(provider.asked[0].body["merchantOrderId"])
    assert failed
    assert failed.status is Status.FAILED


@pytest.mark.parametrize(
    ("reply", "status"), [(requests.ReadTimeout("x"), 504), (Reply(502, "<html>"), 503)]
)
def test_after_an_unanswered_invoice_the_next_request_continues_the_same_payment(
    monkeypatch: pytest.MonkeyPatch, reply: Reply | Exception, status: int
) -> None:
    provider = duitku(monkeypatch, reply, providers.invoice())
    assert initiate()[0] == status
    again, payment = initiate()
    assert again == 200
    orders = {each.body["merchantOrderId"] for each in provider.asked}
    assert orders == {payment["id"]}


def test_two_users_do_not_share_a_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = purchases.initiated(monkeypatch, "u1")
    theirs = purchases.initiated(monkeypatch, "u2", "R2")
    assert mine["id"] != theirs["id"]


def test_a_full_course_is_a_409(catalog: Catalog) -> None:
    catalog.put_course(course("c1", quota=0))
    status, problem = initiate()
    assert (status, problem["type"]) == (409, "urn:lunas:problem:course-full")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"packageId": "p404"}, 404, "not-found"),
        ({"packageId": "p1"}, 422, "invalid-input"),
        ({"packageId": "b1", "courseId": "c1"}, 422, "invalid-input"),
        ({"packageId": "p1", "courseId": "c404"}, 422, "invalid-input"),
    ],
)
def test_an_impossible_purchase_is_refused(body: dict[str, str], status: int, code: str) -> None:
    answered, problem = initiate(body)
    assert (answered, problem["type"]) == (status, f"urn:lunas:problem:{code}")


def test_neither_services_nor_anonymous_callers_buy() -> None:
    service = service_headers(service_token(scope="payments:read"))
    assert call(FUNCTION, "POST /payments/initiate", body=WANTED, headers=service)[0] == 403
    assert call(FUNCTION, "POST /payments/initiate", body=WANTED)[0] == 401


def test_channels_are_listed_with_their_fees(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"paymentMethod": "BC", "paymentName": "BCA", "paymentImage": "i", "totalFee": "4000"}
    provider = duitku(monkeypatch, Reply(body={"paymentFee": [row]}))
    query = {"packageId": "p1"}
    status, body = call(FUNCTION, "GET /payments/methods", query=query, token=user_token())
    assert (status, body) == (
        200,
        {"items": [{"code": "BC", "name": "BCA", "imageUrl": "i", "fee": 4000}]},
    )
    assert provider.asked[0].body["amount"] == 49_000


@pytest.mark.parametrize(("query", "status"), [({}, 422), ({"packageId": "p404"}, 404)])
def test_channels_of_an_unknown_package_are_refused(query: dict[str, str], status: int) -> None:
    assert call(FUNCTION, "GET /payments/methods", query=query, token=user_token())[0] == status


def test_nothing_personal_is_logged(monkeypatch: pytest.MonkeyPatch, logged: Logged) -> None:
    customer = {"firstName": "Citra", "lastName": "Lestari", "email": "c@shop.example"}
    duitku(monkeypatch, providers.invoice(), Reply(400, {"Message": "c@shop.example is wrong"}))
    initiate({**WANTED, "customer": {**customer, "phone": "0812 3456 7890"}})
    initiate({**WANTED, "courseId": "c2", "customer": customer})
    assert logged.messages()
    for kept_back in (
        "Citra",
        "Lestari",
        "shop.example",
        "0812",
        "62812",
        "u1@example.com",
        "Santoso",
    ):
        assert kept_back not in logged.text


def test_an_invoice_ends_with_its_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = duitku(monkeypatch, providers.invoice())
    initiate()
    assert provider.asked[0].body["expiryPeriod"] in {59, 60}


def test_each_order_uses_its_own_session_with_duitku(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stubs = [StubProvider(providers.invoice("R1")), StubProvider(providers.invoice("R2"))]
    sessions = [stub.session for stub in stubs]
    monkeypatch.setattr(client, "fresh_session", lambda: sessions.pop(0))
    assert initiate()[0] == 201
    assert initiate({**WANTED, "courseId": "c2"})[0] == 201
    assert [len(stub.asked) for stub in stubs] == [1, 1]

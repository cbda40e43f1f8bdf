"""Duitku's callback, from the raw event to the table."""

import json
from collections import Counter
from dataclasses import replace
from urllib.parse import urlencode

import pytest
import requests

from lunas.domain.enrollments import enrollment_id
from lunas.domain.payments import Payment, Status
from lunas.gateways.duitku import signatures
from lunas.storage.catalog import Catalog
from lunas.storage.enrollments import Enrollments
from lunas.storage.payments import Payments
from tests.integration.layer import providers, purchases
from tests.support import callbacks
from tests.support.duitku_vectors import B
from tests.support.functions import invoke
from tests.support.http_stub import Reply, StubProvider
from tests.support.logs import Logged

FUNCTION = "duitku_webhook"
ENROLLMENT = enrollment_id("u1", "c1")


@pytest.fixture
def order(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> str:
    """Open a payment of 49,000 with the reference R1."""
    assert catalog.package("p1")
    return str(purchases.initiated(monkeypatch)["id"])


def duitku(monkeypatch: pytest.MonkeyPatch, *replies: Reply | Exception) -> StubProvider:
    return providers.answers(monkeypatch, FUNCTION, *replies)


def stored(payments: Payments, order: str) -> Payment:
    found = payments.get(order)
    assert found
    return found


def assert_only_due_soon(before: Payment, after: Payment) -> None:
    """Assert that nothing changed but the next check at Duitku, which is due sooner."""
    assert after == replace(
        before,
        check_at=after.check_at,
        asked_at=after.asked_at,
        denied_at=after.denied_at,
    )
    assert before.check_at
    assert after.check_at
    assert after.check_at < before.check_at


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> StubProvider:
    """Answer nothing: the test expects no call to Duitku."""
    return duitku(monkeypatch)


def test_a_paid_order_becomes_an_enrollment(
    order: str, payments: Payments, enrollments: Enrollments, monkeypatch: pytest.MonkeyPatch
) -> None:
    duitku(monkeypatch, providers.status(order))
    assert callbacks.post(order) == 200
    assert stored(payments, order).status is Status.APPROVED
    made = enrollments.get(ENROLLMENT)
    assert made
    assert made.payment_id == order
    targets = [event.target for event in payments.read(order)[1]]
    assert targets == [Status.PENDING, Status.PAID, Status.APPROVED]


def test_the_first_callback_costs_two_calls_and_a_repetition_one(
    order: str, calls: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    duitku(monkeypatch, providers.status(order))
    calls.clear()
    assert callbacks.post(order) == 200
    assert calls == {"GetItem": 1, "TransactWriteItems": 1}
    calls.clear()
    assert callbacks.post(order) == 200
    assert calls == {"GetItem": 1}


def test_the_same_callback_five_times_has_one_effect(
    order: str, payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = duitku(monkeypatch, providers.status(order))
    assert [callbacks.post(order) for _ in range(5)] == [200] * 5
    assert len(provider.asked) == 1
    assert len(payments.read(order)[1]) == 3


@pytest.mark.parametrize("code", ["01", "404"])
def test_a_callback_of_an_unpaid_order_is_a_200_and_changes_nothing(
    order: str, payments: Payments, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    before = stored(payments, order)
    duitku(monkeypatch, Reply(404) if code == "404" else providers.status(order, code))
    assert callbacks.post(order) == 200
    assert_only_due_soon(before, stored(payments, order))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(200, "<html>"),
        Reply(403, "blocked"),
        Reply(401),
        requests.ReadTimeout("x"),
    ],
    ids=str,
)
def test_a_callback_is_a_503_while_duitku_cannot_be_asked(
    order: str, payments: Payments, monkeypatch: pytest.MonkeyPatch, reply: Reply | Exception
) -> None:
    before = stored(payments, order)
    duitku(monkeypatch, reply, providers.status(order))
    assert callbacks.post(order) == 503
    assert_only_due_soon(before, stored(payments, order))
    assert callbacks.post(order) == 200
    assert stored(payments, order).status is Status.APPROVED


def test_an_order_that_duitku_ended_is_failed_and_can_still_be_paid(
    order: str, payments: Payments, enrollments: Enrollments, monkeypatch: pytest.MonkeyPatch
) -> None:
    duitku(monkeypatch, providers.status(order, "02"), providers.status(order))
    assert callbacks.post(order, resultCode="01") == 200
    assert stored(payments, order).status is Status.FAILED
    assert callbacks.post(order) == 200
    assert stored(payments, order).status is Status.APPROVED
    assert enrollments.get(ENROLLMENT)


@pytest.mark.parametrize(
    "changes", [{"reference": "R9"}, {"amount": "1"}, {"merchantOrderId": "pay9"}], ids=str
)
def test_a_mismatched_status_is_recorded_as_an_anomaly(
    order: str,
    payments: Payments,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
    changes: dict[str, str],
) -> None:
    duitku(monkeypatch, providers.status(order, **changes))
    assert callbacks.post(order) == 200
    assert stored(payments, order).status is Status.PENDING
    assert logged.messages("ERROR") == ["anomaly recorded"]
    assert "Anomaly" in logged.metrics()


@pytest.mark.usefixtures("silent", "catalog")
def test_an_unknown_order_is_answered_200_and_recorded_as_an_anomaly(logged: Logged) -> None:
    assert callbacks.post("pay404") == 200
    assert logged.messages("ERROR") == ["anomaly recorded"]
    assert "Anomaly" in logged.metrics()


@pytest.mark.usefixtures("silent")
def test_another_amount_is_answered_200_and_changes_nothing(
    order: str, payments: Payments, logged: Logged
) -> None:
    assert callbacks.post(order, amount="1") == 200
    assert stored(payments, order).status is Status.PENDING
    assert "anomaly recorded" in logged.messages("ERROR")


FORGERIES: list[dict[str, str]] = [
    {"signature": "0" * 64},
    {"signature": signatures.legacy_callback_signature(B.merchant, "49000", "x", B.key)},
    {"amount": "1"},
    {"merchantOrderId": "pay9"},
    {"merchantCode": "DS99999"},
]


@pytest.mark.parametrize("forgery", FORGERIES, ids=str)
@pytest.mark.usefixtures("silent")
def test_a_forged_callback_is_a_403_without_a_read_and_is_kept(
    order: str, payments: Payments, calls: Counter[str], logged: Logged, forgery: dict[str, str]
) -> None:
    before = stored(payments, order)
    calls.clear()
    body = urlencode({**callbacks.fields(order), **forgery}).encode()
    assert invoke(FUNCTION, callbacks.event(body))["statusCode"] == 403
    assert calls == {"UpdateItem": 1}
    assert stored(payments, order) == before
    assert logged.metrics() == ["CallbackRefused"]


def test_a_legacy_signature_counts_only_by_setting_and_is_warned_about(
    order: str, payments: Payments, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    duitku(monkeypatch, providers.status(order))
    legacy = signatures.legacy_callback_signature(B.merchant, "49000", order, B.key)
    assert callbacks.post(order, signature=legacy) == 403
    monkeypatch.setenv("DUITKU_LEGACY_CALLBACKS", "true")
    assert callbacks.post(order, signature=legacy) == 200
    assert stored(payments, order).status is Status.APPROVED
    assert "legacy signature accepted" in logged.messages("WARNING")


@pytest.mark.usefixtures("silent", "catalog")
def test_a_request_that_is_no_callback_is_logged_with_its_request_id(logged: Logged) -> None:
    invoke(FUNCTION, callbacks.event(b"a=1"))
    (line,) = (each for each in logged.lines if each["message"] == "callback malformed")
    assert (line["correlation_id"], line["route"]) == ("rq1", "duitku callback")
    assert logged.messages("ERROR") == []


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"", callbacks.FORM, 400),
        (b"\xff", callbacks.FORM, 400),
        (b"a=1", callbacks.FORM, 400),
        (b"x" * 70_000, callbacks.FORM, 413),
        (b"{}", "application/json", 415),
        (b"a=1", "", 415),
    ],
)
@pytest.mark.usefixtures("silent", "catalog")
def test_a_request_that_is_no_callback_is_a_4xx(
    calls: Counter[str], body: bytes, media_type: str, status: int
) -> None:
    calls.clear()
    answer = invoke(FUNCTION, callbacks.event(body, media_type))
    assert answer["statusCode"] == status
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert calls == {"UpdateItem": 1}


def test_a_plain_body_is_read_too(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    duitku(monkeypatch, providers.status(order))
    event = callbacks.event(b"")
    body = urlencode(callbacks.fields(order))
    plain = {**event, "body": body, "isBase64Encoded": False}
    assert invoke(FUNCTION, plain)["statusCode"] == 200


@pytest.mark.usefixtures("silent", "catalog")
def test_a_crash_is_a_500_without_details_so_that_duitku_retries(
    monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setenv("TABLE_NAME", "gone")
    body = urlencode(callbacks.fields("pay1")).encode()
    answer = invoke(FUNCTION, callbacks.event(body))
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["type"] == "urn:lunas:problem:internal"
    assert "gone" not in answer["body"]
    assert logged.metrics() == ["CallbackNotRecorded", "UnexpectedError"]


@pytest.mark.usefixtures("silent", "catalog")
def test_a_missing_setting_is_logged_and_not_answered(
    monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.delenv("DUITKU_SECRET_ID")
    body = urlencode(callbacks.fields("pay1")).encode()
    answer = invoke(FUNCTION, callbacks.event(body))
    assert answer["statusCode"] == 500
    assert "DUITKU_SECRET_ID" not in answer["body"]
    assert "DUITKU_SECRET_ID" in logged.text


def test_no_personal_data_and_no_key_reaches_the_log(
    order: str, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    duitku(monkeypatch, providers.status(order), Reply(500, "budi@example.com"))
    callbacks.post(order)
    callbacks.post(order, signature="0" * 64)
    callbacks.post("pay404")
    for kept_back in ("Santoso", "example.com", B.key, callbacks.fields(order)["signature"]):
        assert kept_back not in logged.text


@pytest.mark.usefixtures("silent")
def test_digits_moved_from_the_amount_to_the_order_id_are_a_403(
    order: str, payments: Payments, logged: Logged
) -> None:
    before = stored(payments, order)
    signature = signatures.callback_signature(B.merchant, "49000", order, B.key)
    assert callbacks.post(f"00{order}", "490", signature=signature) == 403
    assert stored(payments, order) == before
    assert "anomaly recorded" not in logged.messages()
    assert "CallbackRefused" in logged.metrics()


@pytest.mark.parametrize("amount", ["-49000", "49000.001", "4.9e4", "49,000"])
@pytest.mark.usefixtures("silent", "catalog")
def test_a_signed_amount_that_is_no_plain_number_is_a_400(calls: Counter[str], amount: str) -> None:
    calls.clear()
    assert callbacks.post("pay1", amount) == 400
    assert calls == {"UpdateItem": 1}


def test_a_payment_settled_by_a_callback_is_approved_by_duitku(
    order: str, payments: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    duitku(monkeypatch, providers.status(order))
    callbacks.post(order)
    assert stored(payments, order).approved_by == "duitku"


def test_a_correctly_signed_callback_from_another_address_changes_nothing(
    order: str, payments: Payments, silent: StubProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUITKU_ADDRESSES", "182.23.85.8")
    before = stored(payments, order)
    event = callbacks.event(urlencode(callbacks.fields(order)).encode(), callbacks.FORM)

    assert invoke(FUNCTION, event)["statusCode"] == 403
    assert stored(payments, order) == before
    assert not silent.asked

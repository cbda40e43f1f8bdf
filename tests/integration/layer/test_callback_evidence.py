"""Every callback is kept as evidence, whatever its result, and at what cost."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import requests

from lunas.gateways.duitku import signatures
from lunas.storage.payments import Payments
from tests.integration.layer import providers
from tests.integration.layer.webhook import FUNCTION, UNREADABLE, Webhook, digest
from tests.support import callbacks
from tests.support.builders import NOW
from tests.support.duitku_vectors import B
from tests.support.functions import invoke
from tests.support.http_stub import Reply


def test_the_callback_that_settles_is_kept_in_the_history(webhook: Webhook) -> None:
    webhook.pays()
    assert webhook.handle() == 200
    assert webhook.calls == {"GetItem": 1, "TransactWriteItems": 1}
    assert webhook.kept() == []
    [item] = webhook.in_history()
    came = webhook.body()
    assert (item["digest"], item["length"]) == (digest(came), len(came))
    assert (item["mediaType"], item["correlationId"]) == (callbacks.FORM, "rq1")
    assert item["fields"] == {
        "merchantCode": B.merchant,
        "amount": "49000",
        "merchantOrderId": webhook.order,
        "resultCode": "00",
        "reference": "R1",
    }
    assert (item["others"], item["unnamed"]) == ({"signature": 64, "customerName": 12}, 0)
    assert item["signature"] == "VALID"
    assert webhook.payment().callbacks == {digest(came)[:16]}


def test_the_history_names_the_callback_by_the_beginning_of_its_digest(webhook: Webhook) -> None:
    webhook.pays()
    webhook.handle()
    _, paid, approved = Payments(webhook.table).read(webhook.order)[1]
    for event in (paid, approved):
        assert event.evidence
        assert event.evidence["callbackDigest"] == digest(webhook.body())[:16]


def test_a_repetition_costs_one_read_and_leaves_the_evidence_as_it_is(webhook: Webhook) -> None:
    webhook.pays()
    webhook.at(NOW)
    webhook.handle()
    before = webhook.in_history()
    webhook.at(NOW + timedelta(days=1))
    assert webhook.handle() == 200
    assert webhook.calls == {"GetItem": 1}
    assert (webhook.in_history(), webhook.kept()) == (before, [])


def test_another_callback_of_a_settled_payment_is_kept_by_one_more_call(webhook: Webhook) -> None:
    webhook.pays()
    webhook.handle()
    assert webhook.handle(other := webhook.body(reference="R9")) == 200
    assert webhook.calls == {"GetItem": 1, "UpdateItem": 1}
    assert {item["sk"] for item in webhook.kept()} == {digest(other)}


def test_a_callback_that_ends_a_payment_is_kept_in_the_history(webhook: Webhook) -> None:
    ended = providers.status(webhook.order, "02")
    webhook.duitku(ended, ended)
    failed = webhook.body(resultCode="01")
    assert webhook.handle(failed) == 200
    assert webhook.calls == {"GetItem": 1, "TransactWriteItems": 1}
    assert webhook.handle(failed) == 200
    assert webhook.calls == {"GetItem": 1}
    assert (len(webhook.in_history()), webhook.kept()) == (1, [])


@dataclass(frozen=True)
class NoEffect:
    """A case in which a callback changes no payment, with its answer and its other calls."""

    status: int
    calls: dict[str, int]
    reply: tuple[Reply | Exception, ...] = ()
    amount: str = "49000"
    signature: str | None = None
    found: str = "VALID"


NO_EFFECTS = {
    "not paid yet": NoEffect(200, {"GetItem": 1, "UpdateItem": 1}, (Reply(404),)),
    "Duitku cannot be asked": NoEffect(503, {"GetItem": 1, "UpdateItem": 1}, (Reply(500),)),
    "Duitku is silent": NoEffect(
        503, {"GetItem": 1, "UpdateItem": 1}, (requests.ReadTimeout("x"),)
    ),
    "amount differs": NoEffect(200, {"GetItem": 1, "PutItem": 1}, amount="1"),
    "amount is none": NoEffect(400, {}, amount="49,000", found="UNCHECKED"),
    "wrong signature": NoEffect(403, {}, signature="0" * 64, found="DIFFERS"),
    "no signature": NoEffect(400, {}, signature="", found="UNCHECKED"),
}


@pytest.mark.parametrize("case", NO_EFFECTS.values(), ids=NO_EFFECTS.keys())
def test_a_callback_that_changes_nothing_is_kept_by_one_more_call(
    case: NoEffect, webhook: Webhook
) -> None:
    webhook.duitku(*case.reply)
    signed = {} if case.signature is None else {"signature": case.signature}
    came = webhook.body(amount=case.amount, **signed)
    assert webhook.handle(came) == case.status
    assert webhook.calls == Counter(case.calls) + Counter({"UpdateItem": 1})
    [item] = webhook.kept()
    assert (item["sk"], item["signature"]) == (digest(came), {case.found})
    assert (item["fields"]["amount"], item["fields"]["reference"]) == (case.amount, "R1")


def test_the_callback_is_kept_when_the_status_does_not_match(webhook: Webhook) -> None:
    webhook.duitku(providers.status(webhook.order, amount="1"))
    assert webhook.handle() == 200
    # The callback, and when Duitku was asked.
    assert webhook.calls == {"GetItem": 1, "PutItem": 1, "UpdateItem": 2}
    assert webhook.signatures() == [{"VALID"}]


def test_a_callback_of_an_unknown_order_is_kept_under_that_order(webhook: Webhook) -> None:
    assert webhook.handle(urlencode(callbacks.fields("pay404")).encode()) == 200
    assert webhook.calls == {"GetItem": 1, "PutItem": 1, "UpdateItem": 1}
    assert webhook.signatures("pay404") == [{"VALID"}]


def test_a_callback_with_shifted_digits_is_kept_although_its_signature_matches(
    webhook: Webhook,
) -> None:
    signature = signatures.callback_signature(B.merchant, "49000", webhook.order, B.key)
    shifted = f"00{webhook.order}"
    came = webhook.body(merchantOrderId=shifted, amount="490", signature=signature)
    assert webhook.handle(came) == 403
    assert webhook.signatures(shifted) == [{"VALID"}]


def test_a_callback_for_another_merchant_is_kept_as_correctly_signed(webhook: Webhook) -> None:
    signature = signatures.callback_signature("DS99999", "49000", webhook.order, B.key)
    assert webhook.handle(webhook.body(merchantCode="DS99999", signature=signature)) == 403
    assert webhook.signatures() == [{"VALID"}]


@pytest.mark.parametrize(
    ("came", "media_type", "status"),
    [
        (b"", callbacks.FORM, 400),
        (b"\xff\xfe", callbacks.FORM, 400),
        (b"Budi Santoso", callbacks.FORM, 400),
        (b"merchantOrderId=pay1&x=" + b"x" * 70_000, callbacks.FORM, 413),
        (b"x" * 1_000_000, callbacks.FORM, 413),
        (b'{"customerName": "Budi Santoso"}', "application/json", 415),
        (b"a=1", "", 415),
    ],
    ids=["empty", "no text", "a name", "too long", "1 MB", "JSON", "no type"],
)
def test_a_request_that_is_no_callback_is_kept_by_digest_length_and_type(
    webhook: Webhook, came: bytes, media_type: str, status: int
) -> None:
    assert webhook.handle(came, media_type) == status
    assert webhook.calls == {"UpdateItem": 1}
    [item] = webhook.kept(UNREADABLE)
    assert (item["sk"], item["length"]) == (digest(came), len(came))
    assert (item["mediaType"], item["signature"]) == (media_type, {"UNCHECKED"})
    assert (item["fields"], item["others"], item["unnamed"]) == ({}, {}, 0)


def test_a_body_wrongly_marked_as_base64_is_kept_as_received(webhook: Webhook) -> None:
    event = {**callbacks.event(b""), "body": "merchantOrderId=pay1", "isBase64Encoded": True}
    assert invoke(FUNCTION, event)["statusCode"] == 400
    assert [item["sk"] for item in webhook.kept("pay1")] == [digest(b"merchantOrderId=pay1")]


def test_a_form_of_another_type_is_refused_and_kept_under_its_order(webhook: Webhook) -> None:
    assert webhook.handle(media_type="text/plain") == 415
    assert [item["mediaType"] for item in webhook.kept()] == ["text/plain"]


def test_a_repeated_field_is_refused_and_both_values_are_kept(webhook: Webhook) -> None:
    assert webhook.handle(webhook.body() + b"&amount=1") == 400
    [item] = webhook.kept()
    assert (item["fields"]["amount"], item["others"]["amount"]) == ("49000", 1)

"""Callbacks are kept even when processing fails; what the evidence holds, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from lunas.domain.errors import StorageContention
from lunas.domain.payments import Status
from lunas.gateways.duitku import signatures
from lunas.storage.callbacks import Callbacks
from lunas.storage.payments import Payments
from tests.integration.layer import providers
from tests.integration.layer.webhook import Webhook, digest
from tests.support import callbacks
from tests.support.builders import NOW
from tests.support.duitku_vectors import B
from tests.support.http_stub import Reply
from tests.support.logs import Logged

OPEN = Reply(404)
REFUSED_WRITE = ClientError({"Error": {"Code": "AccessDeniedException"}}, "UpdateItem")


@pytest.mark.parametrize(
    ("error", "status"), [(StorageContention("busy"), 503), (RuntimeError("broken"), 500)], ids=repr
)
def test_a_callback_whose_processing_fails_is_kept(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    webhook.pays(times=2)
    with monkeypatch.context() as patch:
        patch.setattr(Payments, "commit", fail)
        assert webhook.handle() == status
    assert webhook.signatures() == [{"VALID"}]
    assert webhook.handle() == 200
    assert webhook.payment().status is Status.APPROVED


def test_existing_evidence_does_not_prevent_the_settlement(webhook: Webhook) -> None:
    webhook.duitku(Reply(500), providers.status(webhook.order))
    webhook.at(NOW)
    assert webhook.handle() == 503
    before = webhook.kept()
    webhook.at(NOW + timedelta(minutes=5))
    assert webhook.handle() == 200
    assert webhook.kept() == before
    assert webhook.payment().callbacks == {digest(webhook.body())[:16]}


def test_without_its_key_a_callback_is_kept_unchecked_and_verified_later(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("DUITKU_SECRET_ID")
        assert webhook.handle() == 500
    assert webhook.signatures() == [{"UNCHECKED"}]
    webhook.pays()
    assert webhook.handle() == 200
    assert webhook.signatures() == [{"UNCHECKED"}]
    assert [each["signature"] for each in webhook.in_history()] == ["VALID"]


def test_an_accepted_legacy_signature_is_recorded_as_legacy(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook.pays()
    legacy = signatures.legacy_callback_signature(B.merchant, "49000", webhook.order, B.key)
    came = webhook.body(signature=legacy)
    assert webhook.handle(came) == 403
    monkeypatch.setenv("DUITKU_LEGACY_CALLBACKS", "true")
    assert webhook.handle(came) == 200
    assert webhook.signatures() == [{"DIFFERS"}]
    assert [each["signature"] for each in webhook.in_history()] == ["VALID_LEGACY"]


@pytest.fixture
def no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the table refuse evidence, and nothing else."""

    def refuse(*_: object) -> None:
        raise REFUSED_WRITE

    monkeypatch.setattr(Callbacks, "keep", refuse)


@pytest.mark.usefixtures("no_evidence")
@pytest.mark.parametrize(
    ("changes", "status"), [({}, 503), ({"signature": "0" * 64}, 403), ({"amount": ""}, 400)]
)
def test_evidence_that_cannot_be_kept_does_not_change_the_answer_of_a_failure(
    webhook: Webhook, logged: Logged, changes: dict[str, str], status: int
) -> None:
    webhook.duitku(Reply(500))
    assert webhook.handle(webhook.body(**changes)) == status
    [line] = [each for each in logged.lines if each["message"] == "callback not recorded"]
    assert (line["level"], line["error"]) == ("ERROR", "ClientError")
    assert line["todo"]
    assert "CallbackNotRecorded" in logged.metrics()


@pytest.mark.usefixtures("no_evidence")
def test_a_callback_neither_applied_nor_kept_must_be_sent_again(
    webhook: Webhook, logged: Logged
) -> None:
    webhook.duitku(OPEN)
    assert webhook.handle() == 503
    assert "callback not recorded" in logged.messages("ERROR")


@pytest.mark.usefixtures("no_evidence")
def test_a_settlement_needs_no_extra_write_for_the_evidence(webhook: Webhook) -> None:
    webhook.pays()
    assert [webhook.handle(), webhook.handle()] == [200, 200]
    assert len(webhook.in_history()) == 1


# ── What is in it, and for how long ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("days", [400, 30])
def test_evidence_expires(webhook: Webhook, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    if days != 400:
        monkeypatch.setenv("CALLBACK_EVIDENCE_DAYS", str(days))
    webhook.at(NOW)
    webhook.duitku(providers.status(webhook.order, "01"))
    webhook.handle()
    [item] = webhook.kept()
    end = datetime.fromtimestamp(int(item["ttl"]), UTC)
    assert timedelta(0) <= end - (NOW + timedelta(days=days)) < timedelta(seconds=1)
    assert item["at"] == "2026-11-22T03:04:05.678Z"


def test_personal_data_of_a_callback_is_nowhere_in_the_table(webhook: Webhook) -> None:
    personal = {"customerName": "Wayan Kusuma", "merchantUserId": "wayan@example.org"}
    hidden = {"additionalParam": "0813-777", "spUserHash": "5ecre7", "maskedNumber": "4111"}
    webhook.duitku(OPEN, providers.status(webhook.order))
    for changes in (personal, hidden):
        assert webhook.handle(webhook.body(**changes)) == 200
    assert webhook.handle(webhook.body(signature="0" * 64, **personal, **hidden)) == 403
    assert (len(webhook.kept()), len(webhook.in_history())) == (2, 1)
    content = str(webhook.table.client.scan(TableName=webhook.table.name)["Items"])
    signature = callbacks.fields(webhook.order)["signature"]
    for secret in (*personal.values(), *hidden.values(), signature, "0" * 64):
        assert secret not in content


def test_the_log_names_the_callback_by_its_digest_on_every_line(
    webhook: Webhook, logged: Logged
) -> None:
    webhook.duitku(OPEN)
    webhook.handle()
    webhook.handle(forged := webhook.body(signature="0" * 64))
    named = [each["callback"] for each in logged.lines]
    assert named == [digest(webhook.body())[:16], digest(forged)[:16]]
    assert {each["payment_id"] for each in logged.lines} == {webhook.order}


def test_a_foreign_order_id_is_not_logged(webhook: Webhook, logged: Logged) -> None:
    assert webhook.handle(webhook.body(merchantOrderId="081234567890")) == 403
    assert "081234567890" not in logged.text
    assert "payment_id" not in logged.lines[0]

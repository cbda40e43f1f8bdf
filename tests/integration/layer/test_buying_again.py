"""Buying again at Duitku: no ended invoice is returned, by any channel."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from lunas.clock import now
from lunas.storage.catalog import Catalog
from lunas.storage.schedule import Schedule
from lunas.storage.table import Table
from tests.integration.layer import providers
from tests.integration.layer.purchases import approve, submitted
from tests.support import callbacks
from tests.support.api_requests import user_token
from tests.support.builders import package
from tests.support.functions import call
from tests.support.http_stub import Reply, StubProvider

pytestmark = pytest.mark.usefixtures("catalog")
MINUTE = timedelta(minutes=1)
OPEN = {"statusCode": "01"}
ENROLLED = "urn:lunas:problem:already-enrolled"
TOO_MUCH, TOO_LITTLE = "Maximum Payment exceeded", "Minimum Payment 10000 IDR"


def no(text: str) -> Reply:
    """Return a refusal of Duitku with status 200: only the body shows it."""
    return Reply(200, {"statusCode": "01", "statusMessage": text})


def initiate(
    monkeypatch: pytest.MonkeyPatch,
    *replies: Reply | Exception,
    channel: str | None = None,
    key: str | None = None,
) -> tuple[int, Any, StubProvider]:
    """Start a purchase; Duitku answers in turn."""
    provider = providers.answers(monkeypatch, "initiate_payment", *replies)
    body = {"packageId": "p1", "courseId": "c1"} | ({"paymentMethod": channel} if channel else {})
    more: dict[str, Any] = {} if key is None else {"headers": {"idempotency-key": key}}
    route = "POST /payments/initiate"
    status, answer = call("initiate_payment", route, body=body, token=user_token(), **more)
    return status, answer, provider


def status_of(payment: Any) -> str:
    path = f"/payments/{payment['id']}"
    found, shown = call("payments", "GET /payments/{id}", path, token=user_token())
    assert found == 200
    return str(shown["status"])


def check(
    monkeypatch: pytest.MonkeyPatch, payment: Any, *replies: Reply | Exception, sub: str = "u1"
) -> tuple[int, Any, StubProvider]:
    """Check a payment as its buyer."""
    provider = providers.answers(monkeypatch, "recheck_payment", *replies)
    path = f"/payments/{payment['id']}/check"
    status, answer = call(
        "recheck_payment", "POST /payments/{id}/check", path, token=user_token(sub)
    )
    return status, answer, provider


# ── Ended invoices ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("channel", [None, "SP", "VC", "BC"])
@pytest.mark.parametrize("keys", [(None, None), ("k1", "k2"), ("k1", "k1")], ids=str)
def test_an_invoice_that_ended_at_duitku_is_not_returned_again(
    monkeypatch: pytest.MonkeyPatch, channel: str | None, keys: tuple[str | None, str | None]
) -> None:
    _, first, _ = initiate(monkeypatch, providers.invoice("R1"), channel=channel, key=keys[0])
    ended = providers.status(first["id"], "02")
    status, second, _ = initiate(
        monkeypatch, ended, providers.invoice("R2"), channel=channel, key=keys[1]
    )
    assert (status, second["gateway"]["reference"]) == (201, "R2")
    assert second["id"] != first["id"]
    assert status_of(first) == "FAILED"


@pytest.mark.parametrize("key", [None, "k1"])
def test_an_open_payment_is_a_200_whatever_the_key(
    monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    _, first, _ = initiate(monkeypatch, providers.invoice("R1"), channel="BC", key="k1")
    open_still = providers.status(first["id"], "01")
    assert initiate(monkeypatch, open_still, channel="BC", key=key)[:2] == (200, first)
    assert initiate(monkeypatch, channel="BC", key="k2")[:2] == (200, first)


def test_a_purchase_right_after_a_check_does_not_ask_duitku_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, first, _ = initiate(monkeypatch, providers.invoice("R1"))
    assert check(monkeypatch, first, Reply(404))[0] == 200
    status, _, provider = initiate(monkeypatch)
    assert (status, provider.asked) == (200, [])


@pytest.mark.parametrize(("package", "course", "batches"), [("p1", "c1", 2), ("b1", None, 4)])
def test_a_returned_payment_is_read_again_before_it_is_shown(
    monkeypatch: pytest.MonkeyPatch,
    calls: Counter[str],
    package: str,
    course: str | None,
    batches: int,
) -> None:
    wanted = {"packageId": package} | ({"courseId": course} if course else {})
    for answers, read in (
        ([providers.invoice("R1")], {}),
        ([Reply(404)], {"BatchGetItem": batches, "GetItem": 2, "UpdateItem": 2}),
        ([], {"BatchGetItem": batches, "GetItem": 1}),
    ):
        providers.answers(monkeypatch, "initiate_payment", *answers)
        calls.clear()
        route = "POST /payments/initiate"
        assert call("initiate_payment", route, body=wanted, token=user_token())[0] in {200, 201}
        assert not read or calls == read


# ── Channels ─────────────────────────────────────────────────────────────────────────────────────


def test_another_channel_opens_a_new_payment_and_leaves_the_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, first, _ = initiate(monkeypatch, providers.invoice("R1"), channel="SP")
    still = providers.status(first["id"], "01")
    status, second, _ = initiate(monkeypatch, still, providers.invoice("R2"), channel="BC")
    assert (status, second["gateway"]["paymentMethod"]) == (201, "BC")
    assert status_of(first) == "PENDING"
    status, again, _ = initiate(monkeypatch, channel="SP")
    assert (status, again["id"]) == (200, first["id"])


@pytest.mark.parametrize(
    ("channel", "minutes"), [("VC", 30), ("OL", 15), ("JP", 10), ("LF", 24), ("SP", 60), (None, 60)]
)
def test_an_invoice_ends_by_its_channel(
    monkeypatch: pytest.MonkeyPatch, channel: str | None, minutes: int
) -> None:
    before = now()
    _, payment, provider = initiate(monkeypatch, providers.invoice(), channel=channel)
    ends = datetime.fromisoformat(payment["gateway"]["expiresAt"])
    assert timedelta(0) <= ends - before - minutes * MINUTE < MINUTE
    assert provider.asked[0].body["expiryPeriod"] == minutes


# ── Enrolled meanwhile ───────────────────────────────────────────────────────────────────────────


def by_two_channels(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Open a payment by BC, and a newer one by SP."""
    _, first, _ = initiate(monkeypatch, providers.invoice("R1"), channel="BC", key="k1")
    still = providers.status(first["id"], "01")
    _, second, _ = initiate(monkeypatch, still, providers.invoice("R2"), channel="SP")
    return first, second


@pytest.mark.parametrize("channel", [None, "BC", "SP"])
def test_a_buyer_who_paid_by_one_channel_gets_no_invoice_of_another(
    monkeypatch: pytest.MonkeyPatch, channel: str | None
) -> None:
    first, second = by_two_channels(monkeypatch)
    paid = providers.status(second["id"], reference="R2")
    assert check(monkeypatch, second, paid)[1]["status"] == "APPROVED"
    for key in (None, "k1" if channel == "BC" else "k2"):
        status, problem, provider = initiate(monkeypatch, channel=channel, key=key)
        assert (status, problem["type"], provider.asked) == (409, ENROLLED, [])
    assert status_of(first) == "PENDING"


def test_a_payment_confirmed_during_the_request_is_already_enrolled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = by_two_channels(monkeypatch)
    paid, still = (
        providers.status(second["id"], reference="R2"),
        providers.status(first["id"], "01"),
    )
    monkeypatch.setattr("lunas.services.open_payments.ASKED_LATELY", timedelta(0))
    for answers in ([paid, still], []):
        status, problem, _ = initiate(monkeypatch, *answers)
        assert (status, problem["type"]) == (409, ENROLLED)
    assert (status_of(second), status_of(first)) == ("APPROVED", "PENDING")


def test_a_buyer_enrolled_by_a_transfer_does_not_get_the_open_invoice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    initiate(monkeypatch, providers.invoice("R1"))
    assert approve(submitted("u1")["id"])[0] == 200
    status, problem, provider = initiate(monkeypatch)
    assert (status, problem["type"], provider.asked) == (409, ENROLLED, [])


# ── Off sale, and no answer ──────────────────────────────────────────────────────────────────────


def test_a_lost_invoice_is_not_replaced_for_a_package_off_sale(
    monkeypatch: pytest.MonkeyPatch, catalog: Catalog
) -> None:
    assert initiate(monkeypatch, Reply(500))[0] == 503
    catalog.put_package(package(on_sale=False))
    monkeypatch.setattr("lunas.services.open_payments.ASKED_LATELY", timedelta(0))
    status, problem, provider = initiate(monkeypatch, Reply(404))
    assert (status, problem["type"]) == (409, "urn:lunas:problem:not-on-sale")
    assert not [path for path in provider.calls if "createInvoice" in path]


def test_while_duitku_blocks_status_calls_the_open_payment_is_returned_unchecked(
    monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    _, first, _ = initiate(monkeypatch, providers.invoice("R1"))
    Schedule(table).pause(now() + timedelta(minutes=5))
    status, again, provider = initiate(monkeypatch)
    assert (status, again, provider.asked) == (200, first, [])
    Schedule(table).pause(now())
    status, again, provider = initiate(monkeypatch, Reply(404))
    assert (status, again, len(provider.asked)) == (200, first, 1)


# ── What Duitku does not take ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("channel", "reply", "field", "shown"),
    [
        ("VC", Reply(400, {"Message": TOO_MUCH}), "paymentMethod", "VC cannot take 49000 rupiah"),
        ("FT", Reply(400, {"Message": TOO_LITTLE}), "paymentMethod", "FT cannot take 49000 rupiah"),
        (None, Reply(400, {"Message": TOO_MUCH}), "packageId", "cannot take 49000 rupiah"),
        (None, Reply(400, {"Message": TOO_LITTLE}), "packageId", "cannot take 49000 rupiah"),
        ("VC", no(TOO_MUCH), "paymentMethod", "VC cannot take 49000 rupiah"),
        (None, no(TOO_MUCH), "packageId", "cannot take 49000 rupiah"),
        ("VC", Reply(409, {"Message": TOO_MUCH}), "paymentMethod", "VC cannot take 49000 rupiah"),
        ("VC", Reply(500, {"Message": TOO_MUCH}), "paymentMethod", "VC cannot take 49000 rupiah"),
        ("VC", Reply(200, TOO_MUCH), "paymentMethod", "VC cannot take 49000 rupiah"),
        ("NQ", no("Payment channel not available"), "paymentMethod", "NQ"),
        ("BC", no("Invalid Email Address"), "customer.email", "Duitku"),
        ("NQ", Reply(404, {"Message": "Payment channel not available"}), "paymentMethod", "NQ"),
        ("NQ", Reply(400, {"Message": "Payment channel not available"}), "paymentMethod", "NQ"),
        ("ZZ", Reply(404, None), "paymentMethod", "ZZ"),
        ("BC", Reply(400, {"Message": "Invalid Email Address"}), "customer.email", "Duitku"),
    ],
)
def test_a_choice_that_duitku_refuses_is_named_by_field(
    monkeypatch: pytest.MonkeyPatch, channel: str | None, reply: Reply, field: str, shown: str
) -> None:
    status, problem, provider = initiate(monkeypatch, reply, channel=channel)
    assert status == 422
    (error,) = problem["errors"]
    assert error["field"] == field
    assert shown in error["message"]
    failed = {"id": provider.asked[0].body["merchantOrderId"]}
    assert status_of(failed) == "FAILED"
    assert initiate(monkeypatch, providers.invoice())[0] == 201


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, {"Message": "Merchant not found"}),
        Reply(401, {"Message": "Wrong signature"}),
        Reply(400, {"Message": "merchantOrderId is mandatory"}),
        Reply(400, None),
        Reply(200, {"statusCode": "01", "statusMessage": "no"}),
    ],
    ids=["merchant", "signature", "field", "empty", "200"],
)
def test_a_refusal_that_the_buyer_cannot_fix_is_a_502(
    monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    status, problem, _ = initiate(monkeypatch, reply, channel="VC")
    assert (status, "errors" in problem) == (502, False)


# ── Checking ─────────────────────────────────────────────────────────────────────────────────────


def test_a_check_asks_duitku_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _, payment, _ = initiate(monkeypatch, providers.invoice())
    status, checked, _ = check(monkeypatch, payment, providers.status(payment["id"]))
    assert (status, checked["status"]) == (200, "APPROVED")


def test_within_fifteen_seconds_duitku_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _, payment, _ = initiate(monkeypatch, providers.invoice())
    assert len(check(monkeypatch, payment, Reply(404))[2].asked) == 1
    for _ in range(3):
        status, checked, provider = check(monkeypatch, payment)
        assert (status, checked["status"], provider.asked) == (200, "PENDING", [])


def test_a_callback_counts_as_a_status_call(monkeypatch: pytest.MonkeyPatch) -> None:
    _, payment, _ = initiate(monkeypatch, providers.invoice())
    providers.answers(monkeypatch, "duitku_webhook", providers.status(payment["id"], "01"))
    assert callbacks.post(payment["id"]) == 200
    assert check(monkeypatch, payment)[2].asked == []


def test_a_recheck_counts_as_a_status_call(monkeypatch: pytest.MonkeyPatch) -> None:
    _, payment, _ = initiate(monkeypatch, providers.invoice())
    providers.answers(monkeypatch, "recheck_payment", Reply(404))
    path = f"/payments/{payment['id']}/recheck"
    admin = user_token("a1", "ADMIN")
    assert call("recheck_payment", "POST /payments/{id}/recheck", path, token=admin)[0] == 200
    assert check(monkeypatch, payment)[2].asked == []


@pytest.mark.parametrize("sub", ["u2"])
def test_only_the_buyer_checks_a_payment(monkeypatch: pytest.MonkeyPatch, sub: str) -> None:
    _, payment, _ = initiate(monkeypatch, providers.invoice())
    status, _, provider = check(monkeypatch, payment, sub=sub)
    assert (status, provider.asked) == (403, [])


def test_an_unknown_payment_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(monkeypatch, {"id": "pay9"})[0] == 404


def test_a_check_of_a_transfer_does_not_ask_duitku(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {
        "packageId": "p1",
        "courseId": "c1",
        "paymentType": "UMUM",
        "proofLink": "https://proof.example/1",
    }
    _, transfer = call("payments", "POST /payments", body=body, token=user_token())
    status, checked, provider = check(monkeypatch, transfer)
    assert (status, checked["status"], provider.asked) == (200, "PAID", [])


def test_a_check_is_a_503_while_duitku_is_unavailable_and_repeated_soon(
    monkeypatch: pytest.MonkeyPatch, payments: Any
) -> None:
    _, payment, _ = initiate(monkeypatch, providers.invoice())
    assert check(monkeypatch, payment, Reply(500))[0] == 503
    stored = payments.get(payment["id"])
    assert stored.status == "PENDING"
    assert stored.check_at - now() <= MINUTE
    assert check(monkeypatch, payment)[0] == 200


# ── A success that the status denies for a moment ────────────────────────────────────────────────


def due(payments: Any, payment: Any) -> timedelta:
    found: timedelta = payments.get(payment["id"]).check_at - now()
    return found


def test_a_success_that_the_status_denies_changes_nothing_and_is_checked_again_soon(
    monkeypatch: pytest.MonkeyPatch, payments: Any
) -> None:
    _, payment, _ = initiate(monkeypatch, providers.invoice())
    providers.answers(monkeypatch, "duitku_webhook", providers.status(payment["id"], "02"))
    assert callbacks.post(payment["id"]) == 200
    assert status_of(payment) == "PENDING"
    assert due(payments, payment) <= MINUTE


def test_an_end_found_by_the_buyers_check_is_checked_again_within_a_minute(
    monkeypatch: pytest.MonkeyPatch, payments: Any
) -> None:
    _, payment, _ = initiate(monkeypatch, providers.invoice())
    _, checked, _ = check(monkeypatch, payment, providers.status(payment["id"], "02"))
    assert checked["status"] == "FAILED"
    assert due(payments, payment) <= MINUTE


# ── References ───────────────────────────────────────────────────────────────────────────────────


def test_a_lost_v2_answer_is_requested_again_and_both_references_are_accepted(
    monkeypatch: pytest.MonkeyPatch, payments: Any
) -> None:
    status, _, provider = initiate(monkeypatch, Reply(500), channel="BC")
    assert status == 503
    order = provider.asked[0].body["merchantOrderId"]
    for module in ("checkout", "open_payments"):
        monkeypatch.setattr(f"lunas.services.{module}.OPENING", timedelta(0))
    monkeypatch.setattr("lunas.services.open_payments.ASKED_LATELY", timedelta(0))
    found, again, _ = initiate(
        monkeypatch,
        providers.status(order, "01", reference="LOST"),
        providers.invoice("R2"),
        channel="BC",
    )
    assert (found, again["id"], again["gateway"]["reference"]) == (200, order, "R2")
    providers.answers(monkeypatch, "duitku_webhook", providers.status(order, reference="LOST"))
    assert callbacks.post(order) == 200
    assert payments.get(order).status == "APPROVED"


@pytest.mark.parametrize("blank", ["", " ", "\u200b"], ids=repr)
def test_a_blank_idempotency_key_counts_as_omitted(
    monkeypatch: pytest.MonkeyPatch, blank: str
) -> None:
    first, opened_one, _ = initiate(monkeypatch, providers.invoice(), key=blank)
    again, same, _ = initiate(monkeypatch, Reply(404), key=blank)
    assert (first, again, same["id"]) == (201, 200, opened_one["id"])

"""Callbacks that must not move money: forged, altered, replayed, or ahead of the truth."""

import uuid
from collections.abc import Callable

import pytest
import requests

from local.cloud import Stack
from tests.peers import Duitku, Json
from tests.people import TIMEOUT, People, Person

type Forge = Callable[[Duitku, Json], dict[str, str]]


@pytest.fixture
def learner(people: People) -> Person:
    return people.learner()


@pytest.fixture
def order(learner: Person) -> Json:
    """Open an order that nobody has paid."""
    return learner.initiate("entry", "python-dasar")


def check_untouched(learner: Person, order: Json) -> None:
    assert learner.payment(order["id"])["status"] == "PENDING"
    assert learner.states(order["id"]) == ["PENDING"]
    assert learner.enrollments() == []


REFUSED: dict[str, Forge] = {
    "wrong signature": lambda duitku, order: duitku.form(order, signature="0" * 64),
    "no signature": lambda duitku, order: duitku.form(order, signature=None),
    "empty signature": lambda duitku, order: duitku.form(order, signature=""),
    "signature of another amount": lambda duitku, order: duitku.form(order) | {"amount": "10000"},
    "signature of another order": lambda duitku, order: (
        duitku.form(order) | {"merchantOrderId": f"pay{uuid.uuid4().hex}"}
    ),
    "another merchant, rightly signed": lambda duitku, order: duitku.form(
        order, merchantCode="DS99999"
    ),
    "another merchant, signature kept": lambda duitku, order: (
        duitku.form(order) | {"merchantCode": "DS99999"}
    ),
    "signature in upper case": lambda duitku, order: (
        duitku.form(order) | {"signature": duitku.form(order)["signature"].upper()}
    ),
    "no order": lambda duitku, order: duitku.form(order, merchantOrderId=None),
    "digits moved from the amount to the order": lambda duitku, order: (
        duitku.form(order) | {"amount": "4900", "merchantOrderId": f"0{order['id']}"}
    ),
    "letters moved from the order to the amount": lambda duitku, order: (
        duitku.form(order)
        | {"amount": f"{order['amount']}pay", "merchantOrderId": order["id"].removeprefix("pay")}
    ),
    "no amount": lambda duitku, order: duitku.form(order, amount=None),
}


@pytest.mark.parametrize("forge", REFUSED.values(), ids=REFUSED.keys())
def test_a_forged_callback_is_refused_even_if_the_order_is_paid(
    forge: Forge, learner: Person, order: Json, duitku: Duitku
) -> None:
    duitku.pay(order, callback=False)
    asked = duitku.status_calls()

    answer = duitku.post(forge(duitku, order))

    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert duitku.status_calls() == asked
    check_untouched(learner, order)


@pytest.mark.parametrize("amount", ["49001", "4900", "0", "49000.50"])
def test_a_rightly_signed_other_amount_is_kept_for_a_person(
    amount: str, learner: Person, order: Json, duitku: Duitku
) -> None:
    duitku.pay(order, callback=False)

    answer = duitku.post(duitku.form(order, amount=amount))

    assert answer.status_code == 200
    check_untouched(learner, order)


@pytest.mark.parametrize("amount", ["-49000", "4.9e4", "x", "49 000", "1" * 13])
def test_an_amount_that_is_no_number_is_refused(
    amount: str, learner: Person, order: Json, duitku: Duitku
) -> None:
    duitku.pay(order, callback=False)

    answer = duitku.post(duitku.form(order, amount=amount))

    assert answer.status_code == 400
    check_untouched(learner, order)


def test_an_amount_with_zero_decimals_is_the_same_amount(
    learner: Person, order: Json, duitku: Duitku
) -> None:
    duitku.pay(order, callback=False)

    answer = duitku.post(duitku.form(order, amount="49000.00"))

    assert answer.status_code == 200
    learner.wait_for(order["id"], "COMPLETED")


def test_an_unknown_order_is_kept_for_a_person(order: Json, duitku: Duitku) -> None:
    answer = duitku.post(duitku.form(order, merchantOrderId=f"pay{uuid.uuid4().hex}"))

    assert answer.status_code == 200


def test_a_manual_payment_is_no_order_at_duitku(people: People, duitku: Duitku) -> None:
    learner = people.learner()
    payment = learner.submit("entry", "python-dasar") | {"gateway": {"reference": "X"}}

    answer = duitku.post(duitku.form(payment))

    assert answer.status_code == 200
    assert learner.states(payment["id"]) == ["PAID"]
    assert learner.enrollments() == []


@pytest.mark.parametrize("channel", [None, "SP"], ids=["not started", "not paid"])
def test_a_right_signature_alone_pays_nothing(
    channel: str | None, learner: Person, order: Json, duitku: Duitku
) -> None:
    if channel:
        duitku.do(f"orders/{order['id']}", {"paymentMethod": channel})
    asked = duitku.status_calls()

    answer = duitku.post(duitku.form(order, resultCode="00"))

    assert answer.status_code == 200
    assert duitku.status_calls() == asked + 1
    check_untouched(learner, order)


@pytest.mark.parametrize(
    "told", [{"reference": "OTHER"}, {"amount": "10000"}, {"merchantOrderId": "other"}]
)
def test_duitku_speaking_of_another_payment_moves_nothing(
    told: Json, learner: Person, order: Json, duitku: Duitku
) -> None:
    duitku.pay(order, callback=False, answer=told)

    answer = duitku.post(duitku.form(order))

    assert answer.status_code == 200
    check_untouched(learner, order)


@pytest.mark.parametrize("result", ["01", "02", "99", ""])
def test_the_unsigned_result_code_decides_nothing(
    result: str, learner: Person, order: Json, duitku: Duitku
) -> None:
    duitku.pay(order, callback=False)

    duitku.post(duitku.form(order, resultCode=result))

    learner.wait_for(order["id"], "COMPLETED")


@pytest.mark.parametrize("kind", ["answer", "drop"])
def test_while_duitku_cannot_be_asked_the_callback_has_to_come_again(
    kind: str, learner: Person, order: Json, duitku: Duitku
) -> None:
    duitku.pay(order, callback=False)
    duitku.fault("popTransactionStatus", kind, status=502, body="<html>Bad gateway</html>")

    first = duitku.post(duitku.form(order))
    check_untouched(learner, order)
    second = duitku.post(duitku.form(order))

    assert (first.status_code, second.status_code) == (503, 200)
    learner.wait_for(order["id"], "COMPLETED")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded", 400),
        (b"amount=1&amount=2", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"x=" + b"a" * 1_000_000, "application/x-www-form-urlencoded", 413),
    ],
    ids=["empty", "not UTF-8", "doubled field", "JSON", "1 MB"],
)
def test_what_is_no_callback_is_refused_by_a_problem(
    body: bytes, content_type: str, status: int, stack: Stack
) -> None:
    answer = requests.post(
        stack.duitku_webhook_url,
        data=body,
        headers={"Content-Type": content_type},
        timeout=TIMEOUT,
    )

    assert answer.status_code == status
    assert answer.json()["status"] == status

"""A callback with a right signature triggers a check and proves nothing: Duitku's status decides.

The signature covers merchant, amount and order. Anyone could have written the other fields, and a
right callback may come again at any time.
"""

import json
import uuid
from collections.abc import Iterator

import pytest

from local.cloud import Stack
from tests.faults.forgeries.requests import Target
from tests.faults.forgeries.targets import target
from tests.faults.forgeries.traces import traces
from tests.support.cloud import Cloud
from tests.support.providers import Duitku, Json, Thinkific
from tests.support.users import Person, Users

FORGED = "forged-7f3a"
UNSIGNED: dict[str, str | None] = {
    "resultCode": "99",
    "reference": f"DS99999{FORGED}",
    "paymentCode": "VC",
    "productDetail": f"<script>{FORGED}</script>",
    "additionalParam": f'{{"status": "REFUNDED", "{FORGED}": 1}}',
    "merchantUserId": f"{FORGED}@example.com",
    "publisherOrderId": f"MG{FORGED}",
    "settlementDate": "1999-01-01",
    "spUserHash": FORGED,
    "issuerCode": FORGED,
    "customerName": f"Siti {FORGED}",
    "status": "REFUNDED",
    "courseId": f"web-django-{FORGED}",
    "a field of 4 KB": FORGED * 400,
}
"""Unsigned fields, and what a forger could put into them."""
ALTERED = {
    **{name: {name: value} for name, value in UNSIGNED.items()},
    "all of them": UNSIGNED,
    "none of them": dict.fromkeys(("resultCode", "reference", "paymentCode", "productDetail")),
}


@pytest.fixture
def learner(users: Users) -> Person:
    return users.learner()


@pytest.fixture
def order(learner: Person) -> Json:
    """Open an unpaid order."""
    return learner.initiate("entry", "python-dasar")


@pytest.fixture(scope="module")
def aim(stack: Stack) -> Target:
    """Set the orders up once: none of the callbacks may change them."""
    return target(stack)


@pytest.fixture(scope="module")
def cloud(stack: Stack) -> Cloud:
    return Cloud(stack)


@pytest.fixture
def _untouched(aim: Target, cloud: Cloud, thinkific: Thinkific) -> Iterator[None]:
    """Compare everything that a callback could move, before and after."""
    before = traces(aim, cloud, thinkific)
    yield
    assert traces(aim, cloud, thinkific) == before


def check_untouched(learner: Person, order: Json) -> None:
    assert learner.payment(order["id"])["status"] == "PENDING"
    assert learner.states(order["id"]) == ["PENDING"]
    assert learner.enrollments() == []


@pytest.mark.usefixtures("_untouched")
@pytest.mark.parametrize("changes", ALTERED.values(), ids=ALTERED.keys())
def test_no_unsigned_field_pays_an_order(changes: dict[str, str | None], aim: Target) -> None:
    answer = aim.duitku.post(aim.duitku.form(aim.unpaid, **changes))

    assert (answer.status_code, answer.text) == (200, "OK")


@pytest.mark.parametrize("changes", ALTERED.values(), ids=ALTERED.keys())
def test_no_unsigned_field_changes_what_a_paid_order_becomes(
    changes: dict[str, str | None], learner: Person, order: Json, duitku: Duitku
) -> None:
    duitku.pay(order, callback=False)

    answer = duitku.post(duitku.form(order, **changes))

    assert answer.status_code == 200
    payment = learner.payment(order["id"])
    assert payment["status"] in {"APPROVED", "COMPLETED"}
    for name in ("amount", "packageId", "courseIds", "gateway", "customer", "method"):
        assert payment[name] == order[name]
    history = learner.get(f"/payments/{order['id']}/history")["items"]
    assert FORGED not in json.dumps([payment, history])
    assert [each["courseId"] for each in learner.enrollments()] == ["python-dasar"]


@pytest.mark.usefixtures("_untouched")
@pytest.mark.parametrize("after", ["settlement", "refund"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"resultCode": "01"},
        {"resultCode": "02"},
        {"reference": "OTHER"},
        {"resultCode": "01", "publisherOrderId": "MG2"},
        {"settlementDate": "2030-01-01"},
    ],
    ids=["unchanged", "as failed", "as expired", "other reference", "failed again", "later"],
)
def test_a_replayed_callback_changes_nothing(
    changes: dict[str, str | None], after: str, aim: Target
) -> None:
    order = aim.done if after == "settlement" else aim.refunded

    answers = [aim.duitku.post(aim.duitku.form(order, **changes)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3


@pytest.mark.parametrize("settled_by", ["callback", "recheck"])
def test_a_second_transfer_for_one_order_is_one_anomaly_and_changes_nothing(
    settled_by: str, learner: Person, order: Json, duitku: Duitku, users: Users
) -> None:
    duitku.pay(order, callback=settled_by == "callback")
    admin = users.admin()
    if settled_by == "recheck":
        admin.recheck(order["id"])
    learner.wait_for(order["id"], "COMPLETED")
    if settled_by == "recheck":
        assert duitku.post(duitku.form(order, publisherOrderId="MG1")).status_code == 200
    states = learner.states(order["id"])

    for _ in range(2):
        again = duitku.post(duitku.form(order, publisherOrderId="MG2"))
        assert again.status_code == 200

    found = [
        each
        for each in admin.get("/anomalies?limit=100")["items"]
        if each["orderId"] == order["id"]
    ]
    assert [(each["kind"], each["evidence"]["transaction"]) for each in found] == [
        ("PAID_AGAIN", "MG2")
    ]
    assert learner.states(order["id"]) == states
    assert len(learner.enrollments()) == 1


@pytest.mark.parametrize("amount", ["49001", "4900", "0", "49000.50"])
def test_another_amount_with_a_right_signature_is_an_anomaly(
    amount: str, learner: Person, order: Json, duitku: Duitku, users: Users
) -> None:
    duitku.pay(order, callback=False)

    answer = duitku.post(duitku.form(order, amount=amount))

    assert answer.status_code == 200
    check_untouched(learner, order)
    (anomaly,) = (
        each
        for each in users.admin().get("/anomalies?limit=100")["items"]
        if each["orderId"] == order["id"]
    )
    assert anomaly["kind"] == "AMOUNT_DIFFERS"


def test_an_amount_with_zero_decimals_is_the_same_amount(
    learner: Person, order: Json, duitku: Duitku
) -> None:
    duitku.pay(order, callback=False)

    answer = duitku.post(duitku.form(order, amount="49000.00"))

    assert answer.status_code == 200
    learner.wait_for(order["id"], "COMPLETED")


def test_an_unknown_order_is_an_anomaly(order: Json, duitku: Duitku, users: Users) -> None:
    unknown = f"pay{uuid.uuid4().hex}"
    for _ in range(2):
        assert duitku.post(duitku.form(order, merchantOrderId=unknown)).status_code == 200

    items = users.admin().get("/anomalies?limit=100")["items"]
    assert [each["kind"] for each in items if each["orderId"] == unknown] == ["UNKNOWN_ORDER"]


def test_a_callback_for_a_manual_payment_changes_nothing(users: Users, duitku: Duitku) -> None:
    learner = users.learner()
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
    assert duitku.status_calls() > asked
    check_untouched(learner, order)


@pytest.mark.parametrize(
    "shown", [{"reference": "OTHER"}, {"amount": "10000"}, {"merchantOrderId": "other"}]
)
def test_a_status_of_another_payment_changes_nothing(
    shown: Json, learner: Person, order: Json, duitku: Duitku
) -> None:
    duitku.pay(order, callback=False, answer=shown)

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


@pytest.mark.parametrize(("kind", "asked"), [("answer", 1), ("drop", 2)])
def test_a_callback_while_duitku_cannot_be_asked_is_refused_and_settles_later(
    kind: str, asked: int, learner: Person, order: Json, duitku: Duitku
) -> None:
    """A check whose connection breaks is repeated once before the callback is refused."""
    duitku.pay(order, callback=False)
    for _ in range(asked):
        duitku.fault("popTransactionStatus", kind, status=502, body="<html>Bad gateway</html>")

    first = duitku.post(duitku.form(order))
    check_untouched(learner, order)
    second = duitku.post(duitku.form(order))

    assert (first.status_code, second.status_code) == (503, 200)
    learner.wait_for(order["id"], "COMPLETED")

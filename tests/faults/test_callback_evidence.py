"""Every callback is recorded in the table, without personal data."""

import hashlib
import uuid
from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

import pytest
import requests

from local.cloud import Stack
from lunas.storage.expressions import Item, from_wire
from tests.faults.races.barrier import at_once
from tests.support.providers import Duitku, Json
from tests.support.seeding import dynamodb
from tests.support.users import TIMEOUT, Person, Users

CAUSE = "callback"
"""The attribute of a history item with the callback that caused it."""
FORM = "application/x-www-form-urlencoded"
BUYER = {"customerName": "Wayan Kusuma", "merchantUserId": "wayan@example.org"}

type Recorded = Callable[[str], dict[str, Item]]


@pytest.fixture
def learner(users: Users) -> Person:
    return users.learner()


@pytest.fixture
def order(learner: Person) -> Json:
    """Open an unpaid order."""
    return learner.initiate("entry", "python-dasar")


@pytest.fixture
def recorded(stack: Stack) -> Recorded:
    """Return the callbacks that are recorded for an order id, by digest.

    One that changed the payment is in the payment's history, for as long as that is kept. Every
    other one is an item of its own, which expires.
    """
    client = dynamodb(stack)

    def partition(pk: str) -> list[Item]:
        answer = client.query(
            TableName=stack.table_name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ConsistentRead=True,
        )
        return [from_wire(item) for item in answer["Items"]]

    def query(order_id: str) -> dict[str, Item]:
        causes = [item["callback"] for item in partition(f"PAYMENT#{order_id}") if CAUSE in item]
        found = {each["digest"]: {**each, "signature": {each["signature"]}} for each in causes}
        assert len(found) == len(causes)
        apart = {item["sk"]: item for item in partition(f"CALLBACK#{order_id}")}
        assert all(item["ttl"] for item in apart.values())
        assert all(secret not in str([found, apart]) for secret in BUYER.values())
        return found | apart

    return query


def digest(body: str | bytes) -> str:
    return hashlib.sha256(body.encode() if isinstance(body, str) else body).hexdigest()


def send(url: str, body: str | bytes, media_type: str = FORM) -> int:
    headers = {"Content-Type": media_type}
    return requests.post(url, data=body, headers=headers, timeout=TIMEOUT).status_code


def test_a_callback_is_recorded_and_the_history_names_it(
    learner: Person, order: Json, duitku: Duitku, recorded: Recorded
) -> None:
    duitku.pay(order)
    learner.wait_for(order["id"], "COMPLETED")
    duitku.do("wait")

    [sent] = {each["sent"] for each in duitku.see(f"orders/{order['id']}")["callbacks"]}
    [(found, item)] = recorded(order["id"]).items()
    assert found == digest(sent)
    assert (item["signature"], item["fields"]["resultCode"]) == ({"VALID"}, "00")
    assert "ttl" not in item
    history = learner.get(f"/payments/{order['id']}/history")["items"]
    named = [each["evidence"].get("callbackDigest") for each in history if "evidence" in each]
    assert found[:16] in named


def test_refused_right_and_repeated_callbacks_are_recorded_side_by_side(
    order: Json, duitku: Duitku, recorded: Recorded
) -> None:
    duitku.pay(order, callback=False)
    forged = duitku.form(order, signature="0" * 64, **BUYER)
    altered = duitku.form(order, **BUYER) | {"amount": "10000"}
    unsigned = duitku.form(order, signature=None, **BUYER)
    right = duitku.form(order, **BUYER)
    other = duitku.form(order, resultCode="01", **BUYER)

    answers = [
        duitku.post(form).status_code for form in (forged, altered, unsigned, right, right, other)
    ]

    assert answers == [403, 403, 400, 200, 200, 200]
    found = recorded(order["id"])
    assert {name: item["signature"] for name, item in found.items()} == {
        digest(urlencode(forged)): {"DIFFERS"},
        digest(urlencode(altered)): {"DIFFERS"},
        digest(urlencode(unsigned)): {"UNCHECKED"},
        digest(urlencode(right)): {"VALID"},
        digest(urlencode(other)): {"VALID"},
    }
    assert all(item["others"]["customerName"] == 12 for item in found.values())


@pytest.mark.parametrize("entrance", ["Function URL", "API"])
def test_an_unreadable_callback_is_recorded_without_its_content(
    entrance: str, stack: Stack, recorded: Recorded
) -> None:
    url = (
        stack.duitku_webhook_url
        if entrance == "Function URL"
        else f"{stack.api_url}/webhooks/duitku"
    )
    text = f"{BUYER['customerName']} {uuid.uuid4().hex}"

    assert send(url, text) == 400
    assert send(url, f'{{"customerName": "{text}"}}', "application/json") == 415

    found = recorded("unreadable")
    plain, coded = found[digest(text)], found[digest(f'{{"customerName": "{text}"}}')]
    assert (plain["length"], plain["mediaType"], plain["fields"]) == (len(text), FORM, {})
    assert (coded["mediaType"], coded["fields"], coded["others"]) == ("application/json", {}, {})


def test_an_unknown_order_is_recorded_beside_its_anomaly(
    users: Users, order: Json, duitku: Duitku, recorded: Recorded
) -> None:
    unknown = f"pay{uuid.uuid4().hex}"
    form = duitku.form(order, merchantOrderId=unknown, **BUYER)

    assert duitku.post(form).status_code == 200

    assert list(recorded(unknown)) == [digest(urlencode(form))]
    [anomaly] = [
        each
        for page in users.admin().pages("/anomalies?limit=100")
        for each in page
        if each["orderId"] == unknown
    ]
    assert anomaly["evidence"]["callbackDigest"] == digest(urlencode(form))[:16]


def test_a_callback_while_duitku_is_down_is_recorded_before_it_settles(
    learner: Person, order: Json, duitku: Duitku, recorded: Recorded
) -> None:
    duitku.pay(order, callback=False)
    duitku.fault("popTransactionStatus", "answer", status=502, body="")
    form = duitku.form(order, **BUYER)

    assert duitku.post(form).status_code == 503
    [before] = recorded(order["id"]).values()
    assert duitku.post(form).status_code == 200

    learner.wait_for(order["id"], "COMPLETED")
    assert list(recorded(order["id"]).values()) == [before]


def test_callbacks_at_once_are_each_recorded_once(
    learner: Person, order: Json, duitku: Duitku, recorded: Recorded
) -> None:
    duitku.pay(order, callback=False)
    forms = [duitku.form(order, resultCode=f"{number:02}", **BUYER) for number in range(10)]

    answers = at_once(*[partial(duitku.post, form) for form in forms for _ in range(3)])

    assert {answer.status_code for answer in answers} == {200}
    learner.wait_for(order["id"], "COMPLETED")
    assert set(recorded(order["id"])) == {digest(urlencode(form)) for form in forms}
    assert learner.states(order["id"]) == ["PENDING", "PAID", "APPROVED", "COMPLETED"]

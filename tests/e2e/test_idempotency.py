"""The Idempotency-Key of POST /payments/initiate: requests with one key act once."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.providers import Duitku
from tests.support.users import Json, Person, Users

PURCHASE = {"packageId": "entry", "courseId": "python-dasar"}
OTHER = {"packageId": "entry", "courseId": "literasi-data"}


@pytest.fixture
def learner(users: Users) -> Person:
    return users.learner()


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def initiate(
    person: Person, key: str, body: Json = PURCHASE, path: str = "/payments/initiate"
) -> requests.Response:
    return person.sending({"Idempotency-Key": key}).call("POST", path, body)


def both_at_once(one: Person, other: Person, key: str) -> list[requests.Response]:
    """Let two initiate at once; return the answers in the order of their status."""
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda person: initiate(person, key), (one, other))
        return sorted(answers, key=lambda answer: answer.status_code)


def orders(duitku: Duitku, *payments: str) -> list[str]:
    """Return the payment of each order that Duitku has for these payments."""
    return [
        each["merchantOrderId"]
        for each in duitku.see("orders")["items"]
        if each["merchantOrderId"] in payments
    ]


def test_the_same_key_and_body_get_the_same_answer(
    learner: Person, key: str, duitku: Duitku
) -> None:
    answers = [
        initiate(learner, key),
        initiate(learner, key),
        initiate(learner, key, {**PURCHASE, "customer": None}, "/payment/initiate"),
    ]

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    first = answers[0].json()
    assert [answer.json() for answer in answers] == [first] * 3
    assert orders(duitku, first["id"]) == [first["id"]]


def test_a_repetition_shows_the_payment_as_it_is_now(
    learner: Person, key: str, duitku: Duitku
) -> None:
    opened = initiate(learner, key).json()
    duitku.pay(opened)
    completed = learner.wait_for(opened["id"], "COMPLETED")

    again = initiate(learner, key)

    assert (again.status_code, again.json()) == (200, completed)


def test_the_same_key_with_another_body_is_invalid(learner: Person, key: str) -> None:
    first = initiate(learner, key)

    other = initiate(learner, key, OTHER)

    assert other.status_code == 422
    assert [each["field"] for each in other.json()["errors"]] == ["Idempotency-Key"]
    assert [each["id"] for each in learner.all(f"/payments/user/{learner.id}")] == [
        first.json()["id"]
    ]


def test_another_key_gets_the_open_payment(learner: Person, key: str) -> None:
    first, second = initiate(learner, key), initiate(learner, f"{key}-2")

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()


def test_while_the_first_request_runs_the_key_is_in_use(
    users: Users, learner: Person, key: str, duitku: Duitku
) -> None:
    # Two others first: a cold start would come after the slow call.
    both_at_once(users.learner(), users.learner(), key)
    duitku.fault("createInvoice", "slow", seconds=5)

    opened, refused = both_at_once(learner, learner, key)

    assert (opened.status_code, refused.status_code) == (201, 409)
    assert "Idempotency-Key" in refused.json()["detail"]
    again = initiate(learner, key)
    assert (again.status_code, again.json()) == (200, opened.json())
    assert orders(duitku, opened.json()["id"]) == [opened.json()["id"]]


def test_the_key_of_another_user_is_another_key(users: Users, key: str) -> None:
    first, second = initiate(users.learner(), key), initiate(users.learner(), key, OTHER)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["userId"] != second.json()["userId"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "answer", "status": 500, "body": "<html>"}, 503),
        ({"kind": "answer_after", "status": 500, "body": "<html>"}, 503),
        ({"kind": "drop"}, 503),
        ({"kind": "answer", "status": 400, "body": "no"}, 502),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else str(value),
)
def test_a_first_try_that_failed_at_duitku_can_be_repeated_with_the_same_key(
    fault: Json, status: int, learner: Person, key: str, duitku: Duitku
) -> None:
    duitku.do("faults", {"route": "createInvoice", **fault})

    failed, repeated, again = [initiate(learner, key) for _ in range(3)]

    assert failed.status_code == status
    assert repeated.status_code in {200, 201}
    assert repeated.json()["gateway"]["paymentUrl"]
    assert (again.status_code, again.json()) == (200, repeated.json())
    open_ones = [
        each["id"]
        for each in learner.all(f"/payments/user/{learner.id}")
        if each["status"] == "PENDING"
    ]
    assert open_ones == [repeated.json()["id"]]


def test_a_first_try_that_was_refused_leaves_the_key_free(learner: Person, key: str) -> None:
    refused = initiate(learner, key, {"packageId": "entry"})

    assert refused.status_code == 422
    assert initiate(learner, key).status_code == 201


def test_a_key_has_255_characters_at_most(learner: Person) -> None:
    refused = initiate(learner, "k" * 256)

    assert refused.status_code == 422
    assert [each["field"] for each in refused.json()["errors"]] == ["idempotency-key"]
    assert learner.all(f"/payments/user/{learner.id}") == []
    assert initiate(learner, "k" * 255).status_code == 201


def test_user_and_key_cannot_be_mistaken_for_another_user_and_key(users: Users, key: str) -> None:
    first = initiate(users.named(key), "a:b")

    second = initiate(users.named(f"{key}:a"), "b", OTHER)

    assert (first.status_code, second.status_code) == (201, 201)

"""Buyers who start, pay and check a purchase at once: real threads on the local cloud.

In the end Lunas knows every order that Duitku has, and money brings its course once.
"""

import time
from collections.abc import Callable
from functools import partial

import pytest
import requests

from tests.faults.races.barrier import at_once
from tests.support.length import by_length
from tests.support.providers import Duitku, Thinkific
from tests.support.users import Json, Person, Users

BUYERS, CALLBACKS, CHECKS = 20, 10, 10
ROUNDS = by_length(2, 4, 12)
SLOW = 5.0
"""Seconds that one call for an invoice takes: longer than another request waits for it."""
COURSE = "literasi-data"

type Call = Callable[[], requests.Response]


def initiating(learner: Person, channel: str | None = None) -> Call:
    """Return the call that starts the purchase of a course, by a channel if one is named."""
    body = {"packageId": "entry", "courseId": COURSE}
    named = body | ({"paymentMethod": channel} if channel else {})
    return partial(learner.call, "POST", "/payments/initiate", named)


def payments_of(learner: Person) -> list[Json]:
    return learner.all(f"/payments/user/{learner.id}")


def references_of(duitku: Duitku, *payments: Json) -> list[str]:
    """Return the references of all orders that Duitku has for payments."""
    ids = {payment["id"] for payment in payments}
    orders = duitku.see("orders")["items"]
    return [each["reference"] for each in orders if each["merchantOrderId"] in ids]


def anomalies_of(users: Users, *payments: Json) -> list[tuple[str, str]]:
    """Return payment and kind of every anomaly about payments."""
    ids = {payment["id"] for payment in payments}
    found = users.admin().all("/anomalies")
    return [(each["orderId"], each["kind"]) for each in found if each["orderId"] in ids]


@pytest.mark.parametrize("channel", [None, "BC", "SP"], ids=str)
def test_twenty_starts_of_one_purchase_at_once_create_one_invoice(
    channel: str | None, users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner = users.learner()

    answers = at_once(*[initiating(learner, channel)] * BUYERS)

    # A request that comes while Duitku still creates the invoice may be asked to repeat.
    assert {answer.status_code for answer in answers} <= {200, 201, 409, 503}
    given = [answer.json() for answer in answers if answer.ok]
    assert [answer.status_code for answer in answers].count(201) == 1
    (payment,) = payments_of(learner)
    assert {each["id"] for each in given} == {payment["id"]}
    (reference,) = references_of(duitku, payment)
    assert {each["gateway"]["reference"] for each in given} == {reference}
    duitku.pay(payment)
    learner.wait_for(payment["id"], "COMPLETED")
    assert learner.states(payment["id"]) == ["PENDING", "PAID", "APPROVED", "COMPLETED"]
    assert len(thinkific.enrollments(learner.email)) == 1
    assert anomalies_of(users, payment) == []


def opened_by_two_channels(learner: Person, duitku: Duitku) -> dict[str, Json]:
    """Start a purchase by two channels at once; return the payment of each."""
    channels = ("SP", "BC")
    answers = at_once(*[initiating(learner, channel) for channel in channels] * 2)
    assert {answer.status_code for answer in answers} <= {200, 201, 409, 503}
    opened = {}
    for channel in channels:
        answer = initiating(learner, channel)()
        assert answer.ok, answer.text
        opened[channel] = answer.json()
        assert opened[channel]["gateway"]["paymentMethod"] == channel
    given = [answer.json() for answer in answers if answer.ok]
    ids = {payment["id"] for payment in opened.values()}
    assert {payment["id"] for payment in given} <= ids
    assert {payment["id"] for payment in payments_of(learner)} == ids
    assert len(references_of(duitku, *opened.values())) == len(ids) == len(channels)
    return opened


@pytest.mark.parametrize("paid", ["SP", "BC"])
def test_of_two_channels_at_once_the_one_that_is_paid_settles_once(
    paid: str, users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner = users.learner()
    opened = opened_by_two_channels(learner, duitku)

    duitku.pay(opened[paid], paymentMethod=paid)

    learner.wait_for(opened[paid]["id"], "COMPLETED")
    states = {payment["id"]: payment["status"] for payment in payments_of(learner)}
    assert states.pop(opened[paid]["id"]) == "COMPLETED"
    assert list(states.values()) == ["PENDING"]
    assert [each["courseId"] for each in learner.enrollments()] == [COURSE]
    assert len(thinkific.enrollments(learner.email)) == 1
    assert anomalies_of(users, *opened.values()) == []


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_of_two_channels_that_are_both_paid_one_becomes_an_anomaly(
    round_: int, users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    del round_
    learner = users.learner()
    opened = opened_by_two_channels(learner, duitku)
    for channel, payment in opened.items():
        duitku.pay(payment, paymentMethod=channel, callback=False)
    forms = [
        duitku.form(payment, paymentCode=channel, publisherOrderId=f"MG{payment['id']}")
        for channel, payment in opened.items()
    ]

    answers = at_once(*[partial(duitku.post, form) for form in forms * 2])

    assert [answer.status_code for answer in answers] == [200] * 4
    for payment in opened.values():
        learner.wait_for(payment["id"], "COMPLETED")
        states = learner.states(payment["id"])
        assert states == ["PENDING", "PAID", "APPROVED", "COMPLETED"]
    assert [each["courseId"] for each in learner.enrollments()] == [COURSE]
    assert len(thinkific.enrollments(learner.email)) == 1
    ((twice, kind),) = anomalies_of(users, *opened.values())
    assert kind == "PAID_TWICE"
    assert learner.enrollments()[0]["paymentId"] in {each["id"] for each in opened.values()} - {
        twice
    }


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_checks_of_the_buyer_and_callbacks_at_once_settle_an_order_once(
    round_: int, users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner = users.learner()
    order = learner.initiate("bundle-data")
    duitku.pay(order, callback=False)
    checks: list[Call] = [partial(learner.check, order["id"])] * (1 if not round_ else CHECKS)
    callbacks: list[Call] = [partial(duitku.post, duitku.form(order))] * (
        1 if not round_ else CALLBACKS
    )

    answers = at_once(*checks, *callbacks)

    assert [answer.status_code for answer in answers] == [200] * len(answers)
    shown = {answer.json()["status"] for answer in answers[: len(checks)]}
    assert shown <= {"PENDING", "APPROVED", "COMPLETED"}
    learner.wait_for(order["id"], "COMPLETED")
    assert learner.states(order["id"]) == ["PENDING", "PAID", "APPROVED", "COMPLETED"]
    courses = ["analisis-sql", "python-dasar"]
    assert sorted(each["courseId"] for each in learner.enrollments()) == courses
    assert len(thinkific.enrollments(learner.email)) == len(courses)
    assert len(thinkific.users(learner.email)) == 1
    assert anomalies_of(users, order) == []


@pytest.mark.parametrize("paid", ["first", "second"])
def test_money_on_either_reference_of_two_crossing_calls_settles(
    paid: str, users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    """One call for the invoice is slow, and another request makes the same call meanwhile.

    The first invoice ends before Duitku handles the slow call, so Duitku makes another one.
    """
    learner = users.learner()
    start = initiating(learner)
    duitku.fault("createInvoice", "slow", seconds=SLOW)

    def overtake() -> requests.Response:
        time.sleep(1)
        answer = start()
        duitku.end(answer.json(), "expire")
        return answer

    slow, fast = at_once(start, overtake)

    assert (slow.status_code, fast.status_code) == (201, 200)
    payment = slow.json()
    assert payment["id"] == fast.json()["id"]
    first, second = (answer.json()["gateway"]["reference"] for answer in (fast, slow))
    assert references_of(duitku, payment) == [first, second]
    reference = first if paid == "first" else second
    duitku.pay(payment, callback=False, answer={"reference": reference})

    assert duitku.post(duitku.form(payment, reference=reference)).status_code == 200

    assert anomalies_of(users, payment) == []
    learner.wait_for(payment["id"], "COMPLETED")
    assert len(thinkific.enrollments(learner.email)) == 1

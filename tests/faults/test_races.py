"""Real threads on the local cloud, whose transactions are as atomic as DynamoDB's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import requests

from tests.peers import Duitku, Thinkific
from tests.people import People

CALLBACKS = 50

type Call = Callable[[], requests.Response]


def at_once(*calls: Call) -> list[requests.Response]:
    """Run calls in threads that start together; return the answers in order."""
    barrier = Barrier(len(calls))

    def start(call: Call) -> requests.Response:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(start, calls))


def test_fifty_callbacks_and_an_approval_at_once_make_one_transition(
    people: People, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner, admin = people.learner(), people.admin()
    order = learner.initiate("bundle-data")
    duitku.pay(order, callback=False)
    form = duitku.form(order)

    *heard, approval = at_once(
        *[lambda: duitku.post(form)] * CALLBACKS, lambda: admin.approve(order["id"])
    )

    assert [answer.status_code for answer in heard] == [200] * CALLBACKS
    assert approval.status_code in {200, 409}
    learner.wait_for(order["id"], "COMPLETED")
    assert learner.states(order["id"]) == ["PENDING", "PAID", "APPROVED", "COMPLETED"]
    assert {each["courseId"] for each in learner.enrollments()} == {"python-dasar", "analisis-sql"}
    rows = thinkific.enrollments(learner.email)
    assert sorted(row["course_name"] for row in rows) == [
        "Analisis Data dengan SQL",
        "Dasar Pemrograman Python",
    ]
    assert len(thinkific.users(learner.email)) == 1


def test_ten_admins_approving_at_once_have_one_winner(people: People, thinkific: Thinkific) -> None:
    learner = people.learner()
    payment = learner.submit("entry", "literasi-data")
    admins = [people.admin() for _ in range(10)]

    answers = at_once(*[lambda admin=admin: admin.approve(payment["id"]) for admin in admins])

    assert [answer.status_code for answer in answers] == [200] * 10
    assert len({answer.json()["approvedBy"] for answer in answers}) == 1
    learner.wait_for(payment["id"], "COMPLETED")
    assert learner.states(payment["id"]) == ["PAID", "APPROVED", "COMPLETED"]
    assert len(thinkific.enrollments(learner.email)) == 1


def test_two_payments_for_one_course_enroll_once(people: People, thinkific: Thinkific) -> None:
    learner, admin = people.learner(), people.admin()
    payments = [learner.submit("entry", "literasi-data") for _ in range(4)]

    answers = at_once(*[lambda each=each: admin.approve(each["id"]) for each in payments])

    assert [answer.status_code for answer in answers] == [200] * 4
    for payment in payments:
        learner.wait_for(payment["id"], "COMPLETED")
    assert len(learner.enrollments()) == 1
    assert len(thinkific.enrollments(learner.email)) == 1


def test_ten_initiations_at_once_open_one_payment(people: People) -> None:
    learner = people.learner()
    body = {"packageId": "entry", "courseId": "python-dasar"}

    answers = at_once(*[lambda: learner.call("POST", "/payments/initiate", body)] * 10)

    # Whoever comes while Duitku still works on the invoice may be asked to repeat.
    assert {answer.status_code for answer in answers} <= {200, 201, 503}
    opened = {answer.json()["id"] for answer in answers if answer.ok}
    assert len(opened) == 1
    assert [answer.status_code for answer in answers].count(201) <= 1
    again = learner.call("POST", "/payments/initiate", body)
    assert (again.status_code, again.json()["id"]) == (200, opened.pop())

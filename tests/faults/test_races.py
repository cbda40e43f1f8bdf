"""Crowds: many requests for the same at once, on the local cloud, whose transactions are atomic.

Every pair of operations meets in ``test_race_pairs.py``.
"""

from collections.abc import Callable
from functools import partial

import pytest
import requests

from local.cloud import Stack
from lunas.aws.queues import group_of
from tests.faults.races.barrier import at_once
from tests.faults.races.messages import delivery_body
from tests.support.cloud import Cloud
from tests.support.length import by_length
from tests.support.providers import Duitku, Thinkific
from tests.support.users import Json, Person, Users, eventually

CALLBACKS = 50

type Call = Callable[[], requests.Response]


def test_fifty_callbacks_and_an_approval_at_once_make_one_transition(
    users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner, admin = users.learner(), users.admin()
    order = learner.initiate("bundle-data")
    duitku.pay(order, callback=False)
    form = duitku.form(order)

    *callbacks, approval = at_once(
        *[lambda: duitku.post(form)] * CALLBACKS, lambda: admin.approve(order["id"])
    )

    assert [answer.status_code for answer in callbacks] == [200] * CALLBACKS
    assert approval.status_code == 409
    learner.wait_for(order["id"], "COMPLETED")
    assert learner.states(order["id"]) == ["PENDING", "PAID", "APPROVED", "COMPLETED"]
    assert {each["courseId"] for each in learner.enrollments()} == {"python-dasar", "analisis-sql"}
    found = thinkific.enrollments(learner.email)
    assert sorted(each["course_name"] for each in found) == [
        "Analisis Data dengan SQL",
        "Dasar Pemrograman Python",
    ]
    assert len(thinkific.users(learner.email)) == 1


def test_ten_admins_approving_at_once_have_one_winner(users: Users, thinkific: Thinkific) -> None:
    learner = users.learner()
    payment = learner.submit("entry", "literasi-data")
    admins = [users.admin() for _ in range(10)]

    answers = at_once(*[lambda admin=admin: admin.approve(payment["id"]) for admin in admins])

    assert [answer.status_code for answer in answers] == [200] * 10
    assert len({answer.json()["approvedBy"] for answer in answers}) == 1
    learner.wait_for(payment["id"], "COMPLETED")
    assert learner.states(payment["id"]) == ["PAID", "APPROVED", "COMPLETED"]
    assert len(thinkific.enrollments(learner.email)) == 1


def test_two_payments_for_one_course_enroll_once(users: Users, thinkific: Thinkific) -> None:
    learner, admin = users.learner(), users.admin()
    course = admin.put_course()
    packages = [admin.put_package(course) for _ in range(4)]
    payments = [learner.submit(package, course) for package in packages]

    answers = at_once(*[lambda each=each: admin.approve(each["id"]) for each in payments])

    assert [answer.status_code for answer in answers] == [200] * 4
    for payment in payments:
        learner.wait_for(payment["id"], "COMPLETED")
    assert len(learner.enrollments()) == 1
    assert len(thinkific.enrollments(learner.email)) == 1


@pytest.mark.parametrize("keys", ["none", "one", "one each"])
def test_a_proof_that_is_sent_twenty_times_at_once_is_one_payment(keys: str, users: Users) -> None:
    learner, admin = users.learner(), users.admin()
    body = {"packageId": "entry", "courseId": "literasi-data", "paymentType": "UMUM"}

    def send(number: int) -> requests.Response:
        key = {"none": None, "one": "key", "one each": f"key-{number}"}[keys]
        sender = learner.sending({"Idempotency-Key": key}) if key else learner
        proof = "proof" if keys == "one" else f"proof-{number}"
        return sender.call(
            "POST", "/payments", body | {"proofLink": f"https://example.com/{proof}"}
        )

    answers = at_once(*[partial(send, number) for number in range(20)])

    # A request with the key of one that still runs is asked to repeat.
    refused = {409, 503} if keys == "one" else {503}
    assert {answer.status_code for answer in answers} <= {200, 201} | refused
    sent = [answer for answer in answers if answer.ok]
    assert len({answer.json()["id"] for answer in sent}) == 1
    if keys != "one":
        assert [answer.status_code for answer in sent].count(201) == 1
    (waiting,) = learner.all(f"/payments/user/{learner.id}")
    assert (waiting["id"], waiting["status"]) == (sent[0].json()["id"], "PAID")
    assert admin.approve(waiting["id"]).ok
    assert len(learner.enrollments()) == 1


def test_a_proof_that_is_sent_again_while_it_is_rejected_waits_at_most_once(users: Users) -> None:
    learner, admin = users.learner(), users.admin()
    payment = learner.submit("entry", "literasi-data")
    body = {"packageId": "entry", "courseId": "literasi-data", "paymentType": "UMUM"}
    again = partial(
        learner.call, "POST", "/payments", body | {"proofLink": "https://example.com/2"}
    )

    decided, *sent = at_once(lambda: admin.reject(payment["id"]), *[again] * 9)

    assert decided.ok
    assert {answer.status_code for answer in sent} <= {200, 201, 503}
    states = [each["status"] for each in learner.all(f"/payments/user/{learner.id}")]
    assert states.count("PAID") <= 1
    assert set(states) <= {"PAID", "REJECTED"}
    assert len(states) <= 2


def test_the_last_place_goes_to_one_of_five_approvals(users: Users) -> None:
    admin = users.admin()
    course = admin.put_course(quota=1)
    package = admin.put_package(course)
    waiting = [users.learner().submit(package, course) for _ in range(5)]

    answers = at_once(*[lambda each=each: admin.approve(each["id"]) for each in waiting])

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    courses = {each["id"]: each for each in admin.get("/courses")["items"]}
    assert courses[course]["enrolled"] == 1


def test_five_callbacks_for_the_last_place_all_enroll_and_four_are_anomalies(
    users: Users, duitku: Duitku
) -> None:
    admin = users.admin()
    course = admin.put_course(quota=1)
    package = admin.put_package(course)
    orders = [users.learner().initiate(package, course) for _ in range(5)]
    for order in orders:
        duitku.pay(order, callback=False)
    forms = [duitku.form(order) for order in orders]

    answers = at_once(*[lambda form=form: duitku.post(form) for form in forms])

    assert [answer.status_code for answer in answers] == [200] * 5
    courses = {each["id"]: each for each in admin.get("/courses")["items"]}
    assert courses[course]["enrolled"] == 5
    bought = {order["id"] for order in orders}
    flagged = [each for each in admin.all("/anomalies") if each["orderId"] in bought]
    assert [each["kind"] for each in flagged] == ["OVERBOOKED"] * 4


def test_one_message_that_is_queued_three_times_is_delivered_once(
    users: Users, thinkific: Thinkific, stack: Stack
) -> None:
    cloud, learner = Cloud(stack), users.learner()
    payment = learner.submit("entry", "literasi-data")
    with cloud.deliveries_held():
        users.admin().approve(payment["id"])
        for _ in range(3):
            cloud.queue(delivery_body(payment, "literasi-data"), group_of(learner.id))

    learner.wait_for(payment["id"], "COMPLETED")
    eventually(cloud.queued, lambda waiting: waiting == 0)
    assert learner.states(payment["id"]) == ["PAID", "APPROVED", "COMPLETED"]
    (enrollment,) = learner.enrollments()
    assert enrollment["delivery"]["attempts"] == 1
    assert len(thinkific.users(learner.email)) == 1
    assert len(thinkific.enrollments(learner.email)) == 1


def test_ten_initiations_at_once_open_one_payment(users: Users) -> None:
    learner = users.learner()
    body = {"packageId": "entry", "courseId": "python-dasar"}

    answers = at_once(*[lambda: learner.call("POST", "/payments/initiate", body)] * 10)

    # A request that comes while Duitku still creates the invoice may be asked to repeat.
    assert {answer.status_code for answer in answers} <= {200, 201, 503}
    opened = {answer.json()["id"] for answer in answers if answer.ok}
    assert len(opened) == 1
    assert [answer.status_code for answer in answers].count(201) <= 1
    again = learner.call("POST", "/payments/initiate", body)
    assert (again.status_code, again.json()["id"]) == (200, opened.pop())


def decisions(users: Users, payment: Json, *actions: str) -> tuple[list[Person], list[Call]]:
    """Return an admin for each action, and their calls on a payment."""
    admins = [users.admin() for _ in actions]
    pairs = zip(admins, actions, strict=True)
    return admins, [partial(getattr(admin, action), payment["id"]) for admin, action in pairs]


def check_one_outcome(
    learner: Person, payment: Json, admins: list[Person], answers: list[requests.Response]
) -> tuple[str, Json]:
    """Return the state that won and its event; the other requests got 409."""
    items = learner.get(f"/payments/{payment['id']}/history")["items"]
    events = {event["to"]: event for event in items}
    assert len(items) == len(events), "a state was entered twice"
    (won,) = {"APPROVED", "REJECTED"} & set(events)
    reached = {won, "COMPLETED"} if won == "APPROVED" else {won}
    for answer in answers:
        assert answer.status_code in {200, 409}, answer.text
        assert answer.status_code == 409 or answer.json()["status"] in reached
    actor = events[won]["actor"].removeprefix("admin:")
    statuses = {admin.id: answer.status_code for admin, answer in zip(admins, answers, strict=True)}
    assert statuses[actor] == 200
    return won, events[won]


@pytest.mark.parametrize("round_", range(by_length(1, 3, 6)))
def test_admins_approving_and_rejecting_at_once_have_one_winner(
    round_: int, users: Users, thinkific: Thinkific
) -> None:
    learner = users.learner()
    payment = learner.submit("entry", "literasi-data")
    actions = ["approve", "reject", "recheck"] * 2
    admins, calls = decisions(users, payment, *actions[round_:], *actions[:round_])

    answers = at_once(*calls)

    won, event = check_one_outcome(learner, payment, admins, answers)
    if won == "APPROVED":
        learner.wait_for(payment["id"], "COMPLETED")
        assert f"admin:{learner.payment(payment['id'])['approvedBy']}" == event["actor"]
    else:
        assert learner.payment(payment["id"])["reason"] == "no such transfer"
    assert len(learner.enrollments()) == len(thinkific.enrollments(learner.email))
    assert len(learner.enrollments()) == (1 if won == "APPROVED" else 0)


def test_admins_rechecking_approving_and_rejecting_a_paid_order_settle_it_once(
    users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner = users.learner()
    order = learner.initiate("entry", "literasi-data")
    duitku.pay(order, callback=False)
    admins, calls = decisions(users, order, *["recheck", "approve", "reject"] * 3)

    answers = at_once(*calls)

    won, _ = check_one_outcome(learner, order, admins, answers)
    assert won == "APPROVED"
    assert [answer.status_code for answer in answers[0::3]] == [200] * 3
    assert [answer.status_code for answer in answers[2::3]] == [409] * 3
    learner.wait_for(order["id"], "COMPLETED")
    assert learner.states(order["id"]) == ["PENDING", "PAID", "APPROVED", "COMPLETED"]
    assert len(thinkific.enrollments(learner.email)) == 1


def test_progress_from_devices_at_once_ends_at_the_highest(
    users: Users, thinkific: Thinkific
) -> None:
    learner = users.learner()
    users.admin().approve(learner.submit("entry", "literasi-data")["id"])
    (enrollment,) = learner.enrollments()
    path, reports = f"/enrollments/{enrollment['id']}/progress", [40, 90, 100, 70]

    answers = at_once(
        *[lambda each=each: learner.call("PATCH", path, {"progress": each}) for each in reports]
    )

    assert [answer.status_code for answer in answers] == [200] * len(reports)
    for own, answer in zip(reports, answers, strict=True):
        assert answer.json()["progress"] >= own
    (now,) = learner.enrollments()
    assert now["progress"] == 100
    learner.wait_for(enrollment["paymentId"], "COMPLETED")
    assert len(thinkific.enrollments(learner.email)) == 1

"""Refunds by admins: the money is recorded as sent back, and the course is revoked."""

import pytest

from tests.support.providers import Duitku, Thinkific
from tests.support.users import Json, Person, Users, eventually

PYTHON = "Dasar Pemrograman Python"
"""What Thinkific calls the course ``python-dasar``."""


@pytest.fixture
def admin(users: Users) -> Person:
    return users.admin()


@pytest.fixture
def learner(users: Users) -> Person:
    return users.learner()


def bought(learner: Person, admin: Person, package: str, course: str | None = None) -> str:
    """Buy by manual transfer, and wait until everything is at Thinkific."""
    payment = str(learner.submit(package, course)["id"])
    assert admin.approve(payment).status_code == 200
    learner.wait_for(payment, "COMPLETED")
    return payment


def deliveries(learner: Person) -> dict[str, tuple[str, str]]:
    """Return status and delivery of each course of a learner."""
    return {
        each["courseId"]: (each["status"], each["delivery"]["status"])
        for each in learner.enrollments()
    }


def access(thinkific: Thinkific, learner: Person) -> dict[str, bool]:
    """Return each course of a learner at Thinkific, and whether it is open."""
    return {
        each["course_name"]: bool(each["activated_at"]) and not each["expired"]
        for each in thinkific.enrollments(learner.email)
    }


def test_a_refund_revokes_the_course_in_lunas_and_at_thinkific(
    learner: Person, admin: Person, thinkific: Thinkific
) -> None:
    payment = bought(learner, admin, "entry", "python-dasar")
    assert access(thinkific, learner) == {PYTHON: True}

    refunded = admin.refund(payment, "cancelled within seven days")

    assert refunded.status_code == 200
    assert (refunded.json()["status"], refunded.json()["reason"]) == (
        "REFUNDED",
        "cancelled within seven days",
    )
    status = learner.get("/enrollments/course/python-dasar/status")
    assert status == {"courseId": "python-dasar", "status": "NOT_ENROLLED"}
    eventually(
        lambda: deliveries(learner),
        lambda found: found == {"python-dasar": ("NOT_ENROLLED", "REVOKED")},
    )
    assert access(thinkific, learner) == {PYTHON: False}
    events = learner.get(f"/payments/{payment}/history")["items"]
    assert (events[-1]["from"], events[-1]["to"]) == ("COMPLETED", "REFUNDED")
    assert events[-1]["actor"] == f"admin:{admin.id}"
    assert events[-1]["evidence"]["revoked"] == "python-dasar"


def test_repeating_a_refund_answers_the_same(
    learner: Person, admin: Person, thinkific: Thinkific
) -> None:
    payment = bought(learner, admin, "entry", "python-dasar")
    first, again = admin.refund(payment), admin.refund(payment, "another reason")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    eventually(lambda: deliveries(learner), lambda found: "REVOKED" in found["python-dasar"])
    assert learner.states(payment).count("REFUNDED") == 1
    assert admin.approve(payment).status_code == 409
    assert list(access(thinkific, learner).values()) == [False]


def test_a_refund_of_a_bundle_leaves_the_course_of_an_earlier_payment(
    learner: Person, admin: Person, thinkific: Thinkific
) -> None:
    owned = bought(learner, admin, "entry", "python-dasar")
    bundle = bought(learner, admin, "bundle-data")
    (other,) = set(learner.payment(bundle)["courseIds"]) - {"python-dasar"}

    assert admin.refund(bundle).status_code == 200

    eventually(
        lambda: deliveries(learner),
        lambda found: found[other] == ("NOT_ENROLLED", "REVOKED"),
    )
    assert deliveries(learner)["python-dasar"] == ("ENROLLED", "DELIVERED")
    assert sorted(access(thinkific, learner).values()) == [False, True]
    assert learner.payment(owned)["status"] == "COMPLETED"


def test_a_refund_of_the_earlier_payment_leaves_the_courses_of_the_bundle(
    learner: Person, admin: Person, thinkific: Thinkific
) -> None:
    earlier = bought(learner, admin, "entry", "python-dasar")
    bundle = bought(learner, admin, "bundle-data")

    assert admin.refund(earlier).status_code == 200

    assert {status for status, _ in deliveries(learner).values()} == {"ENROLLED"}
    enrollments: dict[str, Json] = {each["courseId"]: each for each in learner.enrollments()}
    assert enrollments["python-dasar"]["paymentId"] == bundle
    assert set(access(thinkific, learner).values()) == {True}


def test_a_refunded_course_can_be_bought_again_and_is_open_again(
    learner: Person, admin: Person, thinkific: Thinkific
) -> None:
    admin.refund(bought(learner, admin, "entry", "python-dasar"))
    again = bought(learner, admin, "entry", "python-dasar")
    assert deliveries(learner) == {"python-dasar": ("ENROLLED", "DELIVERED")}
    assert learner.enrollments()[0]["paymentId"] == again
    assert access(thinkific, learner) == {PYTHON: True}


def test_a_refund_while_the_delivery_waits_revokes_the_course(
    learner: Person, admin: Person, thinkific: Thinkific
) -> None:
    thinkific.fault("createEnrollment", "slow", seconds=3)
    payment = str(learner.submit("entry", "python-dasar")["id"])
    admin.approve(payment)

    assert admin.refund(payment).status_code == 200

    eventually(lambda: deliveries(learner), lambda found: "REVOKED" in found["python-dasar"])
    assert True not in access(thinkific, learner).values()
    assert learner.payment(payment)["status"] == "REFUNDED"


def test_the_callback_of_a_refunded_payment_changes_nothing(
    learner: Person, admin: Person, duitku: Duitku, thinkific: Thinkific
) -> None:
    payment = learner.initiate("entry", "python-dasar")
    duitku.pay(payment)
    learner.wait_for(payment["id"], "COMPLETED")
    refunded = admin.refund(payment["id"]).json()
    eventually(lambda: deliveries(learner), lambda found: "REVOKED" in found["python-dasar"])

    assert duitku.post(duitku.form(payment)).status_code == 200

    assert admin.payment(payment["id"]) == refunded
    assert access(thinkific, learner) == {PYTHON: False}


@pytest.mark.parametrize("state", ["PENDING", "PAID", "REJECTED"])
def test_a_payment_without_money_cannot_be_refunded(
    learner: Person, admin: Person, state: str
) -> None:
    buy = learner.initiate if state == "PENDING" else learner.submit
    payment = buy("entry", "python-dasar")
    if state == "REJECTED":
        admin.reject(payment["id"])
    assert admin.refund(payment["id"]).status_code == 409
    assert learner.payment(payment["id"])["status"] == state

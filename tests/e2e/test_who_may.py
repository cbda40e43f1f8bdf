"""Callers without a right are refused, and nothing changes."""

import requests

from local.cloud import Stack
from local.tokens import user_token
from tests.support.users import TIMEOUT, Person, Users


def test_a_stranger_sees_nothing_of_a_payment(users: Users) -> None:
    payment = users.learner().submit("entry", "python-dasar")
    stranger = users.learner()

    for path in ("", "/history"):
        answer = stranger.call("GET", f"/payments/{payment['id']}{path}")
        assert answer.status_code == 403
        assert "customer" not in answer.text


def test_a_learner_cannot_approve(users: Users) -> None:
    learner = users.learner()
    payment = learner.submit("entry", "python-dasar")

    assert learner.approve(payment["id"]).status_code == 403
    assert learner.payment(payment["id"])["status"] == "PAID"


def test_a_service_sees_who_is_enrolled_but_not_the_customer(users: Users) -> None:
    learner, admin = users.learner(), users.admin()
    payment = learner.submit("entry", "python-dasar")
    admin.approve(payment["id"])

    service = users.service("enrollments:read payments:read")
    status = service.get(f"/enrollments/course/python-dasar/status?userId={learner.id}")
    shown = service.get(f"/payments/{payment['id']}")

    assert status["status"] == "ENROLLED"
    assert "customer" not in shown
    assert learner.payment(payment["id"])["customer"]["email"] == learner.email


def test_a_service_without_the_scope_or_the_key_is_refused(users: Users) -> None:
    path = "/enrollments/course/python-dasar/status?userId=u1"
    service = users.service("payments:read")
    keyless = Person(service.stack, service.id, users.service().token)

    assert service.call("GET", path).status_code == 403
    assert keyless.call("GET", path).status_code == 401


def test_without_a_valid_token_every_private_route_is_closed(stack: Stack) -> None:
    forged = user_token(stack.model_copy(update={"jwt_secret": "0" * 40}), "mallory", role="ADMIN")
    for headers in ({}, {"Authorization": f"Bearer {forged}"}, {"Authorization": "Bearer x.y.z"}):
        answer = requests.post(
            f"{stack.api_url}/payments/initiate", headers=headers, json={}, timeout=TIMEOUT
        )
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


def test_invalid_input_is_refused_by_field(users: Users) -> None:
    answer = users.learner().call(
        "POST",
        "/payments",
        {"packageId": "entry", "paymentType": "VIP", "proofLink": "http://example.com/p"},
    )

    assert answer.status_code == 422
    assert {each["field"] for each in answer.json()["errors"]} == {"paymentType", "proofLink"}


def test_the_catalog_is_public(stack: Stack) -> None:
    packages = requests.get(f"{stack.api_url}/packages", timeout=TIMEOUT).json()["items"]

    prices = {each["id"]: (each["kind"], each["prices"]["UMUM"]) for each in packages}
    assert prices["entry"] == ("ENTRY", 49000)
    assert prices["intermediate"] == ("INTERMEDIATE", 90000)
    assert prices["bundle-data"] == ("BUNDLE", 130000)


def test_a_front_end_in_a_browser_may_call_with_its_token(stack: Stack) -> None:
    asked = {
        "Origin": "https://kelas.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    answer = requests.options(f"{stack.api_url}/payments/initiate", headers=asked, timeout=TIMEOUT)

    assert answer.status_code in {200, 204}
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()

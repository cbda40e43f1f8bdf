"""A stack that trusts the owner's login service and sells from the owner's package service.

Both are on loopback, and can be made to fail. Workers keep what they fetched, the keys for five
minutes and the catalog for one: a test that needs a fetch calls a function, or names a package,
that no earlier test has used.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.cloud import Options, Stack
from local.tokens import user_token
from tests.conftest import STATE
from tests.support.leaks.check import watched_stack
from tests.support.login import PATH, Login, new_keys
from tests.support.loopback import Answer, Service, reply, serving
from tests.support.providers import Duitku, Thinkific, sign
from tests.support.users import Json, Person, Users, eventually

COURSE = {"id": "kelas-a", "name": "Kelas A"}
PRICE = 57_000
"""Rupiah; no package of the sample catalog costs as much."""
OWN = "/enrollments/my-enrollments"


def package(name: str) -> Json:
    prices = {"UMUM": PRICE, "DIKE": 45_000}
    return {
        "id": name,
        "kind": "ENTRY",
        "name": f"Paket {name}",
        "onSale": True,
        "prices": prices,
        "courseIds": [COURSE["id"]],
    }


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Serve the owner's key set and catalog."""
    with serving() as made:
        yield made


@pytest.fixture(scope="module")
def login(service: Service) -> Login:
    made = Login(service, new_keys())
    made.show("rsa-1", "ec-1")
    return made


@pytest.fixture(scope="module")
def stack(service: Service, login: Login, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Run a second stack, which starts without a catalog of its own."""
    parameters = {
        "JwksUrl": f"{login.service.url}{PATH}",
        "PackageServiceUrl": service.url,
    }
    options = Options(parameters=parameters, catalog=False, iam=True)
    folder = STATE.with_name(f"{STATE.name}-services")
    with watched_stack(folder, options, request.config) as running:
        yield running


@pytest.fixture(autouse=True)
def _sells(service: Service, stack: Stack) -> Iterator[None]:
    """Have the package service sell one package, and both services answer again afterwards."""
    mapped = {**COURSE, "thinkificCourseId": first_course(stack)}
    service.answers["/courses"] = reply({"items": [mapped]})
    service.answers["/packages"] = reply({"items": [package("paket-a")]})
    service.answers["/packages/paket-a"] = reply(package("paket-a"))
    yield
    service.otherwise = None


def first_course(stack: Stack) -> int:
    """Return the id of a course at Thinkific."""
    headers = {
        "X-Auth-API-Key": stack.thinkific.api_key,
        "X-Auth-Subdomain": stack.thinkific.subdomain,
    }
    url = f"{stack.thinkific_url}/api/public/v1/courses"
    found: int = requests.get(url, headers=headers, timeout=30).json()["items"][0]["id"]
    return found


@pytest.fixture
def learner(users: Users, login: Login) -> Person:
    return signed_in(users.learner(), login, "rsa-1")


@pytest.fixture
def admin(users: Users, login: Login) -> Person:
    return signed_in(users.admin(), login, "ec-1", role="ADMIN")


def signed_in(person: Person, login: Login, key: str, **claims: Any) -> Person:
    """Give a person a token that the login service signed by a key."""
    return replace(person, token=login.token(key, sub=person.id, email=person.email, **claims))


def code(answer: requests.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


@pytest.mark.parametrize("key", ["rsa-1", "ec-1"])
def test_a_token_of_the_login_service_opens_the_api(key: str, users: Users, login: Login) -> None:
    learner = signed_in(users.learner(), login, key)

    assert learner.get(OWN) == {"items": []}
    assert learner.call("GET", "/payments").status_code == 403
    assert PATH in login.service.paths()


def test_only_the_login_service_makes_an_admin(
    admin: Person, learner: Person, login: Login
) -> None:
    assert admin.call("GET", "/payments").status_code == 200
    forged = signed_in(learner, login, "rsa-impostor", kid="rsa-1", role="ADMIN")
    assert forged.call("GET", "/payments").status_code == 401


def test_the_earlier_shared_secret_no_longer_signs_users(stack: Stack, learner: Person) -> None:
    own = replace(learner, token=user_token(stack, learner.id, role="ADMIN"))

    assert own.call("GET", OWN).status_code == 401


@pytest.mark.parametrize("kid", ["rsa-1", "ec-1"])
def test_a_public_key_does_not_serve_as_a_shared_secret(
    kid: str, learner: Person, login: Login
) -> None:
    shown = login.keys[kid].public_key()
    secret = shown.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    claims = json.loads(base64.urlsafe_b64decode(learner.token.split(".")[1] + "=="))
    text = ".".join(map(part, ({"alg": "HS256", "kid": kid}, {**claims, "role": "ADMIN"})))
    signature = base64.urlsafe_b64encode(bytes.fromhex(sign(text, secret))).rstrip(b"=").decode()

    forged = replace(learner, token=f"{text}.{signature}")

    assert forged.call("GET", "/payments").status_code == 401


def part(value: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_services_go_on_with_their_own_secret(users: Users) -> None:
    service = users.service("payments:read")

    assert service.call("GET", "/payments").status_code == 200


def test_a_new_key_is_found_within_seconds(learner: Person, login: Login) -> None:
    learner.get(OWN)

    login.show("rsa-1", "ec-1", "ec-new")
    renewed = signed_in(learner, login, "ec-new")

    eventually(lambda: renewed.call("GET", OWN).status_code, lambda status: status == 200)
    assert learner.get(OWN) == {"items": []}


def test_known_keys_stay_valid_while_the_login_service_is_down(
    learner: Person, admin: Person, service: Service
) -> None:
    learner.get(OWN)
    service.otherwise = Answer(500)

    assert learner.call("GET", OWN).status_code == 200
    # No test has called this function yet, so it has no keys.
    unknown = admin.call("GET", "/anomalies")
    assert (unknown.status_code, code(unknown)) == (503, "keys-unavailable")
    assert unknown.headers["Retry-After"]

    service.otherwise = None
    assert admin.call("GET", "/anomalies").status_code == 200


def test_packages_of_the_package_service_are_shown_and_cannot_be_edited(admin: Person) -> None:
    assert admin.get("/packages/paket-a") == package("paket-a")
    edited = {name: value for name, value in package("paket-a").items() if name != "id"}
    assert admin.call("PUT", "/packages/paket-a", edited).status_code == 409


def test_a_purchase_at_the_package_services_price_is_delivered(
    stack: Stack, learner: Person, duitku: Duitku, thinkific: Thinkific, service: Service
) -> None:
    order = learner.initiate("paket-a", COURSE["id"])
    assert (order["amount"], order["packageName"]) == (PRICE, "Paket paket-a")
    assert duitku.see(f"orders/{order['id']}")["amount"] == PRICE

    duitku.pay(order)

    learner.wait_for(order["id"], "COMPLETED")
    (enrollment,) = thinkific.enrollments(learner.email)
    assert enrollment["course_id"] == first_course(stack)
    asked = [each for each in service.asked if each.path != PATH]
    assert {each.headers["x-api-key"] for each in asked} == {stack.service_api_key}
    assert all(learner.token not in each.headers["authorization"] for each in asked)


BROKEN = {
    "500": Answer(500),
    "cut": Answer(cut=True),
    "no answer": Answer(hang=True),
    "no JSON": Answer(body=b"<html>"),
    "no courses": reply({**package("broken"), "courseIds": []}),
    "a price of nothing": reply({**package("broken"), "prices": {"UMUM": 0}}),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_a_package_service_that_fails_sells_nothing(
    answer: Answer, learner: Person, duitku: Duitku, service: Service
) -> None:
    orders = len(duitku.see("orders")["items"])
    service.answers["/packages/broken"] = answer
    request = {"packageId": "broken", "courseId": COURSE["id"]}
    manual = {"paymentType": "UMUM", "proofLink": "https://example.com/proof.jpg"}

    for path, body in (("/payments/initiate", request), ("/payments", request | manual)):
        refused = learner.call("POST", path, body)
        assert (refused.status_code, code(refused)) == (503, "catalog-unavailable")
        assert refused.headers["Retry-After"]

    assert learner.all(f"/payments/user/{learner.id}") == []
    assert len(duitku.see("orders")["items"]) == orders


def test_a_failure_of_the_package_service_is_not_remembered(
    learner: Person, service: Service
) -> None:
    service.answers["/packages/paket-b"] = Answer(500)
    request = {"packageId": "paket-b", "courseId": COURSE["id"]}
    assert learner.call("POST", "/payments/initiate", request).status_code == 503

    service.answers["/packages/paket-b"] = reply(package("paket-b"))

    assert learner.initiate("paket-b", COURSE["id"])["amount"] == PRICE


def test_an_order_is_settled_and_delivered_while_both_services_are_down(
    learner: Person, duitku: Duitku, thinkific: Thinkific, service: Service
) -> None:
    order = learner.initiate("paket-a", COURSE["id"])
    learner.payment(order["id"])
    service.otherwise = Answer(500)

    duitku.pay(order)

    learner.wait_for(order["id"], "COMPLETED")
    assert len(thinkific.enrollments(learner.email)) == 1

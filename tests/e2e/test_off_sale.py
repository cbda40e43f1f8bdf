"""A package that an admin takes off sale, and a course that Thinkific no longer has."""

import pytest
import requests

from local.cloud import Stack
from tests.support.providers import Duitku
from tests.support.users import TIMEOUT, Json, Person, Users


@pytest.fixture
def admin(users: Users) -> Person:
    return users.admin()


def listed(stack: Stack, headers: dict[str, str] | None = None) -> set[str]:
    answer = requests.get(f"{stack.api_url}/packages", headers=headers, timeout=TIMEOUT)
    assert answer.status_code == 200
    return {each["id"] for each in answer.json()["items"]}


def write(admin: Person, package: Json, **changes: object) -> Json:
    body = {name: each for name, each in (package | changes).items() if name != "id"}
    answer = admin.call("PUT", f"/packages/{package['id']}", body)
    assert answer.status_code == 200, answer.text
    written: Json = answer.json()
    return written


def test_a_package_off_sale_is_hidden_and_not_sold_and_earlier_purchases_go_on(
    stack: Stack, users: Users, admin: Person, duitku: Duitku
) -> None:
    course = admin.put_course()
    name = admin.put_package(course)
    owner, waiting = users.learner(), users.learner()
    admin.approve(owner.submit(name, course)["id"])
    order = waiting.initiate(name, course)
    package = admin.get(f"/packages/{name}")

    off = write(admin, package, onSale=False)

    assert off == package | {"onSale": False}
    assert name not in listed(stack)
    assert requests.get(f"{stack.api_url}/packages/{name}", timeout=TIMEOUT).status_code == 404
    assert owner.call("GET", f"/packages/{name}").status_code == 404
    assert admin.get(f"/packages/{name}") == off
    body = {"packageId": name, "courseId": course}
    proof = {"paymentType": "UMUM", "proofLink": "https://example.com/proof.jpg"}
    buyer = users.learner()
    for route, more in (("/payments/initiate", {}), ("/payments", proof)):
        refused = buyer.call("POST", route, body | more)
        assert (refused.status_code, refused.json()["type"]) == (
            409,
            "urn:lunas:problem:not-on-sale",
        )
    assert buyer.all(f"/payments/user/{buyer.id}") == []
    # An owner keeps the course, and a buyer with an open payment may still pay.
    assert [each["status"] for each in owner.enrollments()] == ["ENROLLED"]
    again = waiting.call("POST", "/payments/initiate", body)
    assert (again.status_code, again.json()["id"]) == (200, order["id"])
    duitku.pay(order)
    waiting.wait_for(order["id"], "COMPLETED")

    write(admin, off, onSale=True, description="Kembali", imageUrl="https://cdn.example/p.png")
    assert name in listed(stack)
    assert buyer.call("POST", "/payments", body | proof).status_code == 201


def test_a_comparison_names_the_packages_of_a_course_that_is_gone(admin: Person) -> None:
    course = admin.put_course()
    body = {"name": "Hilang", "thinkificCourseId": 9_999_999}
    assert admin.call("PUT", f"/courses/{course}", body).status_code == 200
    name = admin.put_package(course)

    report = admin.call("POST", "/courses/sync").json()

    found = {each["courseId"]: each["packages"] for each in report["gone"]}
    assert found[course] == [name]
    shown = admin.get(f"/packages/{name}")
    assert shown["goneCourseIds"] == [course]
    write(admin, shown, onSale=False)
    report = admin.call("POST", "/courses/sync").json()
    assert {each["courseId"]: each["packages"] for each in report["gone"]}[course] == []
    # Other tests check that every mapped course exists.
    assert admin.call("PUT", f"/courses/{course}", {"name": "Hilang"}).status_code == 200

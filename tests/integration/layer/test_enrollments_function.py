"""Who is enrolled in what, and the catalog, through the handlers."""

from typing import Any

import pytest

from lunas.domain.enrollments import enrollment_id
from lunas.storage import keys
from lunas.storage.catalog import Catalog
from lunas.storage.expressions import Change
from lunas.storage.table import Table
from tests.integration.layer.purchases import approve, submitted
from tests.support.api_requests import request, service_headers, service_token, user_token
from tests.support.functions import call, invoke

pytestmark = pytest.mark.usefixtures("catalog")
MINE, ONE = "GET /enrollments/my-enrollments", "GET /enrollments/{id}"
STATUS = "GET /enrollments/course/{courseId}/status"
ENROLLMENT = enrollment_id("u1", "c1")
SERVICE = service_headers(service_token())
COURSE = {"name": "Course", "thinkificCourseId": 7, "quota": 3}
PACKAGE: dict[str, Any] = {
    "kind": "INTERMEDIATE",
    "name": "New",
    "prices": {"UMUM": 90_000},
    "courseIds": ["c2", "c1"],
}


@pytest.fixture
def enrolled(catalog: Catalog) -> None:
    """Enroll u1 in c1."""
    assert catalog.package("p1")
    approve(submitted()["id"])


def course_status(course: str, **more: Any) -> tuple[int, Any]:
    return call("enrollments", STATUS, f"/enrollments/course/{course}/status", **more)


@pytest.mark.usefixtures("enrolled")
def test_a_learner_lists_their_own_enrollments_only() -> None:
    _, mine = call("enrollments", MINE, token=user_token("u1"))
    _, theirs = call("enrollments", MINE, token=user_token("u2"))
    assert [each["courseId"] for each in mine["items"]] == ["c1"]
    assert mine["items"][0]["delivery"] == {"status": "PENDING", "attempts": 0}
    assert theirs["items"] == []


@pytest.mark.usefixtures("enrolled")
@pytest.mark.parametrize(
    ("more", "statuses"),
    [
        ({"token": user_token("u1")}, {200}),
        ({"token": user_token("a1", "ADMIN")}, {200}),
        ({"headers": SERVICE}, {200}),
        ({"token": user_token("u2")}, {403, 404}),
        ({}, {401}),
    ],
    ids=["owner", "admin", "service", "another user", "anonymous"],
)
def test_owner_admin_and_service_see_an_enrollment_and_no_other_caller(
    more: dict[str, Any], statuses: set[int]
) -> None:
    assert call("enrollments", ONE, f"/enrollments/{ENROLLMENT}", **more)[0] in statuses


def test_an_unknown_enrollment_is_a_404() -> None:
    assert call("enrollments", ONE, "/enrollments/enr404", token=user_token())[0] == 404


@pytest.mark.usefixtures("enrolled")
def test_the_status_of_a_course_is_enrolled_or_not() -> None:
    _, yes = course_status("c1", token=user_token())
    _, no = course_status("c2", token=user_token())
    assert yes == {"courseId": "c1", "status": "ENROLLED", "enrollmentId": ENROLLMENT}
    assert no == {"courseId": "c2", "status": "NOT_ENROLLED"}


@pytest.mark.usefixtures("enrolled")
@pytest.mark.parametrize(
    ("shared", "status"),
    [(None, "NOT_ENROLLED"), ("2026-01-02T03:04:05.678Z", "NOT_ENROLLED"), ("FOREVER", "ENROLLED")],
)
def test_the_status_of_a_course_includes_shared_access(
    table: Table, shared: str | None, status: str
) -> None:
    over = {"expiresAt": "2026-01-01T00:00:00.000Z", "sharedUntil": shared}
    assert table.update(keys.enrollment(ENROLLMENT), Change(over))
    assert course_status("c1", token=user_token())[1]["status"] == status
    _, mine = call("enrollments", MINE, token=user_token("u1"))
    (listed,) = mine["items"]
    assert listed["status"] == status
    wanted = {None: over["expiresAt"], "FOREVER": None}.get(shared, shared)
    assert listed.get("expiresAt") == wanted


@pytest.mark.usefixtures("enrolled")
def test_services_and_admins_name_any_user_and_users_only_themselves() -> None:
    asked = {"query": {"userId": "u1"}}
    assert course_status("c1", headers=SERVICE, **asked)[1]["status"] == "ENROLLED"
    admin = user_token("a1", "ADMIN")
    assert course_status("c1", token=admin, **asked)[1]["status"] == "ENROLLED"
    assert course_status("c1", token=user_token("u1"), **asked)[0] == 200
    assert course_status("c1", token=user_token("u2"), **asked)[0] == 403


def test_a_service_has_to_name_the_user() -> None:
    status, problem = course_status("c1", headers=SERVICE)
    assert (status, problem["errors"][0]["field"]) == (422, "userId")


def test_a_service_has_no_enrollments_of_its_own() -> None:
    assert call("enrollments", MINE, headers=SERVICE)[0] == 403


def test_anyone_reads_the_catalog() -> None:
    _, packages = call("catalog", "GET /packages")
    _, courses = call("catalog", "GET /courses")
    assert [each["id"] for each in packages["items"]] == ["b1", "p1"]
    assert [each["enrolled"] for each in courses["items"]] == [0, 0]
    assert call("catalog", "GET /packages/{id}", "/packages/p1")[1] == packages["items"][1]
    assert call("catalog", "GET /packages/{id}", "/packages/p404")[0] == 404
    assert call("catalog", "GET /health") == (200, {"status": "ok"})


def test_a_monitor_may_use_head() -> None:
    answer = invoke("catalog", request("HEAD /health"))
    assert (answer["statusCode"], answer["body"]) == (200, "")


@pytest.mark.parametrize(
    ("route", "path", "body"),
    [("PUT /courses/{id}", "/courses/c1", COURSE), ("PUT /packages/{id}", "/packages/p1", PACKAGE)],
)
def test_only_an_admin_edits_the_catalog(route: str, path: str, body: dict[str, Any]) -> None:
    before = call("catalog", "GET /packages"), call("catalog", "GET /courses")
    assert call("catalog", route, path, body=body)[0] == 401
    assert call("catalog", route, path, body=body, token=user_token())[0] == 403
    assert call("catalog", route, path, body=body, headers=SERVICE)[0] == 403
    assert (call("catalog", "GET /packages"), call("catalog", "GET /courses")) == before
    assert call("catalog", route, path, body=body, token=user_token("a1", "ADMIN"))[0] == 200


@pytest.mark.usefixtures("enrolled")
def test_a_course_that_is_edited_keeps_its_counter() -> None:
    admin = user_token("a1", "ADMIN")
    body = {**COURSE, "enrolled": 99}
    _, written = call("catalog", "PUT /courses/{id}", "/courses/c1", body=body, token=admin)
    assert written == {"id": "c1", **COURSE, "enrolled": 1}


def test_a_package_can_be_put_as_it_was_returned() -> None:
    admin = user_token("a1", "ADMIN")
    _, shown = call("catalog", "GET /packages/{id}", "/packages/b1")
    route = "PUT /packages/{id}"
    assert call("catalog", route, "/packages/b1", body=shown, token=admin) == (200, shown)


@pytest.mark.parametrize(
    "changes",
    [
        {"courseIds": ["c1", "c404"]},
        {"courseIds": ["c1", "c1"]},
        {"courseIds": []},
        {"prices": {}},
        {"prices": {"UMUM": 9_999}},
        {"prices": {"UMUM": 1.5}},
        {"kind": "VIP"},
        {"name": " "},
    ],
    ids=str,
)
def test_a_package_that_breaks_a_rule_is_a_422(changes: dict[str, Any]) -> None:
    admin = user_token("a1", "ADMIN")
    body = {**PACKAGE, **changes}
    route = "PUT /packages/{id}"
    status, problem = call("catalog", route, "/packages/p1", body=body, token=admin)
    assert (status, problem["type"]) == (422, "urn:lunas:problem:invalid-input")
    assert problem["errors"][0]["field"].split(".")[0] in changes


def test_a_sold_payment_keeps_the_price_it_was_sold_for() -> None:
    payment = submitted()
    admin = user_token("a1", "ADMIN")
    call("catalog", "PUT /packages/{id}", "/packages/p1", body=PACKAGE, token=admin)
    _, approved = approve(payment["id"])
    assert (approved["amount"], approved["packageName"]) == (49_000, "Entry")

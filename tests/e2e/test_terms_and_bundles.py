"""Access for a time, whole bundles, and the comparison of the catalog with the Thinkific site."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from local.cloud import Stack
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change
from tests.support.cloud import Cloud
from tests.support.providers import Thinkific
from tests.support.users import Json, Person, Users, eventually

DAY = timedelta(days=1)
COURSES = ("python-dasar", "analisis-sql")
"""The courses of the package ``bundle-data``, and of the site's one bundle."""


@pytest.fixture
def admin(users: Users) -> Person:
    return users.admin()


@pytest.fixture
def learner(users: Users) -> Person:
    return users.learner()


def package(admin: Person, name: str, **terms: object) -> str:
    """Write a package of one course, or of both, with these terms."""
    kind = "BUNDLE" if "thinkificBundleId" in terms else "ENTRY"
    courses = list(COURSES) if kind == "BUNDLE" else [COURSES[0]]
    body = {
        "kind": kind,
        "name": name,
        "courseIds": courses,
        "prices": {"UMUM": 50_000},
        **terms,
    }
    answer = admin.call("PUT", f"/packages/{name}", body)
    assert answer.status_code == 200, answer.text
    assert admin.get(f"/packages/{name}") == answer.json()
    return name


def bought(learner: Person, admin: Person, name: str, course: str | None = COURSES[0]) -> str:
    payment = str(learner.submit(name, course)["id"])
    assert admin.approve(payment).status_code == 200
    learner.wait_for(payment, "COMPLETED")
    return payment


def compared(admin: Person) -> Json:
    answer = admin.call("POST", "/courses/sync")
    assert answer.status_code == 200, answer.text
    report: Json = answer.json()
    return report


def end(cloud: Cloud, enrollment: Json) -> None:
    """End the time of an enrollment."""
    past = to_iso(datetime.now(UTC) - timedelta(seconds=1))
    assert cloud.table.update(keys.enrollment(enrollment["id"]), Change({"expiresAt": past}))


def test_access_for_a_time_ends_at_the_same_time_in_lunas_and_at_thinkific(
    learner: Person, admin: Person, thinkific: Thinkific
) -> None:
    bought(learner, admin, package(admin, "terms-thirty", accessDays=30))
    (enrollment,) = learner.enrollments()
    lasts = from_iso(enrollment["expiresAt"]) - datetime.now(UTC)
    assert 29 * DAY < lasts <= 30 * DAY
    (platform_enrollment,) = thinkific.enrollments(learner.email)
    assert from_iso(platform_enrollment["expiry_date"]) == from_iso(
        enrollment["expiresAt"]
    ).replace(microsecond=0)


def test_access_that_has_ended_can_be_bought_again_and_keeps_its_progress(
    stack: Stack, learner: Person, admin: Person, thinkific: Thinkific
) -> None:
    name = package(admin, "terms-again", accessDays=30)
    bought(learner, admin, name)
    (first,) = learner.enrollments()
    learner.call("PATCH", f"/enrollments/{first['id']}/progress", {"progress": 60})
    proof = {"paymentType": "UMUM", "proofLink": "https://example.com/p.jpg"}
    body = {"packageId": name, "courseId": COURSES[0], **proof}
    assert learner.call("POST", "/payments", body).status_code == 409

    end(Cloud(stack), first)
    status = learner.get(f"/enrollments/course/{COURSES[0]}/status")
    assert status["status"] == "NOT_ENROLLED"
    again = bought(learner, admin, name)

    (second,) = learner.enrollments()
    assert (second["status"], second["paymentId"], second["progress"]) == ("ENROLLED", again, 60)
    assert second["expiresAt"] > first["expiresAt"]
    (platform_enrollment,) = thinkific.enrollments(learner.email)
    assert from_iso(platform_enrollment["expiry_date"]) == from_iso(second["expiresAt"]).replace(
        microsecond=0
    )


@pytest.fixture
def bundle_id(admin: Person) -> int:
    """Ask Lunas which bundle of the site holds the courses of our bundle."""
    found = {each["packageId"]: each for each in compared(admin)["bundles"]["proposed"]}
    return int(found["bundle-data"]["thinkificBundleId"])


@pytest.fixture
def slow_bundles(thinkific: Thinkific) -> Iterator[None]:
    thinkific.set(bundleAnswer="later", bundleDelay=2)
    yield
    thinkific.set(bundleAnswer="now")


def test_a_bundle_is_enrolled_by_one_call(
    learner: Person, admin: Person, thinkific: Thinkific, bundle_id: int
) -> None:
    name = package(admin, "terms-bundle", thinkificBundleId=bundle_id)
    before = thinkific.calls("createEnrollment")
    asked = thinkific.calls("createBundleEnrollment")
    bought(learner, admin, name, None)
    assert thinkific.calls("createBundleEnrollment") == asked + 1
    assert thinkific.calls("createEnrollment") == before
    found = thinkific.enrollments(learner.email)
    assert len(found) == 2
    assert all(each["activated_at"] and not each["expired"] for each in found)


@pytest.mark.usefixtures("slow_bundles")
def test_a_bundle_that_thinkific_enrolls_later_is_waited_for(
    learner: Person, admin: Person, thinkific: Thinkific, bundle_id: int
) -> None:
    before = thinkific.calls("createEnrollment")
    name = package(admin, "terms-later", thinkificBundleId=bundle_id)
    payment = str(learner.submit(name)["id"])
    admin.approve(payment)
    learner.wait_for(payment, "COMPLETED")
    assert thinkific.calls("createEnrollment") == before
    assert len(thinkific.enrollments(learner.email)) == 2


def test_only_a_bundle_can_have_a_bundle_at_thinkific(admin: Person) -> None:
    body = {
        "kind": "ENTRY",
        "name": "x",
        "courseIds": [COURSES[0]],
        "prices": {"UMUM": 50_000},
        "thinkificBundleId": 5,
    }
    answer = admin.call("PUT", "/packages/terms-wrong", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "thinkificBundleId"


def test_the_sample_catalog_matches_the_site(admin: Person) -> None:
    report = compared(admin)
    assert set(COURSES) <= {each["courseId"] for each in report["mapped"]}
    assert all(each["courseId"] not in COURSES for each in report["gone"])


def test_a_namesake_is_proposed_and_not_mapped(admin: Person) -> None:
    unsold = compared(admin)["unsold"]
    assert unsold, "the site needs a course that no package sells"
    name = unsold[0]["name"]
    admin.call("PUT", "/courses/terms-namesake", {"name": name})
    try:
        proposed = {each["courseId"]: each for each in compared(admin)["proposed"]}
        assert proposed["terms-namesake"]["thinkificCourseId"] == unsold[0]["thinkificCourseId"]
        courses = {each["id"]: each for each in admin.get("/courses")["items"]}
        assert "thinkificCourseId" not in courses["terms-namesake"]
    finally:
        admin.call("PUT", "/courses/terms-namesake", {"name": "No namesake"})


def test_an_unavailable_site_is_answered_503(admin: Person, thinkific: Thinkific) -> None:
    thinkific.fault("listCourses", "answer", status=503)
    answer = admin.call("POST", "/courses/sync")
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("platform-unavailable")


def test_a_package_is_shown_with_its_terms(admin: Person) -> None:
    name = package(admin, "terms-shown", accessDays=7)
    assert admin.get(f"/packages/{name}")["accessDays"] == 7
    eventually(
        lambda: {each["id"] for each in admin.get("/packages")["items"]},
        lambda ids: name in ids,
    )

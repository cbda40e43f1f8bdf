"""Comparing the catalog with a site: every page is read, nothing is mapped automatically."""

from typing import Any

import pytest

from lunas.storage.catalog import Catalog
from tests.integration.layer import providers
from tests.support.api_requests import user_token
from tests.support.builders import course
from tests.support.functions import call, invoke
from tests.support.http_stub import Reply, StubProvider
from tests.support.logs import Logged

FUNCTION = "sync_courses"
NIGHTLY: dict[str, Any] = {"source": "aws.scheduler", "detail": {}}


def listed(*rows: dict[str, Any], following: int | None = None) -> Reply:
    return Reply(body={"items": list(rows), "meta": {"pagination": {"next_page": following}}})


def site_course(course_id: int, name: str) -> dict[str, Any]:
    return {"id": course_id, "name": name, "product_id": course_id + 5}


def sync(role: str = "ADMIN") -> tuple[int, Any]:
    return call(FUNCTION, "POST /courses/sync", token=user_token("a1", role))


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> StubProvider:
    """Show two pages of courses, and one bundle among the products."""
    catalog.put_course(course("c3", name="Third", platform_course_id=None))
    return providers.answers(
        monkeypatch,
        FUNCTION,
        listed(site_course(2_000_001, "First"), following=2),
        listed(site_course(2_000_003, "Third")),
        listed(
            {"id": 1, "productable_id": 2_000_001, "productable_type": "Course"},
            {"id": 2, "productable_id": 4, "productable_type": "Bundle"},
        ),
        Reply(body={"id": 4, "name": "Both", "course_ids": [2_000_001, 2_000_002]}),
    )


def test_all_pages_are_read_and_every_difference_is_reported(site: StubProvider) -> None:
    status, report = sync()
    assert status == 200
    assert [each["courseId"] for each in report["mapped"]] == ["c1"]
    assert [each["courseId"] for each in report["gone"]] == ["c2"]
    assert report["proposed"] == [
        {"courseId": "c3", "name": "Third", "thinkificCourseId": 2_000_003}
    ]
    assert report["bundles"]["proposed"] == [
        {"packageId": "b1", "name": "Bundle", "thinkificBundleId": 4}
    ]
    assert len(site.asked) == 4


@pytest.mark.usefixtures("site")
def test_a_proposal_does_not_change_the_mapping(catalog: Catalog) -> None:
    sync()
    third = catalog.course("c3")
    assert third
    assert third.platform_course_id is None


@pytest.mark.usefixtures("site")
def test_the_name_at_the_site_is_recorded_on_the_mapped_course(catalog: Catalog) -> None:
    sync()
    first = catalog.course("c1")
    assert first
    assert (first.platform_name, first.name) == ("First", "Course c1")


@pytest.mark.usefixtures("site")
def test_the_nightly_run_warns_of_differences(logged: Logged) -> None:
    assert invoke(FUNCTION, NIGHTLY) is None
    assert logged.messages("WARNING") == ["catalog differs from the platform"]
    assert logged.metrics() == ["CatalogDiffers"]


def test_a_site_that_cannot_be_read_completely_is_a_503_and_nothing_is_recorded(
    monkeypatch: pytest.MonkeyPatch, catalog: Catalog
) -> None:
    first_page = listed(site_course(2_000_001, "First"), following=2)
    providers.answers(monkeypatch, FUNCTION, first_page, Reply(502, "<html>"))
    status, problem = sync()
    assert (status, problem["type"]) == (503, "urn:lunas:problem:platform-unavailable")
    first = catalog.course("c1")
    assert first
    assert first.platform_name is None


def test_users_cannot_compare(catalog: Catalog) -> None:
    assert catalog.course("c1")
    assert sync("USER")[0] == 403


def test_a_name_is_not_recorded_on_a_course_that_was_mapped_again(catalog: Catalog) -> None:
    old = course("c1", platform_course_id="5")
    assert not catalog.note_platform_name(old, "Five")
    catalog.put_course(old)
    assert catalog.note_platform_name(old, "Five")

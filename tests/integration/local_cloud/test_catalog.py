"""The sample catalog is mapped to a site by names that are exact and unique there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from requests import PreparedRequest
from responses.matchers import query_param_matcher

from local.cloud import Stack, catalog
from local.cloud.credentials import credentials
from local.cloud.errors import CatalogRefused

API = "http://127.0.0.1:1/api"
THINKIFIC = "http://127.0.0.1:2"
COURSES = f"{THINKIFIC}/api/public/v1/courses"


@pytest.fixture
def stack() -> Stack:
    keys = credentials({})
    return Stack(
        api_url=API,
        duitku_webhook_url=API,
        thinkific_webhook_url=API,
        aws_endpoint_url=API,
        region="ap-southeast-3",
        table_name="table",
        delivery_queue_url=API,
        dead_letter_queue_url=API,
        jwt_secret=keys.jwt_secret,
        service_api_key=keys.service_api_key,
        service=keys.service,
        duitku=keys.duitku,
        thinkific=keys.thinkific,
        logs=Path("logs"),
    )


def page(number: int, following: int | None, *courses: tuple[int, str]) -> None:
    """Let Thinkific answer with this page of courses."""
    items = [{"id": course, "name": name} for course, name in courses]
    content = {"items": items, "meta": {"pagination": {"next_page": following}}}
    query = query_param_matcher({"page": number}, strict_match=False)
    responses.get(COURSES, json=content, match=[query])


@pytest.fixture
def sent() -> Iterator[dict[str, Any]]:
    """Let the API accept everything; return the PUT bodies by path."""
    taken: dict[str, Any] = {}

    def take(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        path = str(request.url).removeprefix(f"{API}/")
        taken[path] = json.loads(request.body or "")
        return 200, {}, "{}"

    with responses.mock:
        responses.add_callback("PUT", re.compile(f"{API}/.*"), take)
        yield taken


def test_courses_and_packages_are_loaded_as_the_sample_has_them(
    stack: Stack, sent: dict[str, Any]
) -> None:
    page(1, None)
    assert catalog.load(stack, THINKIFIC) == ""
    assert len(sent) == 8
    assert sent["courses/web-django"] == {"name": "Pengembangan Web dengan Django"}
    assert sent["packages/bundle-data"]["prices"] == {"UMUM": 130_000, "DIKE": 104_000}
    assert list(sent)[-3:] == ["packages/entry", "packages/intermediate", "packages/bundle-data"]


def test_an_exact_and_unique_name_is_mapped_from_any_page(
    stack: Stack, sent: dict[str, Any]
) -> None:
    page(1, 2, (7, "Analisis Data dengan SQL"), (8, "analisis data dengan sql"))
    page(2, None, (9, "Pengembangan Web dengan Django"))
    catalog.load(stack, THINKIFIC)
    assert sent["courses/analisis-sql"]["thinkificCourseId"] == 7
    assert sent["courses/web-django"]["thinkificCourseId"] == 9
    assert "thinkificCourseId" not in sent["courses/python-dasar"]


def test_a_name_that_two_courses_have_is_not_mapped(stack: Stack, sent: dict[str, Any]) -> None:
    page(1, 2, (7, "Analisis Data dengan SQL"))
    page(2, None, (8, "Analisis Data dengan SQL"))
    catalog.load(stack, THINKIFIC)
    assert "thinkificCourseId" not in sent["courses/analisis-sql"]


def test_the_site_is_asked_with_its_own_keys(stack: Stack, sent: dict[str, Any]) -> None:
    page(1, None)
    catalog.load(stack, THINKIFIC)
    asked = next(call.request for call in responses.calls if call.request.method == "GET")
    assert asked.headers["X-Auth-API-Key"] == stack.thinkific.api_key
    assert asked.headers["X-Auth-Subdomain"] == stack.thinkific.subdomain
    assert asked.headers["User-Agent"]
    assert sent


@pytest.mark.parametrize("answer", [{"status": 500}, {"body": "not JSON"}, {"json": {"items": []}}])
def test_a_failing_thinkific_is_a_warning_and_leaves_courses_unmapped(
    stack: Stack, sent: dict[str, Any], answer: dict[str, Any]
) -> None:
    responses.get(COURSES, **answer)
    assert THINKIFIC in catalog.load(stack, THINKIFIC)
    assert len(sent) == 8


def test_an_unreachable_thinkific_is_a_warning_too(stack: Stack, sent: dict[str, Any]) -> None:
    assert THINKIFIC in catalog.load(stack, THINKIFIC)
    assert len(sent) == 8


@responses.activate
def test_a_refusal_of_the_api_is_an_error_that_shows_the_answer(stack: Stack) -> None:
    page(1, None)
    responses.put(f"{API}/courses/python-dasar", status=403, body="no admin")
    with pytest.raises(CatalogRefused, match="courses/python-dasar was answered 403: no admin"):
        catalog.load(stack, THINKIFIC)

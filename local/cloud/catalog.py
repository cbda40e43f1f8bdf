"""Loads the sample catalog into a fresh stack, through its HTTP API."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import requests

from local.cloud.errors import CatalogRefused
from local.cloud.stack import Stack, ThinkificSite
from local.cloud.state import ROOT
from local.tokens import user_token

_SAMPLE = ROOT / "local" / "sample" / "catalog.json"
_SECONDS = 60
_PAGE = 100


def load(stack: Stack, thinkific_url: str) -> str:
    """Load courses and packages; returns a warning when Thinkific's courses could not be read.

    Courses with exactly one namesake at Thinkific are mapped to it. The others stay unmapped,
    which the API allows. Raises ``CatalogRefused`` when the API does not take one.
    """
    sample: dict[str, dict[str, Any]] = json.loads(_SAMPLE.read_text())
    warning = ""
    ids: dict[str, int] = {}
    try:
        ids = ids_by_unique_name(thinkific_url, stack.thinkific)
    except (requests.RequestException, ValueError, KeyError) as error:
        warning = f"the courses at {thinkific_url} could not be read, so none is mapped: {error}"
    for course, body in sample["courses"].items():
        mapping = {"thinkificCourseId": ids[body["name"]]} if body["name"] in ids else {}
        _put(stack, f"courses/{course}", {**body, **mapping})
    for package, body in sample["packages"].items():
        _put(stack, f"packages/{package}", body)
    return warning


def ids_by_unique_name(url: str, site: ThinkificSite) -> dict[str, int]:
    """Give the ids of the site's courses by their names, without names that several have."""
    courses = list(_courses(url, site))
    times = Counter(course["name"] for course in courses)
    return {course["name"]: course["id"] for course in courses if times[course["name"]] == 1}


def _courses(url: str, site: ThinkificSite) -> Iterator[dict[str, Any]]:
    headers = {
        "X-Auth-API-Key": site.api_key,
        "X-Auth-Subdomain": site.subdomain,
        "User-Agent": "lunas-local",
    }
    page: int | None = 1
    while page:
        answer = requests.get(
            f"{url}/api/public/v1/courses",
            params={"page": page, "limit": _PAGE},
            headers=headers,
            timeout=_SECONDS,
        )
        answer.raise_for_status()
        content = answer.json()
        yield from content["items"]
        page = content["meta"]["pagination"]["next_page"]


def _put(stack: Stack, path: str, body: dict[str, Any]) -> None:
    token = user_token(stack, "local-setup", role="ADMIN")
    answer = requests.put(
        f"{stack.api_url}/{path}",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=_SECONDS,
    )
    if not answer.ok:
        message = f"PUT /{path} was answered {answer.status_code}: {answer.text[:2000]}"
        raise CatalogRefused(message)

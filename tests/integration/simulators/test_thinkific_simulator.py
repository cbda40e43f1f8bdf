"""The catalog, the faults and the admin routes of the simulated Thinkific."""

from typing import Any

import httpx
import pytest

from tests.support.thinkific_site import V1, items, move_clock, setting

SAMPLE = {
    "Dasar Pemrograman Python",
    "Literasi Data dengan Spreadsheet",
    "Analisis Data dengan SQL",
    "Pengembangan Web dengan Django",
    "Statistika Terapan untuk Bisnis",
}
LEARNER, COURSE = 1_000_002, 2_000_001

pytestmark = pytest.mark.anyio


async def fault(site: httpx.AsyncClient, route: str, kind: str, **more: Any) -> None:
    answer = await site.post("/_sim/faults", json={"route": route, "kind": kind, **more})
    assert answer.status_code == 200, answer.text


async def test_the_catalog_holds_the_sample_courses_and_a_longer_namesake(
    site: httpx.AsyncClient,
) -> None:
    names = {item["name"] for item in await items(site, f"{V1}/courses")}
    assert names == SAMPLE | {"Analisis Data dengan SQL untuk Manajer"}


async def test_products_and_courses_name_each_other_by_different_ids(
    site: httpx.AsyncClient,
) -> None:
    products = {item["id"]: item for item in await items(site, f"{V1}/products")}
    for course in await items(site, f"{V1}/courses"):
        product = products[course["product_id"]]
        assert (product["productable_type"], product["productable_id"]) == ("Course", course["id"])
        assert 2_000_000 < course["id"] < 3_000_000 < product["id"] < 4_000_000


async def test_the_bundle_is_found_through_the_products(site: httpx.AsyncClient) -> None:
    products = await items(site, f"{V1}/products")
    (product,) = [item for item in products if item["productable_type"] == "Bundle"]
    path = f"{V1}/bundles/{product['productable_id']}"
    courses = await items(site, f"{path}/courses")
    assert [item["id"] for item in courses] == (await site.get(path)).json()["course_ids"]
    assert {item["name"] for item in courses} == {
        "Dasar Pemrograman Python",
        "Analisis Data dengan SQL",
    }


async def test_removed_faults_do_not_happen(site: httpx.AsyncClient) -> None:
    await fault(site, "*", "answer", status=503, times=9)
    assert (await site.get(f"{V1}/courses")).status_code == 503
    assert (await site.get("/_sim/faults")).json() == {"struck": {"listCourses answer 503": 1}}
    assert (await site.delete("/_sim/faults")).status_code == 200
    assert (await site.get(f"{V1}/courses")).status_code == 200


@pytest.mark.parametrize("path", ["courses/2000007", "products/3000007", "bundles/2000001"])
async def test_objects_that_the_api_does_not_show_are_not_found(
    site: httpx.AsyncClient, path: str
) -> None:
    answer = await site.get(f"{V1}/{path}")
    assert (answer.status_code, answer.json()) == (404, {"error": "Record not found."})


@pytest.mark.parametrize("path", ["courses/{}/chapters", "products/{}/related"])
async def test_chapters_and_related_products_are_lists(site: httpx.AsyncClient, path: str) -> None:
    known = {"courses": COURSE, "products": 3_000_001}[path.partition("/")[0]]
    assert await items(site, f"{V1}/{path.format(known)}") == []
    assert (await site.get(f"{V1}/{path.format(known + 6)}")).status_code == 404


async def test_an_unknown_path_is_not_found(site: httpx.AsyncClient) -> None:
    for path in ("bundles", "courses/x", "course"):
        assert (await site.get(f"{V1}/{path}")).status_code == 404


@pytest.mark.parametrize("content", [b"{", b"[]", b""])
async def test_a_body_that_is_no_json_object_is_refused_with_400(
    site: httpx.AsyncClient, content: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await site.post(f"{V1}/users", content=content, headers=headers)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


async def test_a_fault_can_hide_the_answer_of_a_write_that_happened(
    site: httpx.AsyncClient,
) -> None:
    await fault(site, "createEnrollment", "answer_after", status=524, contentType="text/html")
    body = {"user_id": LEARNER, "course_id": COURSE, "activated_at": "2026-01-01T00:00:00Z"}
    answer = await site.post(f"{V1}/enrollments", json=body)
    assert answer.status_code == 524
    assert len(await items(site, f"{V1}/enrollments")) == 1


async def test_a_fault_hits_only_its_route_and_counts_for_the_limit(
    site: httpx.AsyncClient,
) -> None:
    await setting(site, rateLimit=2)
    await fault(site, "listCourses", "answer", status=500)
    assert (await site.get(f"{V1}/products")).status_code == 200
    assert (await site.get(f"{V1}/courses")).status_code == 500
    assert (await site.get(f"{V1}/courses")).status_code == 429
    assert (await site.get("/_sim/health")).json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"route": "listCourse", "kind": "answer"}),
        ("faults", {"route": "listCourses", "kind": "explode"}),
        ("settings", {"rateLimits": 3}),
        ("settings", {"emailMatch": "fuzzy"}),
        ("progress", {"enrollmentId": 5_000_001, "percentage": 101}),
        ("clock", {}),
    ],
)
async def test_an_invalid_admin_request_is_refused(
    site: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    assert (await site.post(f"/_sim/{path}", json=body)).status_code == 422


async def test_a_reset_returns_everything_to_the_seed(site: httpx.AsyncClient) -> None:
    before = (await site.post("/_sim/settings", json={})).json()
    await setting(site, rateLimit=3)
    await move_clock(site, 1e6)
    await fault(site, "*", "answer", times=9)
    await site.delete(f"{V1}/users/{LEARNER}")
    assert (await site.post("/_sim/reset")).json() == {"status": "reset"}
    assert (await site.get("/_sim/requests")).json()["calls"] == 0
    assert len(await items(site, f"{V1}/users")) == 2
    assert (await site.post("/_sim/settings", json={})).json() == before

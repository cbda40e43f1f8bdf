"""How often the simulated Thinkific may be called, and how its lists are paged."""

import asyncio
import time

import httpx
import pytest

from local.simulators.thinkific.seed import SECOND_SUBDOMAIN
from tests.support.thinkific_site import V1, caller, move_clock, setting, token

pytestmark = pytest.mark.anyio


async def test_the_121st_call_in_a_minute_is_limited_for_key_and_token(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    client = caller(transport, await token(site))
    answers = await asyncio.gather(*(site.get(f"{V1}/courses") for _ in range(130)))
    assert sorted(answer.status_code for answer in answers) == [200] * 120 + [429] * 10
    assert (await client.get(f"{V1}/users")).status_code == 429
    counts = (await site.get("/_sim/requests")).json()
    assert counts["routes"] == {
        "listCourses": {"calls": 130, "limited": 10},
        "listUsers": {"calls": 1, "limited": 1},
    }
    assert (counts["calls"], counts["limited"]) == (131, 11)


async def test_the_limit_restarts_after_a_minute_and_is_separate_for_each_site(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    await setting(site, rateLimit=1)
    other = caller(transport, await token(site, subdomain=SECOND_SUBDOMAIN))
    assert (await site.get(f"{V1}/courses")).status_code == 200
    assert (await site.get(f"{V1}/courses")).status_code == 429
    assert (await other.get(f"{V1}/courses")).status_code == 200
    await move_clock(site, 60)
    assert (await site.get(f"{V1}/courses")).status_code == 200


@pytest.mark.parametrize(
    ("form", "unit", "is_epoch"),
    [("ms", 1000, True), ("s", 1, True), ("duration", 1000, False), ("duration_seconds", 1, False)],
)
async def test_the_reset_header_shows_when_the_minute_ends(
    site: httpx.AsyncClient, form: str, unit: int, is_epoch: bool
) -> None:
    await move_clock(site, 86_400)
    await setting(site, rateLimit=0, rateResetForm=form)
    answer = await site.get(f"{V1}/courses")
    left = int(answer.headers["RateLimit-Reset"]) / unit - (time.time() if is_epoch else 0)
    assert (answer.status_code, answer.content) == (429, b"")
    assert 50 < left <= 61


async def test_the_reset_header_can_be_absent_and_the_body_html(site: httpx.AsyncClient) -> None:
    await setting(site, rateLimit=0, rateResetForm="absent", rateBody="html")
    answer = await site.get(f"{V1}/courses")
    assert "RateLimit-Reset" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")


async def test_more_calls_at_once_than_allowed_are_limited(site: httpx.AsyncClient) -> None:
    await setting(site, concurrencyLimit=10)
    fault = {"route": "listCourses", "kind": "slow", "times": 12, "seconds": 0.05}
    await site.post("/_sim/faults", json=fault)
    answers = await asyncio.gather(*(site.get(f"{V1}/courses") for _ in range(12)))
    assert [answer.status_code for answer in answers].count(429) == 2
    assert (await site.get("/_sim/requests")).json()["mostAtOnce"] == 11


async def test_calls_can_be_found_by_their_correlation_id(
    site: httpx.AsyncClient,
) -> None:
    for correlation_id in ("a=", "a=", "b"):
        await site.get(f"{V1}/courses", headers={"X-Correlation-Id": correlation_id})
    await site.get(f"{V1}/users")
    found = await site.get("/_sim/requests", params={"correlationId": "a="})
    assert found.json() == {"routes": {"listCourses": 2}}
    unknown = await site.get("/_sim/requests", params={"correlationId": "c"})
    assert unknown.json() == {"routes": {}}


async def test_pages_end_with_a_null_next_page(site: httpx.AsyncClient) -> None:
    first = (await site.get(f"{V1}/courses", params={"limit": 3})).json()
    last = (await site.get(f"{V1}/courses", params={"limit": 3, "page": 2})).json()
    assert (len(first["items"]), len(last["items"])) == (3, 3)
    assert first["meta"]["pagination"]["next_page"] == 2
    assert last["meta"]["pagination"] == {
        "current_page": 2,
        "next_page": None,
        "prev_page": 1,
        "total_pages": 2,
        "total_items": 6,
        "entries_info": "4-6 of 6",
    }


@pytest.mark.parametrize(
    ("given", "shown"), [({}, 25), ({"limit": "999"}, 250), ({"limit": "x"}, 25)]
)
async def test_a_page_holds_25_items_by_default_and_250_at_most(
    site: httpx.AsyncClient, given: dict[str, str], shown: int
) -> None:
    await setting(site, rateLimit=1000)
    person = {"first_name": "A", "last_name": "B", "skip_custom_fields_validation": True}
    for number in range(260):
        await site.post(f"{V1}/users", json={**person, "email": f"u{number}@a.example"})
    assert len((await site.get(f"{V1}/users", params=given)).json()["items"]) == shown

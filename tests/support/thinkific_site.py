"""Requests to Thinkific's simulator that its tests share."""

from typing import Any

import httpx

URL, V1 = "http://thinkific.test", "/api/public/v1"
CREDENTIALS = {"X-Auth-API-Key": "k" * 32, "X-Auth-Subdomain": "lunas-academy"}
PYTHON = 2_000_001
LEARNER = 1_000_002


async def setting(site: httpx.AsyncClient, **settings: Any) -> None:
    answer = await site.post("/_sim/settings", json=settings)
    assert answer.status_code == 200, answer.text


async def move_clock(site: httpx.AsyncClient, seconds: float) -> None:
    await site.post("/_sim/clock", json={"seconds": seconds})


async def token(site: httpx.AsyncClient, **asked: Any) -> dict[str, str]:
    answer = await site.post("/_sim/tokens", json=asked)
    return {"Authorization": f"Bearer {answer.json()['accessToken']}"}


def caller(transport: httpx.ASGITransport, headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers)


async def items(site: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await site.get(path)).json()["items"]
    return found


async def enroll(site: httpx.AsyncClient, course_id: int = PYTHON, **terms: Any) -> dict[str, Any]:
    body = {"user_id": LEARNER, "course_id": course_id, **terms}
    answer = await site.post(f"{V1}/enrollments", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def listed(
    site: httpx.AsyncClient, path: str = f"{V1}/enrollments", **filters: Any
) -> list[dict[str, Any]]:
    params = {f"query[{name}]": value for name, value in filters.items()}
    found: list[dict[str, Any]] = (await site.get(path, params=params)).json()["items"]
    return found

"""Who may call the simulated Thinkific, and as which site."""

import httpx
import pytest

from local.simulators.thinkific.app import api_routes, create_app
from local.simulators.thinkific.scopes import SCOPES
from local.simulators.thinkific.seed import SECOND_API_KEY, SECOND_SUBDOMAIN
from local.simulators.thinkific.settings import Account
from tests.support.thinkific_site import (
    CREDENTIALS,
    V1,
    caller,
    move_clock,
    setting,
    token,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Auth-API-Key": "k" * 32},
        {**CREDENTIALS, "X-Auth-API-Key": "wrong"},
        {**CREDENTIALS, "X-Auth-Subdomain": "lunas-academy.thinkific.com"},
        {**CREDENTIALS, "X-Auth-Subdomain": SECOND_SUBDOMAIN},
        {"Authorization": "Bearer unknown"},
    ],
)
async def test_wrong_credentials_are_refused_with_401(
    transport: httpx.ASGITransport, headers: dict[str, str]
) -> None:
    answer = await caller(transport, headers).get(f"{V1}/courses")
    assert (answer.status_code, answer.json()) == (401, {"error": "Authentication Error"})


async def test_a_site_without_api_plan_is_refused_with_401(site: httpx.AsyncClient) -> None:
    await setting(site, apiPlan=False)
    assert (await site.get(f"{V1}/courses")).status_code == 401


async def test_each_key_sees_only_its_own_site(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    second = {"X-Auth-API-Key": SECOND_API_KEY, "X-Auth-Subdomain": SECOND_SUBDOMAIN}
    own = (await site.get(f"{V1}/courses")).json()["items"]
    other = (await caller(transport, second).get(f"{V1}/courses")).json()["items"]
    assert {item["id"] for item in own}.isdisjoint(item["id"] for item in other)


async def test_a_bearer_token_alone_names_its_site(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    headers = await token(site, subdomain=SECOND_SUBDOMAIN)
    answer = await caller(transport, headers).get(f"{V1}/courses")
    assert [item["name"] for item in answer.json()["items"]] == ["Menulis Laporan Ilmiah"]


async def test_a_token_without_the_scope_is_refused_with_403(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    client = caller(transport, await token(site, scopes=["read:users"]))
    assert (await client.get(f"{V1}/users")).status_code == 200
    refused = await client.post(f"{V1}/users", json={})
    assert (refused.status_code, list(refused.json())) == (403, ["error"])


async def test_a_token_expires_with_the_clock(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    client = caller(transport, await token(site))
    await move_clock(site, 86_398)
    assert (await client.get(f"{V1}/users")).status_code == 200
    await move_clock(site, 2)
    assert (await client.get(f"{V1}/users")).status_code == 401


async def test_a_token_that_a_student_authorized_is_refused_with_403(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    client = caller(transport, await token(site, role="student"))
    assert (await client.get(f"{V1}/users")).status_code == 403


async def test_the_access_token_of_the_site_works_for_both_apis_and_survives_a_reset() -> None:
    app = create_app(Account("lunas-academy", "k" * 32, "app", "secret", access_token="t" * 64))
    client = caller(httpx.ASGITransport(app), {"Authorization": f"Bearer {'t' * 64}"})
    for _ in range(2):
        assert (await client.get(f"{V1}/courses")).status_code == 200
        assert (await client.get("/api/v2/webhooks")).status_code == 200
        counted = (await client.get("/_sim/requests")).json()["openedBy"]
        assert counted == {"token": 2}
        (listed,) = (await client.get("/_sim/tokens")).json()["items"]
        assert listed["expiresAt"].startswith("9999-12-31")
        await client.post("/_sim/reset")


async def test_a_call_counts_for_the_credentials_that_it_used(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    await site.get(f"{V1}/courses")
    await caller(transport, {"Authorization": f"Bearer {'k' * 32}"}).get("/api/v2/webhooks")
    await caller(transport, await token(site)).get(f"{V1}/courses")
    await caller(transport, {"Authorization": "Bearer unknown"}).get(f"{V1}/courses")
    assert (await site.get("/_sim/requests")).json()["openedBy"] == {"key": 2, "token": 1}


def test_every_route_names_the_scope_it_needs() -> None:
    assert {route.name for route in api_routes()} == set(SCOPES)


@pytest.mark.parametrize(
    ("agent", "status"), [("", 403), ("Python-urllib/3.13", 403), ("L/1", 200)]
)
async def test_the_edge_refuses_a_caller_without_a_proper_user_agent(
    site: httpx.AsyncClient, agent: str, status: int
) -> None:
    await setting(site, requireUserAgent=True)
    answer = await site.get(f"{V1}/courses", headers={"User-Agent": agent})
    assert answer.status_code == status

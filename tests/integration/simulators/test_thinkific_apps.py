"""Apps at the simulated Thinkific: what they may do, how tests register them and see grants."""

from typing import Any

import httpx
import pytest

from local.simulators.thinkific.seed import SECOND_SUBDOMAIN
from tests.support.thinkific_install import (
    APP,
    REDIRECT,
    ask,
    bearer,
    exchange,
    install,
    new_code,
    refresh,
    register_app,
)
from tests.support.thinkific_site import V1, caller, items, setting, token

pytestmark = pytest.mark.anyio


async def test_the_configured_app_exists_without_a_redirect_uri(site: httpx.AsyncClient) -> None:
    (app,) = await items(site, "/_sim/apps")
    assert (app["clientId"], app["subdomain"]) == ("app", "lunas-academy")
    assert app["redirectUris"] == []
    assert (await ask(site)).status_code == 401


async def test_registering_changes_only_what_it_names(site: httpx.AsyncClient) -> None:
    before = await register_app(site)
    after = await register_app(site, scopes=["read:users"])
    assert after == {**before, "scopes": ["read:users"]}


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://localhost:8080/cb", 200),
        ("http://127.0.0.1:8080/cb", 200),
        ("http://lunas.test/cb", 422),
        ("https://lunas.test/cb?x=1", 422),
        ("https://lunas.test/cb#x", 422),
        ("/cb", 422),
    ],
)
async def test_a_redirect_uri_is_https_or_on_this_machine(
    site: httpx.AsyncClient, uri: str, expected: int
) -> None:
    answer = await site.post("/_sim/apps", json={"clientId": "app", "redirectUris": [uri]})
    assert answer.status_code == expected


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("apps", {"clientId": "new"}, 422),
        ("apps", {"clientId": "app", "subdomain": "no-site"}, 404),
        ("apps", {"clientId": "app", "redirectUri": REDIRECT}, 422),
        ("tokens", {"clientId": "stranger"}, 422),
        ("uninstall", {"subdomain": "no-site"}, 404),
    ],
)
async def test_an_invalid_registration_is_refused(
    site: httpx.AsyncClient, path: str, body: dict[str, Any], expected: int
) -> None:
    assert (await site.post(f"/_sim/{path}", json=body)).status_code == expected


async def test_a_token_that_a_student_approved_is_refused_with_403(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    await setting(site, installerRole="student")
    client = caller(transport, bearer(await install(site)))
    assert (await client.get(f"{V1}/courses")).status_code == 403


async def test_changed_scopes_of_an_app_apply_to_earlier_tokens(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    client = caller(transport, bearer(await install(site)))
    assert (await client.get(f"{V1}/courses")).status_code == 200
    await register_app(site, scopes=["read:users"])
    assert (await client.get(f"{V1}/courses")).status_code == 403
    assert (await client.get(f"{V1}/users")).status_code == 200


async def test_a_plan_without_apps_refuses_their_tokens_but_not_the_key(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    client = caller(transport, bearer(await install(site)))
    await setting(site, appsPlan=False)
    refused = await client.get(f"{V1}/courses")
    assert (refused.status_code, "Apps" in refused.json()["error"]) == (403, True)
    assert (await site.get(f"{V1}/courses")).status_code == 200


async def test_tokens_and_grants_are_listed(site: httpx.AsyncClient) -> None:
    first = await install(site)
    second = (await refresh(site, first["refresh_token"])).json()
    await token(site, subdomain=SECOND_SUBDOMAIN, lifetimeSeconds=0)
    listed = await items(site, "/_sim/tokens")
    assert [one["accessToken"] for one in listed] == [first["access_token"], second["access_token"]]
    (grant,) = await items(site, "/_sim/grants")
    assert grant == {
        "clientId": "app",
        "subdomain": "lunas-academy",
        "role": "site_admin",
        "accessToken": second["access_token"],
        "refreshToken": second["refresh_token"],
        "refreshes": 1,
    }


async def test_a_test_can_have_a_token_of_an_app_without_an_install(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    await register_app(site, scopes=["read:users"])
    client = caller(transport, await token(site, clientId="app"))
    assert (await client.get(f"{V1}/users")).status_code == 200
    assert (await client.get(f"{V1}/courses")).status_code == 403


async def test_uninstalling_ends_the_grants_of_one_site(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    own = await install(site)
    other = await install(site, at=f"/sites/{SECOND_SUBDOMAIN}")
    await site.post("/_sim/uninstall", json={})
    statuses = [
        (await caller(transport, bearer(tokens)).get(f"{V1}/courses")).status_code
        for tokens in (own, other)
    ]
    assert statuses == [401, 200]
    assert (await refresh(site, own["refresh_token"])).status_code == 400
    assert (await ask(site)).status_code == 200


async def test_a_fault_can_hide_the_answer_of_a_refresh_that_happened(
    site: httpx.AsyncClient,
) -> None:
    tokens = await install(site)
    fault = {"route": "oauthToken", "kind": "answer_after", "status": 502}
    await site.post("/_sim/faults", json=fault)
    assert (await refresh(site, tokens["refresh_token"])).status_code == 502
    assert (await refresh(site, tokens["refresh_token"])).status_code == 400


async def test_oauth_does_not_count_as_calls_of_the_api(site: httpx.AsyncClient) -> None:
    await setting(site, rateLimit=1)
    await install(site)
    assert (await site.get(f"{V1}/courses")).status_code == 200
    counts = (await site.get("/_sim/requests")).json()["routes"]
    assert set(counts) == {"oauthAuthorize", "oauthDecide", "oauthToken", "listCourses"}


async def test_a_reset_deletes_grants_and_keeps_apps(site: httpx.AsyncClient) -> None:
    tokens = await install(site)
    code = await new_code(site)
    await site.post("/_sim/reset")
    assert await items(site, "/_sim/tokens") == await items(site, "/_sim/grants") == []
    assert (await exchange(site, code)).status_code == 400
    assert (await refresh(site, tokens["refresh_token"], auth=APP)).status_code == 400
    assert (await ask(site)).status_code == 200

"""The token endpoint of the simulated Thinkific: codes, refreshes and revoking."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from local.simulators.thinkific.seed import SECOND_SUBDOMAIN
from tests.support.thinkific_install import (
    APP,
    PKCE,
    REDIRECT,
    VERIFIER,
    ask,
    bearer,
    exchange,
    install,
    new_code,
    refresh,
    register_app,
    token_call,
)
from tests.support.thinkific_site import V1, caller, move_clock, setting

OTHER = ("other", "other-secret")

pytestmark = pytest.mark.anyio


def refused(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


async def status(transport: httpx.ASGITransport, tokens: dict[str, Any]) -> int:
    """Return how a call of the API with the access token is answered."""
    return (await caller(transport, bearer(tokens)).get(f"{V1}/courses")).status_code


async def test_a_code_becomes_tokens_that_the_api_accepts(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    tokens = await install(site)
    assert set(tokens) == {"access_token", "token_type", "refresh_token", "expires_in", "gid"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 86_399)
    assert str(UUID(tokens["access_token"])) == tokens["access_token"]
    assert await status(transport, tokens) == 200


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Bearer app"},
        {"Authorization": "Basic not base64"},
        {"Authorization": "Basic /w=="},
        {"Authorization": b"Basic \xe9"},
        {"Authorization": "Basic YXBwOndyb25n"},
        {"Authorization": "Basic c3RyYW5nZXI6c2VjcmV0"},
    ],
)
@pytest.mark.parametrize("path", ["token", "revoke"])
async def test_only_a_known_app_may_call(
    site: httpx.AsyncClient, path: str, header: dict[str, Any]
) -> None:
    body = {"grant_type": "refresh_token", "refresh_token": "r"}
    answer = await site.post(f"/oauth2/{path}", json=body, headers=header)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


async def test_a_code_works_once(site: httpx.AsyncClient) -> None:
    await register_app(site)
    code = await new_code(site)
    assert (await exchange(site, code)).status_code == 200
    assert refused(await exchange(site, code))


async def test_a_failed_exchange_invalidates_the_code(site: httpx.AsyncClient) -> None:
    await register_app(site)
    code = await new_code(site, **PKCE)
    assert refused(await exchange(site, code, code_verifier="w" * 43))
    assert refused(await exchange(site, code, code_verifier=VERIFIER))


@pytest.mark.parametrize(("age", "expected"), [(59, 200), (60, 400)])
async def test_a_code_lives_60_seconds(site: httpx.AsyncClient, age: int, expected: int) -> None:
    await register_app(site)
    code = await new_code(site)
    await move_clock(site, age)
    assert (await exchange(site, code)).status_code == expected


async def test_a_code_is_for_its_app_alone(site: httpx.AsyncClient) -> None:
    await register_app(site)
    await register_app(site, clientId=OTHER[0], clientSecret=OTHER[1])
    code = await new_code(site)
    assert refused(await exchange(site, code, auth=OTHER))
    assert (await exchange(site, code)).status_code == 200


@pytest.mark.parametrize(
    ("redirect", "expected"), [(REDIRECT, 200), (f"{REDIRECT}/", 400), ("", 400)]
)
async def test_a_redirect_uri_that_is_sent_must_be_that_of_the_code(
    site: httpx.AsyncClient, redirect: str, expected: int
) -> None:
    await register_app(site)
    code = await new_code(site)
    assert (await exchange(site, code, redirect_uri=redirect)).status_code == expected


@pytest.mark.parametrize(
    ("asked", "sent", "expected"),
    [
        (PKCE, {"code_verifier": VERIFIER}, 200),
        (PKCE, {"code_verifier": VERIFIER[:-1] + "l"}, 400),
        (PKCE, {"code_verifier": PKCE["code_challenge"]}, 400),
        (PKCE, {}, 400),
        ({}, {"code_verifier": VERIFIER}, 400),
    ],
)
async def test_the_verifier_must_match_the_challenge(
    site: httpx.AsyncClient, asked: dict[str, str], sent: dict[str, str], expected: int
) -> None:
    await register_app(site)
    code = await new_code(site, **asked)
    assert (await exchange(site, code, **sent)).status_code == expected


async def test_a_code_and_its_refresh_token_are_for_their_site_alone(
    site: httpx.AsyncClient,
) -> None:
    await register_app(site)
    elsewhere = f"/sites/{SECOND_SUBDOMAIN}"
    assert refused(await exchange(site, await new_code(site), at=elsewhere))
    tokens = (await exchange(site, await new_code(site))).json()
    assert refused(await refresh(site, tokens["refresh_token"], at=elsewhere))
    assert (await refresh(site, tokens["refresh_token"])).status_code == 200


async def test_a_token_is_for_its_site(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    own = await install(site)
    other = await install(site, at=f"/sites/{SECOND_SUBDOMAIN}")
    assert own["gid"] != other["gid"]
    courses = await caller(transport, bearer(other)).get(f"{V1}/courses")
    assert [item["name"] for item in courses.json()["items"]] == ["Menulis Laporan Ilmiah"]


async def test_without_the_secret_pkce_gives_no_refresh_token(site: httpx.AsyncClient) -> None:
    await register_app(site)
    code, public = await new_code(site, **PKCE), ("app", "")
    answer = await exchange(site, code, auth=public, code_verifier=VERIFIER)
    assert (answer.status_code, "refresh_token" in answer.json()) == (200, False)
    without_pkce = await exchange(site, await new_code(site), auth=public)
    assert (without_pkce.status_code, without_pkce.json()) == (401, {"error": "invalid_client"})


async def test_a_refresh_needs_the_secret(site: httpx.AsyncClient) -> None:
    tokens = await install(site)
    assert (await refresh(site, tokens["refresh_token"], auth=("app", ""))).status_code == 401
    assert (await refresh(site, tokens["refresh_token"])).status_code == 200


async def test_a_refresh_token_is_for_its_app_alone(site: httpx.AsyncClient) -> None:
    await register_app(site, clientId=OTHER[0], clientSecret=OTHER[1])
    tokens = await install(site)
    assert refused(await refresh(site, tokens["refresh_token"], auth=OTHER))
    assert (await refresh(site, tokens["refresh_token"])).status_code == 200


async def test_a_refresh_voids_the_refresh_token_and_keeps_the_access_token(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    first = await install(site)
    second = (await refresh(site, first["refresh_token"])).json()
    assert set(second) == set(first)
    assert {first["access_token"], first["refresh_token"]}.isdisjoint(second.values())
    assert [await status(transport, tokens) for tokens in (first, second)] == [200, 200]
    assert refused(await refresh(site, first["refresh_token"]))
    assert (await refresh(site, second["refresh_token"])).status_code == 200


async def test_a_refresh_can_void_the_access_token_as_well(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    await setting(site, refreshVoidsAccess=True)
    first = await install(site)
    second = (await refresh(site, first["refresh_token"])).json()
    assert [await status(transport, tokens) for tokens in (first, second)] == [401, 200]


async def test_of_many_concurrent_refreshes_one_succeeds(site: httpx.AsyncClient) -> None:
    tokens = await install(site)
    answers = await asyncio.gather(*(refresh(site, tokens["refresh_token"]) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    (grant,) = (await site.get("/_sim/grants")).json()["items"]
    assert grant["refreshes"] == 1
    assert (await site.get("/_sim/requests")).json()["routes"]["oauthToken"]["calls"] == 21


@pytest.mark.parametrize(
    ("form", "expected", "content"),
    [
        ("unauthorized", 401, b'{"error":"Authentication Error"}'),
        ("html", 400, b"<html><body><h1>Bad Request</h1></body></html>"),
        ("empty", 400, b""),
    ],
)
async def test_a_void_refresh_token_can_be_refused_in_other_forms(
    site: httpx.AsyncClient, form: str, expected: int, content: bytes
) -> None:
    await setting(site, refreshRefusal=form)
    await install(site)
    answer = await refresh(site, "void")
    assert (answer.status_code, answer.content) == (expected, content)


async def test_an_access_token_lasts_86399_seconds_and_its_refresh_token_longer(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    tokens = await install(site)
    await move_clock(site, 86_398)
    assert await status(transport, tokens) == 200
    await move_clock(site, 1)
    assert await status(transport, tokens) == 401
    renewed = (await refresh(site, tokens["refresh_token"])).json()
    assert await status(transport, renewed) == 200


async def test_only_json_and_known_grant_types_are_accepted(site: httpx.AsyncClient) -> None:
    await register_app(site)
    body = {"grant_type": "authorization_code", "code": await new_code(site)}
    assert (await site.post("/oauth2/token", data=body, auth=APP)).status_code == 400
    answer = await token_call(site, grant_type="password")
    assert (answer.status_code, answer.json()) == (400, {"error": "unsupported_grant_type"})


async def test_the_edge_refuses_a_token_call_without_a_proper_user_agent(
    site: httpx.AsyncClient,
) -> None:
    await setting(site, requireUserAgent=True)
    answer = await site.post("/oauth2/token", json={}, headers={"User-Agent": "Python-urllib/3"})
    assert answer.status_code == 403


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_revoking_either_token_ends_both_and_the_approval(
    site: httpx.AsyncClient, transport: httpx.ASGITransport, kind: str
) -> None:
    tokens = await install(site)
    answer = await site.post("/oauth2/revoke", data={"token": tokens[kind]}, auth=APP)
    assert (answer.status_code, answer.json()) == (200, {})
    assert await status(transport, tokens) == 401
    assert refused(await refresh(site, tokens["refresh_token"]))
    assert (await ask(site)).status_code == 200


async def test_revoking_needs_a_form_and_ends_no_token_of_another_app(
    site: httpx.AsyncClient, transport: httpx.ASGITransport
) -> None:
    tokens = await install(site)
    await register_app(site, clientId=OTHER[0], clientSecret=OTHER[1])
    body = {"token": tokens["access_token"]}
    as_text = {"Content-Type": "text/plain"}
    for sent in (
        await site.post("/oauth2/revoke", json=body, auth=APP),
        await site.post("/oauth2/revoke", data=body, auth=APP, headers=as_text),
        await site.post("/oauth2/revoke", data={"tokens": "x"}, auth=APP),
    ):
        assert (sent.status_code, sent.json()) == (400, {"error": "invalid_request"})
    for given, auth in ((body, OTHER), ({"token": "unknown"}, APP)):
        assert (await site.post("/oauth2/revoke", data=given, auth=auth)).status_code == 200
    assert await status(transport, tokens) == 200

"""How the simulated Thinkific asks a site's admin, and where it sends the browser afterwards."""

import httpx
import pytest

from local.simulators.thinkific.scopes import ALL_SCOPES
from local.simulators.thinkific.seed import SECOND_SUBDOMAIN
from tests.support.thinkific_install import (
    ASKED,
    PKCE,
    REDIRECT,
    Form,
    answered,
    ask,
    install,
    press,
    register_app,
)

pytestmark = pytest.mark.anyio


async def test_the_admin_is_asked_by_a_page_that_names_app_site_and_scopes(
    site: httpx.AsyncClient,
) -> None:
    await register_app(site, name="Lunas & Co")
    page = await ask(site)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert list(Form(page.text).buttons) == ["Approve", "Cancel"]
    for shown in ("Lunas &amp; Co", "lunas-academy", *ALL_SCOPES):
        assert shown in page.text


async def test_approve_sends_code_subdomain_and_the_unchanged_state(
    site: httpx.AsyncClient,
) -> None:
    await register_app(site)
    state = "a b&c=1+2/\"'<ü>%41"
    back = await press(site, await ask(site, state=state), "Approve")
    assert back.headers["location"].startswith(f"{REDIRECT}?code=")
    answer = answered(back)
    assert list(answer) == ["code", "subdomain", "state"]
    assert (answer["subdomain"], answer["state"]) == ("lunas-academy", state)


async def test_without_a_state_no_state_is_returned(site: httpx.AsyncClient) -> None:
    await register_app(site)
    given = {name: value for name, value in ASKED.items() if name != "state"}
    page = await site.get("/oauth2/authorize", params=given)
    assert list(answered(await press(site, page, "Approve"))) == ["code", "subdomain"]


async def test_cancel_sends_an_error_and_asks_again_the_next_time(
    site: httpx.AsyncClient,
) -> None:
    await register_app(site)
    back = await press(site, await ask(site), "Cancel")
    assert (back.status_code, back.headers["location"]) == (302, f"{REDIRECT}?error=access+denied")
    assert (await ask(site)).status_code == 200


async def test_an_approved_app_gets_another_code_without_the_page(
    site: httpx.AsyncClient,
) -> None:
    await register_app(site)
    first = answered(await press(site, await ask(site), "Approve"))
    second = answered(await ask(site))
    assert second["code"] != first["code"]
    assert second["subdomain"] == "lunas-academy"


@pytest.mark.parametrize(
    "uri",
    [
        f"{REDIRECT}/",
        REDIRECT.replace("https", "http"),
        REDIRECT.replace("lunas.test", "lunas.test:443"),
        REDIRECT.replace("lunas.test", "Lunas.test"),
        REDIRECT.replace("lunas.test/", "lunas.test//"),
        REDIRECT.replace("/thinkific", "/Prod/thinkific"),
        f"{REDIRECT}?next=1",
        "https%3A%2F%2Flunas.test%2Fthinkific%2Foauth%2Fcallback",
        "https://thief.test/",
        "",
    ],
)
async def test_another_redirect_uri_gets_a_page_and_never_a_redirect(
    site: httpx.AsyncClient, uri: str
) -> None:
    await install(site)
    for answer in (
        await ask(site, redirect_uri=uri),
        await site.post("/oauth2/authorize", data={**ASKED, "redirect_uri": uri}),
    ):
        assert (answer.status_code, "location" in answer.headers) == (401, False)
        assert f"<p>redirect_uri is not registered: {uri}</p>" in answer.text


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"client_id": "stranger"}, "client_id"),
        ({"response_type": "token"}, "response_type"),
        ({"response_type": "code id_token"}, "response_type"),
        ({"response_mode": "form_post"}, "response_mode"),
        ({**PKCE, "code_challenge_method": "plain"}, "code_challenge_method"),
        ({"code_challenge": PKCE["code_challenge"]}, "code_challenge_method"),
        ({**PKCE, "code_challenge": PKCE["code_challenge"] + "="}, "code_challenge"),
    ],
)
async def test_an_unusable_request_gets_a_page_that_names_the_parameter(
    site: httpx.AsyncClient, changes: dict[str, str], named: str
) -> None:
    await install(site)
    answer = await ask(site, **changes)
    assert (answer.status_code, "location" in answer.headers) == (401, False)
    assert f"<p>{named} " in answer.text


async def test_the_pages_escape_what_they_show(site: httpx.AsyncClient) -> None:
    await register_app(site)
    for hostile in ({"state": '"><script>'}, {"redirect_uri": "<script>"}):
        assert "<script>" not in (await ask(site, **hostile)).text


@pytest.mark.parametrize("host", ["kelas-mitra.localhost:9001", "kelas-mitra.thinkific.com"])
async def test_the_host_can_name_the_site(site: httpx.AsyncClient, host: str) -> None:
    await register_app(site)
    at_site = {"Host": host}
    page = await site.get("/oauth2/authorize", params=ASKED, headers=at_site)
    form = Form(page.text)
    given = {**form.fields, **form.buttons["Approve"]}
    back = await site.post(form.action, data=given, headers=at_site)
    assert answered(back)["subdomain"] == SECOND_SUBDOMAIN


async def test_the_path_can_name_the_site(site: httpx.AsyncClient) -> None:
    await register_app(site)
    page = await ask(site, at=f"/sites/{SECOND_SUBDOMAIN}")
    assert answered(await press(site, page, "Approve"))["subdomain"] == SECOND_SUBDOMAIN
    assert (await ask(site)).status_code == 200


async def test_a_plain_origin_is_the_site_of_the_app(site: httpx.AsyncClient) -> None:
    await register_app(site, subdomain=SECOND_SUBDOMAIN)
    page = await ask(site)
    assert answered(await press(site, page, "Approve"))["subdomain"] == SECOND_SUBDOMAIN


async def test_an_unknown_site_is_not_found(site: httpx.AsyncClient) -> None:
    await register_app(site)
    assert (await ask(site, at="/sites/no-site")).status_code == 404
    at_site = {"Host": "no-site.localhost"}
    answer = await site.get("/oauth2/authorize", params=ASKED, headers=at_site)
    assert answer.status_code == 404

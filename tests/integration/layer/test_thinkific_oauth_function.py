"""Install, callback, status and revoke, through their function."""

from functools import partial
from http import HTTPStatus
from typing import Any
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import pytest

from lunas.domain.errors import ConfigurationError
from lunas.platforms.thinkific import connecting, oauth_pages
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.oauth import ThinkificOAuth
from lunas.storage import keys
from lunas.storage.expressions import Change
from lunas.storage.sites import connected_site
from lunas.storage.table import Table
from tests.support.api_requests import Json, request, user_token
from tests.support.functions import call, invoke
from tests.support.http_stub import Reply, StubProvider
from tests.support.logs import Logged

FUNCTION = "thinkific_oauth"
INSTALL, CALLBACK = "GET /thinkific/oauth/install", "GET /thinkific/oauth/callback"
STATUS, REVOKE = "GET /thinkific/oauth/status", "POST /thinkific/oauth/revoke"
REDIRECT = "https://a1b2c3d4e5.execute-api.test/thinkific/oauth/callback"
TOKENS = Reply(
    body={"access_token": "at-1", "refresh_token": "rt-1", "expires_in": 86_399, "gid": "g1"}
)
NOT_REPORTED = "disconnection not reported to the platform"
COURSES = Reply(body={"items": [], "meta": {"pagination": {"next_page": None}}})


@pytest.fixture
def thinkific(monkeypatch: pytest.MonkeyPatch, table: Table) -> StubProvider:  # noqa: ARG001
    """Let the OAuth server and the API answer in turn, and accept."""
    provider = StubProvider(TOKENS, COURSES)
    for client in (ThinkificOAuth, ThinkificApi):
        monkeypatch.setattr(connecting, client.__name__, partial(client, session=provider.session))
    return provider


@pytest.fixture
def _oauth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINKIFIC_AUTHENTICATION", "oauth")


def admin() -> str:
    return user_token("a1", "ADMIN")


def install(subdomain: str | None = None, accept: str = "application/json") -> tuple[int, Any]:
    query = {"subdomain": subdomain} if subdomain else {}
    return call(FUNCTION, INSTALL, token=admin(), headers={"accept": accept}, query=query)


def begun() -> str:
    """Start an install; return its state."""
    status, content = install()
    assert status == 200
    return str(parse_qs(urlsplit(content["authorizeUrl"]).query)["state"][0])


def arrive(**query: str) -> Json:
    """Come back from Thinkific as a browser, which has no token."""
    answer: Json = invoke(FUNCTION, request(CALLBACK, query=query))
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"] == oauth_pages.POLICY
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    return answer


def finish(state: str, **changes: str) -> Json:
    return arrive(**{"code": "c1", "subdomain": "shop", "state": state, **changes})


def title(answer: Json) -> str:
    return str(answer["body"]).partition("<h1>")[2].partition("</h1>")[0]


def status() -> Json:
    code, content = call(FUNCTION, STATUS, token=admin())
    assert code == 200
    shown: Json = content
    return shown


def test_install_and_callback_connect_the_site(
    thinkific: StubProvider, table: Table, logged: Logged
) -> None:
    state = begun()
    answer = finish(state)
    assert (answer["statusCode"], title(answer)) == (200, "The site is connected")
    assert thinkific.calls == ["POST /oauth2/token", "GET /api/public/v1/courses"]
    assert thinkific.asked[0].url.startswith("https://shop.thinkific.test/")
    assert thinkific.asked[1].headers["Authorization"] == "Bearer at-1"
    kept = connected_site(table)
    assert kept
    assert (kept.actor, kept.site_gid) == ("admin:a1", "g1")
    for secret in (state, 'c1"', "at-1", "rt-1", "hunter2"):
        assert secret not in logged.text
        assert secret not in answer["body"]


@pytest.mark.parametrize(("setting", "sent"), [("false", None), ("true", REDIRECT)])
def test_the_token_request_repeats_the_redirect_uri_by_setting(
    thinkific: StubProvider, monkeypatch: pytest.MonkeyPatch, setting: str, sent: str | None
) -> None:
    monkeypatch.setenv("OAUTH_REPEATS_REDIRECT", setting)
    finish(begun())
    assert thinkific.asked[0].body.get("redirect_uri") == sent


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("Application/JSON", 200),
        ("application/json, text/plain, */*", 200),
        ("text/html;q=0.5, application/json", 200),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 302),
        ("application/json;q=0, */*", 302),
        ("text/html, application/json;q=0.9", 302),
        ("*/*", 302),
    ],
)
def test_the_address_is_json_for_clients_that_prefer_it(
    thinkific: StubProvider, accept: str, status: int
) -> None:
    event = request(INSTALL, token=admin(), headers={"accept": accept}, query={"subdomain": "shop"})
    assert invoke(FUNCTION, event)["statusCode"] == status
    assert thinkific.asked == []


def test_a_browser_is_redirected_to_the_site(thinkific: StubProvider) -> None:
    answer = invoke(FUNCTION, request(INSTALL, token=admin(), query={"subdomain": "shop"}))
    assert answer["statusCode"] == 302
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    parts = urlsplit(headers["location"])
    assert (parts.netloc, parts.path) == ("shop.thinkific.test", "/oauth2/authorize")
    assert parse_qs(parts.query)["redirect_uri"] == [REDIRECT]
    assert headers["cache-control"] == "no-store"
    assert thinkific.asked == []


@pytest.mark.parametrize("subdomain", ["other", "shop.evil.com", "evil.com#", "Shop"])
def test_no_install_starts_for_another_site(
    thinkific: StubProvider, table: Table, subdomain: str
) -> None:
    code, content = install(subdomain)
    assert (code, content["errors"][0]["field"]) == (422, "subdomain")
    assert table.client.scan(TableName=table.name)["Count"] == 0
    assert thinkific.asked == []


@pytest.mark.parametrize(
    ("query", "code"),
    [({}, 409), ({"code": "c1"}, 403), ({"code": "c1", "state": "made-up"}, 403)],
)
def test_a_code_without_an_install_is_not_used(
    thinkific: StubProvider, query: dict[str, str], code: int
) -> None:
    answer = arrive(**query)
    assert answer["statusCode"] == code
    assert thinkific.asked == []


def test_a_state_is_used_once(thinkific: StubProvider) -> None:
    state = begun()
    finish(state)
    before = status()
    again = finish(state)
    assert (again["statusCode"], title(again)) == (403, "This link is not valid")
    assert len(thinkific.asked) == 2
    assert status() == before


def test_another_site_cannot_answer(thinkific: StubProvider) -> None:
    answer = finish(begun(), subdomain="evil")
    assert answer["statusCode"] == 403
    assert thinkific.asked == []


@pytest.mark.parametrize("error", ["access denied", "access_denied"])
def test_cancel_changes_nothing(thinkific: StubProvider, error: str, logged: Logged) -> None:
    answer = arrive(error=error)
    assert (answer["statusCode"], title(answer)) == (200, "Connecting was cancelled")
    assert thinkific.asked == []
    assert logged.messages("WARNING") == ["connecting cancelled"]


def test_an_unknown_error_is_not_shown_verbatim(thinkific: StubProvider) -> None:
    answer = arrive(error="<script>alert(1)</script>")
    assert answer["statusCode"] == 409
    assert "alert" not in answer["body"]
    assert REDIRECT in answer["body"]
    assert thinkific.asked == []


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ((Reply(400, {"error": "invalid_grant"}),), 409),
        ((TOKENS, Reply(403, {"error": "App does not have permission"})), 409),
        ((TOKENS, Reply(401, {"error": "Authentication Error"})), 409),
        ((Reply(503, "<html>"),), 503),
        ((Reply(401, {"error": "invalid_client"}),), 503),
        ((Reply(body={"access_token": "at-1"}), COURSES), 409),
    ],
)
def test_a_failure_is_shown_with_the_checklist(
    thinkific: StubProvider, table: Table, answers: tuple[Reply, ...], code: int
) -> None:
    thinkific.answers = list(answers)
    answer = finish(begun())
    assert (answer["statusCode"], title(answer)) == (code, "The site could not be connected")
    assert REDIRECT in answer["body"]
    assert "byte for byte" in answer["body"]
    assert connected_site(table) is None


@pytest.mark.parametrize("answer", [Reply(500, "<html>"), Reply(429), Reply(404, "<html>")])
def test_a_grant_is_kept_when_the_role_cannot_be_checked(
    thinkific: StubProvider, table: Table, logged: Logged, answer: Reply
) -> None:
    thinkific.answers = [TOKENS, answer]
    page = finish(begun())
    assert (page["statusCode"], title(page)) == (200, "The site is connected")
    assert connected_site(table)
    assert logged.messages("WARNING") == ["role at the platform not checked"]
    assert "at-1" not in logged.text


def test_the_page_loads_nothing_from_elsewhere(thinkific: StubProvider) -> None:
    page = finish(begun())["body"]
    assert thinkific.asked
    assert "<script" not in page
    assert "src=" not in page
    assert "http" not in page


def test_no_value_on_a_page_becomes_markup() -> None:
    failed = oauth_pages.failed_page(HTTPStatus.CONFLICT, "<b>", "https://x/<i>", "<u>")
    pages = (failed, oauth_pages.stale_page("<b>", "<u>"), oauth_pages.connected_page("<b>", "<u>"))
    for page in pages:
        content = str(page.body)
        assert "&lt;b&gt;" in content
        assert [each for each in ("<b>", "<i>", "<u>") if each in content] == []


def test_status_shows_the_redirect_uri_and_who_connected(thinkific: StubProvider) -> None:
    before = status()
    assert (before["redirectUri"], before["connected"]) == (REDIRECT, False)
    assert before["authentication"] == "api-key"
    assert "todo" not in before
    assert {each["ok"] for each in before["checks"]} == {True}
    finish(begun())
    after = status()
    assert thinkific.asked
    assert (after["connected"], after["refused"], after["subdomain"]) == (True, False, "shop")
    assert after["connectedBy"] == "admin:a1"
    assert "at-1" not in str(after)


@pytest.mark.usefixtures("thinkific", "_oauth")
def test_status_shows_when_a_person_has_to_connect() -> None:
    assert "install" in status()["todo"]
    finish(begun())
    assert "todo" not in status()


@pytest.mark.usefixtures("thinkific")
def test_a_site_that_is_no_longer_configured_is_not_connected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finish(begun())
    monkeypatch.setenv("THINKIFIC_SUBDOMAIN", "other")
    assert (status()["connected"], status()["subdomain"]) == (False, "shop")


@pytest.mark.usefixtures("table")
def test_the_redirect_uri_comes_from_the_setting_and_never_from_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OAUTH_BASE_URL", "https://pay.example.com/")
    _, content = call(FUNCTION, STATUS, token=admin(), headers={"host": "evil.example.com"})
    assert content["redirectUri"] == "https://pay.example.com/thinkific/oauth/callback"
    monkeypatch.setenv("OAUTH_BASE_URL", "https://pay.example.com/?x")
    assert [each["name"] for each in status()["checks"] if not each["ok"]] == ["query"]


def test_revoking_revokes_the_token_at_thinkific(thinkific: StubProvider, table: Table) -> None:
    finish(begun())
    thinkific.answers = [Reply(body={})]
    code, content = call(FUNCTION, REVOKE, token=admin())
    assert (code, content["connected"]) == (200, False)
    assert thinkific.asked[-1].body == "token=rt-1"
    assert connected_site(table) is None
    assert call(FUNCTION, REVOKE, token=admin())[0] == 200


def test_nothing_is_revoked_while_thinkific_is_unavailable(
    thinkific: StubProvider, table: Table
) -> None:
    finish(begun())
    thinkific.answers = [Reply(502, "<html>")]
    assert call(FUNCTION, REVOKE, token=admin())[0] == 503
    assert connected_site(table)


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (Reply(204), []),
        (Reply(404, "<html>"), []),
        (Reply(400, {"error": "invalid_grant"}), []),
        (Reply(401, {"error": "invalid_client"}), [NOT_REPORTED]),
        (Reply(403, "<html>"), [NOT_REPORTED]),
    ],
)
def test_nothing_but_an_outage_keeps_an_admin_from_disconnecting(
    thinkific: StubProvider, table: Table, logged: Logged, answer: Reply, lines: list[str]
) -> None:
    finish(begun())
    thinkific.answers = [answer]
    assert call(FUNCTION, REVOKE, token=admin())[0] == 200
    assert connected_site(table) is None
    assert logged.messages("WARNING") == lines
    assert "rt-1" not in logged.text


def test_without_the_apps_secret_a_site_is_disconnected(
    thinkific: StubProvider, table: Table, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(begun())
    monkeypatch.setattr(connecting, "secret_text", Mock(side_effect=ConfigurationError("clientId")))
    assert call(FUNCTION, REVOKE, token=admin())[0] == 200
    assert (len(thinkific.asked), connected_site(table)) == (2, None)
    assert logged.messages("WARNING") == [NOT_REPORTED]


def test_tokens_that_cannot_be_decrypted_are_deleted(
    thinkific: StubProvider, table: Table, logged: Logged
) -> None:
    finish(begun())
    assert table.update(keys.oauth_grant(), Change({"encrypted": "b2YgYW5vdGhlciBrZXk="}))
    assert call(FUNCTION, REVOKE, token=admin())[0] == 200
    assert (len(thinkific.asked), connected_site(table)) == (2, None)
    assert logged.messages("WARNING") == [NOT_REPORTED]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("route", [INSTALL, STATUS, REVOKE])
def test_only_admins_have_access(route: str) -> None:
    assert call(FUNCTION, route)[0] == 401
    assert call(FUNCTION, route, token=user_token("u1"))[0] == 403

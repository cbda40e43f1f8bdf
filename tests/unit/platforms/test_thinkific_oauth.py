"""The OAuth client: what it sends, and what each response means by status."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from lunas.domain.errors import ConfigurationError, DeliveryDelayed, GrantRefused
from lunas.platforms.thinkific.http import TIMEOUT, USER_AGENT
from lunas.platforms.thinkific.oauth import DAY, LONGEST, SHORTEST, OAuthApp, ThinkificOAuth
from tests.support.http_stub import Reply, StubProvider

CALLBACK = "https://lunas.test/thinkific/oauth/callback"
APP = OAuthApp("https://{subdomain}.thinkific.test", "app", "hunter2", CALLBACK)
ANSWER: dict[str, Any] = {
    "access_token": "at-1",
    "token_type": "bearer",
    "refresh_token": "rt-1",
    "expires_in": 86_399,
    "gid": "g1",
}
BASIC = f"Basic {base64.b64encode(b'app:hunter2').decode()}"


def oauth(provider: StubProvider) -> ThinkificOAuth:
    return ThinkificOAuth(APP, provider.session)


def answer(**changes: Any) -> Reply:
    return Reply(body={key: value for key, value in {**ANSWER, **changes}.items() if value})


def test_the_authorize_url_is_that_of_the_site_and_encodes_the_redirect_uri() -> None:
    url = ThinkificOAuth(APP).authorize_url("shop", "s1", "c1")
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://shop.thinkific.test/oauth2/authorize"
    )
    assert parse_qs(parts.query) == {
        "client_id": ["app"],
        "redirect_uri": [CALLBACK],
        "response_type": ["code"],
        "state": ["s1"],
        "code_challenge": ["c1"],
        "code_challenge_method": ["S256"],
    }
    assert "redirect_uri=https%3A%2F%2Flunas.test%2Fthinkific%2Foauth%2Fcallback" in url
    assert "hunter2" not in url


def test_a_code_is_exchanged_with_the_secret_and_the_verifier() -> None:
    provider = StubProvider(answer())
    issue = oauth(provider).exchange("shop", "c1", "v1")
    (asked,) = provider.asked
    assert asked.url == "https://shop.thinkific.test/oauth2/token"
    assert asked.body == {"grant_type": "authorization_code", "code": "c1", "code_verifier": "v1"}
    assert asked.headers["Authorization"] == BASIC
    assert asked.headers["User-Agent"] == USER_AGENT
    assert asked.timeout == TIMEOUT
    assert (issue.access_token, issue.refresh_token, issue.site_gid) == ("at-1", "rt-1", "g1")
    assert issue.lifetime == timedelta(seconds=86_399)


def test_the_redirect_uri_is_repeated_if_configured() -> None:
    provider = StubProvider(answer(), answer())
    client = ThinkificOAuth(replace(APP, repeats_redirect=True), provider.session)
    client.exchange("shop", "c1", "v1")
    client.refresh("shop", "rt-1")
    assert provider.asked[0].body["redirect_uri"] == CALLBACK
    assert "redirect_uri" not in provider.asked[1].body


def test_a_refresh_token_is_used() -> None:
    provider = StubProvider(answer(refresh_token="rt-2"))
    assert oauth(provider).refresh("shop", "rt-1").refresh_token == "rt-2"
    assert provider.asked[0].body == {"grant_type": "refresh_token", "refresh_token": "rt-1"}
    assert provider.asked[0].headers["Authorization"] == BASIC


def test_a_token_is_revoked_with_a_form() -> None:
    provider = StubProvider(Reply(body={}))
    oauth(provider).revoke("shop", "rt+1")
    (asked,) = provider.asked
    assert asked.url == "https://shop.thinkific.test/oauth2/revoke"
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.body == "token=rt%2B1"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_means_that_a_token_was_revoked(status: int) -> None:
    oauth(StubProvider(Reply(status))).revoke("shop", "rt-1")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refused_revocation_means_an_unknown_token(status: int) -> None:
    with pytest.raises(GrantRefused, match=str(status)):
        oauth(StubProvider(Reply(status, {"error": "invalid_token"}))).revoke("shop", "rt-1")


def test_a_404_without_json_means_an_unknown_token() -> None:
    with pytest.raises(GrantRefused, match="404"):
        oauth(StubProvider(Reply(404, "<html>"))).revoke("shop", "rt-1")


@pytest.mark.parametrize("status", [302, 400, 401, 403, 405, 422])
def test_a_revocation_refused_by_another_server_is_a_configuration_error(status: int) -> None:
    with pytest.raises(ConfigurationError, match=str(status)):
        oauth(StubProvider(Reply(status, "<html>"))).revoke("shop", "rt-1")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 522, 530])
def test_while_thinkific_is_unavailable_a_revocation_is_delayed(status: int) -> None:
    with pytest.raises(DeliveryDelayed, match=str(status)):
        oauth(StubProvider(Reply(status, {"error": "later"}))).revoke("shop", "rt-1")


@pytest.mark.parametrize("status", [400, 401, 403, 422])
@pytest.mark.parametrize(
    "body", [{"error": "invalid_grant"}, {"error": "Authentication Error"}, {}]
)
def test_a_refusal_is_recognized_by_its_status_with_any_text(status: int, body: object) -> None:
    with pytest.raises(GrantRefused, match=str(status)):
        oauth(StubProvider(Reply(status, body))).refresh("shop", "rt-1")


@pytest.mark.parametrize("status", [400, 401, 403, 422])
@pytest.mark.parametrize("body", ["<html>", "", []])
def test_a_refusal_without_json_does_not_refuse_the_grant(status: int, body: object) -> None:
    with pytest.raises(DeliveryDelayed, match=str(status)):
        oauth(StubProvider(Reply(status, body))).refresh("shop", "rt-1")


def test_an_unknown_client_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="clientSecret"):
        oauth(StubProvider(Reply(401, {"error": "invalid_client"}))).refresh("shop", "rt-1")


@pytest.mark.parametrize("status", [302, 404, 429, 500, 502, 503, 522, 530])
def test_any_other_response_delays(status: int) -> None:
    with pytest.raises(DeliveryDelayed, match=str(status)):
        oauth(StubProvider(Reply(status, "<html>"))).refresh("shop", "rt-1")


@pytest.mark.parametrize(
    "error", [requests.ConnectTimeout, requests.ReadTimeout, requests.ConnectionError]
)
def test_no_response_delays_without_quoting_a_token(error: type[Exception]) -> None:
    provider = StubProvider(error("rt-1 at https://shop"))
    with pytest.raises(DeliveryDelayed) as raised:
        oauth(provider).refresh("shop", "rt-1")
    assert "rt-1" not in str(raised.value)


@pytest.mark.parametrize("body", ["<html>", "", [], {}, {"access_token": ""}, {"access_token": 7}])
def test_a_response_without_a_token_delays(body: object) -> None:
    with pytest.raises(DeliveryDelayed, match="without a token"):
        oauth(StubProvider(Reply(200, body))).refresh("shop", "rt-1")


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(3600, 3600), ("3600", 3600), (None, DAY), ("soon", DAY), (0.5, DAY), (1, SHORTEST),
     (-5, SHORTEST), (10**12, LONGEST)],
)  # fmt: skip
def test_the_lifetime_is_that_of_the_response_within_limits(given: object, seconds: int) -> None:
    issue = oauth(StubProvider(answer(expires_in=given))).refresh("shop", "rt-1")
    assert issue.lifetime == timedelta(seconds=seconds)


def test_missing_values_of_a_response_are_none() -> None:
    issue = oauth(StubProvider(answer(refresh_token=None, gid=None))).exchange("shop", "c", "v")
    assert (issue.refresh_token, issue.site_gid) == (None, None)


def test_a_printed_app_shows_no_secret() -> None:
    assert "hunter2" not in repr(APP)

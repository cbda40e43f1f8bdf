"""The credentials for the Thinkific site, chosen by the settings; each kind loads what it needs."""

import subprocess
import sys
from datetime import timedelta
from functools import partial

import pytest

from lunas.aws.encryption import TokenEncryption
from lunas.clock import now
from lunas.domain.errors import ConfigurationError
from lunas.domain.sites import Connection, Tokens
from lunas.platforms.thinkific import connecting
from lunas.platforms.thinkific.oauth import ThinkificOAuth
from lunas.platforms.thinkific.settings import authentication, credentials, site_of
from lunas.storage.sites import Sites
from lunas.storage.table import Table
from tests.integration.layer.permissions import policy_of
from tests.support.http_stub import Reply, StubProvider
from tests.support.logs import Logged

CALLERS = (
    "deliver_enrollment",
    "report_sales",
    "record_progress",
    "sync_courses",
    "sync_progress",
    "audit",
)
"""The functions that call the Admin API."""
ENOUGH = 60_000
"""Milliseconds that the invocation has left."""


def choose(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setenv("THINKIFIC_AUTHENTICATION", way)


def connect(table: Table, left: timedelta) -> Sites:
    """Connect the site by a token that expires after the time ``left``."""
    grants = Sites(table, TokenEncryption.from_environment())
    end = now() + left
    made = Connection(
        subdomain="shop",
        actor="admin:a1",
        connected_at=end - timedelta(days=1),
        renewed_at=end - timedelta(days=1),
        expires_at=end,
        revision=1,
    )
    grants.replace(made, Tokens(access_token="at-1", refresh_token="rt-1"))
    return grants


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> StubProvider:
    """Let the OAuth server answer in turn."""
    provider = StubProvider(
        Reply(body={"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 86_399})
    )
    made = partial(ThinkificOAuth, session=provider.session)
    monkeypatch.setattr(connecting, "ThinkificOAuth", made)
    return provider


def test_an_api_key_is_the_default(table: Table) -> None:
    key = {"X-Auth-API-Key": "thinkific-key", "X-Auth-Subdomain": "shop"}
    assert credentials(table, ENOUGH).headers() == key
    assert site_of(table, ENOUGH).api_url == "https://thinkific.test"


def test_an_access_token_is_a_bearer(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "access-token")
    opened = credentials(table, ENOUGH)
    assert opened.headers() == {"Authorization": "Bearer thinkific-token"}
    assert opened.bearer() == "thinkific-token"


def test_the_token_of_the_connected_site_is_a_bearer(
    table: Table, server: StubProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, "oauth")
    connect(table, timedelta(days=1))
    assert credentials(table, ENOUGH).headers() == {"Authorization": "Bearer at-1"}
    assert server.asked == []


def test_a_token_that_is_due_is_renewed_at_its_site_and_kept(
    table: Table, server: StubProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, "oauth")
    grants = connect(table, timedelta(minutes=5))
    opened = credentials(table, ENOUGH)
    assert (opened.bearer(), opened.bearer()) == ("at-2", "at-2")
    assert [each.url for each in server.asked] == ["https://shop.thinkific.test/oauth2/token"]
    read = grants.read()
    assert read
    assert read.tokens == Tokens(access_token="at-2", refresh_token="rt-2")


@pytest.mark.parametrize("function", CALLERS)
@pytest.mark.parametrize("accepted", [True, False], ids=["renewed", "refused"])
def test_every_caller_of_thinkific_may_renew_its_token(
    table: Table,
    server: StubProvider,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    *,
    accepted: bool,
) -> None:
    choose(monkeypatch, "oauth")
    connect(table, timedelta(minutes=5))
    if not accepted:
        server.answers = [Reply(400, {"error": "invalid_grant"})]
    with policy_of(function):
        assert credentials(table, ENOUGH).bearer() == ("at-2" if accepted else "at-1")


def test_an_invocation_that_is_about_to_end_does_not_renew(
    table: Table, server: StubProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, "oauth")
    connect(table, timedelta(minutes=5))
    assert credentials(table, 19_000).bearer() == "at-1"
    assert server.asked == []


def test_a_refused_renewal_is_one_line_and_one_count(
    table: Table, server: StubProvider, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    choose(monkeypatch, "oauth")
    connect(table, timedelta(minutes=5))
    server.answers = [Reply(400, {"error": "invalid_grant"})]
    assert [credentials(table, ENOUGH).bearer() for _ in range(2)] == ["at-1", "at-1"]
    (line,) = logged.lines
    assert (line["level"], line["message"]) == ("ERROR", "platform connection refused")
    assert "install" in line["todo"]
    assert logged.metrics() == ["PlatformRefused"]
    assert "rt-1" not in logged.text


def test_a_token_that_is_refused_in_use_is_replaced(
    table: Table, server: StubProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, "oauth")
    connect(table, timedelta(hours=5))
    opened = credentials(table, ENOUGH)
    assert opened.bearer() == "at-1"
    assert opened.replaced()
    assert opened.bearer() == "at-2"
    assert not opened.replaced()
    assert opened.bearer() == "at-2"
    assert len(server.asked) == 1


def test_an_unknown_authentication_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "password")
    with pytest.raises(ConfigurationError, match="api-key, access-token, oauth"):
        authentication()


@pytest.mark.parametrize("function", ["deliver_enrollment", "sync_courses", "reconcile"])
def test_functions_without_oauth_do_not_load_its_modules(function: str) -> None:
    code = f"""
import sys
sys.path[:0] = ["layers/shared", "functions/{function}"]
import app
print([name for name in sys.modules if name in
       {{"lunas.platforms.thinkific.connecting", "lunas.platforms.thinkific.oauth",
         "lunas.aws.encryption"}}])
"""
    done = subprocess.run(  # noqa: S603  (our own code)
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

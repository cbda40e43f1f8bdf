"""A stack that reaches Thinkific by OAuth alone: from the install to enrolled learners."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from local.cloud import Options, Stack
from lunas.domain.times import to_iso
from lunas.platforms.thinkific.credentials import ApiKey, Bearer, Credentials
from lunas.platforms.thinkific.http import AccessRefused, ThinkificApi, ThinkificSite
from lunas.storage import keys
from lunas.storage.expressions import Change
from tests.conftest import FAST, STATE
from tests.support.cloud import Cloud
from tests.support.http_stub import StubLimiter
from tests.support.installing import Installer, query_of, title
from tests.support.leaks.check import watched_stack
from tests.support.providers import Thinkific
from tests.support.users import TIMEOUT, Users, eventually

ROOT = Path(__file__).parents[2]
FOLDER = STATE.with_name(f"{STATE.name}-oauth")
OPTIONS = Options(parameters={**FAST.parameters, "ThinkificAuthentication": "oauth"})
FORGERIES = 12


@pytest.fixture(scope="module")
def oauth(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Run a stack that does not use the API key."""
    with watched_stack(FOLDER, OPTIONS, request.config) as running:
        yield running


@pytest.fixture
def site(oauth: Stack) -> Iterator[Thinkific]:
    provider = Thinkific(oauth)
    provider.set(rateLimit=100_000)
    yield provider
    provider.calm()


@pytest.fixture
def users(oauth: Stack) -> Users:
    return Users(oauth)


@pytest.fixture
def installer(users: Users) -> Installer:
    return Installer(users.admin())


def newest_grant(site: Thinkific) -> dict[str, Any]:
    """Return what the simulator knows of the last install."""
    found: dict[str, Any] = site.see("grants")["items"][-1]
    return found


def courses(site: Thinkific, credentials: Credentials) -> list[object]:
    """Read the courses as a function does."""
    api = ThinkificApi(ThinkificSite(site.url, credentials), StubLimiter())
    return list(api.get("/courses")["items"])


def test_before_the_install_the_status_shows_what_to_do(installer: Installer, oauth: Stack) -> None:
    status = installer.status()

    assert (status["authentication"], status["connected"]) == ("oauth", False)
    assert "install" in status["todo"]
    assert status["redirectUri"] == f"{oauth.api_url}/thinkific/oauth/callback"


def test_the_command_prints_exactly_what_the_status_shows(installer: Installer) -> None:
    command = (sys.executable, "-m", "lunas.cli", "oauth-redirect-uri", "--state", str(FOLDER))
    done = subprocess.run(  # noqa: S603  (our own command)
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )

    first, *checks = done.stdout.splitlines()
    assert first == installer.status()["redirectUri"]
    assert len(checks) == len(installer.status()["checks"])


def test_a_purchase_is_delivered_with_the_token_of_the_install(
    installer: Installer, users: Users, site: Thinkific
) -> None:
    installer.connect()
    learner = users.learner()
    payment = learner.submit("entry", "python-dasar")
    installer.admin.approve(payment["id"])

    learner.wait_for(payment["id"], "COMPLETED")

    (enrollment,) = site.enrollments(learner.email)
    assert not enrollment["is_free_trial"]
    assert "todo" not in installer.status()


def test_an_expired_token_is_renewed_by_the_delivery(
    installer: Installer, users: Users, site: Thinkific, oauth: Stack
) -> None:
    installer.connect()
    end = datetime.now(UTC) - timedelta(minutes=1)
    change = Change({"expiresAt": to_iso(end), "renewedAt": to_iso(end - timedelta(days=1))})
    assert Cloud(oauth).table.update(keys.oauth_grant(), change)
    before = newest_grant(site)
    learner = users.learner()
    payment = learner.submit("entry", "literasi-data")
    installer.admin.approve(payment["id"])

    learner.wait_for(payment["id"], "COMPLETED")

    after = newest_grant(site)
    assert after["refreshes"] == before["refreshes"] + 1
    assert after["refreshToken"] != before["refreshToken"]


def test_an_api_key_and_an_access_token_open_the_same_site(oauth: Stack, site: Thinkific) -> None:
    token = site.do("tokens")["accessToken"]
    key = ApiKey(oauth.thinkific.subdomain, oauth.thinkific.api_key)

    found = [courses(site, each) for each in (key, Bearer(lambda: token))]

    assert found[0] == found[1] != []
    for wrong in (ApiKey(oauth.thinkific.subdomain, "made-up"), Bearer(lambda: "made-up")):
        with pytest.raises(AccessRefused):
            courses(site, wrong)


def test_one_of_many_requests_with_the_same_answer_connects(installer: Installer) -> None:
    back = query_of(installer.press(installer.begin()))

    with ThreadPoolExecutor(FORGERIES) as pool:
        answers = list(pool.map(lambda _: installer.arrive(**back), range(FORGERIES)))

    assert sorted(each.status_code for each in answers) == [200] + [403] * (FORGERIES - 1)


@pytest.mark.parametrize(
    "forged",
    [
        {"state": "made-up"},
        {"state": ""},
        {"subdomain": "kelas-mitra"},
        {"subdomain": "evil.example.com/"},
        {"code": "made-up"},
    ],
    ids=str,
)
def test_a_forged_answer_changes_nothing(installer: Installer, forged: dict[str, str]) -> None:
    installer.connect()
    before = installer.status()
    back = query_of(installer.press(installer.begin()))

    answer = installer.arrive(**{**back, **forged})

    assert answer.status_code == (409 if "code" in forged else 403)
    assert installer.status() == before


def test_the_code_of_another_install_is_refused(installer: Installer) -> None:
    one, two = (query_of(installer.press(installer.begin())) for _ in range(2))
    before = installer.status()

    answer = installer.arrive(**{**one, "code": two["code"]})

    assert (answer.status_code, title(answer)) == (409, "The site could not be connected")
    assert installer.status() == before


def test_an_expired_state_is_refused(installer: Installer, oauth: Stack) -> None:
    back = query_of(installer.press(installer.begin()))
    table = Cloud(oauth).table
    answer = table.client.scan(
        TableName=table.name,
        FilterExpression="begins_with(pk, :start)",
        ExpressionAttributeValues={":start": {"S": "OAUTH#"}},
    )
    over = Change({"expiresAt": to_iso(datetime.now(UTC))})
    for item in answer["Items"]:
        assert table.update({"pk": item["pk"]["S"], "sk": item["sk"]["S"]}, over)
    before = installer.status()

    assert installer.arrive(**back).status_code == 403
    assert installer.status() == before


def test_an_uninstalled_app_asks_for_a_new_install(
    installer: Installer, users: Users, site: Thinkific, oauth: Stack
) -> None:
    """Thinkific refuses the token and its renewal: nothing is lost, and the status shows it."""
    installer.connect()
    aged = Change({"renewedAt": to_iso(datetime.now(UTC) - timedelta(hours=1))})
    assert Cloud(oauth).table.update(keys.oauth_grant(), aged)
    site.do("uninstall")
    learner = users.learner()
    payment = learner.submit("intermediate", "analisis-sql")
    installer.admin.approve(payment["id"])

    status = eventually(installer.status, lambda shown: bool(shown["refused"]))

    assert (status["connected"], "install" in status["todo"]) == (False, True)
    assert learner.payment(payment["id"])["status"] == "APPROVED"
    assert (
        "platform connection refused" in (oauth.logs / "DeliverEnrollmentFunction.log").read_text()
    )
    Cloud(oauth).invoke("ReconcileFunction")
    assert '"PlatformDisconnected":[1' in (oauth.logs / "ReconcileFunction.log").read_text()
    installer.connect()
    assert installer.status()["connected"]


def test_without_a_token_the_routes_are_closed(oauth: Stack) -> None:
    for path in ("install", "status"):
        answer = requests.get(f"{oauth.api_url}/thinkific/oauth/{path}", timeout=TIMEOUT)
        assert answer.status_code == 401

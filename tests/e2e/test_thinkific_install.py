"""Connecting a site in a real browser, from install to "connected", and every way it can fail."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from local.cloud import Stack
from tests.conftest import FAST, STATE
from tests.support.browser import browser_page, with_token
from tests.support.installing import Installer
from tests.support.leaks.check import watched_stack
from tests.support.providers import Thinkific
from tests.support.users import Users

SCREENSHOTS = Path(__file__).parents[2] / ".local" / "screenshots"


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Run a stack without IAM: the local cloud does not know kms:EncryptionContext."""
    folder = STATE.with_name(f"{STATE.name}-install")
    with watched_stack(folder, FAST, request.config) as running:
        yield running


@pytest.fixture
def installer(users: Users, thinkific: Thinkific) -> Iterator[Installer]:
    """Give an admin of a site without the app, and remove it afterwards."""
    made = Installer(users.admin())
    thinkific.do("uninstall")
    made.disconnect()
    yield made
    thinkific.do("uninstall")
    made.disconnect()


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a browser; keep a screenshot of its last page."""
    with browser_page() as opened:
        yield opened
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=SCREENSHOTS / f"{request.node.name}.png", full_page=True)


def begin(page: Page, installer: Installer, subdomain: str = "") -> None:
    """Open install as an admin's front end does."""
    query = f"?subdomain={subdomain}" if subdomain else ""
    url = f"{installer.admin.stack.api_url}/thinkific/oauth/install{query}"
    with_token(page, url, installer.admin.token)


def heading(page: Page) -> str:
    return page.locator("h1").inner_text()


def test_an_admin_installs_and_is_connected(
    page: Page, installer: Installer, thinkific: Thinkific
) -> None:
    begin(page, installer, installer.admin.stack.thinkific.subdomain)
    assert heading(page).startswith("Install ")
    page.get_by_role("button", name="Approve").click()

    assert heading(page) == "The site is connected"
    assert page.url.startswith(installer.status()["redirectUri"])
    status = installer.status()
    assert (status["connected"], status["refused"]) == (True, False)
    assert status["connectedBy"] == f"admin:{installer.admin.id}"
    (grant,) = thinkific.see("grants")["items"]
    assert (grant["subdomain"], grant["refreshes"]) == (status["subdomain"], 0)


def test_an_approved_app_is_connected_without_a_question(page: Page, installer: Installer) -> None:
    installer.connect()

    begin(page, installer)

    assert heading(page) == "The site is connected"


def test_cancel_changes_nothing_and_shows_it(page: Page, installer: Installer) -> None:
    begin(page, installer)
    page.get_by_role("button", name="Cancel").click()

    assert heading(page) == "Connecting was cancelled"
    assert not installer.status()["connected"]


def test_a_redirect_uri_that_is_not_registered_ends_at_thinkifics_error_page(
    page: Page, installer: Installer, thinkific: Thinkific, stack: Stack
) -> None:
    registered = thinkific.see("apps")["items"][0]["redirectUris"]
    other = {"clientId": stack.thinkific.client_id, "redirectUris": [f"{registered[0]}/"]}
    thinkific.do("apps", other)
    try:
        begin(page, installer)
    finally:
        thinkific.do("apps", {**other, "redirectUris": registered})

    assert heading(page) == "The app cannot be installed"
    assert installer.status()["redirectUri"] in page.locator("main").inner_text()
    assert page.url.startswith(f"{thinkific.url}/oauth2/authorize")
    assert not installer.status()["connected"]


def test_reloading_the_callback_page_is_refused(page: Page, installer: Installer) -> None:
    begin(page, installer)
    page.get_by_role("button", name="Approve").click()
    before = installer.status()

    page.reload()

    assert heading(page) == "This link is not valid"
    assert installer.status() == before


def test_an_answer_of_another_site_is_refused(
    page: Page, installer: Installer, thinkific: Thinkific, stack: Stack
) -> None:
    app = {"clientId": stack.thinkific.client_id}
    thinkific.do("apps", {**app, "subdomain": "kelas-mitra"})
    try:
        begin(page, installer)
        page.get_by_role("button", name="Approve").click()
    finally:
        thinkific.do("uninstall", {"subdomain": "kelas-mitra"})
        thinkific.do("apps", {**app, "subdomain": stack.thinkific.subdomain})

    assert "subdomain=kelas-mitra" in page.url
    assert heading(page) == "This link is not valid"
    assert not installer.status()["connected"]
    assert thinkific.see("grants")["items"] == []


def test_a_student_cannot_connect_the_site(
    page: Page, installer: Installer, thinkific: Thinkific
) -> None:
    thinkific.set(installerRole="student")
    try:
        begin(page, installer)
        page.get_by_role("button", name="Approve").click()
    finally:
        thinkific.set(installerRole="site_admin")

    assert heading(page) == "The site could not be connected"
    text = page.locator("main").inner_text()
    assert "only the owner or an admin" in text
    assert installer.status()["redirectUri"] in text
    assert not installer.status()["connected"]

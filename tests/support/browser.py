"""A real browser, as admins use it."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route, sync_playwright

from tests.support.chromium import chromium

SLOW = 60_000
"""Milliseconds for one page; a cold start on a busy machine takes a few seconds."""


@contextmanager
def browser_page() -> Iterator[Page]:
    """Open a new browser without a history; a resource that a page cannot load fails the test.

    Without a browser the test fails instead of being skipped.
    """
    with sync_playwright() as playwright:
        # Chromium's own sandbox cannot be set up by root, nor inside of most containers.
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium(), args=options)
        page = browser.new_page(viewport={"width": 900, "height": 700})
        page.set_default_timeout(SLOW)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    # Chromium also logs each status of 400 and above, which some of our pages have.
    blamed = [each for each in complaints if "the server responded with a status" not in each]
    assert blamed == []


def with_token(page: Page, url: str, token: str) -> None:
    """Open a page of the API that needs a token, as an admin's front end does.

    Only this request carries the token, not the redirects that follow it.
    """

    def authorized(route: Route) -> None:
        answer = route.fetch(
            headers={**route.request.headers, "authorization": f"Bearer {token}"},
            max_redirects=0,
        )
        route.fulfill(response=answer)

    page.route(url, authorized)
    page.goto(url)
    page.unroute(url)

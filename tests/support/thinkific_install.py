"""How a test installs an app at the simulated Thinkific: the admin's browser, the app's calls."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

APP = ("app", "secret")
REDIRECT = "https://lunas.test/thinkific/oauth/callback"
ASKED = {"client_id": "app", "response_type": "code", "redirect_uri": REDIRECT, "state": "s1"}

# RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
PKCE = {
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}


class Form(HTMLParser):
    """The form of a page: its target, its hidden fields, and its buttons by label."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.buttons: dict[str, dict[str, str]] = {}
        self._button: dict[str, str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "form":
                self.action = given["action"]
            case "input":
                self.fields[given["name"]] = given["value"]
            case "button":
                self._button = {given["name"]: given["value"]}

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self.buttons[data] = self._button
            self._button = None


async def register_app(site: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    """Register an app, by default the configured one with its redirect URI."""
    body = {"clientId": "app", "redirectUris": [REDIRECT], **fields}
    answer = await site.post("/_sim/apps", json=body)
    assert answer.status_code == 200, answer.text
    app: dict[str, Any] = answer.json()
    return app


async def ask(site: httpx.AsyncClient, at: str = "", **changes: str) -> httpx.Response:
    """Open the authorize URL below the path ``at``, without following a redirect."""
    return await site.get(f"{at}/oauth2/authorize", params={**ASKED, **changes})


async def press(site: httpx.AsyncClient, page: httpx.Response, label: str) -> httpx.Response:
    """Press a button of the consent page."""
    form = Form(page.text)
    return await site.post(form.action, data={**form.fields, **form.buttons[label]})


def answered(redirect: httpx.Response) -> dict[str, str]:
    """Return the parameters of a redirect back to the app."""
    assert redirect.status_code == 302, redirect.text
    query = urlsplit(redirect.headers["location"]).query
    return {name: values[0] for name, values in parse_qs(query, strict_parsing=True).items()}


async def new_code(site: httpx.AsyncClient, at: str = "", **changes: str) -> str:
    """Get a code, through the consent page if it is shown."""
    page = await ask(site, at, **changes)
    return answered(page if page.is_redirect else await press(site, page, "Approve"))["code"]


async def token_call(
    site: httpx.AsyncClient, at: str = "", auth: tuple[str, str] | None = APP, **body: Any
) -> httpx.Response:
    """Call the token endpoint with a JSON body."""
    return await site.post(f"{at}/oauth2/token", json=body, auth=auth or httpx.USE_CLIENT_DEFAULT)


async def exchange(site: httpx.AsyncClient, code: str, **changes: Any) -> httpx.Response:
    """Exchange a code."""
    return await token_call(site, grant_type="authorization_code", code=code, **changes)


async def refresh(site: httpx.AsyncClient, token: str, **changes: Any) -> httpx.Response:
    """Use a refresh token."""
    return await token_call(site, grant_type="refresh_token", refresh_token=token, **changes)


async def install(site: httpx.AsyncClient, at: str = "") -> dict[str, Any]:
    """Install the configured app and return the token endpoint's answer."""
    await register_app(site)
    answer = await exchange(site, await new_code(site, at), at=at)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    """Return the header that an app's calls carry."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}

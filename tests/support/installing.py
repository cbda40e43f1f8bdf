"""How an admin connects the site, by HTTP: Lunas, Thinkific's page, and back."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from tests.support.thinkific_install import Form
from tests.support.users import TIMEOUT, Person

type Json = dict[str, Any]

CALLBACK = "/thinkific/oauth/callback"


@dataclass(frozen=True)
class Installer:
    """An admin of Lunas who may also press the buttons at Thinkific."""

    admin: Person

    def begin(self, subdomain: str | None = None) -> str:
        """Start an install; return the address at Thinkific."""
        query = f"?subdomain={subdomain}" if subdomain else ""
        asking = self.admin.sending({"Accept": "application/json"})
        return str(asking.get(f"/thinkific/oauth/install{query}")["authorizeUrl"])

    def press(self, url: str, label: str = "Approve") -> str:
        """Press a button of Thinkific's page, if one is shown; return where it redirects to."""
        page = requests.get(url, timeout=TIMEOUT, allow_redirects=False)
        if not page.is_redirect:
            form = Form(page.text)
            data = {**form.fields, **form.buttons[label]}
            action = urljoin(url, form.action)
            page = requests.post(action, data=data, timeout=TIMEOUT, allow_redirects=False)
        return page.headers["location"]

    def arrive(self, **query: str) -> requests.Response:
        """Call the redirect URI with any query."""
        url = f"{self.admin.stack.api_url}{CALLBACK}"
        return requests.get(url, params=query, timeout=TIMEOUT)

    def connect(self) -> None:
        """Connect the site."""
        answer = requests.get(self.press(self.begin()), timeout=TIMEOUT)
        assert (answer.status_code, title(answer)) == (200, "The site is connected")

    def disconnect(self) -> None:
        """Disconnect the site, if it is connected."""
        answer = self.admin.call("POST", "/thinkific/oauth/revoke")
        assert answer.status_code == 200, answer.text

    def status(self) -> Json:
        """Return the status of the connection."""
        return self.admin.get("/thinkific/oauth/status")


def query_of(url: str) -> dict[str, str]:
    """Return the query of an address; each name comes once."""
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


def title(answer: requests.Response) -> str:
    """Return the heading of a page."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text.partition("<h1>")[2].partition("</h1>")[0]

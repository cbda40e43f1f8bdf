"""The OAuth server of a Thinkific site (docs/reference/thinkific.md, OAuth)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import requests

from lunas.domain.errors import ConfigurationError, DeliveryDelayed, GrantRefused
from lunas.domain.sites import Issue
from lunas.http_sessions import fresh_session
from lunas.platforms.thinkific.fields import text, word
from lunas.platforms.thinkific.http import TIMEOUT, USER_AGENT

DAY = 86_399
"""Lifetime of a token in seconds if the answer names none."""
SHORTEST, LONGEST = 60, 31_536_000
"""Limits of a lifetime in seconds; one outside of them is taken for a mistake."""
REFUSALS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)

RETRIED = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
"""Statuses below 500 after which a retry may succeed."""


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """The app as registered in the Partner Portal; ``site_url`` may contain ``{subdomain}``.

    ``repeats_redirect``: send the redirect URI to the token endpoint too, as its reference
    requires and Thinkific's samples do not.
    """

    site_url: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    repeats_redirect: bool = False


class ThinkificOAuth:
    """Requests authorization, and exchanges codes and tokens.

    Texts of refusals are not documented, so the status decides. The exception is the standard code
    ``invalid_client``. A refusal that is not a JSON object comes from a proxy.
    """

    def __init__(self, app: OAuthApp, session: requests.Session | None = None) -> None:
        self._app = app
        self._session = session or fresh_session()

    def authorize_url(self, subdomain: str, state: str, challenge: str) -> str:
        """Return the address where the owner of a site approves the app."""
        query = {
            "client_id": self._app.client_id,
            "redirect_uri": self._app.redirect_uri,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._url(subdomain, 'authorize')}?{urlencode(query)}"

    def exchange(self, subdomain: str, code: str, verifier: str) -> Issue:
        """Exchange a code, which is valid for one minute and works once."""
        body = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        if self._app.repeats_redirect:
            body["redirect_uri"] = self._app.redirect_uri
        return _issue(self._ask(subdomain, "token", {"json": body}))

    def refresh(self, subdomain: str, refresh_token: str) -> Issue:
        """Get new tokens; the refresh token becomes invalid."""
        body = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return _issue(self._ask(subdomain, "token", {"json": body}))

    def revoke(self, subdomain: str, token: str) -> None:
        """Revoke a token and the grant that it belongs to.

        Raises GrantRefused for a token that Thinkific no longer knows, and ConfigurationError if
        no retry can help: Thinkific does not know the app, or the answer is not Thinkific's.
        """
        _check_revoked(self._send(subdomain, "revoke", {"data": {"token": token}}))

    def _url(self, subdomain: str, name: str) -> str:
        return f"{self._app.site_url.replace('{subdomain}', subdomain)}/oauth2/{name}"

    def _ask(self, subdomain: str, name: str, content: Mapping[str, Any]) -> requests.Response:
        """Send a request for tokens and return the answer."""
        answer = self._send(subdomain, name, content)
        data = _object(answer)
        if answer.status_code in REFUSALS and data is not None:
            raise _refusal(answer.status_code, data)
        if answer.status_code != HTTPStatus.OK:
            raise _delay(answer.status_code)
        return answer

    def _send(self, subdomain: str, name: str, content: Mapping[str, Any]) -> requests.Response:
        """Send with the app's id and secret; without the secret there is no refresh token."""
        try:
            return self._session.post(
                self._url(subdomain, name),
                auth=(self._app.client_id, self._app.client_secret),
                headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
                timeout=TIMEOUT,
                allow_redirects=False,
                **content,
            )
        # The original error may quote the request.
        except requests.RequestException as error:
            raise DeliveryDelayed(f"Thinkific's OAuth: {type(error).__name__}") from None


def _check_revoked(answer: requests.Response) -> None:
    status, data = answer.status_code, _object(answer)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status in RETRIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _delay(status)
    if status == HTTPStatus.NOT_FOUND:
        raise _refusal(status, {})
    if status in REFUSALS and data is not None:
        raise _refusal(status, data)
    raise ConfigurationError(f"the answer {status} does not come from Thinkific's OAuth")


def _delay(status: int) -> DeliveryDelayed:
    return DeliveryDelayed(f"Thinkific's OAuth answered {status}")


def _refusal(status: int, data: Mapping[str, Any]) -> GrantRefused | ConfigurationError:
    if data.get("error") == "invalid_client":
        return ConfigurationError("Thinkific does not know clientId and clientSecret of its secret")
    return GrantRefused(f"the OAuth server answered {status}")


def _issue(answer: requests.Response) -> Issue:
    """Read tokens. An answer without one is DeliveryDelayed: the old tokens may be invalid."""
    given = _object(answer) or {}
    access = given.get("access_token")
    if not isinstance(access, str) or not access:
        raise DeliveryDelayed("Thinkific's OAuth answered without a token")
    return Issue(
        access_token=access,
        refresh_token=text(given, "refresh_token") or None,
        lifetime=_lifetime(given.get("expires_in")),
        site_gid=word(given, "gid") or None,
    )


def _lifetime(given: object) -> timedelta:
    try:
        seconds = int(str(given))
    except ValueError:
        seconds = DAY
    return timedelta(seconds=min(max(seconds, SHORTEST), LONGEST))


def _object(answer: requests.Response) -> dict[str, Any] | None:
    try:
        given = answer.json()
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None

"""What an app requests of a site's admin, with the checks before it is shown.

A request that fails a check is answered with a page and never with a redirect: until the redirect
URI is known to be the app's own, the browser may be sent nowhere. Thinkific's texts are not known.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request

from local.simulators.thinkific.apps import App
from local.simulators.thinkific.hosts import named_subdomain
from local.simulators.thinkific.simulation import Simulation, simulation_of

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
"""A SHA-256 digest in base64url without padding."""

PARAMETERS = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)
"""What the consent page carries along from the authorize URL."""


class AuthorizationRefusedError(Exception):
    """A request that is answered with an error page; its text is what is wrong."""

    def __init__(self, text: str, status: int = HTTPStatus.UNAUTHORIZED) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


@dataclass(frozen=True)
class Authorization:
    """A request that passed the checks; ``state`` and ``challenge`` are None where not sent."""

    app: App
    subdomain: str
    redirect_uri: str
    state: str | None
    challenge: str | None


def checked(request: Request, given: Mapping[str, str]) -> Authorization:
    """Return the authorization that the parameters ask for; raise ``AuthorizationRefusedError``."""
    simulation = simulation_of(request)
    app = simulation.apps.get(given.get("client_id", ""))
    if app is None:
        raise AuthorizationRefusedError("client_id is not that of a known app.")
    subdomain = _site(simulation, named_subdomain(request) or app.subdomain)
    redirect_uri = given.get("redirect_uri", "")
    if redirect_uri not in app.redirect_uris:
        raise AuthorizationRefusedError(f"redirect_uri is not registered: {redirect_uri}")
    _check_response(given)
    return Authorization(app, subdomain, redirect_uri, given.get("state"), _challenge(given))


def _site(simulation: Simulation, subdomain: str) -> str:
    if simulation.site(subdomain) is None:
        raise AuthorizationRefusedError("There is no such site.", HTTPStatus.NOT_FOUND)
    return subdomain


def _check_response(given: Mapping[str, str]) -> None:
    """Raise unless a code in the query is asked for; the simulator makes no identity tokens."""
    if given.get("response_type") != "code":
        raise AuthorizationRefusedError("response_type must be code.")
    if given.get("response_mode", "query") != "query":
        raise AuthorizationRefusedError("response_mode must be query.")


def _challenge(given: Mapping[str, str]) -> str | None:
    challenge = given.get("code_challenge")
    if challenge is None:
        return None
    if given.get("code_challenge_method") != "S256":
        raise AuthorizationRefusedError("code_challenge_method must be S256.")
    if not CHALLENGE.fullmatch(challenge):
        raise AuthorizationRefusedError("code_challenge is not a SHA-256 digest in base64url.")
    return challenge

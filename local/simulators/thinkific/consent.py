"""The pages that a site's admin sees while an app is installed, and the way back to the app."""

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from local.simulators.thinkific.authorization import (
    PARAMETERS,
    Authorization,
    AuthorizationRefusedError,
    checked,
)
from local.simulators.thinkific.hosts import SITE_PATH
from local.simulators.thinkific.simulation import simulation_of

FOUND = 302
STYLE = (
    "body { font: 16px/1.5 system-ui, sans-serif; }"
    "main { max-width: 34rem; margin: 2rem auto; }"
    "button { padding: .5rem .9rem; font: inherit; }"
)


async def authorize(request: Request) -> Response:
    """Ask the site's admin, or send the browser back at once when the app is approved already."""
    given = dict(request.query_params)
    asked = checked(request, given)
    grants = simulation_of(request).grants
    if grants.role_of(asked.app.client_id, asked.subdomain) is not None:
        return _back_with_code(request, asked)
    return HTMLResponse(_consent_page(request.url.path, asked, given))


async def decide(request: Request) -> Response:
    """Send the browser back with a code, or with a refusal after Cancel."""
    form = dict(
        parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    )
    asked = checked(request, form)
    if form.get("decision") != "approve":
        return _back(asked, {"error": "access denied"})
    simulation = simulation_of(request)
    role = simulation.settings.installer_role
    simulation.grants.approve(asked.app.client_id, asked.subdomain, role)
    return _back_with_code(request, asked)


async def show_refused(_request: Request, error: Exception) -> Response:
    """Answer with the page for a request that failed a check (an exception handler)."""
    if not isinstance(error, AuthorizationRefusedError):
        raise error
    body = f"<h1>The app cannot be installed</h1><p>{escape(error.text)}</p>"
    return HTMLResponse(_document(body), error.status)


def _back_with_code(request: Request, asked: Authorization) -> Response:
    simulation = simulation_of(request)
    code = simulation.grants.add_code(
        asked.app.client_id,
        asked.subdomain,
        asked.redirect_uri,
        asked.challenge,
        simulation.now(),
    )
    kept = {} if asked.state is None else {"state": asked.state}
    return _back(asked, {"code": code.value, "subdomain": asked.subdomain, **kept})


def _back(asked: Authorization, answer: Mapping[str, str]) -> Response:
    return RedirectResponse(f"{asked.redirect_uri}?{urlencode(answer)}", FOUND)


def _consent_page(path: str, asked: Authorization, given: Mapping[str, str]) -> str:
    """Return the page with both buttons; the form carries the request's parameters along."""
    kept = "".join(_hidden(name, given[name]) for name in PARAMETERS if name in given)
    scopes = "".join(f"<li>{escape(scope)}</li>" for scope in sorted(asked.app.scopes))
    return _document(
        f"<h1>Install {escape(asked.app.name)}?</h1>"
        f"<p>The app asks for access to the site {escape(asked.subdomain)}:</p><ul>{scopes}</ul>"
        f'<form method="post" action="{escape(path)}">{kept}'
        '<button name="decision" value="approve">Approve</button> '
        '<button name="decision" value="cancel">Cancel</button></form>'
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _document(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Thinkific</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>"
    )


PATH = "/oauth2/authorize"

routes = [
    Route(f"{prefix}{PATH}", endpoint, methods=[method], name=name)
    for prefix in ("", SITE_PATH)
    for endpoint, method, name in (
        (authorize, "GET", "oauthAuthorize"),
        (decide, "POST", "oauthDecide"),
    )
]

"""The admin routes of OAuth: the apps of the Partner Portal, and what sites have granted to them.

An app outlives a reset, as its registration at Thinkific would.
"""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import field_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.bodies import JsonModel
from local.simulators.thinkific.admin import site_named
from local.simulators.thinkific.answers import Json, json_body, refusal
from local.simulators.thinkific.apps import App
from local.simulators.thinkific.dates import to_text
from local.simulators.thinkific.grants import Grant
from local.simulators.thinkific.hosts import is_loopback
from local.simulators.thinkific.scopes import ALL_SCOPES
from local.simulators.thinkific.simulation import simulation_of
from local.simulators.thinkific.tokens import ACCESS_TOKEN_SECONDS, AccessToken


class AppChange(JsonModel):
    """Body of ``/_sim/apps``: what to set at an app; a new app needs its secret.

    A redirect URI is compared byte by byte; http is for this machine only.
    """

    client_id: str
    client_secret: str | None = None
    name: str | None = None
    subdomain: str | None = None
    redirect_uris: tuple[str, ...] | None = None
    scopes: frozenset[str] | None = None

    @field_validator("redirect_uris")
    @classmethod
    def _usable(cls, uris: tuple[str, ...] | None) -> tuple[str, ...] | None:
        unusable = [uri for uri in uris or () if not _is_callback(uri)]
        if unusable:
            raise ValueError(f"not usable as a redirect URI: {', '.join(unusable)}")
        return uris


class TokenRequest(JsonModel):
    """Body of ``/_sim/tokens``; without scopes the token has all, with an app the app's."""

    subdomain: str | None = None
    client_id: str | None = None
    scopes: frozenset[str] = ALL_SCOPES
    role: str = "site_admin"
    lifetime_seconds: float = ACCESS_TOKEN_SECONDS


class Uninstall(JsonModel):
    """Body of ``/_sim/uninstall``: the app (the configured one) that leaves the site."""

    subdomain: str | None = None
    client_id: str | None = None


async def list_apps(request: Request) -> Response:
    """Answer with every app, without its secret."""
    return JSONResponse({"items": [_show_app(app) for app in simulation_of(request).apps.values()]})


async def register_app(request: Request) -> Response:
    """Change the fields of an app that the body names, or add the app."""
    given = AppChange.model_validate(await json_body(request))
    apps = simulation_of(request).apps
    subdomain = site_named(request, given.subdomain).subdomain
    known = apps.get(given.client_id)
    if known is None and not given.client_secret:
        raise refusal(422, "a new app needs a clientSecret")
    app = known or App(given.client_id, given.client_secret or "", given.client_id, subdomain)
    apps[app.client_id] = replace(app, **given.model_dump(exclude_none=True))
    return JSONResponse(_show_app(apps[app.client_id]))


async def list_tokens(request: Request) -> Response:
    """Answer with the access tokens that can be used now."""
    simulation = simulation_of(request)
    living = simulation.tokens.living(simulation.now())
    return JSONResponse({"items": [_show_token(token) for token in living]})


async def issue_token(request: Request) -> Response:
    """Issue a bearer token past OAuth and answer with it and its end."""
    given = TokenRequest.model_validate(await json_body(request))
    simulation, site = simulation_of(request), site_named(request, given.subdomain)
    if given.client_id is not None and given.client_id not in simulation.apps:
        raise refusal(422, f"there is no app {given.client_id}")
    expires_at = simulation.now() + timedelta(seconds=given.lifetime_seconds)
    token = simulation.tokens.issue(
        site.subdomain, given.role, expires_at, given.scopes, given.client_id
    )
    return JSONResponse(_show_token(token))


async def list_grants(request: Request) -> Response:
    """Answer with every install that lasts, oldest first, and how often each was refreshed."""
    return JSONResponse({"items": [_show_grant(grant) for grant in simulation_of(request).grants]})


async def uninstall(request: Request) -> Response:
    """Take an app off a site, so that its tokens end and the next install asks again."""
    given = Uninstall.model_validate(await json_body(request))
    simulation, site = simulation_of(request), site_named(request, given.subdomain)
    simulation.grants.uninstall(given.client_id or simulation.account.client_id, site.subdomain)
    return JSONResponse({"status": "ok"})


def _is_callback(uri: str) -> bool:
    parts = urlsplit(uri)
    schemes = {"http", "https"} if is_loopback(parts.hostname or "") else {"https"}
    return parts.scheme in schemes and bool(parts.hostname) and not (parts.query or parts.fragment)


def _show_app(app: App) -> Json:
    return {
        "clientId": app.client_id,
        "name": app.name,
        "subdomain": app.subdomain,
        "redirectUris": list(app.redirect_uris),
        "scopes": sorted(app.scopes),
    }


def _show_token(token: AccessToken) -> Json:
    return {
        "accessToken": token.value,
        "subdomain": token.subdomain,
        "clientId": token.client_id,
        "role": token.role,
        "expiresAt": to_text(token.expires_at),
    }


def _show_grant(grant: Grant) -> Json:
    return {
        "clientId": grant.client_id,
        "subdomain": grant.subdomain,
        "role": grant.role,
        "accessToken": grant.access.value,
        "refreshToken": grant.refresh_token,
        "refreshes": grant.refreshes,
    }


routes = [
    Route("/_sim/apps", list_apps, methods=["GET"]),
    Route("/_sim/apps", register_app, methods=["POST"]),
    Route("/_sim/tokens", list_tokens, methods=["GET"]),
    Route("/_sim/tokens", issue_token, methods=["POST"]),
    Route("/_sim/grants", list_grants, methods=["GET"]),
    Route("/_sim/uninstall", uninstall, methods=["POST"]),
]

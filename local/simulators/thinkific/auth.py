"""Who calls: a site's API key or a bearer token, and what a token may do.

Thinkific refuses unknown credentials, and a plan without API access, with 401; a token that lacks
a scope, or that a mere student authorized, with 403. See authentication in
``docs/reference/thinkific.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from starlette.datastructures import Headers

from local.simulators.thinkific.answers import ApiError, refusal
from local.simulators.thinkific.apps import Apps
from local.simulators.thinkific.scopes import SCOPES
from local.simulators.thinkific.settings import SimulatorSettings
from local.simulators.thinkific.site import Site
from local.simulators.thinkific.tokens import AccessToken, TokenStore

ADMIN_ROLES = frozenset({"site_owner", "site_admin", "partner"})


@dataclass(frozen=True)
class Caller:
    """The site that a request speaks for; ``scopes`` of None (an API key) allow everything.

    ``client_id`` is the app that holds the token, None for a key or a token without an app.
    """

    site: Site
    scopes: frozenset[str] | None
    client_id: str | None = None

    def require(self, route: str | None) -> None:
        """Raise a 403 when the caller's token lacks the scope of the route."""
        needed = SCOPES.get(route or "")
        if self.scopes is not None and needed is not None and needed not in self.scopes:
            raise refusal(403, "Access token has insufficient scope.")


@dataclass(frozen=True)
class Credentials:
    """Everything that a request's credentials are compared with."""

    sites: Mapping[str, Site]
    apps: Apps
    tokens: TokenStore
    settings: SimulatorSettings

    def identify(self, headers: Headers, now: datetime, *, bearer_only: bool) -> Caller:
        """Return who calls; raise the 401 or 403 of Thinkific without usable credentials.

        ``bearer_only`` is the way of the Webhooks API, which takes a token or the API key as a
        bearer's and knows no ``X-Auth`` headers.
        """
        bearer = _bearer(headers)
        if bearer is None:
            caller = None if bearer_only else self._by_key(headers)
        else:
            as_key = self._by_bearer_key(bearer) if bearer_only else None
            caller = as_key or self._by_token(bearer, now)
        if caller is None or not self.settings.api_plan:
            raise _unauthenticated()
        return caller

    def _by_token(self, value: str, now: datetime) -> Caller | None:
        token = self.tokens.find(value, now)
        if token is None:
            return None
        if token.role not in ADMIN_ROLES:
            raise refusal(403, "App does not have permission to perform this action.")
        return Caller(self.sites[token.subdomain], self._scopes(token), token.client_id)

    def _scopes(self, token: AccessToken) -> frozenset[str]:
        """Return the scopes of a token; those of an app are as its registration has them now."""
        if token.client_id is None:
            return token.scopes
        if not self.settings.apps_plan:
            raise refusal(403, "Access to Apps is not available on your plan.")
        return self.apps[token.client_id].scopes

    def _by_bearer_key(self, value: str) -> Caller | None:
        found = (site for site in self.sites.values() if _same(value, site.api_key))
        return next((Caller(site, None) for site in found), None)

    def _by_key(self, headers: Headers) -> Caller | None:
        site = self.sites.get(headers.get("x-auth-subdomain", ""))
        if site is None or not _same(headers.get("x-auth-api-key", ""), site.api_key):
            return None
        return Caller(site, None)


def _bearer(headers: Headers) -> str | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _same(given: str, known: str) -> bool:
    return compare_digest(given.encode(), known.encode())


def _unauthenticated() -> ApiError:
    return refusal(401, "Authentication Error")

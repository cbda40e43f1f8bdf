"""Who calls: a site's API key or a bearer token, and what a token may do.

Thinkific refuses unknown credentials, and a plan without API access, with 401; a token that lacks
a scope, or that a mere student authorized, with 403. See authentication in ``docs/thinkific.md``.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from starlette.datastructures import Headers

from local.simulators.thinkific.answers import ApiError, refusal
from local.simulators.thinkific.settings import Knobs
from local.simulators.thinkific.site import Site

ACCESS_TOKEN_SECONDS = 86_399
ADMIN_ROLES = frozenset({"site_owner", "site_admin", "partner"})
SCOPES = {
    "listUsers": "read:users",
    "createUser": "write:users",
    "getUser": "read:users",
    "updateUser": "write:users",
    "deleteUser": "write:users",
    "listCourses": "read:courses",
    "getCourse": "read:courses",
    "listChapters": "read:courses",
    "listProducts": "read:products",
    "getProduct": "read:products",
    "listRelatedProducts": "read:products",
    "getBundle": "read:courses",
    "listBundleCourses": "read:courses",
    "listBundleEnrollments": "read:enrollments",
    "createBundleEnrollment": "write:enrollments",
    "updateBundleEnrollment": "write:enrollments",
    "listEnrollments": "read:enrollments",
    "createEnrollment": "write:enrollments",
    "getEnrollment": "read:enrollments",
    "updateEnrollment": "write:enrollments",
    "createExternalOrder": "write:external_orders",
    "purchaseExternalOrder": "write:external_orders",
    "refundExternalOrder": "write:external_orders",
}
"""The scope that a bearer token needs, by route name; Thinkific lists only some of them."""


@dataclass(frozen=True)
class AccessToken:
    """A bearer token: it implies its site and carries the role of whoever authorized it."""

    value: str
    subdomain: str
    scopes: frozenset[str]
    role: str
    expires_at: datetime


@dataclass(frozen=True)
class Caller:
    """The site that a request speaks for; ``scopes`` of None (an API key) allow everything."""

    site: Site
    scopes: frozenset[str] | None

    def require(self, route: str | None) -> None:
        """Raise a 403 when the caller's token lacks the scope of the route."""
        needed = SCOPES.get(route or "")
        if self.scopes is not None and needed is not None and needed not in self.scopes:
            raise refusal(403, "Access token has insufficient scope.")


class TokenStore:
    """The access tokens given out so far."""

    def __init__(self) -> None:
        self._tokens: dict[str, AccessToken] = {}

    def issue(
        self, subdomain: str, scopes: frozenset[str], role: str, expires_at: datetime
    ) -> AccessToken:
        """Make and keep a new token."""
        token = AccessToken(secrets.token_hex(32), subdomain, scopes, role, expires_at)
        self._tokens[token.value] = token
        return token

    def find(self, value: str, now: datetime) -> AccessToken | None:
        """Return the token with this value, or None when there is none or it has expired."""
        token = self._tokens.get(value)
        return token if token is not None and token.expires_at > now else None


@dataclass(frozen=True)
class Credentials:
    """Everything that a request's credentials are compared with."""

    sites: Mapping[str, Site]
    tokens: TokenStore
    knobs: Knobs

    def identify(self, headers: Headers, now: datetime) -> Caller:
        """Return who calls; raise the 401 or 403 of Thinkific when nobody usable does."""
        caller = self._by_token(headers, now) or self._by_key(headers)
        if caller is None or not self.knobs.api_plan:
            raise _unauthenticated()
        return caller

    def _by_token(self, headers: Headers, now: datetime) -> Caller | None:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = self.tokens.find(value.strip(), now)
        if token is None:
            raise _unauthenticated()
        if token.role not in ADMIN_ROLES:
            raise refusal(403, "App does not have permission to perform this action.")
        return Caller(self.sites[token.subdomain], token.scopes)

    def _by_key(self, headers: Headers) -> Caller | None:
        site = self.sites.get(headers.get("x-auth-subdomain", ""))
        given = headers.get("x-auth-api-key", "")
        if site is None or not compare_digest(given.encode(), site.api_key.encode()):
            return None
        return Caller(site, None)


def _unauthenticated() -> ApiError:
    return refusal(401, "Authentication Error")

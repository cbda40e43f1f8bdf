"""Connecting a site by OAuth: the start, the grant and its renewal."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from lunas.domain.errors import InvalidInput

SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
START_LIFETIME = timedelta(minutes=10)
"""How long an admin may take on the platform's page."""
EARLY = timedelta(hours=1)
"""How long before its end a token is renewed, which bridges an outage of the platform."""


class Authentication(StrEnum):
    """How Lunas authenticates at the course platform."""

    API_KEY = "api-key"
    ACCESS_TOKEN = "access-token"  # noqa: S105
    OAUTH = "oauth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One try to connect: its random ``state`` is accepted once, for the same site.

    ``verifier`` is PKCE's secret; it stays on the server until the code is exchanged.
    """

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    subdomain: str
    actor: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of a site: an access token for a day, and a refresh token that works once."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """The token endpoint's response. ``site_gid`` is the platform's global id of the site."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    lifetime: timedelta
    site_gid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connected site, without its secrets.

    ``revision`` counts the writes, so that no write replaces a later one. ``refused``: the platform
    no longer renews the tokens, and an admin has to connect the site again; the access token works
    until its end.
    """

    subdomain: str
    actor: str
    connected_at: datetime
    renewed_at: datetime
    expires_at: datetime
    revision: int
    refused: bool = False
    site_gid: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Return whether to renew: an hour early, or after half the lifetime of a short token."""
        early = min(EARLY, (self.expires_at - self.renewed_at) / 2)
        return now >= self.expires_at - early

    def is_usable(self, now: datetime) -> bool:
        """Return whether the access token is still valid."""
        return now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A connected site with its secrets."""

    connection: Connection
    tokens: Tokens


def is_connected(connection: Connection | None, site: str | None) -> bool:
    """Return whether ``site``, if one is configured, is connected and the platform accepts it."""
    if connection is None or connection.refused:
        return False
    return not site or connection.subdomain == site


def check_subdomain(given: str, configured: str | None) -> str:
    """Return a subdomain that credentials may be sent to; InvalidInput for any other."""
    if not SUBDOMAIN.fullmatch(given):
        raise InvalidInput.of("subdomain", "must be the first part of the site's address")
    if configured and given != configured:
        raise InvalidInput.of("subdomain", "is not the site that this stack is set up for")
    return given


def challenge_of(verifier: str) -> str:
    """Return PKCE's S256 challenge of a verifier."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

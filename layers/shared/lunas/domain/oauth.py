"""Connecting a site by OAuth: what is begun, what is granted, when it is renewed."""

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
"""How long before its end a token is renewed: time for the platform to be down, and back again."""


class Authentication(StrEnum):
    """How Lunas authenticates at the course platform."""

    API_KEY = "api-key"
    ACCESS_TOKEN = "access-token"  # noqa: S105
    OAUTH = "oauth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One try to connect: its random ``state`` comes back once, for the same site.

    ``verifier`` is PKCE's secret; it never leaves the server before the code is exchanged.
    """

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    subdomain: str
    actor: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What opens a site: a token for a day, and the key to the next one, which fits once."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What the token endpoint gives. ``site_gid`` is the platform's global id of the site."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    lifetime: timedelta
    site_gid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connected site, without its secrets.

    ``revision`` counts what was written, so that nobody writes over what came later. ``refused``:
    the platform does not renew the tokens any more, and a person has to connect the site again; the
    access token serves until its end.
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
        """Tell whether it is time to renew: an hour early, or half the life of a short one."""
        early = min(EARLY, (self.expires_at - self.renewed_at) / 2)
        return now >= self.expires_at - early

    def is_usable(self, now: datetime) -> bool:
        """Tell whether the token still opens the site."""
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

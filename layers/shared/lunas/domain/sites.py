"""The connected site of the course platform: its OAuth connection and its webhooks."""

import base64
import hashlib
import re
from collections.abc import Iterable
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


TOPICS = ("enrollment.completed", "enrollment.progress")
TOPICS_OF_AN_APP = (*TOPICS, "app.uninstalled")
"""Only an app is uninstalled."""


class WebhookState(StrEnum):
    """The state of a topic's webhooks, or the result of registering them."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    MISSING = "MISSING"
    REGISTERED = "REGISTERED"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook at the platform, ours or another's: one topic, one target."""

    id: str
    topic: str
    target_url: str
    active: bool


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """A topic, its state, and our webhooks for it."""

    topic: str
    state: WebhookState
    webhooks: tuple[Webhook, ...] = ()

    @property
    def works(self) -> bool:
        """Return whether the platform sends events of the topic."""
        return self.state in {WebhookState.ACTIVE, WebhookState.REGISTERED}


def topic_statuses(
    existing: Iterable[Webhook], target: str, topics: Iterable[str]
) -> list[TopicStatus]:
    """Return the state of each topic; webhooks with another target are not ours."""
    ours = [each for each in existing if each.target_url == target]
    return [
        _topic_status(topic, [each for each in ours if each.topic == topic]) for topic in topics
    ]


def _topic_status(topic: str, ours: list[Webhook]) -> TopicStatus:
    if any(each.active for each in ours):
        return TopicStatus(topic, WebhookState.ACTIVE, tuple(ours))
    return TopicStatus(topic, WebhookState.INACTIVE if ours else WebhookState.MISSING, tuple(ours))

"""Responses about the connection to the platform, which contain no secret."""

from datetime import datetime
from typing import NotRequired, TypedDict

from lunas.api.responses import Time, Url
from lunas.domain.sites import Authentication, Connection, is_connected
from lunas.domain.times import to_iso


class RedirectCheckView(TypedDict):
    """The check of a redirect URI for one common mistake, with what to do."""

    name: str
    ok: bool
    message: str


class ConnectionStatusView(TypedDict):
    """How Lunas reaches the platform's site. Paste `redirectUri` into the portal byte for byte.

    `expiresAt` is the end of the current token, which Lunas renews unless `refused` is true.
    """

    redirectUri: Url
    connected: bool
    authentication: Authentication
    checks: list[RedirectCheckView]
    subdomain: NotRequired[str]
    expiresAt: NotRequired[Time]
    renewalDue: NotRequired[bool]
    refused: NotRequired[bool]
    connectedAt: NotRequired[Time]
    connectedBy: NotRequired[str]
    todo: NotRequired[str]


class AuthorizeUrlView(TypedDict):
    """The page where the owner of the site approves the app; valid once, for ten minutes."""

    authorizeUrl: Url


def connection_view(
    connection: Connection | None,
    authentication: Authentication,
    redirect: tuple[str, list[RedirectCheckView]],
    site: str | None,
    now: datetime,
) -> ConnectionStatusView:
    """Show a connection. ``redirect`` is the redirect URI with its checks."""
    uri, checks = redirect
    connected = is_connected(connection, site)
    shown: ConnectionStatusView = {
        "redirectUri": uri,
        "connected": connected,
        "authentication": authentication,
        "checks": checks,
    }
    if connection is not None:
        shown.update(
            {
                "subdomain": connection.subdomain,
                "expiresAt": to_iso(connection.expires_at),
                "renewalDue": connection.is_due(now),
                "refused": connection.refused,
                "connectedAt": to_iso(connection.connected_at),
                "connectedBy": connection.actor,
            }
        )
    return shown

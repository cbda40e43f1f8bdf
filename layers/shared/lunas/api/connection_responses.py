"""What the API shows of the connection to the platform; no secret is part of it."""

from datetime import datetime
from typing import NotRequired, TypedDict

from lunas.api.responses import Time, Url
from lunas.domain.oauth import Connection, is_connected
from lunas.domain.redirect_uri import redirect_checks, redirect_uri
from lunas.domain.times import to_iso
from lunas.platforms.thinkific.credentials import Authentication

INSTALL = "open GET /thinkific/oauth/install as an admin, and let the site's owner press Approve"


class RedirectCheckView(TypedDict):
    """One usual mistake of a redirect URI: whether it was made, and what to do."""

    name: str
    ok: bool
    message: str


class ConnectionStatusView(TypedDict):
    """How Lunas reaches the platform's site. Paste `redirectUri` into the portal byte for byte.

    `expiresAt` is the end of the present token, which renews itself while `refused` is false.
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
    """The page where the owner of the site allows the app; valid once, for ten minutes."""

    authorizeUrl: Url


def connection_view(
    connection: Connection | None,
    authentication: Authentication,
    addresses: tuple[str, str],
    site: str | None,
    now: datetime,
) -> ConnectionStatusView:
    """Show a connection. ``addresses``: the base URL that is set, and the API's own.

    ``todo`` is there when OAuth is in use and a person has to connect the site.
    """
    base, own = addresses
    connected = is_connected(connection, site)
    shown: ConnectionStatusView = {
        "redirectUri": redirect_uri(base),
        "connected": connected,
        "authentication": authentication,
        "checks": [
            {"name": each.name, "ok": each.ok, "message": each.told}
            for each in redirect_checks(base, own)
        ],
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
    if authentication is Authentication.OAUTH and not connected:
        shown["todo"] = INSTALL
    return shown

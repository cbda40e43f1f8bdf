"""How the connection to the platform stands, as an admin sees it; no secret is part of it."""

from datetime import datetime
from typing import Any

from lunas.domain.oauth import Connection
from lunas.domain.redirect_uri import redirect_checks, redirect_uri
from lunas.domain.times import to_iso
from lunas.platforms.thinkific.credentials import Authentication

INSTALL = "open GET /thinkific/oauth/install as an admin, and let the site's owner press Approve"


def connection_view(
    connection: Connection | None,
    authentication: Authentication,
    addresses: tuple[str, str],
    site: str | None,
    now: datetime,
) -> dict[str, Any]:
    """Show a connection. ``addresses``: the base URL that is set, and the API's own.

    ``todo`` is there when OAuth is in use and a person has to connect the site.
    """
    base, own = addresses
    connected = is_connected(connection, site)
    shown: dict[str, Any] = {
        "redirectUri": redirect_uri(base),
        "connected": connected,
        "authentication": authentication.value,
        "checks": [
            {"name": each.name, "ok": each.ok, "told": each.told}
            for each in redirect_checks(base, own)
        ],
    }
    if connection is not None:
        shown |= _details(connection, now)
    if authentication is Authentication.OAUTH and not connected:
        shown["todo"] = INSTALL
    return shown


def is_connected(connection: Connection | None, site: str | None) -> bool:
    """Tell whether the site that is set up is connected, and the platform has not refused since."""
    if connection is None or connection.refused:
        return False
    return not site or connection.subdomain == site


def _details(connection: Connection, now: datetime) -> dict[str, Any]:
    return {
        "subdomain": connection.subdomain,
        "expiresAt": to_iso(connection.expires_at),
        "renewalDue": connection.is_due(now),
        "refused": connection.refused,
        "connectedAt": to_iso(connection.connected_at),
        "connectedBy": connection.actor,
    }

"""The connected site of the platform in the table, and the tries to connect one."""

import hashlib
from collections.abc import Mapping
from math import ceil
from typing import Any

from lunas.domain.oauth import Connection, Start
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change, Item
from lunas.storage.table import Table


class Connections:
    """Reads which site is connected; what opens it stays encrypted."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def connection(self) -> Connection | None:
        """Return the connected site, or None; one GetItem."""
        item = self.item()
        return connection_of(item) if item else None

    def item(self) -> Item | None:
        """Return the item of the connected site, None after it was given up as well."""
        item = self._table.get(keys.oauth_grant())
        return item if item and "encrypted" in item else None


class Starts:
    """Keeps tries to connect. The state itself is not stored: who reads the table cannot use it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, start: Start) -> None:
        """Write a try, one PutItem; it goes by itself when its time is over."""
        item = {
            **keys.oauth_start(_digest(start.state)),
            "type": "oauthStart",
            "verifier": start.verifier,
            "subdomain": start.subdomain,
            "actor": start.actor,
            "expiresAt": to_iso(start.expires_at),
            "ttl": ceil(start.expires_at.timestamp()),
        }
        self._table.put(item, "attribute_not_exists(#pk)")

    def take(self, state: str) -> Start | None:
        """Return the try of a state and delete it, in one DeleteItem: of two callers one gets it.

        None: never begun, taken, or deleted for its age. One that is over may still be there.
        """
        item = self._table.take(keys.oauth_start(_digest(state)))
        return _start(state, item) if item else None


def connection_of(item: Mapping[str, Any]) -> Connection:
    """Read a connected site out of its item."""
    return Connection(
        subdomain=item["subdomain"],
        actor=item["actor"],
        connected_at=from_iso(item["connectedAt"]),
        renewed_at=from_iso(item["renewedAt"]),
        expires_at=from_iso(item["expiresAt"]),
        revision=int(item["revision"]),
        refused=bool(item.get("refused")),
        site_gid=item.get("siteGid"),
    )


def renewal(connection: Connection, encrypted: str) -> Change:
    """Write new tokens over those of the connection's revision, and free the lock."""
    return Change(
        {
            "encrypted": encrypted,
            "renewedAt": to_iso(connection.renewed_at),
            "expiresAt": to_iso(connection.expires_at),
            "refused": None,
            "lockedBy": None,
            "lockedUntil": None,
        },
        adds={"revision": 1},
        condition="#revision = :was",
        given={"was": connection.revision},
    )


def replacement(connection: Connection, encrypted: str) -> Change:
    """Write a new connection, whatever was there."""
    return Change(
        {
            "type": "oauthGrant",
            "encrypted": encrypted,
            "subdomain": connection.subdomain,
            "actor": connection.actor,
            "connectedAt": to_iso(connection.connected_at),
            "renewedAt": to_iso(connection.renewed_at),
            "expiresAt": to_iso(connection.expires_at),
            "siteGid": connection.site_gid,
            "refused": None,
            "lockedBy": None,
            "lockedUntil": None,
        },
        adds={"revision": 1},
    )


def _start(state: str, item: Item) -> Start:
    return Start(
        state=state,
        verifier=item["verifier"],
        subdomain=item["subdomain"],
        actor=item["actor"],
        expires_at=from_iso(item["expiresAt"]),
    )


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()

"""The tokens of the connected site: encrypted, and renewed by one caller at a time."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Protocol

from lunas.domain.oauth import Connection, Grant, Start, Tokens
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change, Item
from lunas.storage.table import Table

LOCK = timedelta(seconds=30)
"""How long one caller may take to renew. Who holds the lock and dies is waited for so long; the
call to the platform takes eight seconds at most."""


class Encryption(Protocol):
    """Makes tokens unreadable, and readable again."""

    def encrypt(self, tokens: Tokens, subdomain: str) -> str:
        """Return the tokens of a site in a form that only :meth:`open` can read."""

    def decrypt(self, encrypted: str, subdomain: str) -> Tokens:
        """Return what was encrypted for this site."""


class Sites:
    """The connected site with its tokens, and attempts to connect one.

    The state of an attempt is not stored: reading the table is not enough to use it.

    Its item stays when the site is given up, so that revisions go on and a worker of old cannot
    write over what comes next.
    """

    def __init__(self, table: Table, encryption: Encryption) -> None:
        self._table = table
        self._encryption = encryption

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

    def read(self) -> Grant | None:
        """Return the connected site with its tokens; one GetItem, and one call to KMS."""
        item = connected_item(self._table)
        if item is None:
            return None
        connection = connection_of(item)
        tokens = self._encryption.decrypt(item["encrypted"], connection.subdomain)
        return Grant(connection=connection, tokens=tokens)

    def connection(self) -> Connection | None:
        """Return the connected site without opening its tokens; one GetItem."""
        return connected_site(self._table)

    def replace(self, connection: Connection, tokens: Tokens) -> Connection:
        """Keep a site that was just connected, instead of any other; one UpdateItem."""
        encrypted = self._encryption.encrypt(tokens, connection.subdomain)
        change = replacement(connection, encrypted)
        _, item = self._table.update_returning(keys.oauth_grant(), change)
        return connection_of(item)

    def lock(self, connection: Connection, now: datetime) -> str | None:
        """Take the lock to renew this revision; one UpdateItem. None while another one has it."""
        name = uuid.uuid4().hex
        change = Change(
            {"lockedBy": name, "lockedUntil": to_iso(now + LOCK)},
            condition="#revision = :was AND attribute_not_exists(#refused)"
            " AND (attribute_not_exists(#lockedUntil) OR #lockedUntil <= :now)",
            given={"was": connection.revision, "now": to_iso(now)},
        )
        return name if self._table.update(keys.oauth_grant(), change) else None

    def renew(self, connection: Connection, tokens: Tokens) -> Grant | None:
        """Keep new tokens, one UpdateItem; None if something else was written since.

        Whoever has them keeps them, even if the lock has passed on meanwhile: these are the
        tokens that the platform gave.
        """
        encrypted = self._encryption.encrypt(tokens, connection.subdomain)
        if not self._table.update(keys.oauth_grant(), renewal(connection, encrypted)):
            return None
        newer = replace(connection, revision=connection.revision + 1)
        return Grant(connection=newer, tokens=tokens)

    def refuse(self, lock: str) -> bool:
        """Note that the platform renews no more, as the holder of the lock; tell whether it was so.

        A lock is of one revision, as every write of another one takes it away. The revision stays:
        should the holder of an earlier lock still bring tokens, they count.
        """
        change = Change(
            {"refused": True},
            condition="#lockedBy = :lock",
            given={"lock": lock},
        )
        return self._table.update(keys.oauth_grant(), change)

    def forget(self, connection: Connection) -> bool:
        """Forget the tokens of a site that was given up; False if others came in their place."""
        change = Change(
            {"encrypted": None, "refused": None, "lockedBy": None, "lockedUntil": None},
            adds={"revision": 1},
            condition="#revision = :was",
            given={"was": connection.revision},
        )
        return self._table.update(keys.oauth_grant(), change)


def connected_site(table: Table) -> Connection | None:
    """Return the connected site, or None, without what opens it: one GetItem."""
    item = connected_item(table)
    return connection_of(item) if item else None


def connected_item(table: Table) -> Item | None:
    """Return the item of the connected site, None after it was disconnected as well."""
    item = table.get(keys.oauth_grant())
    return item if item and "encrypted" in item else None


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

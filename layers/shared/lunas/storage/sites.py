"""The tokens of the connected site: encrypted, and renewed by one caller at a time."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Protocol

from lunas.domain.sites import Connection, Grant, Start, Tokens
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.expressions import Change, Item
from lunas.storage.table import Table

LOCK = timedelta(seconds=30)
"""How long a caller may take to renew. Others wait so long for a caller that crashed with the lock;
the call to the platform takes eight seconds at most."""


class Encryption(Protocol):
    """Encrypts and decrypts tokens."""

    def encrypt(self, tokens: Tokens, subdomain: str) -> str:
        """Encrypt the tokens of a site."""

    def decrypt(self, encrypted: str, subdomain: str) -> Tokens:
        """Decrypt tokens that were encrypted for this site."""


@dataclass(frozen=True, slots=True)
class Sites:
    """The connected site with its tokens, and attempts to connect one.

    Of an attempt's state, only a digest is stored: a reader of the table cannot use it.

    The item of the site stays when it is disconnected, so that revisions go on and a worker with
    an old revision cannot overwrite the next connection.
    """

    table: Table
    encryption: Encryption

    def keep(self, start: Start) -> None:
        """Write an attempt, one PutItem; DynamoDB deletes it when its time is over."""
        item = {
            **keys.oauth_start(_digest(start.state)),
            "type": "oauthStart",
            "verifier": start.verifier,
            "subdomain": start.subdomain,
            "actor": start.actor,
            "expiresAt": to_iso(start.expires_at),
            "ttl": ceil(start.expires_at.timestamp()),
        }
        self.table.put(item, "attribute_not_exists(#pk)")

    def take(self, state: str) -> Start | None:
        """Return the attempt of a state and delete it, one DeleteItem; only one caller gets it.

        Returns None if it never began, was taken, or was deleted for its age. An expired attempt
        may still be returned.
        """
        item = self.table.take(keys.oauth_start(_digest(state)))
        return _start(state, item) if item else None

    def read(self) -> Grant | None:
        """Return the connected site with its tokens; one GetItem, and one call to KMS."""
        item = connected_item(self.table)
        if item is None:
            return None
        connection = connection_of(item)
        tokens = self.encryption.decrypt(item["encrypted"], connection.subdomain)
        return Grant(connection=connection, tokens=tokens)

    def connection(self) -> Connection | None:
        """Return the connected site without decrypting its tokens; one GetItem."""
        return connected_site(self.table)

    def replace(self, connection: Connection, tokens: Tokens) -> Connection:
        """Write a new connection over any other; one UpdateItem."""
        encrypted = self.encryption.encrypt(tokens, connection.subdomain)
        change = replacement(connection, encrypted)
        _, item = self.table.update_returning(keys.oauth_grant(), change)
        return connection_of(item)

    def lock(self, connection: Connection, now: datetime) -> str | None:
        """Take the lock to renew this revision; one UpdateItem. None if another caller has it."""
        name = uuid.uuid4().hex
        change = Change(
            {"lockedBy": name, "lockedUntil": to_iso(now + LOCK)},
            condition="#revision = :was AND attribute_not_exists(#refused)"
            " AND (attribute_not_exists(#lockedUntil) OR #lockedUntil <= :now)",
            given={"was": connection.revision, "now": to_iso(now)},
        )
        return name if self.table.update(keys.oauth_grant(), change) else None

    def renew(self, connection: Connection, tokens: Tokens) -> Grant | None:
        """Write new tokens, one UpdateItem; None if the revision has changed since.

        The lock is not compared: the tokens come from the platform, so they count even if another
        caller has the lock by now.
        """
        encrypted = self.encryption.encrypt(tokens, connection.subdomain)
        if not self.table.update(keys.oauth_grant(), renewal(connection, encrypted)):
            return None
        newer = replace(connection, revision=connection.revision + 1)
        return Grant(connection=newer, tokens=tokens)

    def refuse(self, lock: str) -> bool:
        """Note that the platform refuses to renew; False if the caller no longer has the lock.

        A lock belongs to one revision, since every write of a new revision removes it. The revision
        stays, so that tokens of an earlier holder of the lock still count.
        """
        change = Change({"refused": True}, condition="#lockedBy = :lock", given={"lock": lock})
        return self.table.update(keys.oauth_grant(), change)

    def forget(self, connection: Connection) -> bool:
        """Delete the tokens of a disconnected site; False if the revision has changed since."""
        change = Change(
            {"encrypted": None, "refused": None, "lockedBy": None, "lockedUntil": None},
            adds={"revision": 1},
            condition="#revision = :was",
            given={"was": connection.revision},
        )
        return self.table.update(keys.oauth_grant(), change)


def connected_site(table: Table) -> Connection | None:
    """Return the connected site without its tokens, or None: one GetItem."""
    item = connected_item(table)
    return connection_of(item) if item else None


def connected_item(table: Table) -> Item | None:
    """Return the item of the connected site, or None, also after it was disconnected."""
    item = table.get(keys.oauth_grant())
    return item if item and "encrypted" in item else None


def connection_of(item: Mapping[str, Any]) -> Connection:
    """Return the connection in an item."""
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
    """Return the change that writes new tokens over one revision, and frees the lock."""
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
    """Return the change that writes a new connection over any other."""
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

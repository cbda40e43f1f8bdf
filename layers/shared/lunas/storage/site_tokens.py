"""The tokens of the connected site: encrypted, and renewed by one caller at a time."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from lunas.domain.oauth import Connection, Grant, Tokens
from lunas.domain.times import to_iso
from lunas.storage import keys
from lunas.storage.connections import Connections, connection_of, renewal, replacement
from lunas.storage.expressions import Change
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


class Grants:
    """Keeps the connected site with its tokens.

    Its item stays when the site is given up, so that revisions go on and a worker of old cannot
    write over what comes next.
    """

    def __init__(self, table: Table, encryption: Encryption) -> None:
        self._table = table
        self._encryption = encryption

    def read(self) -> Grant | None:
        """Return the connected site with its tokens; one GetItem, and one call to KMS."""
        item = Connections(self._table).item()
        if item is None:
            return None
        connection = connection_of(item)
        tokens = self._encryption.decrypt(item["encrypted"], connection.subdomain)
        return Grant(connection=connection, tokens=tokens)

    def connection(self) -> Connection | None:
        """Return the connected site without opening its tokens; one GetItem."""
        return Connections(self._table).connection()

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

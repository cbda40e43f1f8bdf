"""Links from users to their accounts at the platform."""

from typing import Any

from lunas.domain.access_claims import AccountLink
from lunas.domain.errors import ConcurrentUpdate
from lunas.storage import keys
from lunas.storage.expressions import Change
from lunas.storage.payment_items import learner_from
from lunas.storage.table import Table

NO_LINK = AccountLink()
"""That of a user who has none."""


class Learners:
    """Keeps which account at the platform belongs to which user."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def platform_user_id(self, user_id: str) -> int | None:
        """Return the account of a user, or None while none is known: one GetItem."""
        return self.link_of(user_id).account_id

    def link_of(self, user_id: str) -> AccountLink:
        """Read the link of a user, an empty one while there is none: one GetItem."""
        item = self._table.get(keys.learner(user_id)) or {}
        return AccountLink(
            account_id=int(item["platformUserId"]) if "platformUserId" in item else None,
            former=frozenset(int(each) for each in item.get("former", ())),
            revision=int(item.get("revision", 0)),
            learner=learner_from(item["learner"]) if "learner" in item else None,
            corrected_by=item.get("correctedBy"),
        )

    def link(self, user_id: str, account_id: int, link: AccountLink = NO_LINK) -> None:
        """Keep the account of a user, in place of the ``link`` that was read: one write.

        Raises ConcurrentUpdate when it has changed since.
        """
        change = Change(
            {"type": "learner", "userId": user_id, "platformUserId": account_id},
            adds={"revision": 1},
            deletes={"former": {str(account_id)}},
            condition=link_as_read(link),
            given=revision_as_read(link),
        )
        if not self._table.update(keys.learner(user_id), change):
            raise ConcurrentUpdate(stale=True)

    def unlink(self, user_id: str, account_id: int) -> None:
        """Forget the account of a user, if it is still this one; it is kept as a former one."""
        change = Change(
            {"platformUserId": None},
            adds={"revision": 1, "former": {str(account_id)}},
            condition="#platformUserId = :gone",
            given={"gone": account_id},
        )
        self._table.update(keys.learner(user_id), change)


def link_as_read(link: AccountLink) -> str:
    """Return the condition that a link is as it was read; see revision_as_read()."""
    return "#revision = :read" if link.revision else "attribute_not_exists(#revision)"


def revision_as_read(link: AccountLink) -> dict[str, Any]:
    """Return the values that link_as_read() compares with."""
    return {"read": link.revision} if link.revision else {}

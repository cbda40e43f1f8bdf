"""Links from users to their accounts at Thinkific."""

from lunas.adapters.store import keys
from lunas.adapters.store.expressions import Change
from lunas.adapters.store.table import Table


class Learners:
    """Keeps which Thinkific account belongs to which user."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def thinkific_user_id(self, user_id: str) -> int | None:
        """Return the account of a user, or None while none is known."""
        item = self._table.get(keys.learner(user_id))
        return int(item["thinkificUserId"]) if item and "thinkificUserId" in item else None

    def link(self, user_id: str, thinkific_user_id: int) -> None:
        """Keep the account of a user; the first one kept stays.

        The user is noted on the account first: after a crash it names one user too many at most.
        """
        noted = Change({"type": "account"}, adds={"users": {user_id}})
        self._table.update(keys.account(thinkific_user_id), noted)
        item = {
            **keys.learner(user_id),
            "type": "learner",
            "userId": user_id,
            "thinkificUserId": thinkific_user_id,
        }
        free = "attribute_not_exists(#thinkificUserId)"
        self._table.put(item, free)

    def unlink(self, user_id: str, thinkific_user_id: int) -> None:
        """Forget the account of a user, if it is still this one."""
        change = Change(
            {"thinkificUserId": None},
            condition="#thinkificUserId = :gone",
            given={"gone": thinkific_user_id},
        )
        self._table.update(keys.learner(user_id), change)

    def users_of(self, thinkific_user_id: int) -> set[str]:
        """Return every user ever linked to an account: several, if they share an address."""
        item = self._table.get(keys.account(thinkific_user_id))
        return set(item["users"]) if item else set()

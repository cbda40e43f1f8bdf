"""Accounts at the platform: one item links a user to an account, one holds a place's claims."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lunas.domain.access_claims import AccountLink, Claims, NamedLearner, Place
from lunas.domain.enrollments import Enrollment, EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.times import from_iso, to_iso
from lunas.storage import keys
from lunas.storage.enrollment_items import shared_attribute
from lunas.storage.expressions import Change, Item, placeholders
from lunas.storage.payment_items import learner_from
from lunas.storage.table import ConditionsFailed, Table

FOREVER = "FOREVER"
"""Text for access without an end, in place of a time."""
PREFIX = "COURSE#"
NO_LINK = AccountLink()
"""The link of a user without an account."""


@dataclass(frozen=True, slots=True)
class Learners:
    """Reads and writes the accounts of users, and the enrollments that lead to a place.

    A claim and a release return all claims as of their own write.
    """

    table: Table

    def platform_user_id(self, user_id: str) -> str | None:
        """Return the account of a user, None if it is not known: one GetItem."""
        return self.link_of(user_id).account_id

    def link_of(self, user_id: str) -> AccountLink:
        """Read the link of a user, an empty one if there is none: one GetItem."""
        item = self.table.get(keys.learner(user_id)) or {}
        return AccountLink(
            account_id=item.get("platformUserId"),
            former=frozenset(item.get("former", ())),
            revision=int(item.get("revision", 0)),
            named=_named_learner(item) if "learner" in item else None,
        )

    def link(self, user_id: str, account_id: str, link: AccountLink = NO_LINK) -> None:
        """Write the account of a user over the ``link`` that was read: one write.

        Raises ConcurrentUpdate if the link has changed since.
        """
        change = Change(
            {"type": "learner", "userId": user_id, "platformUserId": account_id},
            adds={"revision": 1},
            deletes={"former": {account_id}},
            condition=link_as_read(link),
            given=revision_as_read(link),
        )
        if not self.table.update(keys.learner(user_id), change):
            raise ConcurrentUpdate(stale=True)

    def unlink(self, user_id: str, account_id: str) -> None:
        """Make the account of a user a former one, if it is still the user's account."""
        change = Change(
            {"platformUserId": None},
            adds={"revision": 1, "former": {account_id}},
            condition="#platformUserId = :gone",
            given={"gone": account_id},
        )
        self.table.update(keys.learner(user_id), change)

    def claim(self, place: Place, enrollment_id: str, until: datetime | None) -> Claims:
        """Note that an enrollment leads to a place until ``until``; return all claims: one write.

        The returned claims are those right after the write, which increments their version.
        """
        change = Change(
            {"type": "claims"},
            adds={"claims": {enrollment_id}, "given": {_text(until)}, "version": 1},
            deletes={"released": {enrollment_id}},
        )
        return self._changed(place, change)

    def release(self, place: Place, enrollment_id: str) -> Claims:
        """Note that an enrollment no longer leads to a place; return all claims: one write."""
        change = Change(
            {"type": "claims"},
            adds={"released": {enrollment_id}, "version": 1},
            deletes={"claims": {enrollment_id}},
        )
        return self._changed(place, change)

    def note_given(self, place: Place, until: datetime | None) -> None:
        """Note an end of access before Lunas gives access until then: one write."""
        key = keys.claims(place.account_id, place.course_id)
        self.table.update(key, Change({}, adds={"given": {_text(until)}}))

    def note_shared(self, claims: Claims, enrollment: Enrollment, at: datetime) -> None:
        """Note on an enrollment the access that it shares in a place: one transaction, two writes.

        Nothing is written if there was a claim or release after ``claims`` were read, whose own
        run knows more, or if the enrollment was refunded. Raises StorageContention.
        """
        place = keys.claims(claims.place.account_id, claims.place.course_id)
        # This writes the same version, since a condition check would need a permission of its own.
        unmoved = Change(
            {"version": claims.version},
            condition="#version = :read",
            given={"read": claims.version},
        )
        noted = Change(
            {**shared_attribute(enrollment), "updatedAt": to_iso(at)},
            # Nothing else is compared: another payment may take the enrollment over.
            condition="#enrollmentStatus = :enrolled",
            given={"enrolled": EnrollmentStatus.ENROLLED},
        )
        actions = [
            self.table.update_action("place", place, unmoved),
            self.table.update_action("enrollment", keys.enrollment(enrollment.id), noted),
        ]
        with suppress(ConditionsFailed):
            self.table.transact(actions)

    def forget(self, place: Place, enrollment_id: str) -> None:
        """Remove a released enrollment, once the platform has revoked it: one write."""
        key = keys.claims(place.account_id, place.course_id)
        self.table.update(key, Change({}, deletes={"released": {enrollment_id}}))

    def of_account(self, account_id: str) -> dict[Place, Claims]:
        """Read all claims of an account, consistently: one Query of a short partition."""
        request = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": placeholders(
                {"pk": keys.account(account_id), "sk": PREFIX}
            ),
            "ConsistentRead": True,
        }
        items, after = self.table.query(request)
        while after:
            more, after = self.table.query(request, after)
            items += more
        found = [_claims_from(account_id, item) for item in items]
        return {each.place: each for each in found}

    def _changed(self, place: Place, change: Change) -> Claims:
        key = keys.claims(place.account_id, place.course_id)
        _, item = self.table.update_returning(key, change)
        return _claims_from(place.account_id, item)


def link_as_read(link: AccountLink) -> str:
    """Return the condition that a link is unchanged since it was read; see revision_as_read()."""
    return "#revision = :read" if link.revision else "attribute_not_exists(#revision)"


def revision_as_read(link: AccountLink) -> dict[str, Any]:
    """Return the values for link_as_read()."""
    return {"read": link.revision} if link.revision else {}


def _named_learner(item: Item) -> NamedLearner:
    return NamedLearner(learner_from(item["learner"]), item["correctedBy"])


def _claims_from(account_id: str, item: Item) -> Claims:
    return Claims(
        place=Place(account_id, item["sk"].removeprefix(PREFIX)),
        version=int(item["version"]),
        enrollment_ids=frozenset(item.get("claims", ())),
        released=frozenset(item.get("released", ())),
        given=frozenset(_time(each) for each in item.get("given", ())),
    )


def _text(until: datetime | None) -> str:
    return FOREVER if until is None else to_iso(until)


def _time(text: str) -> datetime | None:
    return None if text == FOREVER else from_iso(text)

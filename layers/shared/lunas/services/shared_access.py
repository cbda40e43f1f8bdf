"""Bringing one course of one account at the platform in line with all that was paid for it.

Deliveries of one learner are served one after the other; those of two users who share an account
are not. A revocation may find no other claim, then a delivery of the other user finds an active
row and is done, and then the first ends the row. So each run acts in this order:

1. write: count the version of the place up, with one's own claim or release;
2. read the other enrollments that claim the place;
3. act at the platform for all of them together, and note on each until when access is shared, if
   that is longer than what was paid for it, as long as the version has not moved;
4. read the version: if it moved since the write, go back to 2.

Then what stands there in the end is right. Every change of an enrollment is followed by a run
that begins after it. Take the run Z whose write is the last one: it reads after its write, so it
knows every change, and acts for the right access. A run Y that acts after Z with less knowledge
has read before Z's write; so it finds the version moved in step 4, and acts again, knowing all.
What Y then finds at the platform is at worst its own mistake, or that of another run which will
find the version moved as well. A run that dies is repeated by its message, since it was not noted
yet.

What is noted on the enrollments ends right by the same order, and more simply, since the note has
the version as its condition: after Z's write no run that knows less notes anything. An enrollment
that moves claims two places for a while, and runs at both note on it. So the run that
takes it away from the one takes the note back, once its release keeps others from noting it
again, and then has the other place noted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lunas.domain.access_claims import Claims, Place, access_of, sharing
from lunas.domain.enrollments import Access, Enrollment
from lunas.domain.errors import DeliveryDelayed

if TYPE_CHECKING:
    from lunas.platforms.base import CoursePlatform
    from lunas.services.repositories import Clock, EnrollmentRepository, LearnerRepository

ROUNDS = 6
"""How often a place is acted on again after others changed who has paid for it."""
SOON = 5.0
"""Seconds until the next try where others kept acting on the same place."""


@dataclass(frozen=True, slots=True)
class SharedAccess:
    """Gives and takes away access to a course of an account, for all enrollments that lead there.

    Every method raises DeliveryError and StorageContention.
    """

    enrollments: EnrollmentRepository
    learners: LearnerRepository
    platform: CoursePlatform
    now: Clock

    def give(
        self, enrollment: Enrollment, place: Place, *, create: Callable[[], bool]
    ) -> int | None:
        """Have a place give what is paid for, the enrollment included; return the row's id.

        ``create`` is asked before each look whether to make a row that is not there. None: nothing
        that was paid for lasts any more, and what Lunas gave is ended.
        """

        def act(claims: Claims, access: Access | None) -> int | None:
            if access is None:
                where = (place.account_id, place.course_id)
                self.platform.revoke(*where, self.now(), claims.given)
                return None
            return self.platform.enroll(
                place.account_id,
                place.course_id,
                self.now(),
                access.until,
                create=create(),
                given=claims.given,
            )

        claims = self.learners.claim(place, enrollment.id, enrollment.expires_at)
        platform_enrollment_id, account = self._until_nothing_moves(claims, act, enrollment)
        if self._leave_all(enrollment.id, account.values(), keep=place):
            self._until_nothing_moves(account[place], _nothing, enrollment)
        return platform_enrollment_id

    def leave(self, enrollment_id: str, accounts: Iterable[int]) -> None:
        """Take an enrollment away from every place of some accounts.

        What others have paid for there stays.
        """
        for account in sorted(accounts):
            self._leave_all(enrollment_id, self.learners.of_account(account).values())

    def _leave_all(
        self, enrollment_id: str, claims: Iterable[Claims], keep: Place | None = None
    ) -> bool:
        """Take an enrollment away from places; return whether there was any."""
        named = [each.place for each in claims if each.names(enrollment_id) and each.place != keep]
        for place in named:
            self._leave(enrollment_id, place)
        return bool(named)

    def _leave(self, enrollment_id: str, place: Place) -> None:
        def act(claims: Claims, access: Access | None) -> None:
            where, now = (place.account_id, place.course_id), self.now()
            if access is None:
                # A learner who was refunded must not have the course, however they got it.
                self.platform.revoke(*where, now)
            else:
                # A row that is not there yet is made by the delivery of the one who paid for it.
                self.platform.adjust(*where, now, access.until, claims.given)
            self._take_back(claims, enrollment_id)

        self._until_nothing_moves(self.learners.release(place, enrollment_id), act)
        self.learners.forget(place, enrollment_id)

    def _take_back(self, claims: Claims, enrollment_id: str) -> None:
        """Note on an enrollment that moves away that it shares nothing in a place any more."""
        left = self.enrollments.get(enrollment_id)
        if left is not None and left.shared is not None:
            # Nothing is written where it was refunded: then it shares nothing anyway.
            self.learners.note_shared(claims, replace(left, shared=None), self.now())

    def _until_nothing_moves[T](
        self,
        claims: Claims,
        act: Callable[[Claims, Access | None], T],
        own: Enrollment | None = None,
    ) -> tuple[T, dict[Place, Claims]]:
        """Act until no other run has claimed or released the place meanwhile.

        Returns what the last act did, and all claims of the account as they were read after it.
        """
        for _ in range(ROUNDS):
            claiming = self._claiming(claims, own)
            access = access_of(claiming, self.now())
            if access is not None and access.until not in claims.given:
                self.learners.note_given(claims.place, access.until)
            done = act(claims, access)
            for each in sharing(claiming):
                self.learners.note_shared(claims, each, self.now())
            account = self.learners.of_account(claims.place.account_id)
            if account[claims.place].version == claims.version:
                return done, account
            claims = account[claims.place]
        raise DeliveryDelayed("others keep changing who has paid for the same course", SOON)

    def _claiming(self, claims: Claims, own: Enrollment | None) -> list[Enrollment]:
        """Read the enrollments that claim a place; one's own is known as the run began with it.

        Each later change of it has asked for a run of its own, which comes after this one. Only
        what is shared is read again, for others note that without asking for anything.
        """
        if own is None:
            return self.enrollments.get_many(sorted(claims.enrollment_ids))
        if claims.enrollment_ids == {own.id}:
            return [own]
        ids = claims.enrollment_ids | {own.id}
        read = {each.id: each for each in self.enrollments.get_many(sorted(ids))}
        return list((read | {own.id: replace(own, shared=read[own.id].shared)}).values())


def _nothing(_claims: Claims, _access: Access | None) -> None:
    """Leave the platform as it is: the run has acted there already."""

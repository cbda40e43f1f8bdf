"""Makes one course of one platform account match everything that was paid for it.

Deliveries of one learner run one after another; those of two users who share an account do not. A
revocation may find no other claim; then a delivery of the other user finds an active platform
enrollment and is done; then the revocation ends that platform enrollment. So each run works in this
order:

1. write: increment the version of the place, with its own claim or release;
2. read the other enrollments that claim the place;
3. act at the platform for all of them together, and record on each the end of shared access, if it
   is later than what was paid for it, on condition that the version has not changed;
4. read the version: if it changed since the write, go back to 2.

The final result is correct, because every change of an enrollment is followed by a run that begins
after it. Take the run Z with the last write: it reads after its write, so it knows every change and
acts correctly. A run Y that acts after Z with less knowledge has read before Z's write, so it finds
a changed version in step 4 and acts again, with all changes. The worst that Y then finds at the
platform is its own mistake, or that of another run which will find a changed version too. A run
that crashes is repeated by its message, since it was not recorded.

The same order makes the records on the enrollments correct: as they have the version as their
condition, no run with less knowledge records anything after Z's write. An enrollment that moves
claims two places for a while, and runs at both record on it. So the run that removes it from the
old place clears the record, once its release keeps other runs from recording again, and then
records the new place again.
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

MAX_ATTEMPTS = 6
"""How many times a run acts again after other runs changed the claims of its place."""
SOON = 5.0
"""Seconds until the next try if the claims of a place kept changing."""


@dataclass(frozen=True, slots=True)
class SharedAccess:
    """Gives and ends access to a course of an account, for all enrollments that claim it.

    Every method raises DeliveryError and StorageContention.
    """

    enrollments: EnrollmentRepository
    learners: LearnerRepository
    platform: CoursePlatform
    now: Clock

    def give(
        self, enrollment: Enrollment, place: Place, *, create: Callable[[], bool]
    ) -> str | None:
        """Give the access that is paid for, ``enrollment`` included, in a place.

        Returns the id of the platform enrollment; None if all paid access has ended, and what
        Lunas gave with it. ``create`` decides, each time, whether to create a missing one.
        """

        def act(claims: Claims, access: Access | None) -> str | None:
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

    def remove_access(self, enrollment_id: str, accounts: Iterable[str]) -> None:
        """Remove an enrollment from every place of some accounts.

        Access that other enrollments paid for stays.
        """
        for account in sorted(accounts):
            self._leave_all(enrollment_id, self.learners.of_account(account).values())

    def _leave_all(
        self, enrollment_id: str, claims: Iterable[Claims], keep: Place | None = None
    ) -> bool:
        """Remove an enrollment from places; return whether there was any."""
        named = [each.place for each in claims if each.names(enrollment_id) and each.place != keep]
        for place in named:
            self._leave(enrollment_id, place)
        return bool(named)

    def _leave(self, enrollment_id: str, place: Place) -> None:
        def act(claims: Claims, access: Access | None) -> None:
            where, now = (place.account_id, place.course_id), self.now()
            if access is None:
                # A refunded learner must not have the course, however they got it.
                self.platform.revoke(*where, now)
            else:
                # A missing platform enrollment is created by the delivery of whom it belongs to.
                self.platform.adjust(*where, now, access.until, claims.given)
            self._take_back(claims, enrollment_id)

        self._until_nothing_moves(self.learners.release(place, enrollment_id), act)
        self.learners.forget(place, enrollment_id)

    def _take_back(self, claims: Claims, enrollment_id: str) -> None:
        """Record on an enrollment that moves away that it has no shared access in a place."""
        left = self.enrollments.get(enrollment_id)
        if left is not None and left.shared is not None:
            # Nothing is written on a refunded one, which has no shared access anyway.
            self.learners.note_shared(claims, replace(left, shared=None), self.now())

    def _until_nothing_moves[T](
        self,
        claims: Claims,
        act: Callable[[Claims, Access | None], T],
        own: Enrollment | None = None,
    ) -> tuple[T, dict[Place, Claims]]:
        """Act until no other run has claimed or released the place meanwhile.

        Returns the result of the last act, and all claims of the account as read after it.
        """
        for _ in range(MAX_ATTEMPTS):
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
        raise DeliveryDelayed("the claims of the same course keep changing", SOON)

    def _claiming(self, claims: Claims, own: Enrollment | None) -> list[Enrollment]:
        """Read the enrollments that claim a place, except ``own``, as which the run began.

        Each later change of it has requested another run after this one. Only its ``shared`` access
        is read again, since other runs record that without requesting one.
        """
        if own is None:
            return self.enrollments.get_many(sorted(claims.enrollment_ids))
        if claims.enrollment_ids == {own.id}:
            return [own]
        ids = claims.enrollment_ids | {own.id}
        read = {each.id: each for each in self.enrollments.get_many(sorted(ids))}
        return list((read | {own.id: replace(own, shared=read[own.id].shared)}).values())


def _nothing(_claims: Claims, _access: Access | None) -> None:
    """Change nothing at the platform: the run has acted already."""

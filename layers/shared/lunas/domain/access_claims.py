"""The enrollments that lead to one course of one platform account, and their combined access.

There may be several: two catalog courses mapped to one course of the platform, two users who share
an account, a course whose mapping changed. The platform stores a single platform enrollment for
them, with the longest access (docs/decisions/0024-one-decision-for-a-course-of-an-account.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from lunas.domain.enrollments import Access, Enrollment, EnrollmentStatus, is_owed, latest
from lunas.domain.users import Learner


@dataclass(frozen=True, slots=True)
class NamedLearner:
    """Whom an admin named for a user, by correcting the payment ``payment_id``."""

    learner: Learner
    payment_id: str


@dataclass(frozen=True, slots=True)
class AccountLink:
    """The platform account of a user, as read at one moment.

    ``former``: accounts linked before, which may still hold deliveries. ``revision`` grows with
    each change. ``named`` takes precedence over the learner of any payment when the account is
    looked up or created.
    """

    account_id: str | None = None
    former: frozenset[str] = frozenset()
    revision: int = 0
    named: NamedLearner | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A course of a platform account, by the platform's ids of both."""

    account_id: str
    course_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The enrollments that lead to a place, as read at one moment.

    ``version`` grows with each claim and each release. ``released``: enrollments that no longer
    lead to the place, until that is applied at the platform. ``given``: every end of access that
    Lunas ever set for the place; access with any other end came from elsewhere.
    """

    place: Place
    version: int
    enrollment_ids: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    given: frozenset[datetime | None] = frozenset()

    def names(self, enrollment_id: str) -> bool:
        """Return whether an enrollment leads to the place, or was released and not yet removed."""
        return enrollment_id in self.enrollment_ids | self.released


def access_of(enrollments: Iterable[Enrollment], now: datetime) -> Access | None:
    """Return the longest access that is paid for at a moment, None if there is none.

    Shared access does not count: an enrollment would keep it after its own refund.
    """
    live = [each.expires_at for each in enrollments if is_owed(each, now)]
    return Access(latest(live)) if live else None


def sharing(enrollments: Iterable[Enrollment]) -> list[Enrollment]:
    """Return the enrollments of a place whose ``shared`` access is out of date, corrected.

    The result does not depend on the time, so it is stable even after all access has ended.
    """
    enrolled = [each for each in enrollments if each.status is EnrollmentStatus.ENROLLED]
    longest = Access(latest(each.expires_at for each in enrolled)) if enrolled else None
    noted = [
        replace(each, shared=longest if longest != Access(each.expires_at) else None)
        for each in enrolled
    ]
    return [after for before, after in zip(enrolled, noted, strict=True) if after != before]

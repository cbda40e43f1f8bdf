"""Which enrollments lead to one course of one account at the platform, and what they give together.

Several may: two catalog courses that are mapped to one course there, two users who share an
account, a course that was mapped otherwise before. There it is one row, and the longest access
counts (docs/decisions/0024-one-decision-for-a-course-of-an-account.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from lunas.domain.enrollments import Access, Enrollment, EnrollmentStatus, is_owed, latest
from lunas.domain.users import Learner


@dataclass(frozen=True, slots=True)
class AccountLink:
    """Which account at the platform belongs to a user, as read at one moment.

    ``former``: accounts that were linked before, where something may have been delivered.
    ``revision`` grows with each change. ``learner``: whom an admin has named for this user, by
    correcting the payment ``corrected_by``; the account is found and made by them, whatever
    another payment says.
    """

    account_id: int | None = None
    former: frozenset[int] = frozenset()
    revision: int = 0
    learner: Learner | None = None
    corrected_by: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A course of an account at the platform, by its ids of both."""

    account_id: int
    course_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The enrollments that lead to a place, as read at one moment.

    ``version`` grows with each claim and each release. ``released``: enrollments that led here
    and do not any more, while that is still to be done at the platform. ``given``: every time until
    which Lunas has ever given access here; what lasts until another time is not Lunas' own.
    """

    place: Place
    version: int
    enrollment_ids: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    given: frozenset[datetime | None] = frozenset()

    def names(self, enrollment_id: str) -> bool:
        """Tell whether an enrollment leads here, or did and has yet to be taken away."""
        return enrollment_id in self.enrollment_ids | self.released


def access_of(enrollments: Iterable[Enrollment], now: datetime) -> Access | None:
    """Return the longest access that enrollments have paid for at a moment, None if none has any.

    Each counts for what was paid for it: access that it shares would outlive its own refund.
    """
    live = [each.expires_at for each in enrollments if is_owed(each, now)]
    return Access(latest(live)) if live else None


def sharing(enrollments: Iterable[Enrollment]) -> list[Enrollment]:
    """Return the enrollments of a place that do not know yet until when access is shared there.

    They come as they are to be noted. It is the same at any moment, also when all of it is over.
    """
    enrolled = [each for each in enrollments if each.status is EnrollmentStatus.ENROLLED]
    longest = Access(latest(each.expires_at for each in enrolled)) if enrolled else None
    noted = [
        replace(each, shared=longest if longest != Access(each.expires_at) else None)
        for each in enrolled
    ]
    return [after for before, after in zip(enrolled, noted, strict=True) if after != before]

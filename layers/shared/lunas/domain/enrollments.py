"""An enrollment: a learner's right to one course, and how far the platform knows of it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class EnrollmentStatus(StrEnum):
    """Whether the learner has the course."""

    ENROLLED = "ENROLLED"
    NOT_ENROLLED = "NOT_ENROLLED"


class DeliveryStatus(StrEnum):
    """Whether the platform has the enrollment."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The way of an enrollment to the platform.

    ``request`` counts how often delivery was asked for: it tells a message of today from one
    that an earlier request left in the queue. ``due_at`` is when a delivery that is still
    PENDING is asked for again.
    """

    status: DeliveryStatus = DeliveryStatus.PENDING
    request: int = 1
    attempts: int = 0
    platform_user_id: int | None = None
    platform_enrollment_id: int | None = None
    last_error: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Access to a course: ``until`` then, None: for good."""

    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """A learner's right to one course.

    ``claims``: where several settled payments have paid for it, each of them, ``payment_id``
    included, with the time until which it gives access (None: for good); empty while one has.
    ``expires_at``: when access ends that was paid for it, the latest of these times, None: never.
    ``shared``: longer access that others have paid for who lead to the same course of the same
    account at the platform, None where there is none. ``counted``: whether the course's counter has
    it, which after a refund it does until the platform has revoked it.
    ``platform_course_id``: the mapping as it was when the course was bought, then as it was
    delivered; the catalog's present one goes first. ``certificate_url``: where the platform shows
    the certificate of a completed course.
    """

    id: str
    payment_id: str
    user_id: str
    course_id: str
    course_name: str
    created_at: datetime
    updated_at: datetime
    status: EnrollmentStatus = EnrollmentStatus.ENROLLED
    progress: int = 0
    delivery: Delivery = Delivery()
    claims: Mapping[str, datetime | None] = field(default_factory=dict)
    expires_at: datetime | None = None
    shared: Access | None = None
    counted: bool = True
    platform_course_id: int | None = None
    correlation_id: str | None = None
    certificate_url: str | None = None

    @property
    def paid_by(self) -> Mapping[str, datetime | None]:
        """Return every payment that gives access, with the time until which it does."""
        return self.claims or {self.payment_id: self.expires_at}

    @property
    def ends_at(self) -> datetime | None:
        """Return when the learner's access ends, whoever has paid for it; None: never.

        One that was refunded has no part any more in what others have paid for.
        """
        if self.shared is None or self.status is EnrollmentStatus.NOT_ENROLLED:
            return self.expires_at
        return latest([self.expires_at, self.shared.until])


def latest(ends: Iterable[datetime | None]) -> datetime | None:
    """Return the latest of some times at which access ends; None, which is never, beats all."""
    known = list(ends)
    return None if None in known else max(each for each in known if each is not None)


def paid_for(enrollment: Enrollment, claims: Mapping[str, datetime | None]) -> Enrollment:
    """Return the enrollment as these payments pay for it: the longest of them counts."""
    several = claims if len(claims) > 1 else {}
    return replace(enrollment, claims=several, expires_at=latest(claims.values()))


def has_access(enrollment: Enrollment, now: datetime) -> bool:
    """Tell whether the learner has the course at a moment: neither refunded nor over.

    What others have paid for in the same place counts. What an enrollment is owed by itself,
    which is what a purchase and a refund go by, is told by :func:`is_owed`.
    """
    lasts = enrollment.ends_at is None or enrollment.ends_at > now
    return enrollment.status is EnrollmentStatus.ENROLLED and lasts


def is_owed(enrollment: Enrollment, now: datetime) -> bool:
    """Tell whether the payments of an enrollment itself give access at a moment."""
    lasts = enrollment.expires_at is None or enrollment.expires_at > now
    return enrollment.status is EnrollmentStatus.ENROLLED and lasts


def enrollment_id(user_id: str, course_id: str) -> str:
    """Return the one id that an enrollment of this user in this course can have.

    The item's own existence is thereby the rule "at most one per user and course". The length
    in front keeps ("ab", "c") and ("a", "bc") apart.
    """
    named = f"{len(user_id)}:{user_id}:{course_id}"
    return f"enr{hashlib.sha256(named.encode()).hexdigest()[:32]}"

"""An enrollment: a learner's right to one course, and its delivery to the platform."""

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
    """The delivery of an enrollment to the platform.

    ``request`` counts the delivery requests, so that a message of an earlier one can be recognized.
    ``due_at`` is when a delivery that is still PENDING is requested again.
    """

    status: DeliveryStatus = DeliveryStatus.PENDING
    request: int = 1
    attempts: int = 0
    platform_user_id: str | None = None
    platform_enrollment_id: str | None = None
    last_error: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Access to a course, ``until`` a moment; None: without end."""

    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """A learner's right to one course.

    ``claims``: the settled payments that pay for it, ``payment_id`` included, each with the end of
    its access (None: without end); empty while there is only one. ``expires_at``: the latest of
    these ends, None: never. ``shared``: longer access through other enrollments of the same place,
    None without any. ``counted``: whether the course's counter includes it, which after a refund
    it does until the platform has revoked it. ``platform_course_id``: the mapping at purchase,
    later at delivery; the catalog's current mapping takes precedence. ``certificate_url``: where
    the platform shows the certificate of a completed course.
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
    platform_course_id: str | None = None
    correlation_id: str | None = None
    certificate_url: str | None = None

    @property
    def paid_by(self) -> Mapping[str, datetime | None]:
        """Return every payment that gives access, with the end of that access."""
        return self.claims or {self.payment_id: self.expires_at}

    @property
    def ends_at(self) -> datetime | None:
        """Return when the learner's access ends, shared access included; None: never.

        A refunded enrollment has no part in shared access.
        """
        if self.shared is None or self.status is EnrollmentStatus.NOT_ENROLLED:
            return self.expires_at
        return latest([self.expires_at, self.shared.until])


def latest(ends: Iterable[datetime | None]) -> datetime | None:
    """Return the latest end of access; None, which means never, is later than any time."""
    known = list(ends)
    return None if None in known else max(each for each in known if each is not None)


def paid_for(enrollment: Enrollment, claims: Mapping[str, datetime | None]) -> Enrollment:
    """Return the enrollment with these claims; the longest determines its end."""
    several = claims if len(claims) > 1 else {}
    return replace(enrollment, claims=several, expires_at=latest(claims.values()))


def has_access(enrollment: Enrollment, now: datetime) -> bool:
    """Return whether the learner has access to the course at a moment.

    Shared access counts. Purchases and refunds go by :func:`is_owed`, which leaves it out.
    """
    lasts = enrollment.ends_at is None or enrollment.ends_at > now
    return enrollment.status is EnrollmentStatus.ENROLLED and lasts


def is_owed(enrollment: Enrollment, now: datetime) -> bool:
    """Return whether an enrollment's own payments give access at a moment."""
    lasts = enrollment.expires_at is None or enrollment.expires_at > now
    return enrollment.status is EnrollmentStatus.ENROLLED and lasts


def enrollment_id(user_id: str, course_id: str) -> str:
    """Return the id of the enrollment of this user in this course.

    As it derives from both, at most one can exist. The length in front keeps ("ab", "c") and
    ("a", "bc") apart.
    """
    named = f"{len(user_id)}:{user_id}:{course_id}"
    return f"enr{hashlib.sha256(named.encode()).hexdigest()[:32]}"

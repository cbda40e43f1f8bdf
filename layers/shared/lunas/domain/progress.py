"""How far a learner is, as the platform tells it, and what becomes of that here.

The platform writes progress as text, in the API from 0 to 1 and in events mostly from 0 to 100.
Progress never goes down, whatever comes in whatever order.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from lunas.domain.enrollments import Enrollment, EnrollmentStatus

COMPLETE = 100
EVENT_LIFETIME = timedelta(days=3)
"""How long an event is known again by its id: the platform is said to repeat one for 16 hours."""
FIRST_LOOK = timedelta(days=30)
"""How far back the first progress sync of a stack begins."""
OVERLAP = timedelta(days=1)
"""How much of the time before is read again: each change is seen on two nights, so that a row
which slipped from one page to another meanwhile, or a delivery that was noted late, is not missed,
nor what clocks that differ would hide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReport:
    """How far a learner is in a course, by the platform's ids of row, account and course.

    ``percent`` is whole and rounded down; None where the number can mean two things, or nothing.
    """

    platform_enrollment_id: int
    user_id: int
    course_id: int
    percent: int | None
    certificate_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """A report that came as an event, which has an id of its own."""

    id: str
    report: ProgressReport
    correlation_id: str | None = None


class ProgressResult(StrEnum):
    """What became of a report."""

    NOTED = "NOTED"
    NOTHING_NEW = "NOTHING_NEW"
    DUPLICATE = "DUPLICATE"
    """The same event came earlier."""
    NOT_OURS = "NOT_OURS"
    """Nobody here has this row: the learner was enrolled by others, or is not delivered yet."""
    REVOKED = "REVOKED"
    """The enrollment was refunded, and is left alone."""
    UNREADABLE = "UNREADABLE"
    """The platform does not say how far the learner is, or does not know the row any more."""


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """A page of what changed: reports, and the number of the next page, None at the end."""

    reports: tuple[ProgressReport, ...]
    next_page: int | None


@dataclass(frozen=True, slots=True)
class SyncPosition:
    """How far the progress sync is: it reads what changed ``since``, and has ``page`` before it.

    ``began`` is when this walk through the pages began, None between two walks.
    """

    since: datetime
    began: datetime | None = None
    page: int = 1

    def begun(self, now: datetime) -> "SyncPosition":
        """Return the walk that is under way, or a new one."""
        return self if self.began else replace(self, began=now, page=1)

    def turned(self, page: int) -> "SyncPosition":
        """Return the walk with another page before it."""
        return replace(self, page=page)

    def ended(self) -> "SyncPosition":
        """Return where the next walk begins, once the last page was noted."""
        return SyncPosition(max(self.since, (self.began or self.since) - OVERLAP))


def first_position(now: datetime) -> SyncPosition:
    """Return where a stack begins whose progress was never synced."""
    return SyncPosition(now - FIRST_LOOK)


def event_percent(value: object, *, completed: bool) -> int | None:
    """Read the progress of an event: 0 to 100, or perhaps 0 to 1.

    A number up to 1 may be 1 percent or all of it, so it tells nothing.

    >>> event_percent("24.0", completed=False), event_percent("0.5", completed=False)
    (24, None)
    """
    number = _number(value)
    if completed:
        return COMPLETE
    return None if number is None or 0 < number <= 1 else int(number)


def enrollment_percent(value: object, *, completed: bool) -> int | None:
    """Read the progress of a row of the API: 0 to 1; what is above 1 can only be percent.

    >>> row_percent("0.24", completed=False)
    24
    """
    number = _number(value)
    if completed:
        return COMPLETE
    if number is None:
        return None
    return int(number * 100 if number <= 1 else number)


def concerned(report: ProgressReport, enrollments: Iterable[Enrollment]) -> list[Enrollment]:
    """Return the enrollments that a report is about: the same account and course at the platform.

    There are several where users share an account there. That a row has the same number is not
    enough: an app's key also signs the events of other sites.
    """
    return [
        each
        for each in enrollments
        if each.delivery.platform_enrollment_id == report.platform_enrollment_id
        and each.delivery.platform_user_id == report.user_id
        and each.platform_course_id == report.course_id
    ]


def is_open(enrollment: Enrollment) -> bool:
    """Tell whether a report may change an enrollment: one that was refunded stays as it was."""
    return enrollment.status is EnrollmentStatus.ENROLLED


def advanced(enrollment: Enrollment, report: ProgressReport, at: datetime) -> Enrollment:
    """Return an enrollment with what a report adds to it; as it was if it adds nothing."""
    progress = max(enrollment.progress, report.percent or 0)
    certificate = report.certificate_url or enrollment.certificate_url
    if (progress, certificate) == (enrollment.progress, enrollment.certificate_url):
        return enrollment
    return replace(enrollment, progress=progress, certificate_url=certificate, updated_at=at)


def _number(value: object) -> Decimal | None:
    """Read a number from 0 to 100, also as text; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number <= COMPLETE else None

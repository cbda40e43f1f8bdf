"""A learner's progress, as the platform reports it and Lunas records it.

The platform sends progress as text, from 0 to 1 in the API and mostly from 0 to 100 in events.
Progress never goes down, in whatever order reports arrive.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from lunas.domain.enrollments import Enrollment, EnrollmentStatus

COMPLETE = 100
EVENT_LIFETIME = timedelta(days=3)
"""How long an event's id is remembered: the platform repeats an event for up to 16 hours."""
FIRST_LOOK = timedelta(days=30)
"""How far back the first progress sync of a stack begins."""
OVERLAP = timedelta(days=1)
"""How much is read again: each change is seen on two nights, so that none is missed because it
moved between pages, its delivery was recorded late, or clocks differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReport:
    """A learner's progress in a course, by the ids of platform enrollment, account and course.

    ``percent`` is whole and rounded down; None if the number is ambiguous or invalid.
    """

    platform_enrollment_id: str
    user_id: str
    course_id: str
    percent: int | None
    certificate_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """A report that arrived as an event, with the event's id."""

    id: str
    report: ProgressReport
    correlation_id: str | None = None


class ProgressResult(StrEnum):
    """The result of handling a report."""

    NOTED = "NOTED"
    NOTHING_NEW = "NOTHING_NEW"
    DUPLICATE = "DUPLICATE"
    """The same event came earlier."""
    NOT_OURS = "NOT_OURS"
    """No enrollment of ours has this id: it is someone else's, or not delivered yet."""
    REVOKED = "REVOKED"
    """The enrollment was refunded, so it does not change."""
    UNREADABLE = "UNREADABLE"
    """The platform sent no usable progress, or no longer has the platform enrollment."""


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """A page of changes: reports, and the number of the next page, None at the end."""

    reports: tuple[ProgressReport, ...]
    next_page: int | None


@dataclass(frozen=True, slots=True)
class SyncPosition:
    """The position of the progress sync: it reads changes ``since``, with ``page`` next.

    ``began`` is when this pass over the pages began, None between two passes.
    """

    since: datetime
    began: datetime | None = None
    page: int = 1

    def begun(self, now: datetime) -> "SyncPosition":
        """Return the current pass, or a new one."""
        return self if self.began else replace(self, began=now, page=1)

    def turned(self, page: int) -> "SyncPosition":
        """Return the pass with another page next."""
        return replace(self, page=page)

    def ended(self) -> "SyncPosition":
        """Return where the next pass begins, once the last page is recorded."""
        return SyncPosition(max(self.since, (self.began or self.since) - OVERLAP))


def first_position(now: datetime) -> SyncPosition:
    """Return the start of a stack's first progress sync."""
    return SyncPosition(now - FIRST_LOOK)


def event_percent(value: object, *, completed: bool) -> int | None:
    """Read the progress of an event: 0 to 100, or perhaps 0 to 1.

    A number up to 1 may mean 1 percent or 100 percent, so it is not used.

    >>> event_percent("24.0", completed=False), event_percent("0.5", completed=False)
    (24, None)
    """
    number = _number(value)
    if completed:
        return COMPLETE
    return None if number is None or 0 < number <= 1 else int(number)


def enrollment_percent(value: object, *, completed: bool) -> int | None:
    """Read the progress of a platform enrollment: 0 to 1; a number above 1 can only be percent.

    >>> enrollment_percent("0.24", completed=False)
    24
    """
    number = _number(value)
    if completed:
        return COMPLETE
    if number is None:
        return None
    return int(number * 100 if number <= 1 else number)


def concerned(report: ProgressReport, enrollments: Iterable[Enrollment]) -> list[Enrollment]:
    """Return the enrollments that a report is about: those of the same account and course.

    There are several where users share an account. The id of the platform enrollment alone is not
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
    """Return whether a report may change an enrollment: a refunded one does not change."""
    return enrollment.status is EnrollmentStatus.ENROLLED


def advanced(enrollment: Enrollment, report: ProgressReport, at: datetime) -> Enrollment:
    """Return an enrollment with a report applied; unchanged if the report adds nothing."""
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

"""Whether the access that the platform gives is what was paid for, course by course.

It decides by the enrollments and by the platform's rows alone, and shares no code with what
delivers but the two definitions that both stand on: what claims a course, and the longest access
(docs/decisions/0024-one-decision-for-a-course-of-an-account.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lunas.domain.access_claims import Claims, Place, access_of
from lunas.domain.differences import Code
from lunas.domain.enrollments import Access, DeliveryStatus, Enrollment, latest

NEARLY_OVER = timedelta(hours=1)
"""What ends within this time is not missed any more: two clocks may differ."""


@dataclass(frozen=True, slots=True)
class PlatformAccess:
    """A row of the platform that gives full access to a course now, ``until`` then or for good."""

    course_id: int
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A difference between what was paid for and what the platform gives in one place.

    Asking for the delivery of ``enrollment`` again brings the place in line; ``release`` tells
    whether the place has to be named for it first.
    """

    code: Code
    place: Place
    enrollment: Enrollment
    text: str
    release: bool = False


def place_of(enrollment: Enrollment) -> Place | None:
    """Return where an enrollment was brought or taken away; None if nothing was, or it moves."""
    account, course = enrollment.delivery.platform_user_id, enrollment.platform_course_id
    stored = enrollment.delivery.status in {DeliveryStatus.DELIVERED, DeliveryStatus.REVOKED}
    return Place(account, course) if stored and account and course else None


def gap(
    own: Enrollment,
    claims: Claims,
    claiming: Sequence[Enrollment],
    rows: Iterable[PlatformAccess],
    now: datetime,
) -> Gap | None:
    """Return what differs in the place of an enrollment, None where all is well or still moves.

    ``claiming`` are all enrollments that ``claims`` names. Access that lasts until a time which
    Lunas never gave came by other means, and is no difference.
    """
    if any(each.delivery.status is DeliveryStatus.PENDING for each in claiming):
        return None
    there = [row.until for row in rows if row.course_id == claims.place.course_id]
    given = Access(latest(there)) if there else None
    staying = [each for each in claiming if each.id not in claims.released]
    brought = [each for each in staying if each.delivery.status is DeliveryStatus.DELIVERED]
    owed = access_of(brought, now + NEARLY_OVER)
    if owed and not _covers(given, owed):
        text = f"paid for {_described(owed)}, and the platform gives {_described(given)}"
        return _gap(Code.ACCESS_MISSING, claims, own, brought, text)
    paid = access_of(staying, now)
    if given and not _covers(paid, given) and _is_given(claims, given):
        text = f"paid for {_described(paid)}, and the platform gives {_described(given)}"
        return _gap(Code.ACCESS_LEFT, claims, own, brought, text)
    return None


def _gap(
    code: Code, claims: Claims, own: Enrollment, brought: Sequence[Enrollment], text: str
) -> Gap:
    """Name the enrollment whose delivery, which acts for all together, mends the place."""
    enrollment = next((each for each in (own, *brought) if each in brought), own)
    detail = f"course {claims.place.course_id} of account {claims.place.account_id}: {text}"
    return Gap(
        code=code,
        place=claims.place,
        enrollment=enrollment,
        text=detail,
        release=enrollment.delivery.status is DeliveryStatus.REVOKED,
    )


def _covers(given: Access | None, owed: Access) -> bool:
    """Tell whether access lasts at least as long as another; the platform keeps whole seconds."""
    if given is None:
        return False
    if given.until is None or owed.until is None:
        return given.until is None
    return _second(given.until) >= _second(owed.until)


def _is_given(claims: Claims, access: Access) -> bool:
    if access.until is None:
        return None in claims.given
    return _second(access.until) in {_second(each) for each in claims.given if each is not None}


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _described(access: Access | None) -> str:
    if access is None:
        return "no access"
    return (
        f"access until {_second(access.until).isoformat()}" if access.until else "access for good"
    )

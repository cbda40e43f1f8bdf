"""Compares the access that the platform gives with what was paid for, place by place.

It uses only the enrollments and the platform enrollments, and shares no code with the delivery but
two definitions: which enrollments claim a place, and which access is the longest
(docs/decisions/0024-one-decision-for-a-course-of-an-account.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lunas.domain.access_claims import Claims, Place, access_of
from lunas.domain.differences import Code
from lunas.domain.enrollments import Access, DeliveryStatus, Enrollment, latest

NEARLY_OVER = timedelta(hours=1)
"""Access that ends within this time is not reported as missing: two clocks may differ."""


@dataclass(frozen=True, slots=True)
class PlatformAccess:
    """A platform enrollment that gives full access to a course; ``until`` None: without end."""

    course_id: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A difference between what was paid for and what the platform gives in one place.

    Requesting the delivery of ``enrollment`` again fixes it; ``release``: the place has to be
    added to its released ones first.
    """

    code: Code
    place: Place
    enrollment: Enrollment
    text: str
    release: bool = False


def place_of(enrollment: Enrollment) -> Place | None:
    """Return the place of an enrollment; None if none is stored yet or a delivery is pending."""
    account, course = enrollment.delivery.platform_user_id, enrollment.platform_course_id
    stored = enrollment.delivery.status in {DeliveryStatus.DELIVERED, DeliveryStatus.REVOKED}
    return Place(account, course) if stored and account and course else None


def gap(
    own: Enrollment,
    claims: Claims,
    claiming: Sequence[Enrollment],
    accesses: Iterable[PlatformAccess],
    now: datetime,
) -> Gap | None:
    """Return the difference in the place of an enrollment, None without one or while it changes.

    ``claiming`` are all enrollments that ``claims`` names. Access with an end that Lunas never set
    came from elsewhere and is no difference.
    """
    if any(each.delivery.status is DeliveryStatus.PENDING for each in claiming):
        return None
    ends = [each.until for each in accesses if each.course_id == claims.place.course_id]
    given = Access(latest(ends)) if ends else None
    staying = [each for each in claiming if each.id not in claims.released]
    delivered = [each for each in staying if each.delivery.status is DeliveryStatus.DELIVERED]
    owed = access_of(delivered, now + NEARLY_OVER)
    if owed and not _covers(given, owed):
        text = f"paid for {_described(owed)}, and the platform gives {_described(given)}"
        return _gap(Code.ACCESS_MISSING, claims, own, delivered, text)
    paid = access_of(staying, now)
    if given and not _covers(paid, given) and _is_given(claims, given):
        text = f"paid for {_described(paid)}, and the platform gives {_described(given)}"
        return _gap(Code.ACCESS_LEFT, claims, own, delivered, text)
    return None


def _gap(
    code: Code, claims: Claims, own: Enrollment, delivered: Sequence[Enrollment], text: str
) -> Gap:
    """Choose the enrollment to deliver again; one delivery fixes the place for all of them."""
    enrollment = next((each for each in (own, *delivered) if each in delivered), own)
    detail = f"course {claims.place.course_id} of account {claims.place.account_id}: {text}"
    return Gap(
        code=code,
        place=claims.place,
        enrollment=enrollment,
        text=detail,
        release=enrollment.delivery.status is DeliveryStatus.REVOKED,
    )


def _covers(given: Access | None, owed: Access) -> bool:
    """Return whether access lasts at least as long as another.

    The platform stores whole seconds.
    """
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

"""Comparing the access that Thinkific gives in a place with what was paid for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lunas.domain.access_claims import Claims, Place
from lunas.domain.access_comparison import NEARLY_OVER, Gap, PlatformAccess, gap, place_of
from lunas.domain.differences import Code
from lunas.domain.enrollments import (
    Delivery,
    DeliveryStatus,
    Enrollment,
    EnrollmentStatus,
    enrollment_id,
)
from tests.support.builders import NOW, enrollment

ACCOUNT, COURSE = "42", "2000001"
PLACE = Place(ACCOUNT, COURSE)
DAY = timedelta(days=1)
SOON, LATE = NOW + 30 * DAY, NOW + 90 * DAY
ENDLESS = None
"""Access without an end."""


def placed_enrollment(
    user: str = "u1",
    until: datetime | None = ENDLESS,
    status: DeliveryStatus = DeliveryStatus.DELIVERED,
) -> Enrollment:
    """Build an enrollment as its delivery leaves it."""
    return enrollment(
        id=enrollment_id(user, "c1"),
        user_id=user,
        expires_at=until,
        platform_course_id=COURSE,
        delivery=Delivery(status=status, platform_user_id=ACCOUNT),
    )


def revoked(user: str = "u1", until: datetime | None = ENDLESS) -> Enrollment:
    gone = placed_enrollment(user, until, DeliveryStatus.REVOKED)
    return replace(gone, status=EnrollmentStatus.NOT_ENROLLED)


def found(
    claiming: Sequence[Enrollment],
    *actual: datetime | None,
    own: Enrollment | None = None,
    given: Sequence[datetime | None] = (ENDLESS, SOON, LATE),
    released: Sequence[Enrollment] = (),
) -> Gap | None:
    """Compare a place with platform enrollments that last until these times."""
    claims = Claims(
        place=PLACE,
        version=1,
        enrollment_ids=frozenset(each.id for each in claiming),
        released=frozenset(each.id for each in released),
        given=frozenset(given),
    )
    accesses = [PlatformAccess(COURSE, until) for until in actual] + [
        PlatformAccess("2000002", ENDLESS)
    ]
    named = [*claiming, *released]
    return gap(own or named[0], claims, named, accesses, NOW)


@pytest.mark.parametrize("until", [ENDLESS, SOON])
def test_access_as_paid_for_is_no_difference(until: datetime | None) -> None:
    assert found([placed_enrollment(until=until)], until) is None


@pytest.mark.parametrize(
    ("until", "actual"),
    [(ENDLESS, []), (SOON, []), (ENDLESS, [LATE]), (LATE, [SOON]), (LATE, [SOON, SOON])],
)
def test_less_access_than_was_paid_for_is_missing(
    until: datetime | None, actual: list[datetime | None]
) -> None:
    own = placed_enrollment(until=until)
    seen = found([own], *actual)
    assert seen
    assert (seen.code, seen.place, seen.enrollment) == (Code.ACCESS_MISSING, PLACE, own)
    assert not seen.release


def test_of_several_platform_enrollments_the_longest_counts() -> None:
    assert found([placed_enrollment(until=LATE)], SOON, LATE) is None


def test_a_fraction_of_a_second_is_no_difference() -> None:
    until, kept = SOON.replace(microsecond=900_000), SOON.replace(microsecond=0)
    assert found([placed_enrollment(until=until)], kept) is None
    assert found([placed_enrollment(until=kept)], until) is None


def test_a_whole_second_is_a_difference() -> None:
    assert found([placed_enrollment(until=SOON + timedelta(seconds=1))], SOON)


def test_the_longest_claim_on_a_place_is_owed() -> None:
    short, long = placed_enrollment("u1", SOON), placed_enrollment("u2", LATE)
    assert found([short, long], LATE) is None
    assert found([short, long], SOON)


def test_access_that_is_nearly_over_is_not_missing() -> None:
    assert found([placed_enrollment(until=NOW + NEARLY_OVER)]) is None
    assert found([placed_enrollment(until=NOW + NEARLY_OVER + timedelta(seconds=1))])


@pytest.mark.parametrize("actual", [ENDLESS, SOON])
def test_access_that_is_not_paid_for_is_left_over(actual: datetime | None) -> None:
    own = revoked()
    seen = found([], actual, own=own)
    assert seen
    assert (seen.code, seen.enrollment) == (Code.ACCESS_LEFT, own)
    assert seen.release


def test_no_access_after_a_refund_is_no_difference() -> None:
    assert found([], own=revoked()) is None


def test_access_longer_than_paid_for_is_left_over_and_shortened_by_the_remaining_claim() -> None:
    stays = placed_enrollment("u2", SOON)
    seen = found([stays], LATE, own=revoked())
    assert seen
    assert (seen.code, seen.enrollment, seen.release) == (Code.ACCESS_LEFT, stays, False)


def test_access_that_ended_in_lunas_and_lasts_at_thinkific_is_left_over() -> None:
    over = placed_enrollment(until=NOW)
    seen = found([over], SOON)
    assert seen
    assert (seen.code, seen.enrollment) == (Code.ACCESS_LEFT, over)


@pytest.mark.parametrize(
    ("actual", "given"), [(LATE, [ENDLESS, SOON]), (ENDLESS, [SOON, LATE]), (ENDLESS, [])]
)
def test_access_not_given_by_lunas_is_no_difference(
    actual: datetime | None, given: list[datetime | None]
) -> None:
    assert found([], actual, own=revoked(), given=given) is None
    assert found([placed_enrollment(until=SOON)], actual, given=given) is None


@pytest.mark.parametrize("status", [DeliveryStatus.PENDING])
@pytest.mark.parametrize("actual", [[], [ENDLESS]])
def test_a_place_with_a_pending_delivery_is_not_compared(
    status: DeliveryStatus, actual: list[datetime | None]
) -> None:
    pending = placed_enrollment("u2", SOON, status)
    assert found([placed_enrollment(until=LATE), pending], *actual) is None
    assert found([placed_enrollment(until=LATE)], *actual, released=[pending]) is None


def test_a_failed_delivery_is_neither_owed_nor_left_over() -> None:
    failed = placed_enrollment(status=DeliveryStatus.FAILED)
    assert found([failed]) is None
    assert found([failed], ENDLESS, own=revoked("u2")) is None


def test_a_released_claim_is_not_owed_and_pays_for_nothing() -> None:
    assert found([], own=revoked("u2"), released=[placed_enrollment()]) is None
    assert found([], ENDLESS, own=revoked("u2"), released=[placed_enrollment()])


def test_the_text_names_ids_and_times() -> None:
    seen = found([placed_enrollment(until=LATE)], SOON)
    assert seen
    assert seen.text == (
        "course 2000001 of account 42: paid for access until "
        f"{LATE.replace(microsecond=0).isoformat()}, and the platform gives access until "
        f"{SOON.replace(microsecond=0).isoformat()}"
    )
    none = found([placed_enrollment()])
    assert none
    assert none.text.endswith("paid for access for good, and the platform gives no access")


@pytest.mark.parametrize(
    ("status", "placed"),
    [
        (DeliveryStatus.DELIVERED, True),
        (DeliveryStatus.REVOKED, True),
        (DeliveryStatus.PENDING, False),
        (DeliveryStatus.FAILED, False),
    ],
)
def test_an_enrollment_has_a_place_once_its_delivery_is_done(
    status: DeliveryStatus, *, placed: bool
) -> None:
    assert place_of(placed_enrollment(status=status)) == (PLACE if placed else None)


def test_an_enrollment_that_was_never_delivered_has_no_place() -> None:
    own = placed_enrollment()
    nowhere = replace(own, delivery=replace(own.delivery, platform_user_id=None))
    assert place_of(nowhere) is None
    assert place_of(replace(own, platform_course_id=None)) is None

"""What Thinkific gives against what was paid for, in one place."""

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

ACCOUNT, COURSE = 42, 2_000_001
PLACE = Place(ACCOUNT, COURSE)
DAY = timedelta(days=1)
SOON, LATE = NOW + 30 * DAY, NOW + 90 * DAY
GOOD = None
"""The end of access that does not end."""


def brought(
    user: str = "u1",
    until: datetime | None = GOOD,
    status: DeliveryStatus = DeliveryStatus.DELIVERED,
) -> Enrollment:
    """Build an enrollment as it stands after its delivery."""
    return enrollment(
        id=enrollment_id(user, "c1"),
        user_id=user,
        expires_at=until,
        platform_course_id=COURSE,
        delivery=Delivery(status=status, platform_user_id=ACCOUNT),
    )


def revoked(user: str = "u1", until: datetime | None = GOOD) -> Enrollment:
    gone = brought(user, until, DeliveryStatus.REVOKED)
    return replace(gone, status=EnrollmentStatus.NOT_ENROLLED)


def found(
    claiming: Sequence[Enrollment],
    *there: datetime | None,
    own: Enrollment | None = None,
    given: Sequence[datetime | None] = (GOOD, SOON, LATE),
    released: Sequence[Enrollment] = (),
) -> Gap | None:
    """Compare a place with rows that last until these times."""
    claims = Claims(
        place=PLACE,
        version=1,
        enrollment_ids=frozenset(each.id for each in claiming),
        released=frozenset(each.id for each in released),
        given=frozenset(given),
    )
    rows = [PlatformAccess(COURSE, until) for until in there] + [PlatformAccess(COURSE + 1, GOOD)]
    named = [*claiming, *released]
    return gap(own or named[0], claims, named, rows, NOW)


@pytest.mark.parametrize("until", [GOOD, SOON])
def test_access_as_it_was_paid_for_is_no_difference(until: datetime | None) -> None:
    assert found([brought(until=until)], until) is None


@pytest.mark.parametrize(
    ("until", "there"),
    [(GOOD, []), (SOON, []), (GOOD, [LATE]), (LATE, [SOON]), (LATE, [SOON, SOON])],
)
def test_less_than_was_paid_for_is_missing(
    until: datetime | None, there: list[datetime | None]
) -> None:
    own = brought(until=until)
    seen = found([own], *there)
    assert seen
    assert (seen.code, seen.place, seen.enrollment) == (Code.ACCESS_MISSING, PLACE, own)
    assert not seen.release


def test_of_several_rows_the_longest_counts() -> None:
    assert found([brought(until=LATE)], SOON, LATE) is None


def test_a_part_of_a_second_is_no_difference() -> None:
    until, kept = SOON.replace(microsecond=900_000), SOON.replace(microsecond=0)
    assert found([brought(until=until)], kept) is None
    assert found([brought(until=kept)], until) is None


def test_a_whole_second_is_one() -> None:
    assert found([brought(until=SOON + timedelta(seconds=1))], SOON)


def test_the_longest_of_all_that_claim_the_place_is_owed() -> None:
    short, long = brought("u1", SOON), brought("u2", LATE)
    assert found([short, long], LATE) is None
    assert found([short, long], SOON)


def test_what_is_nearly_over_is_not_missed() -> None:
    assert found([brought(until=NOW + NEARLY_OVER)]) is None
    assert found([brought(until=NOW + NEARLY_OVER + timedelta(seconds=1))])


@pytest.mark.parametrize("there", [GOOD, SOON])
def test_what_nobody_paid_for_is_left_over(there: datetime | None) -> None:
    own = revoked()
    seen = found([], there, own=own)
    assert seen
    assert (seen.code, seen.enrollment) == (Code.ACCESS_LEFT, own)
    assert seen.release


def test_nothing_is_as_it_should_be_after_a_refund() -> None:
    assert found([], own=revoked()) is None


def test_what_lasts_longer_than_paid_is_left_over_and_shortened_by_who_stays() -> None:
    stays = brought("u2", SOON)
    seen = found([stays], LATE, own=revoked())
    assert seen
    assert (seen.code, seen.enrollment, seen.release) == (Code.ACCESS_LEFT, stays, False)


def test_what_is_over_here_and_lasts_there_is_left_over() -> None:
    over = brought(until=NOW)
    seen = found([over], SOON)
    assert seen
    assert (seen.code, seen.enrollment) == (Code.ACCESS_LEFT, over)


@pytest.mark.parametrize(
    ("there", "given"), [(LATE, [GOOD, SOON]), (GOOD, [SOON, LATE]), (GOOD, [])]
)
def test_access_by_other_means_is_no_difference(
    there: datetime | None, given: list[datetime | None]
) -> None:
    assert found([], there, own=revoked(), given=given) is None
    assert found([brought(until=SOON)], there, given=given) is None


@pytest.mark.parametrize("status", [DeliveryStatus.PENDING])
@pytest.mark.parametrize("there", [[], [GOOD]])
def test_a_place_that_moves_is_left_alone(
    status: DeliveryStatus, there: list[datetime | None]
) -> None:
    waits = brought("u2", SOON, status)
    assert found([brought(until=LATE), waits], *there) is None
    assert found([brought(until=LATE)], *there, released=[waits]) is None


def test_what_could_not_be_delivered_is_not_owed_and_not_left_over() -> None:
    failed = brought(status=DeliveryStatus.FAILED)
    assert found([failed]) is None
    assert found([failed], GOOD, own=revoked("u2")) is None


def test_what_is_released_is_not_owed_and_pays_for_nothing() -> None:
    assert found([], own=revoked("u2"), released=[brought()]) is None
    assert found([], GOOD, own=revoked("u2"), released=[brought()])


def test_the_text_names_ids_and_times() -> None:
    seen = found([brought(until=LATE)], SOON)
    assert seen
    assert seen.text == (
        "course 2000001 of account 42: paid for access until "
        f"{LATE.replace(microsecond=0).isoformat()}, and the platform gives access until "
        f"{SOON.replace(microsecond=0).isoformat()}"
    )
    none = found([brought()])
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
def test_an_enrollment_has_a_place_once_it_stands(status: DeliveryStatus, *, placed: bool) -> None:
    assert place_of(brought(status=status)) == (PLACE if placed else None)


def test_what_was_never_brought_anywhere_has_no_place() -> None:
    own = brought()
    nowhere = replace(own, delivery=replace(own.delivery, platform_user_id=None))
    assert place_of(nowhere) is None
    assert place_of(replace(own, platform_course_id=None)) is None

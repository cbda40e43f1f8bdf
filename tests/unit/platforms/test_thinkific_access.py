"""The access of an account, from Thinkific's list of enrollments."""

from datetime import timedelta

import pytest

from lunas.domain.access_comparison import PlatformAccess
from lunas.domain.errors import DeliveryDelayed
from lunas.platforms.thinkific.enrollments import seconds
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.platform import Thinkific
from tests.support.http_stub import Reply, StubLimiter, StubProvider
from tests.unit.platforms.test_thinkific_client import EXPIRED, NOW, SITE, TRIAL, enrolled, page

DAY = timedelta(days=1)


def enrollments(*replies: Reply) -> tuple[list[PlatformAccess], StubProvider]:
    provider = StubProvider(*replies)
    api = ThinkificApi(SITE, StubLimiter(), session=provider.session)
    return Thinkific(api).access("7", NOW), provider


def test_all_enrollments_of_an_account_are_read_by_one_call() -> None:
    found, provider = enrollments(
        page(enrolled(), enrolled(id=501, course_id=10, expiry_date=seconds(NOW + DAY)))
    )
    assert found == [
        PlatformAccess("9", None),
        PlatformAccess("10", (NOW + DAY).replace(microsecond=0)),
    ]
    assert [each.query["query[user_id]"] for each in provider.asked] == [["7"]]


def test_a_list_of_several_pages_is_read_to_its_end() -> None:
    found, _ = enrollments(page(enrolled(), next_page=2), page(enrolled(id=501, course_id="10")))
    assert found == [PlatformAccess("9", None), PlatformAccess("10", None)]


@pytest.mark.parametrize(
    "other",
    [
        TRIAL,
        EXPIRED,
        enrolled(user_id=8),
        enrolled(user_id=None),
        enrolled(expiry_date=seconds(NOW)),
        enrolled(expiry_date="tomorrow"),
        enrolled(expiry_date="2027-01-01T00:00:00"),
    ],
)
def test_an_enrollment_without_certain_access_is_left_out(other: dict[str, object]) -> None:
    assert enrollments(page(other))[0] == []


def test_an_end_in_a_hundred_years_means_none() -> None:
    far = seconds(NOW + timedelta(days=36_000))
    assert enrollments(page(enrolled(expiry_date=far)))[0] == [PlatformAccess("9", None)]


def test_an_enrollment_without_a_course_is_an_error() -> None:
    with pytest.raises(DeliveryDelayed):
        enrollments(page(enrolled(course_id=None)))

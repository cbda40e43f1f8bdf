"""The access of an account, by the rows of Thinkific's list."""

from datetime import timedelta

import pytest

from lunas.domain.access_comparison import PlatformAccess
from lunas.domain.errors import DeliveryDelayed
from lunas.platforms.thinkific.enrollments import seconds
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.platform import Thinkific
from tests.support.http_stub import Reply, StubLimiter, StubProvider
from tests.unit.platforms.test_thinkific_client import EXPIRED, NOW, SITE, TRIAL, page, row

DAY = timedelta(days=1)


def rows(*reply: Reply) -> tuple[list[PlatformAccess], StubProvider]:
    provider = StubProvider(*reply)
    api = ThinkificApi(SITE, StubLimiter(), session=provider.session)
    return Thinkific(api).access(7, NOW), provider


def test_all_rows_of_an_account_are_read_by_one_call() -> None:
    found, provider = rows(page(row(), row(id=501, course_id=10, expiry_date=seconds(NOW + DAY))))
    assert found == [
        PlatformAccess(9, None),
        PlatformAccess(10, (NOW + DAY).replace(microsecond=0)),
    ]
    assert [each.query["query[user_id]"] for each in provider.asked] == [["7"]]


def test_a_list_of_several_pages_is_read_to_its_end() -> None:
    found, _ = rows(page(row(), next_page=2), page(row(id=501, course_id="10")))
    assert found == [PlatformAccess(9, None), PlatformAccess(10, None)]


@pytest.mark.parametrize(
    "other",
    [
        TRIAL,
        EXPIRED,
        row(user_id=8),
        row(user_id=None),
        row(expiry_date=seconds(NOW)),
        row(expiry_date="tomorrow"),
        row(expiry_date="2027-01-01T00:00:00"),
    ],
)
def test_what_gives_the_account_no_sure_access_now_is_left_out(other: dict[str, object]) -> None:
    assert rows(page(other))[0] == []


def test_an_end_in_a_hundred_years_stands_for_none() -> None:
    far = seconds(NOW + timedelta(days=36_000))
    assert rows(page(row(expiry_date=far)))[0] == [PlatformAccess(9, None)]


def test_a_row_without_a_course_is_no_answer() -> None:
    with pytest.raises(DeliveryDelayed):
        rows(page(row(course_id=None)))

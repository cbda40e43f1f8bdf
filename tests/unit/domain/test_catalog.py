"""Choosing courses, pricing them, and refusing a purchase."""

import pytest

from lunas.domain.catalog import (
    PackageKind,
    check_mapped,
    check_room,
    chosen_course_ids,
    own_payment_type,
    price_of,
)
from lunas.domain.errors import CourseFull, CourseUnmapped, InvalidInput
from lunas.domain.users import Caller, PaymentType, Role
from tests.support.builders import USER_CALLER, bundle, course, package

PICKED = [PackageKind.ENTRY, PackageKind.INTERMEDIATE]


def faulty_field(raised: pytest.ExceptionInfo[InvalidInput]) -> str:
    (only,) = raised.value.errors
    return only.field


@pytest.mark.parametrize("kind", PICKED)
def test_the_buyer_of_a_single_course_picks_one_of_the_package(kind: PackageKind) -> None:
    assert chosen_course_ids(package(kind=kind), "c2") == ("c2",)


@pytest.mark.parametrize("kind", PICKED)
@pytest.mark.parametrize("picked", [None, "c9", "", "C1"])
def test_without_a_course_of_the_package_nothing_is_chosen(
    kind: PackageKind, picked: str | None
) -> None:
    with pytest.raises(InvalidInput) as raised:
        chosen_course_ids(package(kind=kind), picked)
    assert faulty_field(raised) == "courseId"


def test_a_bundle_is_all_its_courses() -> None:
    assert chosen_course_ids(bundle("c1", "c2", "c3"), None) == ("c1", "c2", "c3")


def test_a_bundle_takes_no_course_of_choice() -> None:
    with pytest.raises(InvalidInput) as raised:
        chosen_course_ids(bundle("c1"), "c1")
    assert faulty_field(raised) == "courseId"


@pytest.mark.parametrize(
    ("kind", "price"), [(PaymentType.DIKE, 40_000), (PaymentType.UMUM, 49_000)]
)
def test_the_price_is_that_of_the_payment_type(kind: PaymentType, price: int) -> None:
    assert price_of(package(), kind) == price


def test_a_package_without_a_price_for_the_type_is_refused() -> None:
    with pytest.raises(InvalidInput) as raised:
        price_of(package(prices={PaymentType.DIKE: 40_000}), PaymentType.UMUM)
    assert faulty_field(raised) == "packageId"


@pytest.mark.parametrize("asked", [None, PaymentType.UMUM])
def test_the_payment_type_is_that_of_the_token(asked: PaymentType | None) -> None:
    assert own_payment_type(USER_CALLER, asked) is PaymentType.UMUM


def test_another_type_than_the_token_carries_is_refused() -> None:
    with pytest.raises(InvalidInput) as raised:
        own_payment_type(USER_CALLER, PaymentType.DIKE)
    assert faulty_field(raised) == "paymentType"


@pytest.mark.parametrize("asked", [None, PaymentType.DIKE])
def test_a_token_without_a_payment_type_is_refused(asked: PaymentType | None) -> None:
    with pytest.raises(InvalidInput):
        own_payment_type(Caller("u1", Role.USER), asked)


def test_a_mapped_course_with_room_is_sold() -> None:
    check_mapped([course(), course("c2")])
    check_room([course(), course("c2", quota=2, enrolled=1)])


def test_a_course_unknown_to_thinkific_is_not_sold() -> None:
    with pytest.raises(CourseUnmapped, match=r"c2$"):
        check_mapped([course(), course("c2", platform_course_id=None)])


@pytest.mark.parametrize(("quota", "enrolled"), [(1, 1), (1, 2), (0, 0)])
def test_a_course_at_its_quota_is_full(quota: int, enrolled: int) -> None:
    with pytest.raises(CourseFull, match=r"c1$"):
        check_room([course(quota=quota, enrolled=enrolled)])


def test_a_course_without_a_quota_is_never_full() -> None:
    assert not course(quota=None, enrolled=10**9).full

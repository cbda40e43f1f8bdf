"""What is sold: packages of courses, and the rules for choosing and pricing them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lunas.domain.errors import CourseFull, CourseUnmapped, InvalidInput, NotOnSale
from lunas.domain.users import Caller, PaymentType

MAX_COURSES = 90
"""Courses of one package: with them, one settlement stays within DynamoDB's 100 actions."""


class PackageKind(StrEnum):
    """ENTRY and INTERMEDIATE: the buyer picks one course. BUNDLE: all courses together."""

    ENTRY = "ENTRY"
    INTERMEDIATE = "INTERMEDIATE"
    BUNDLE = "BUNDLE"


@dataclass(frozen=True, slots=True)
class Package:
    """Something to buy; ``prices`` in whole rupiah by payment type.

    ``access_days``: for how long a purchase gives access, from its settlement on; None: for good.
    ``platform_bundle_id``: the bundle at the platform that holds just the courses of a BUNDLE.
    What is not ``on_sale`` is neither listed to the public nor sold; who has it keeps it.
    """

    id: str
    kind: PackageKind
    name: str
    prices: Mapping[PaymentType, int]
    course_ids: tuple[str, ...]
    access_days: int | None = None
    platform_bundle_id: int | None = None
    description: str | None = None
    image_url: str | None = None
    on_sale: bool = True


@dataclass(frozen=True, slots=True)
class Course:
    """A course; ``enrolled`` counts every enrollment that was made and not revoked.

    ``platform_name``: what the mapped course was called there when it was last looked at.
    ``gone_platform_id``: the id that the platform did not show then; of a course that is mapped to
    another one since, it says nothing.
    """

    id: str
    name: str
    platform_course_id: int | None = None
    quota: int | None = None
    enrolled: int = 0
    platform_name: str | None = None
    gone_platform_id: int | None = None

    @property
    def gone(self) -> bool:
        """Tell whether the platform no longer showed the mapped course when last looked at."""
        mapped = self.platform_course_id
        return mapped is not None and mapped == self.gone_platform_id

    @property
    def full(self) -> bool:
        """Tell whether the quota, if there is one, is used up."""
        return self.quota is not None and self.enrolled >= self.quota


def access_end(access_days: int | None, settled_at: datetime) -> datetime | None:
    """Return when access ends that was settled at ``settled_at``, in UTC; None: never."""
    return None if access_days is None else settled_at + timedelta(days=access_days)


def chosen_course_ids(package: Package, course_id: str | None) -> tuple[str, ...]:
    """Return the courses that a purchase is for; InvalidInput when choice and kind differ."""
    if package.kind is PackageKind.BUNDLE:
        if course_id is not None:
            raise InvalidInput.of("courseId", "is not taken for a bundle: its courses are fixed")
        return package.course_ids
    if course_id is None:
        raise InvalidInput.of("courseId", "is required: pick one course of the package")
    if course_id not in package.course_ids:
        raise InvalidInput.of("courseId", "is not a course of this package")
    return (course_id,)


def own_payment_type(caller: Caller, asked: PaymentType | None = None) -> PaymentType:
    """Return the payment type of the token; InvalidInput when there is none or another is asked."""
    if caller.payment_type is None:
        raise InvalidInput.of("paymentType", "cannot be told: the token has no valid type claim")
    if asked is not None and asked is not caller.payment_type:
        raise InvalidInput.of("paymentType", "must be the type that the token carries")
    return caller.payment_type


def price_of(package: Package, payment_type: PaymentType) -> int:
    """Return the price in whole rupiah; InvalidInput when the package has none for this type."""
    price = package.prices.get(payment_type)
    if price is None:
        raise InvalidInput.of("packageId", f"is not sold to {payment_type} buyers")
    return price


def check_on_sale(package: Package) -> None:
    """Refuse a package that was taken off sale."""
    if not package.on_sale:
        raise NotOnSale("this package is not on sale")


def check_mapped(courses: Iterable[Course]) -> None:
    """Refuse courses without a course of the platform; CourseUnmapped names them."""
    if unmapped := [course.id for course in courses if course.platform_course_id is None]:
        raise CourseUnmapped(f"not mapped to a course of the platform yet: {', '.join(unmapped)}")


def check_room(courses: Iterable[Course]) -> None:
    """Refuse courses that have reached their quota; CourseFull names them."""
    if full := [course.id for course in courses if course.full]:
        raise CourseFull(f"no place left in: {', '.join(full)}")

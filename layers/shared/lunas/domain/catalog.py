"""Packages and courses, and the rules for choosing and pricing them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lunas.domain.errors import CourseFull, CourseUnmapped, InvalidInput, NotOnSale
from lunas.domain.users import Caller, PaymentType

MAX_COURSES = 90
"""Courses of one package, so that a settlement stays within DynamoDB's 100 actions."""


class PackageKind(StrEnum):
    """ENTRY and INTERMEDIATE: the buyer picks one course. BUNDLE: all courses together."""

    ENTRY = "ENTRY"
    INTERMEDIATE = "INTERMEDIATE"
    BUNDLE = "BUNDLE"


@dataclass(frozen=True, slots=True)
class Package:
    """Something to buy; ``prices`` in whole rupiah by payment type.

    ``access_days``: how long access lasts from settlement on; None: without end.
    ``platform_bundle_id``: the bundle at the platform with exactly the courses of a BUNDLE. A
    package that is not ``on_sale`` is neither listed to the public nor sold; buyers keep it.
    """

    id: str
    kind: PackageKind
    name: str
    prices: Mapping[PaymentType, int]
    course_ids: tuple[str, ...]
    access_days: int | None = None
    platform_bundle_id: str | None = None
    description: str | None = None
    image_url: str | None = None
    on_sale: bool = True


@dataclass(frozen=True, slots=True)
class Course:
    """A course; ``enrolled`` counts every enrollment that was made and not revoked.

    ``platform_name``: the mapped course's name at the platform at the last comparison.
    ``gone_platform_id``: the id that the platform did not list then. It has no meaning once the
    course is mapped to another id.
    """

    id: str
    name: str
    platform_course_id: str | None = None
    quota: int | None = None
    enrolled: int = 0
    platform_name: str | None = None
    gone_platform_id: str | None = None

    @property
    def gone(self) -> bool:
        """Return whether the platform did not list the mapped course at the last comparison."""
        mapped = self.platform_course_id
        return mapped is not None and mapped == self.gone_platform_id

    @property
    def full(self) -> bool:
        """Return whether the quota, if there is one, is used up."""
        return self.quota is not None and self.enrolled >= self.quota


def access_end(access_days: int | None, settled_at: datetime) -> datetime | None:
    """Return when access that begins at ``settled_at`` ends, in UTC; None: never."""
    return None if access_days is None else settled_at + timedelta(days=access_days)


def chosen_course_ids(package: Package, course_id: str | None) -> tuple[str, ...]:
    """Return the courses of a purchase; InvalidInput when the choice does not match the kind."""
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
        raise InvalidInput.of("paymentType", "is unknown: the token has no valid type claim")
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
    """Refuse a package that is not on sale."""
    if not package.on_sale:
        raise NotOnSale("this package is not on sale")


def check_mapped(courses: Iterable[Course]) -> None:
    """Refuse courses that are not mapped to the platform; CourseUnmapped names them."""
    if unmapped := [course.id for course in courses if course.platform_course_id is None]:
        raise CourseUnmapped(f"not mapped to a course of the platform yet: {', '.join(unmapped)}")


def check_room(courses: Iterable[Course]) -> None:
    """Refuse courses that have reached their quota; CourseFull names them."""
    if full := [course.id for course in courses if course.full]:
        raise CourseFull(f"no place left in: {', '.join(full)}")

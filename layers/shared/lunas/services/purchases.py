"""What gateway and manual purchases have in common: choosing, pricing, checking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lunas.domain.catalog import (
    Course,
    Package,
    check_mapped,
    check_on_sale,
    check_room,
    chosen_course_ids,
    own_payment_type,
    price_of,
)
from lunas.domain.enrollments import enrollment_id, has_access
from lunas.domain.errors import AlreadyEnrolled, ConfigurationError, NotFound
from lunas.domain.payments import BoughtCourse, Method, Payment, Status
from lunas.domain.users import Caller, Customer, Learner, PaymentType, customer_of, learner_of

if TYPE_CHECKING:
    from lunas.domain.enrollments import Enrollment
    from lunas.services.repositories import CatalogRepository, EnrollmentRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseRequest:
    """What a learner wants to buy."""

    caller: Caller
    package_id: str
    course_id: str | None = None
    payment_type: PaymentType | None = None
    customer: Customer | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A purchase request with its package, courses, people, and the price in whole rupiah."""

    request: PurchaseRequest
    customer: Customer
    learner: Learner
    package: Package
    courses: tuple[Course, ...]
    payment_type: PaymentType
    amount: int


def price(catalog: CatalogRepository, request: PurchaseRequest) -> Offer:
    """Look a purchase request up in the catalog.

    Raises NotFound for an unknown package, InvalidInput for a choice that breaks a rule or an
    invalid address, ConfigurationError for a package whose courses do not exist.
    """
    customer = customer_of(request.caller, request.customer)
    learner = learner_of(request.caller, customer)
    package = catalog.package(request.package_id)
    if package is None:
        raise NotFound("there is no such package")
    payment_type = own_payment_type(request.caller, request.payment_type)
    amount = price_of(package, payment_type)
    wanted = chosen_course_ids(package, request.course_id)
    courses = tuple(catalog.courses(wanted))
    if missing := set(wanted) - {course.id for course in courses}:
        raise ConfigurationError(f"the package has courses that do not exist: {sorted(missing)}")
    return Offer(
        request=request,
        customer=customer,
        learner=learner,
        package=package,
        courses=courses,
        payment_type=payment_type,
        amount=amount,
    )


def check_offer(enrollments: EnrollmentRepository, offer: Offer, now: datetime) -> None:
    """Refuse what must not be sold: owned completely, not on sale, unmapped, or full."""
    found = _places(enrollments, offer.request.caller.id, _course_ids(offer))
    owned = {each.course_id for each in found if has_access(each, now)}
    _check_something_new(owned, offer)
    check_on_sale(offer.package)
    # A learner whose access ended, or is refunded but not yet revoked, still has a place.
    held = {each.course_id for each in found if each.counted}
    wanted = [course for course in offer.courses if course.id not in owned]
    check_mapped(wanted)
    check_room(course for course in wanted if course.id not in held)


def check_not_owned(enrollments: EnrollmentRepository, offer: Offer, now: datetime) -> None:
    """Refuse a purchase that brings nothing new; checks nothing else."""
    user, wanted = offer.request.caller.id, _course_ids(offer)
    _check_something_new(owned_of(enrollments, user, wanted, now), offer)


def owned_of(
    enrollments: EnrollmentRepository, user_id: str, course_ids: Iterable[str], now: datetime
) -> set[str]:
    """Return which of the courses a user has access to now, in one read."""
    found = _places(enrollments, user_id, course_ids)
    return {each.course_id for each in found if has_access(each, now)}


def _places(
    enrollments: EnrollmentRepository, user_id: str, course_ids: Iterable[str]
) -> list[Enrollment]:
    return enrollments.get_many([enrollment_id(user_id, each) for each in course_ids])


def _course_ids(offer: Offer) -> tuple[str, ...]:
    return tuple(course.id for course in offer.courses)


def _check_something_new(owned: set[str], offer: Offer) -> None:
    if owned.issuperset(_course_ids(offer)):
        raise AlreadyEnrolled("enrolled already in everything that this purchase is for")


def draft(offer: Offer, payment_id: str, method: Method, status: Status, at: datetime) -> Payment:
    """Build the payment of an offer, with everything that settling it will need."""
    request = offer.request
    return Payment(
        id=payment_id,
        user_id=request.caller.id,
        package_id=offer.package.id,
        package_name=offer.package.name,
        course_id=request.course_id,
        courses=tuple(
            BoughtCourse(course.id, course.name, course.platform_course_id)
            for course in offer.courses
        ),
        status=status,
        payment_type=offer.payment_type,
        method=method,
        amount=offer.amount,
        access_days=offer.package.access_days,
        platform_bundle_id=offer.package.platform_bundle_id,
        customer=offer.customer,
        learner=offer.learner,
        created_at=at,
        updated_at=at,
        version=1,
        correlation_id=request.correlation_id,
    )

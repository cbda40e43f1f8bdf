"""Where two operations meet: a learner, what they want to buy, and how far the purchase is."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from local.cloud import Stack
from lunas.domain.catalog import Course, Package, PackageKind
from lunas.domain.enrollments import enrollment_id
from lunas.domain.users import PaymentType
from lunas.storage import keys
from lunas.storage.catalog import Catalog
from tests.faults.races.messages import delivery_event
from tests.support.cloud import Cloud
from tests.support.providers import Duitku
from tests.support.users import PRICES, Json, Person, Users

SAMPLES = ("python-dasar", "analisis-sql")
"""Courses of the sample catalog, whose courses at Thinkific all rounds share."""
PLACES = 5
"""A quota that no round uses up."""


class Stage(StrEnum):
    """How far a purchase is."""

    NEW = "new"
    """No purchase."""
    PENDING = "pending"
    """An order is paid at Duitku, and Lunas has not asked about it."""
    CANCELLED = "cancelled"
    """An order has ended at Duitku, and Lunas has not asked about it."""
    FAILED = "failed"
    """An order has ended in Lunas as well, and then its money arrived at Duitku."""
    SUBMITTED = "submitted"
    """A manual payment waits for an admin."""
    FULL = "full"
    """A manual payment waits for an admin, and its course has no place left."""
    APPROVED = "approved"
    """The learner is enrolled, and the delivery waits in the queue."""
    COMPLETED = "completed"
    """The learner is enrolled at Thinkific as well."""
    REFUNDED = "refunded"
    """The money went back, and Thinkific has not revoked the course yet."""


class Other(StrEnum):
    """Another purchase of the same course by the same learner, ready to be settled."""

    BUNDLE = "bundle"
    """A bundle that has the course and one more, paid at Duitku."""
    TRANSFER = "transfer"
    """A manual payment for the course alone, by another package."""


@dataclass(frozen=True, kw_only=True)
class RaceSetup:
    """A learner and what they buy: ``course`` alone, or with ``extra`` as a bundle.

    ``mapped``: the ids of both courses at Thinkific. ``claimed``: the orders of this round that a
    callback called paid.
    """

    stage: Stage
    learner: Person
    course: str
    extra: str
    mapped: Mapping[str, str]
    package: str
    second: str
    bundle: str
    payment: Json | None
    others: dict[Other, Json] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)

    @property
    def enrollment(self) -> str:
        """The id of the learner's enrollment in the course, whether there is one or not."""
        return enrollment_id(self.learner.id, self.course)

    @property
    def paid(self) -> Json:
        """The payment that the operations meet at."""
        assert self.payment, f"nothing is bought at the stage {self.stage}"
        return self.payment

    @property
    def request(self) -> Json:
        """The body of a purchase of the course."""
        return {"packageId": self.package, "courseId": self.course}


class Driver:
    """Sets rounds up through the API and Duitku's simulator."""

    def __init__(self, stack: Stack) -> None:
        self.users, self.duitku, self.cloud = Users(stack), Duitku(stack), Cloud(stack)
        self._catalog = Catalog(self.cloud.table)
        self._admin = self.users.admin()

    def setup(self, stage: Stage, *, manual: bool, others: Iterable[Other]) -> RaceSetup:
        """Set up a round; ``manual``: without Duitku, where the stage allows both."""
        learner, suffix = self.users.learner(), uuid.uuid4().hex[:12]
        course, extra = f"course-{suffix}", f"extra-{suffix}"
        mapped = dict(zip((course, extra), self._samples, strict=True))
        for name, number in mapped.items():
            self._put_course(name, number, PLACES)
        setup = RaceSetup(
            stage=stage,
            learner=learner,
            course=course,
            extra=extra,
            mapped=mapped,
            package=self._put_package(f"entry-{suffix}", PackageKind.ENTRY, course),
            second=self._put_package(f"second-{suffix}", PackageKind.ENTRY, course),
            bundle=self._put_package(f"bundle-{suffix}", PackageKind.BUNDLE, course, extra),
            payment=None,
        )
        # Before the purchase itself: a learner cannot buy a course that they have.
        bought = {other: self._buy(setup, other) for other in others}
        payment = self._bring(setup, manual=manual)
        return RaceSetup(**{**vars(setup), "payment": payment, "others": bought})

    def make_due(self, setup: RaceSetup) -> None:
        """Make the payment or the enrollment due now, for reconcile."""
        if setup.stage is Stage.APPROVED:
            self.cloud.make_due(keys.enrollment(setup.enrollment))
        else:
            self.cloud.make_due(keys.payment(setup.paid["id"]))

    def _buy(self, setup: RaceSetup, other: Other) -> Json:
        if other is Other.TRANSFER:
            return setup.learner.submit(setup.second, setup.course)
        order = setup.learner.initiate(setup.bundle)
        self.duitku.pay(order, callback=False)
        return order

    def _bring(self, setup: RaceSetup, *, manual: bool) -> Json | None:
        """Bring the purchase to its stage."""
        match setup.stage:
            case Stage.NEW:
                return None
            case Stage.PENDING | Stage.CANCELLED | Stage.FAILED:
                return self._order(setup)
            case Stage.SUBMITTED:
                return setup.learner.submit(setup.package, setup.course)
            case Stage.FULL:
                payment = setup.learner.submit(setup.package, setup.course)
                self._put_course(setup.course, setup.mapped[setup.course], quota=0)
                return payment
            case Stage.APPROVED | Stage.COMPLETED | Stage.REFUNDED:
                return self._settled(setup, manual=manual)

    def _order(self, setup: RaceSetup) -> Json:
        order = setup.learner.initiate(setup.package, setup.course)
        if setup.stage is not Stage.PENDING:
            self.duitku.end(order, "cancel")
        if setup.stage is Stage.FAILED:
            assert self._admin.recheck(order["id"]).json()["status"] == "FAILED"
        if setup.stage is not Stage.CANCELLED:
            self.duitku.pay(order, callback=False)
        return order

    def _settled(self, setup: RaceSetup, *, manual: bool) -> Json:
        if manual:
            payment = setup.learner.submit(setup.package, setup.course)
            assert self._admin.approve(payment["id"]).ok
        else:
            payment = setup.learner.initiate(setup.package, setup.course)
            self.duitku.pay(payment, callback=False)
            assert self.duitku.post(self.duitku.form(payment)).ok
        if setup.stage is not Stage.APPROVED:
            self.cloud.invoke("DeliverEnrollmentFunction", delivery_event(payment, setup.course))
        if setup.stage is Stage.REFUNDED:
            assert self._admin.refund(payment["id"]).ok
        return payment

    def _put_course(self, course: str, mapped: str, quota: int) -> None:
        self._catalog.put_course(Course(course, course, mapped, quota))

    def _put_package(self, package: str, kind: PackageKind, *courses: str) -> str:
        prices = {PaymentType(name): price for name, price in PRICES[kind].items()}
        self._catalog.put_package(Package(package, kind, "Package", prices, courses))
        return package

    @cached_property
    def _samples(self) -> list[str]:
        """The ids at Thinkific of the courses of the sample catalog."""
        found = [each.platform_course_id for each in self._catalog.courses(SAMPLES)]
        return [number for number in found if number is not None]

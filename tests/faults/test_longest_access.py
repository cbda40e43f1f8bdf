"""The longest access that is paid for counts, in Lunas and at Thinkific, after any refund."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from lunas.domain.enrollments import enrollment_id
from tests.faults.world.ledger import Actors
from tests.faults.world.scenario import ADMIN
from tests.faults.world.users import Person
from tests.faults.world.watch import Watch
from tests.faults.world.world import World

DAY = timedelta(days=1)
BUDI = Person("budi")
SAME = Person("citra", address="Budi@example.com")
"""Another user, whose token carries Budi's address."""
FIRST, SECOND = "python-dasar", "literasi-data"
"""Two courses of the package "entry"."""
FAR = timedelta(days=10_000)


@dataclass
class School:
    """Learners who buy by transfer, and an admin who approves."""

    world: World
    packages: int = 0
    actors: Actors = field(init=False)
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.world.start()
        self.actors = Actors(self.world)
        self.watch = Watch(self.world, self.actors.ledger)

    def order(
        self, course: str | None = FIRST, days: int | None = None, person: Person = BUDI
    ) -> str:
        """Submit a payment for a course, or for the bundle, for some days of access."""
        package = self._package(course, days) if course else "bundle-data"
        answer = self.actors.submit(person, package, course)
        assert answer.ok, answer
        return str(answer.body["id"])

    def _package(self, course: str, days: int | None) -> str:
        """Sell a course by a package of its own: the same purchase twice is one payment."""
        self.packages += 1
        name, prices = f"package-{self.packages}", {"UMUM": 49_000, "DIKE": 49_000}
        body: dict[str, Any] = {
            "kind": "ENTRY",
            "name": name,
            "prices": prices,
            "courseIds": [course],
        }
        if days:
            body["accessDays"] = days
        assert self.world.call(ADMIN, "PUT /packages/{id}", f"/packages/{name}", body=body).ok
        for kind, price in prices.items():
            self.actors.ledger.prices[name, kind] = {price}
        return name

    def approve(self, payment: str) -> None:
        assert self.actors.approve(ADMIN, payment).ok

    def buy(
        self, course: str | None = FIRST, days: int | None = None, person: Person = BUDI
    ) -> str:
        """Buy, have it approved, and delivered."""
        payment = self.order(course, days, person)
        self.approve(payment)
        self.rest()
        return payment

    def refund(self, payment: str) -> None:
        assert self.actors.refund(ADMIN, payment).ok
        self.rest()

    def rest(self) -> None:
        self.world.scheduler.settle()

    def map(self, course: str, to: int) -> None:
        """Map a catalog course to a course at Thinkific."""
        name = self.world.aws.table.items["CATALOG#COURSE", course]["name"]["S"]
        body = {"name": name, "thinkificCourseId": to}
        assert self.world.call(ADMIN, "PUT /courses/{id}", f"/courses/{course}", body=body).ok

    def mapped(self, course: str) -> int:
        item = self.world.aws.table.items["CATALOG#COURSE", course]
        return int(item["platformCourseId"]["S"])

    def enrollment(self, course: str = FIRST, person: Person = BUDI) -> dict[str, Any]:
        path = f"/enrollments/{enrollment_id(person.id, course)}"
        return self.world.call(ADMIN, "GET /enrollments/{id}", path).body

    def learner_sees(self, course: str, person: Person = BUDI) -> tuple[str, str]:
        """Return a course's status in the learner's list, and from the course's status route."""
        listed = self.world.call(person, "GET /enrollments/my-enrollments").body["items"]
        path = f"/enrollments/course/{course}/status"
        asked = self.world.call(person, "GET /enrollments/course/{courseId}/status", path)
        (status,) = (each["status"] for each in listed if each["courseId"] == course)
        return status, str(asked.body["status"])

    def status(self, payment: str) -> str:
        path = f"/payments/{payment}"
        return str(self.world.call(ADMIN, "GET /payments/{id}", path).body["status"])

    def anomalies(self) -> list[str]:
        return [
            each["finding"]["M"]["kind"]["S"] for each in self.world.aws.table.of_type("anomaly")
        ]

    def ends(self, course: str = FIRST) -> list[datetime | None]:
        """Return when the active enrollments of Budi's account at Thinkific end; None: never."""
        active = self.world.thinkific.active(BUDI.email, self.mapped(course))
        far = self.world.clock.now() + FAR
        ends = [each.expiry_date for each in active]
        return [None if end is None or end > far else end for end in ends]

    def end_in(self, days: int, payment: str) -> datetime:
        """Return when access of some days from a payment ends, in whole seconds."""
        path = f"/payments/{payment}"
        paid = self.world.call(ADMIN, "GET /payments/{id}", path).body["approvedAt"]
        return (datetime.fromisoformat(paid) + days * DAY).replace(microsecond=0)

    def check(self) -> None:
        """Check that the audit finds nothing, and that nothing else is wrong."""
        self.world.scheduler.pass_time(1_800)
        assert self.watch.unexpected() == []
        assert self.watch.wrong() == []
        assert self.watch.unfinished() == []


@pytest.fixture
def school(world: World) -> School:
    return School(world)


def end_in_lunas(school: School, course: str = FIRST, person: Person = BUDI) -> datetime | None:
    end = school.enrollment(course, person).get("expiresAt")
    return datetime.fromisoformat(end).replace(microsecond=0) if end else None


@pytest.mark.parametrize("refunded", [0, 1])
def test_a_refund_of_one_of_two_courses_at_one_place_leaves_the_access(
    school: School, refunded: int
) -> None:
    school.map(SECOND, school.mapped(FIRST))
    payments = [school.buy(FIRST), school.buy(SECOND)]
    school.refund(payments[refunded])
    assert school.ends() == [None]
    kept, gone = (SECOND, FIRST) if refunded == 0 else (FIRST, SECOND)
    assert school.enrollment(kept)["delivery"]["status"] == "DELIVERED"
    assert school.enrollment(gone)["delivery"]["status"] == "REVOKED"
    school.refund(payments[1 - refunded])
    assert school.ends() == []
    school.check()


def test_a_course_that_is_mapped_to_another_place_keeps_what_is_paid(
    school: School,
) -> None:
    first_place, second_place = school.mapped(FIRST), school.mapped(SECOND)
    first, second = school.buy(FIRST), school.buy(SECOND)
    school.map(SECOND, first_place)
    school.actors.redeliver(ADMIN, enrollment_id(BUDI.id, SECOND))
    school.rest()
    school.refund(first)
    assert len(school.world.thinkific.active(BUDI.email, first_place)) == 1
    assert school.world.thinkific.active(BUDI.email, second_place) == []
    school.refund(second)
    assert school.world.thinkific.active(BUDI.email, first_place) == []


@pytest.mark.parametrize("course", [FIRST, SECOND])
def test_a_refund_leaves_the_course_of_another_user_of_the_account(
    school: School, course: str
) -> None:
    school.map(SECOND, school.mapped(FIRST))
    own, other = school.buy(FIRST), school.buy(course, person=SAME)
    school.refund(own)
    assert school.ends() == [None]
    school.refund(other)
    assert school.ends() == []


def test_the_longest_access_at_a_place_counts(school: School) -> None:
    school.map(SECOND, school.mapped(FIRST))
    short, long = school.buy(FIRST, 30), school.buy(SECOND, 90, person=SAME)
    assert school.ends() == [school.end_in(90, long)]
    school.refund(long)
    assert school.ends() == [school.end_in(30, short)]


BOTH_ENROLLED, BOTH_NOT = ("ENROLLED", "ENROLLED"), ("NOT_ENROLLED", "NOT_ENROLLED")


def until(school: School, days: int | None, payment: str) -> datetime | None:
    return school.end_in(days, payment) if days else None


@pytest.mark.parametrize("other", [BUDI, SAME], ids=["one user", "two who share an account"])
@pytest.mark.parametrize("days", [(30, None), (None, 30), (30, 90), (90, 30)], ids=str)
def test_lunas_shows_the_longest_access_at_a_place_as_well(
    school: School, days: tuple[int | None, int | None], other: Person
) -> None:
    school.map(SECOND, school.mapped(FIRST))
    payments = school.buy(FIRST, days[0]), school.buy(SECOND, days[1], other)
    ends = [until(school, *each) for each in zip(days, payments, strict=True)]
    longest = None if None in ends else max(end for end in ends if end)
    assert school.ends() == [longest]
    assert [end_in_lunas(school, FIRST), end_in_lunas(school, SECOND, other)] == [longest, longest]
    school.check()
    school.world.scheduler.pass_time(31 * 86_400)
    assert school.ends() == [longest]
    assert school.learner_sees(FIRST) == school.learner_sees(SECOND, other) == BOTH_ENROLLED
    assert school.actors.submit(BUDI, "entry", FIRST).status == 409
    assert school.actors.submit(other, "entry", SECOND).status == 409
    school.world.scheduler.pass_time(70 * 86_400)
    over = longest is not None
    assert school.learner_sees(FIRST) == (BOTH_NOT if over else BOTH_ENROLLED)
    assert school.actors.submit(BUDI, "entry", FIRST).ok == over
    assert end_in_lunas(school, FIRST) == longest


@pytest.mark.parametrize("other", [BUDI, SAME], ids=["one user", "two who share an account"])
@pytest.mark.parametrize("days", [(30, None), (None, 30), (30, 90), (90, 30)], ids=str)
@pytest.mark.parametrize("refunded", [0, 1])
def test_lunas_shows_after_a_refund_what_the_other_course_at_the_place_has(
    school: School, days: tuple[int | None, int | None], refunded: int, other: Person
) -> None:
    school.map(SECOND, school.mapped(FIRST))
    payments = school.buy(FIRST, days[0]), school.buy(SECOND, days[1], other)
    school.refund(payments[refunded])
    kept, course = 1 - refunded, (SECOND, FIRST)[refunded]
    person, loser = (other, BUDI) if refunded == 0 else (BUDI, other)
    left = until(school, days[kept], payments[kept])
    assert (end_in_lunas(school, course, person), school.ends()) == (left, [left])
    assert school.learner_sees((FIRST, SECOND)[refunded], loser) == BOTH_NOT
    school.check()
    school.world.scheduler.pass_time(31 * 86_400)
    lasts = BOTH_NOT if days[kept] == 30 else BOTH_ENROLLED
    assert school.learner_sees(course, person) == lasts
    school.refund(payments[kept])
    assert school.learner_sees(course, person) == BOTH_NOT
    assert school.ends() == []


def test_a_refund_after_ones_own_time_ends_shared_access_in_lunas_as_well(
    school: School,
) -> None:
    school.map(SECOND, school.mapped(FIRST))
    day, long = school.buy(FIRST, 1), school.buy(SECOND)
    school.world.scheduler.pass_time(2 * 86_400)
    assert school.learner_sees(FIRST) == BOTH_ENROLLED
    school.refund(long)
    assert (school.learner_sees(FIRST), school.ends()) == (BOTH_NOT, [])
    assert end_in_lunas(school) == school.end_in(1, day)
    school.check()


def test_a_course_that_is_mapped_to_another_place_no_longer_shares(school: School) -> None:
    own_place = school.mapped(SECOND)
    school.map(SECOND, school.mapped(FIRST))
    short, long = school.buy(FIRST, 30), school.buy(SECOND, 90)
    school.map(SECOND, own_place)
    for course in (FIRST, SECOND):
        assert school.actors.redeliver(ADMIN, enrollment_id(BUDI.id, course)).ok
        school.rest()
    assert end_in_lunas(school, FIRST) == school.end_in(30, short)
    assert end_in_lunas(school, SECOND) == school.end_in(90, long)
    assert (school.ends(FIRST), school.ends(SECOND)) == (
        [school.end_in(30, short)],
        [school.end_in(90, long)],
    )
    school.check()


def test_a_course_that_is_mapped_to_another_place_takes_no_shared_access_along(
    school: School,
) -> None:
    own_place = school.mapped(SECOND)
    school.map(SECOND, school.mapped(FIRST))
    school.buy(FIRST)
    short = school.buy(SECOND, 30)
    assert end_in_lunas(school, SECOND) is None
    school.map(SECOND, own_place)
    assert school.actors.redeliver(ADMIN, enrollment_id(BUDI.id, SECOND)).ok
    school.rest()
    assert end_in_lunas(school, SECOND) == school.end_in(30, short)
    assert school.ends(SECOND) == [school.end_in(30, short)]
    school.check()


def test_a_purchase_without_an_end_lengthens_one_with_an_end(school: School) -> None:
    first = school.buy(FIRST, 30)
    assert school.ends() == [school.end_in(30, first)]
    bundle = school.order(None)
    school.approve(bundle)
    assert school.status(bundle) == "APPROVED"
    assert school.enrollment()["status"] == "ENROLLED"
    school.rest()
    assert (end_in_lunas(school), school.ends()) == (None, [None])
    assert (school.status(bundle), school.anomalies()) == ("COMPLETED", [])
    school.check()


def test_a_purchase_that_only_lengthens_access_is_no_anomaly(school: School) -> None:
    payments = [school.order(days=30), school.order(days=90)]
    for payment in payments:
        school.approve(payment)
    assert school.status(payments[1]) == "APPROVED"
    school.rest()
    assert [school.status(each) for each in payments] == ["COMPLETED", "COMPLETED"]
    assert end_in_lunas(school) == school.end_in(90, payments[1])
    assert school.ends() == [school.end_in(90, payments[1])]
    assert school.anomalies() == []
    school.check()


@pytest.mark.parametrize("days", [30, 10])
def test_a_purchase_that_lengthens_nothing_is_an_anomaly(school: School, days: int) -> None:
    payments = [school.order(days=30), school.order(days=days)]
    for payment in payments:
        school.approve(payment)
    # The same number of days from a later approval ends later.
    assert school.anomalies() == ([] if days == 30 else ["PAID_TWICE"])
    school.rest()
    school.check()


ORDERS = [(30, 90, None), (None, 30, 90), (90, None, 30), (30, 60, 90), (90, 60, 30)]


@pytest.mark.parametrize("terms", ORDERS, ids=str)
@pytest.mark.parametrize("refunds", [(0, 1, 2), (1, 0, 2), (1, 2, 0), (2, 1, 0)], ids=str)
def test_of_several_payments_the_longest_that_is_left_counts(
    school: School, terms: tuple[int | None, ...], refunds: tuple[int, ...]
) -> None:
    payments = [school.order(days=days) for days in terms]
    for payment in payments:
        school.approve(payment)
        school.rest()
        school.world.clock.move(60)
    left = list(range(len(terms)))
    for number in refunds:
        ends = [terms[each] and school.end_in(terms[each] or 0, payments[each]) for each in left]
        longest = None if None in ends else max(end for end in ends if end)
        assert (end_in_lunas(school), school.ends()) == (longest, [longest])
        school.refund(payments[number])
        left.remove(number)
    assert (school.enrollment()["status"], school.ends()) == ("NOT_ENROLLED", [])
    school.check()


def test_a_refund_ends_access_whose_own_time_is_over(school: School) -> None:
    day, bundle = school.buy(FIRST, 1), school.buy(None)
    school.world.scheduler.pass_time(2 * 86_400)
    assert school.ends() == [None]
    school.refund(bundle)
    assert school.ends() == []
    assert school.enrollment()["status"] == "NOT_ENROLLED"
    assert end_in_lunas(school) == school.end_in(1, day)
    assert school.enrollment()["delivery"]["status"] == "DELIVERED"
    school.check()


def test_access_that_has_ended_can_be_bought_again(school: School) -> None:
    school.buy(FIRST, 1)
    school.world.scheduler.pass_time(2 * 86_400)
    again = school.buy(FIRST, 30)
    assert school.ends() == [school.end_in(30, again)]
    school.check()


def test_a_payment_completes_once_thinkific_has_lengthened_the_access(
    school: School,
) -> None:
    first, second = school.order(days=30), school.order()
    school.approve(first)
    school.rest()
    school.world.thinkific.fault("updateEnrollment", "answer", status=503, times=3)
    school.approve(second)
    school.rest()
    assert (school.status(first), school.status(second)) == ("COMPLETED", "APPROVED")
    assert school.enrollment()["status"] == "ENROLLED"
    assert school.ends() == [school.end_in(30, first)]
    school.world.scheduler.pass_time(900)
    assert (school.status(second), school.ends()) == ("COMPLETED", [None])
    school.check()


def test_a_payment_that_lengthens_a_pending_delivery_completes_with_it(school: School) -> None:
    payments = [school.order(days=30), school.order()]
    school.world.thinkific.fault("createEnrollment", "answer", status=503)
    school.approve(payments[0])
    school.rest()
    school.approve(payments[1])
    school.world.scheduler.pass_time(900)
    assert [school.status(each) for each in payments] == ["COMPLETED", "COMPLETED"]
    assert school.ends() == [None]
    school.check()


def test_access_that_a_person_gave_at_thinkific_is_not_shortened(school: School) -> None:
    school.buy(SECOND)
    (account,) = school.world.thinkific.users(BUDI.email)
    site, now = school.world.thinkific.site, school.world.clock.now()
    site.enroll(account.id, school.mapped(FIRST), {"activated_at": now}, now)
    school.buy(FIRST, 30)
    assert school.ends() == [None]


def test_access_that_a_person_gave_at_thinkific_outlives_the_paid_time(school: School) -> None:
    school.buy(SECOND)
    (account,) = school.world.thinkific.users(BUDI.email)
    site, now = school.world.thinkific.site, school.world.clock.now()
    site.enroll(account.id, school.mapped(FIRST), {"activated_at": now}, now)
    short = school.buy(FIRST, 1)
    school.world.scheduler.pass_time(2 * 86_400)
    assert school.actors.redeliver(ADMIN, enrollment_id(BUDI.id, FIRST)).ok
    school.rest()
    assert school.ends() == [None]
    # After a refund the learner must not have the course, even if a person gave it.
    school.refund(short)
    assert school.ends() == []

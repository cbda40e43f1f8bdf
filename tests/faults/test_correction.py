"""After a correction the wrong account loses all courses, and the right one gets them."""

from typing import Any

import pytest

from lunas.domain.enrollments import enrollment_id
from tests.faults.test_longest_access import BUDI, FIRST, SAME, SECOND, School
from tests.faults.world.scenario import ADMIN
from tests.faults.world.world import World

WRONG, RIGHT, THIRD = BUDI.email, "budi@example.org", "santoso@example.net"


@pytest.fixture
def school(world: World) -> School:
    return School(world)


def correct(school: School, payment: str, **body: str) -> Any:
    path = f"/payments/{payment}/learner"
    wanted = {"reason": "a slip in the address", **body}
    return school.world.call(ADMIN, "PATCH /payments/{id}/learner", path, body=wanted)


def active(school: School, email: str, *courses: str) -> int:
    """Count the enrollments that give an address access to courses."""
    thinkific = school.world.thinkific
    return sum(len(thinkific.active(email, school.mapped(each))) for each in courses or [FIRST])


def check(school: School) -> None:
    """Check that the audit finds nothing once everything has come to rest."""
    school.world.scheduler.pass_time(1_800)
    assert school.watch.unexpected() == []
    assert school.anomalies() == []


def test_a_delivered_course_moves_to_the_right_account(school: School) -> None:
    payment = school.buy(None)
    answer = correct(school, payment, email=f" {RIGHT} ", name="Budi Hartono")
    assert answer.ok, answer
    assert answer.body["learner"] == {"name": "Budi Hartono", "email": RIGHT}
    school.rest()
    both = (FIRST, "analisis-sql")
    assert (active(school, WRONG, *both), active(school, RIGHT, *both)) == (0, 2)
    assert school.status(payment) == "COMPLETED"
    (account,) = school.world.thinkific.users(RIGHT)
    assert (account.first_name, account.last_name) == ("Budi", "Hartono")
    assert school.enrollment()["delivery"]["thinkificUserId"] == account.id
    check(school)


def test_the_history_names_both_addresses_the_admin_and_the_reason(school: School) -> None:
    payment = school.buy()
    correct(school, payment, email=RIGHT)
    path = f"/payments/{payment}/history"
    event = school.world.call(ADMIN, "GET /payments/{id}/history", path).body["items"][-1]
    assert (event["from"], event["to"]) == ("COMPLETED", "COMPLETED")
    assert (event["actor"], event["reason"]) == (f"admin:{ADMIN.id}", "a slip in the address")
    assert WRONG in event["evidence"]["learnerBefore"]
    assert RIGHT in event["evidence"]["learnerAfter"]


def test_before_the_approval_only_the_payment_changes(school: School) -> None:
    payment = school.order()
    assert correct(school, payment, email=RIGHT).ok
    assert school.status(payment) == "PAID"
    school.approve(payment)
    school.rest()
    assert (active(school, WRONG), active(school, RIGHT)) == (0, 1)
    assert school.world.thinkific.users(WRONG) == []
    check(school)


def test_a_payment_that_waits_for_its_delivery_goes_to_the_right_account(school: School) -> None:
    payment = school.order()
    school.approve(payment)
    assert correct(school, payment, email=RIGHT).ok
    school.rest()
    assert (active(school, WRONG), active(school, RIGHT)) == (0, 1)
    assert school.status(payment) == "COMPLETED"
    check(school)


def test_a_dead_lettered_delivery_is_made_after_the_correction(school: School) -> None:
    payment = school.order()
    school.world.thinkific.fault(
        "createUser", "answer", status=422, body='{"errors": {"email": ["is invalid"]}}', times=1
    )
    school.approve(payment)
    school.rest()
    assert school.enrollment()["delivery"]["status"] == "FAILED"
    assert correct(school, payment, email=RIGHT).ok
    school.rest()
    assert (school.status(payment), active(school, RIGHT)) == ("COMPLETED", 1)
    check(school)


def test_a_name_alone_moves_no_course_and_requests_a_failed_delivery_again(school: School) -> None:
    delivered = school.buy(SECOND)
    school.world.thinkific.fault(
        "createEnrollment", "answer", status=422, body='{"errors": ["no"]}', times=1
    )
    payment = school.buy(FIRST)
    assert school.enrollment()["delivery"]["status"] == "FAILED"
    before = len(school.world.thinkific.site.users)
    assert correct(school, payment, name="Hartono").ok
    assert correct(school, delivered, name="Hartono").body["learner"]["name"] == "Hartono"
    school.rest()
    assert active(school, WRONG, FIRST, SECOND) == 2
    assert len(school.world.thinkific.site.users) == before
    check(school)


def test_other_payments_of_the_user_move_as_well(school: School) -> None:
    """They were in the wrong account too: a known account goes before a payment's address."""
    first, second = school.buy(FIRST), school.buy(SECOND)
    assert correct(school, second, email=RIGHT).ok
    school.rest()
    assert active(school, WRONG, FIRST, SECOND) == 0
    assert active(school, RIGHT, FIRST, SECOND) == 2
    school.refund(first)
    assert active(school, RIGHT, FIRST, SECOND) == 1
    later = school.buy("web-django")
    assert active(school, RIGHT, "web-django") == 1
    assert school.status(later) == "COMPLETED"
    check(school)


def test_a_name_alone_leaves_the_address_that_another_payment_was_corrected_to(
    school: School,
) -> None:
    first, second = school.order(FIRST), school.order(SECOND)
    assert correct(school, first, email=RIGHT).ok
    assert correct(school, second, name="Budi Hartono").ok
    for payment in (first, second):
        school.approve(payment)
    school.rest()
    assert active(school, RIGHT, FIRST, SECOND) == 2
    assert school.world.thinkific.users(WRONG) == []
    check(school)


def test_two_payments_of_a_user_are_not_corrected_to_two_addresses(school: School) -> None:
    first, second = school.buy(FIRST), school.buy(SECOND)
    assert correct(school, first, email=RIGHT).ok
    answer = correct(school, second, email=THIRD)
    assert (answer.status, first in answer.body["detail"]) == (409, True)
    assert correct(school, second, email=RIGHT.upper()).ok
    school.rest()
    assert active(school, RIGHT, FIRST, SECOND) == 2
    check(school)


def test_the_address_of_a_refunded_payment_does_not_bind_other_payments(school: School) -> None:
    first, second = school.buy(FIRST), school.buy(SECOND)
    assert correct(school, first, email=RIGHT).ok
    school.refund(first)
    assert correct(school, second, email=THIRD).ok
    school.rest()
    assert [active(school, each, FIRST, SECOND) for each in (WRONG, RIGHT, THIRD)] == [0, 0, 1]
    check(school)


def test_the_course_of_another_user_in_the_wrong_account_stays(school: School) -> None:
    own, other = school.buy(), school.buy(person=SAME)
    assert correct(school, own, email=RIGHT).ok
    school.rest()
    assert (active(school, WRONG), active(school, RIGHT)) == (1, 1)
    school.refund(other)
    assert (active(school, WRONG), active(school, RIGHT)) == (0, 1)
    check(school)


def test_the_latest_correction_counts(school: School) -> None:
    payment = school.buy()
    assert correct(school, payment, email=RIGHT).ok
    assert correct(school, payment, email=THIRD).ok
    school.rest()
    assert [active(school, each) for each in (WRONG, RIGHT, THIRD)] == [0, 0, 1]
    assert correct(school, payment, email=WRONG).ok
    school.rest()
    assert [active(school, each) for each in (WRONG, RIGHT, THIRD)] == [1, 0, 0]
    check(school)


def test_the_same_address_again_changes_nothing_at_thinkific(school: School) -> None:
    payment = school.buy()
    site = school.world.thinkific.site
    before = [(each.id, each.updated_at) for each in site.enrollments.values()]
    assert correct(school, payment, email=WRONG.upper()).ok
    school.rest()
    after = [(each.id, each.updated_at) for each in site.enrollments.values()]
    assert after == before
    assert school.enrollment()["delivery"]["status"] == "DELIVERED"
    check(school)


def test_the_wrong_account_loses_the_course_even_if_the_right_one_cannot_be_created(
    school: School,
) -> None:
    payment = school.buy()
    school.world.thinkific.fault(
        "createUser", "answer", status=422, body='{"errors": {"email": ["is invalid"]}}', times=1
    )
    assert correct(school, payment, email=RIGHT).ok
    school.rest()
    assert school.enrollment()["delivery"]["status"] == "FAILED"
    assert active(school, WRONG) == 0
    school.actors.redeliver(ADMIN, enrollment_id(BUDI.id, FIRST))
    school.rest()
    assert active(school, RIGHT) == 1


def test_a_refund_after_a_correction_revokes_the_course_in_every_account(school: School) -> None:
    payment = school.buy()
    assert correct(school, payment, email=RIGHT).ok
    school.refund(payment)
    assert (active(school, WRONG), active(school, RIGHT)) == (0, 0)
    answer = correct(school, payment, email=THIRD)
    assert (answer.status, answer.body["type"].rpartition(":")[2]) == (409, "wrong-state")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"name": " ", "email": ""}, "email"),
        ({"email": "budi@kampus"}, "email"),
        ({"email": "budi santoso@example.com"}, "email"),
        ({"email": RIGHT, "reason": " "}, "reason"),
    ],
)
def test_an_invalid_correction_is_refused_by_field(
    school: School, body: dict[str, str], field: str
) -> None:
    payment = school.order()
    answer = correct(school, payment, **body)
    assert answer.status == 422
    assert [each["field"] for each in answer.body["errors"]] == [field]


def test_an_unknown_payment_is_not_found(school: School) -> None:
    assert correct(school, "pay404", email=RIGHT).status == 404


@pytest.mark.parametrize("person", [BUDI, SAME])
def test_only_an_admin_may_correct(school: School, person: Any) -> None:
    payment = school.order()
    path, body = f"/payments/{payment}/learner", {"email": RIGHT, "reason": "mine"}
    answer = school.world.call(person, "PATCH /payments/{id}/learner", path, body=body)
    assert answer.status == 403

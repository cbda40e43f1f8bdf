"""A learner transfers money by hand, and an admin approves it."""

from tests.support.providers import Thinkific
from tests.support.users import Users


def test_an_approval_ends_with_the_learner_enrolled(users: Users, thinkific: Thinkific) -> None:
    learner, admin = users.learner(), users.admin()
    payment = learner.submit("intermediate", "analisis-sql")
    assert (payment["status"], payment["method"], payment["amount"]) == ("PAID", "MANUAL", 90000)

    approved = admin.approve(payment["id"])
    assert (approved.status_code, approved.json()["approvedBy"]) == (200, admin.id)
    learner.wait_for(payment["id"], "COMPLETED")

    assert learner.states(payment["id"]) == ["PAID", "APPROVED", "COMPLETED"]
    (enrollment,) = thinkific.enrollments(learner.email)
    assert enrollment["course_name"] == "Analisis Data dengan SQL"


def test_a_repeated_approval_gives_the_same_result(users: Users) -> None:
    learner, admin = users.learner(), users.admin()
    payment = learner.submit("intermediate", "analisis-sql")

    first, second = admin.approve(payment["id"]), users.admin().approve(payment["id"])

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["approvedBy"] == second.json()["approvedBy"] == admin.id
    assert learner.states(payment["id"]).count("APPROVED") == 1


def test_an_unpaid_order_at_duitku_cannot_be_approved(users: Users) -> None:
    learner = users.learner()
    payment = learner.initiate("entry", "python-dasar")

    answer = users.admin().approve(payment["id"])

    assert (answer.status_code, learner.payment(payment["id"])["status"]) == (409, "PENDING")
    assert learner.enrollments() == []


def test_nothing_is_enrolled_before_the_approval(users: Users) -> None:
    learner = users.learner()
    learner.submit("intermediate", "analisis-sql")

    assert learner.enrollments() == []
    status = learner.get("/enrollments/course/analisis-sql/status")
    assert status == {"courseId": "analisis-sql", "status": "NOT_ENROLLED"}


def test_the_course_counter_follows_the_enrollments(users: Users) -> None:
    learner, admin = users.learner(), users.admin()

    def enrolled() -> int:
        courses = {each["id"]: each for each in learner.get("/courses")["items"]}
        return int(courses["statistika-bisnis"]["enrolled"])

    before = enrolled()
    payment = learner.submit("intermediate", "statistika-bisnis")
    admin.approve(payment["id"])
    admin.approve(payment["id"])

    assert enrolled() == before + 1

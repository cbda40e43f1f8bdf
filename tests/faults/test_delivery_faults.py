"""A delivery survives killed workers and faults of Thinkific; nothing is lost or doubled."""

from collections.abc import Iterator

import boto3
import psutil
import pytest

from local.cloud import Stack
from tests.support.providers import Thinkific
from tests.support.users import Users, eventually

SOON = "3"
"""Seconds after which a message whose receiver died comes again in these tests."""


@pytest.fixture
def _soon_again(stack: Stack) -> Iterator[None]:
    """Shorten the queue's visibility time-out, so that a crash does not take minutes to heal."""
    sqs = boto3.client(
        "sqs",
        endpoint_url=stack.aws_endpoint_url,
        region_name=stack.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    url = stack.delivery_queue_url
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    usual = asked["Attributes"]["VisibilityTimeout"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": SOON})
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": usual})


def kill_delivery(stack: Stack) -> int:
    """Kill every process that runs deliver_enrollment on this stack; return how many there were."""
    state, killed = str(stack.logs.parent.parent), 0
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if "DeliverEnrollmentFunction" in command and state in command:
            process.kill()
            killed += 1
    return killed


@pytest.mark.usefixtures("_soon_again")
@pytest.mark.parametrize("route", ["createUser", "createEnrollment"])
def test_killing_a_delivery_during_a_call_loses_and_doubles_nothing(
    route: str, stack: Stack, users: Users, thinkific: Thinkific
) -> None:
    learner = users.learner()
    payment = learner.submit("entry", "python-dasar")
    before = thinkific.calls(route)
    thinkific.fault(route, "slow", seconds=4)
    users.admin().approve(payment["id"])
    eventually(lambda: thinkific.calls(route), lambda calls: calls > before)

    assert kill_delivery(stack) > 0

    learner.wait_for(payment["id"], "COMPLETED")
    assert len(thinkific.users(learner.email)) == 1
    assert len(thinkific.enrollments(learner.email)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"route": "createEnrollment", "kind": "drop_after"},
        {"route": "createEnrollment", "kind": "answer", "status": 500, "body": "<html>"},
        {"route": "createEnrollment", "kind": "answer_after", "status": 520, "body": "<html>"},
        {"route": "createUser", "kind": "drop_after"},
        {"route": "createUser", "kind": "answer", "status": 502},
        {"route": "listUsers", "kind": "drop"},
        {"route": "listEnrollments", "kind": "answer", "status": 503},
        {
            "route": "listUsers",
            "kind": "answer",
            "status": 429,
            "headers": {"RateLimit-Reset": "1"},
        },
    ],
    ids=lambda fault: f"{fault['route']} {fault['kind']} {fault.get('status', '')}".strip(),
)
def test_a_temporary_fault_of_thinkific_heals_by_itself(
    fault: dict[str, object], users: Users, thinkific: Thinkific
) -> None:
    learner = users.learner()
    payment = learner.submit("entry", "python-dasar")
    thinkific.do("faults", fault)

    users.admin().approve(payment["id"])

    learner.wait_for(payment["id"], "COMPLETED")
    assert len(thinkific.users(learner.email)) == 1
    assert len(thinkific.enrollments(learner.email)) == 1


def test_a_trial_at_thinkific_becomes_full_access(
    users: Users, thinkific: Thinkific, stack: Stack
) -> None:
    learner, admin = users.learner(), users.admin()
    first = learner.submit("entry", "literasi-data")
    admin.approve(first["id"])
    learner.wait_for(first["id"], "COMPLETED")
    (user,) = thinkific.users(learner.email)
    courses = {each["id"]: each for each in learner.get("/courses")["items"]}
    trial = {"user_id": user["id"], "course_id": courses["python-dasar"]["thinkificCourseId"]}
    thinkific.write("/enrollments", trial, stack)

    second = learner.submit("entry", "python-dasar")
    admin.approve(second["id"])
    learner.wait_for(second["id"], "COMPLETED")

    found = {each["course_id"]: each for each in thinkific.enrollments(learner.email)}
    assert len(found) == 2
    assert found[trial["course_id"]]["is_free_trial"] is False


def test_a_refusal_is_recorded_and_leaves_the_payment_approved(
    users: Users, thinkific: Thinkific
) -> None:
    learner = users.learner()
    payment = learner.submit("entry", "python-dasar")
    thinkific.fault(
        "createUser",
        "answer",
        status=422,
        body='{"errors": {"first_name": ["is too long"]}}',
        contentType="application/json",
    )

    users.admin().approve(payment["id"])
    (enrollment,) = eventually(
        learner.enrollments, lambda found: found[0]["delivery"]["status"] == "FAILED"
    )

    assert "first_name" in enrollment["delivery"]["lastError"]
    assert learner.payment(payment["id"])["status"] == "APPROVED"

"""Thinkific's webhooks as the simulator can break them: progress comes, and never goes down.

Each row of the simulator's table of sendings and webhook faults has a test here that names it.
"""

from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from local.cloud import Stack, deploy
from local.cloud.aws import Aws
from lunas.cli.thinkific_webhooks import FUNCTION, register
from tests.faults.races.barrier import at_once
from tests.support.learners import Pupil, post
from tests.support.providers import Thinkific
from tests.support.users import Users, eventually

SOON = "3"
"""Seconds after which a message whose receiver died comes again in these tests."""
PROGRESS, COMPLETED = "enrollment.progress", "enrollment.completed"
USUAL = {
    "webhookPercent": "0-100",
    "webhookRetries": 14,
    "webhookTimeout": 10,
    "certificates": True,
}


@pytest.fixture
def pupil(users: Users, thinkific: Thinkific) -> Iterator[Pupil]:
    """Enroll a learner; the simulator's settings are as they were afterwards."""
    yield Pupil.enrolled(users, thinkific)
    thinkific.do("wait", {"seconds": 30})
    thinkific.set(**USUAL)


def attempts(pupil: Pupil, topic: str = PROGRESS) -> list[int | None]:
    """Return how each attempt to tell of this learner was answered, once none is under way."""
    pupil.thinkific.do("wait", {"seconds": 30})
    sent = pupil.thinkific.see(f"deliveries?topic={topic}")["items"]
    mark = f'"payload":{{"id":{pupil.row["id"]},'
    return [each["status"] for each in sent if mark in each["sent"]]


def go_wrong(pupil: Pupil, **fault: object) -> None:
    """Let the next event go wrong on its way."""
    pupil.thinkific.do("webhook-faults", fault)


def sync_progress(stack: Stack) -> None:
    """Let the night come."""
    aws = Aws(stack.aws_endpoint_url, stack.region)
    answer = aws.functions.invoke(FunctionName=deploy.outputs(aws)[FUNCTION], Payload=b"{}")
    assert not answer.get("FunctionError"), answer["Payload"].read()


def registered(thinkific: Thinkific) -> list[tuple[str, str]]:
    """Return topic and status of each webhook."""
    return sorted((each["topic"], each["status"]) for each in thinkific.see("webhooks")["items"])


def test_a_new_stack_has_registered_its_webhooks_once(stack: Stack, thinkific: Thinkific) -> None:
    hooks = thinkific.see("webhooks")["items"]
    assert {each["target_url"] for each in hooks} == {stack.thinkific_webhook_url}
    assert registered(thinkific) == [(COMPLETED, "active"), (PROGRESS, "active")]


def test_an_event_signed_by_the_sites_key_brings_progress(pupil: Pupil) -> None:
    pupil.learns(24.5)
    pupil.reaches(24)
    assert attempts(pupil) == [200]


def test_completion_brings_a_hundred_percent_and_a_certificate(pupil: Pupil, users: Users) -> None:
    pupil.learns(100)
    shown = eventually(pupil.shown, lambda seen: "certificateUrl" in seen)
    assert shown["progress"] == 100
    assert shown["certificateUrl"].startswith("https://")
    path = f"/enrollments/{pupil.enrollment}"
    assert users.admin().get(path)["certificateUrl"] == shown["certificateUrl"]
    assert "certificateUrl" not in users.service().get(path)


@pytest.mark.parametrize(
    "fault",
    [
        {"copies": 5},
        {"delay": 1.5},
        {"payload": {"user": {"first_name": "Zoë 学生", "last_name": "Ñandú"}}},
        {"payload": {"tenant_news": {"a": [None]}, "course": None, "expiry_date": None}},
    ],
    ids=["duplicate", "delayed", "non-ASCII names", "unknown fields and nulls"],
)
def test_an_event_that_comes_oddly_counts_once(pupil: Pupil, fault: dict[str, object]) -> None:
    go_wrong(pupil, **fault)
    pupil.learns(30)
    pupil.reaches(30)
    assert set(attempts(pupil)) == {200}


def test_reordered_events_leave_the_highest_progress(pupil: Pupil) -> None:
    go_wrong(pupil, behind=1)
    pupil.learns(30)
    pupil.learns(60)
    assert attempts(pupil) == [200, 200]
    pupil.reaches(60)
    settled(pupil)
    assert pupil.progress() == 60


def test_a_completion_that_overtakes_its_progress_stays(pupil: Pupil) -> None:
    go_wrong(pupil, behind=2)
    pupil.learns(50)
    pupil.learns(100)
    assert attempts(pupil) == [200, 200]
    pupil.reaches(100)
    settled(pupil)
    assert pupil.progress() == 100


@pytest.mark.parametrize("signature", ["bad", "base64", "upper", "missing"])
def test_a_signature_that_does_not_fit_changes_nothing(pupil: Pupil, signature: str) -> None:
    pupil.thinkific.set(webhookRetries=1)
    go_wrong(pupil, signature=signature)
    pupil.learns(40)
    assert attempts(pupil) == [403, 403]
    settled(pupil)
    assert pupil.progress() == 0
    pupil.learns(50)
    pupil.reaches(50)


@pytest.mark.parametrize("topic", ["lesson.levitated", "order.created", "enrollment.trial"])
def test_an_unknown_topic_is_thanked_for_and_changes_nothing(pupil: Pupil, topic: str) -> None:
    go_wrong(pupil, asTopic=topic)
    pupil.learns(40)
    assert attempts(pupil, topic) == [200]
    settled(pupil)
    assert pupil.progress() == 0


def test_the_scale_from_0_to_1_is_asked_about(pupil: Pupil) -> None:
    pupil.thinkific.set(webhookPercent="0-1")
    before = pupil.thinkific.calls("getEnrollment")
    pupil.learns(45)
    pupil.reaches(45)
    assert pupil.thinkific.calls("getEnrollment") > before


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "answer", "status": 429, "headers": {"RateLimit-Reset": "1"}},
        {"kind": "answer", "status": 503, "body": "<html>"},
        {"kind": "drop"},
    ],
    ids=["429", "503 with HTML", "dropped connection"],
)
def test_asking_that_fails_for_a_while_heals_by_itself(
    pupil: Pupil, fault: dict[str, object]
) -> None:
    pupil.thinkific.set(webhookPercent="0-1")
    pupil.thinkific.do("faults", {"route": "getEnrollment", **fault})
    pupil.learns(45)
    pupil.reaches(45)


def test_an_answer_that_thinkific_did_not_hear_is_given_again(pupil: Pupil) -> None:
    """Whatever is not answered 200 in time is sent again, though it was dealt with."""
    pupil.thinkific.set(webhookTimeout=0.001, webhookRetries=3)
    pupil.learns(35)
    assert len(attempts(pupil)) == 4
    pupil.thinkific.set(webhookTimeout=10)
    pupil.learns(36)
    pupil.reaches(36)


def test_events_at_once_leave_the_highest_progress(stack: Stack, pupil: Pupil) -> None:
    bodies = [pupil.event(f"{percent}.0") for percent in range(10, 90, 8)]
    assert set(at_once(*(lambda body=body: post(stack, body) for body in bodies))) == {200}
    pupil.reaches(82)
    settled(pupil)
    assert pupil.progress() == 82


def test_one_event_ten_times_at_once_and_again_later_counts_once(
    stack: Stack, pupil: Pupil
) -> None:
    body = pupil.event("55.0")
    assert set(at_once(*[lambda: post(stack, body)] * 10)) == {200}
    pupil.reaches(55)
    assert post(stack, body) == 200
    settled(pupil)
    assert pupil.progress() == 55


def test_the_secret_of_an_app_may_have_signed_and_no_other_key(stack: Stack, pupil: Pupil) -> None:
    assert post(stack, pupil.event("70.0"), "f" * 32) == 403
    assert post(stack, pupil.event("20.0"), stack.thinkific.client_secret) == 200
    pupil.reaches(20)


def test_a_refunded_enrollment_is_left_alone(stack: Stack, users: Users, pupil: Pupil) -> None:
    pupil.learns(10)
    pupil.reaches(10)
    users.admin().refund(pupil.payment)
    assert post(stack, pupil.event("90.0")) == 200
    settled(pupil)
    shown = pupil.shown()
    assert (shown["status"], shown["progress"]) == ("NOT_ENROLLED", 10)


def test_a_learner_whom_others_enrolled_does_no_harm(stack: Stack, pupil: Pupil) -> None:
    stranger = pupil.event("90.0", payload={"id": 1, "user": {"id": 2}, "course_id": 3})
    assert post(stack, stranger) == 200
    pupil.learns(15)
    pupil.reaches(15)


@pytest.fixture
def _soon_again(stack: Stack) -> Iterator[None]:
    """Shorten the queue's visibility time-out, so that a crash does not take minutes to heal."""
    aws = Aws(stack.aws_endpoint_url, stack.region)
    url = deploy.resources(aws)["ProgressQueue"]
    asked = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    usual = asked["Attributes"]["VisibilityTimeout"]
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": SOON})
    yield
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": usual})


@pytest.mark.usefixtures("_soon_again")
def test_killing_it_between_the_event_and_the_note_loses_nothing(
    stack: Stack, pupil: Pupil
) -> None:
    thinkific = pupil.thinkific
    thinkific.set(webhookPercent="0-1")
    before = thinkific.calls("getEnrollment")
    thinkific.fault("getEnrollment", "slow", seconds=4)
    pupil.learns(65)
    eventually(lambda: thinkific.calls("getEnrollment"), lambda calls: calls > before)

    assert kill_following(stack) > 0

    pupil.reaches(65)


def kill_following(stack: Stack) -> int:
    """Kill every process that runs record_progress on this stack; return how many there were."""
    state, killed = str(stack.logs.parent.parent), 0
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if "RecordProgressFunction" in command and state in command:
            process.kill()
            killed += 1
    return killed


def test_lost_events_heal_by_night_and_the_command_brings_the_webhooks_back(
    stack: Stack, pupil: Pupil
) -> None:
    thinkific = pupil.thinkific
    for hook in thinkific.see("webhooks")["items"]:
        thinkific.do(f"webhooks/{hook['id']}", {"status": "inactive"})
    pupil.learns(75)
    assert attempts(pupil) == []

    sync_progress(stack)
    assert pupil.progress() == 75
    assert registered(thinkific) == [(COMPLETED, "inactive"), (PROGRESS, "inactive")]

    aws = Aws(stack.aws_endpoint_url, stack.region)
    function = deploy.outputs(aws)[FUNCTION]
    fates = [[each["fate"] for each in register(aws.functions, function)] for _ in range(2)]
    assert fates == [["REGISTERED"] * 2, ["ACTIVE"] * 2]
    assert registered(thinkific) == [(COMPLETED, "active"), (PROGRESS, "active")]
    pupil.learns(80)
    pupil.reaches(80)


def settled(pupil: Pupil) -> None:
    """Return once every event that was queued before is dealt with."""
    stack = pupil.person.stack
    aws = Aws(stack.aws_endpoint_url, stack.region)
    url = deploy.resources(aws)["ProgressQueue"]
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left() -> int:
        told: Any = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(told["Attributes"][name]) for name in names)

    eventually(left, lambda waiting: waiting == 0)

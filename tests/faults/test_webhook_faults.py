"""Progress arrives and never goes down, under every webhook fault of Thinkific's simulator.

Each row of the simulator's table of webhook faults has a test in this file that names it.
"""

from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from local.cloud import Stack, deploy
from local.cloud.aws import Aws
from lunas.cli.thinkific_webhooks import FUNCTION, register
from tests.faults.races.barrier import at_once
from tests.support.learners import EnrolledLearner, post
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
def learner(users: Users, thinkific: Thinkific) -> Iterator[EnrolledLearner]:
    """Enroll a learner; the simulator's settings are as they were afterwards."""
    yield EnrolledLearner.enrolled(users, thinkific)
    thinkific.do("wait", {"seconds": 30})
    thinkific.set(**USUAL)


def attempts(learner: EnrolledLearner, topic: str = PROGRESS) -> list[int | None]:
    """Return the answer to each attempt to send this learner's events, once none is under way."""
    learner.thinkific.do("wait", {"seconds": 30})
    sent = learner.thinkific.see(f"deliveries?topic={topic}")["items"]
    own = f'"payload":{{"id":{learner.platform_enrollment["id"]},'
    return [each["status"] for each in sent if own in each["sent"]]


def break_next(learner: EnrolledLearner, **fault: object) -> None:
    """Let a fault change the next event on its way."""
    learner.thinkific.do("webhook-faults", fault)


def sync_progress(stack: Stack) -> None:
    """Run the nightly progress sync."""
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


def test_an_event_signed_by_the_sites_key_brings_progress(learner: EnrolledLearner) -> None:
    learner.learns(24.5)
    learner.reaches(24)
    assert attempts(learner) == [200]


def test_completion_brings_a_hundred_percent_and_a_certificate(
    learner: EnrolledLearner, users: Users
) -> None:
    learner.learns(100)
    shown = eventually(learner.shown, lambda seen: "certificateUrl" in seen)
    assert shown["progress"] == 100
    assert shown["certificateUrl"].startswith("https://")
    path = f"/enrollments/{learner.enrollment}"
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
def test_an_unusual_event_counts_once(learner: EnrolledLearner, fault: dict[str, object]) -> None:
    break_next(learner, **fault)
    learner.learns(30)
    learner.reaches(30)
    assert set(attempts(learner)) == {200}


def test_reordered_events_leave_the_highest_progress(learner: EnrolledLearner) -> None:
    break_next(learner, behind=1)
    learner.learns(30)
    learner.learns(60)
    assert attempts(learner) == [200, 200]
    learner.reaches(60)
    settled(learner)
    assert learner.progress() == 60


def test_a_completion_that_overtakes_its_progress_stays(learner: EnrolledLearner) -> None:
    break_next(learner, behind=2)
    learner.learns(50)
    learner.learns(100)
    assert attempts(learner) == [200, 200]
    learner.reaches(100)
    settled(learner)
    assert learner.progress() == 100


@pytest.mark.parametrize("signature", ["bad", "base64", "upper", "missing"])
def test_an_event_with_a_wrong_signature_changes_nothing(
    learner: EnrolledLearner, signature: str
) -> None:
    learner.thinkific.set(webhookRetries=1)
    break_next(learner, signature=signature)
    learner.learns(40)
    assert attempts(learner) == [403, 403]
    settled(learner)
    assert learner.progress() == 0
    learner.learns(50)
    learner.reaches(50)


@pytest.mark.parametrize("topic", ["lesson.levitated", "order.created", "enrollment.trial"])
def test_an_unknown_topic_is_answered_200_and_changes_nothing(
    learner: EnrolledLearner, topic: str
) -> None:
    break_next(learner, asTopic=topic)
    learner.learns(40)
    assert attempts(learner, topic) == [200]
    settled(learner)
    assert learner.progress() == 0


def test_progress_on_a_scale_from_0_to_1_is_read_from_thinkific(learner: EnrolledLearner) -> None:
    learner.thinkific.set(webhookPercent="0-1")
    before = learner.thinkific.calls("getEnrollment")
    learner.learns(45)
    learner.reaches(45)
    assert learner.thinkific.calls("getEnrollment") > before


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "answer", "status": 429, "headers": {"RateLimit-Reset": "1"}},
        {"kind": "answer", "status": 503, "body": "<html>"},
        {"kind": "drop"},
    ],
    ids=["429", "503 with HTML", "dropped connection"],
)
def test_reading_progress_that_fails_for_a_while_heals_by_itself(
    learner: EnrolledLearner, fault: dict[str, object]
) -> None:
    learner.thinkific.set(webhookPercent="0-1")
    learner.thinkific.do("faults", {"route": "getEnrollment", **fault})
    learner.learns(45)
    learner.reaches(45)


def test_an_event_is_sent_again_if_the_answer_comes_too_late(learner: EnrolledLearner) -> None:
    """Thinkific repeats every event without a 200 in time, even one that Lunas has handled."""
    learner.thinkific.set(webhookTimeout=0.001, webhookRetries=3)
    learner.learns(35)
    assert len(attempts(learner)) == 4
    learner.thinkific.set(webhookTimeout=10)
    learner.learns(36)
    learner.reaches(36)


def test_events_at_once_leave_the_highest_progress(stack: Stack, learner: EnrolledLearner) -> None:
    bodies = [learner.event(f"{percent}.0") for percent in range(10, 90, 8)]
    assert set(at_once(*(lambda body=body: post(stack, body) for body in bodies))) == {200}
    learner.reaches(82)
    settled(learner)
    assert learner.progress() == 82


def test_one_event_ten_times_at_once_and_again_later_counts_once(
    stack: Stack, learner: EnrolledLearner
) -> None:
    body = learner.event("55.0")
    assert set(at_once(*[lambda: post(stack, body)] * 10)) == {200}
    learner.reaches(55)
    assert post(stack, body) == 200
    settled(learner)
    assert learner.progress() == 55


def test_the_apps_secret_may_sign_an_event_and_no_other_key_may(
    stack: Stack, learner: EnrolledLearner
) -> None:
    assert post(stack, learner.event("70.0"), "f" * 32) == 403
    assert post(stack, learner.event("20.0"), stack.thinkific.client_secret) == 200
    learner.reaches(20)


def test_an_event_for_a_refunded_enrollment_changes_nothing(
    stack: Stack, users: Users, learner: EnrolledLearner
) -> None:
    learner.learns(10)
    learner.reaches(10)
    users.admin().refund(learner.payment)
    assert post(stack, learner.event("90.0")) == 200
    settled(learner)
    shown = learner.shown()
    assert (shown["status"], shown["progress"]) == ("NOT_ENROLLED", 10)


def test_an_event_for_an_unknown_enrollment_is_ignored(
    stack: Stack, learner: EnrolledLearner
) -> None:
    stranger = learner.event("90.0", payload={"id": 1, "user": {"id": 2}, "course_id": 3})
    assert post(stack, stranger) == 200
    learner.learns(15)
    learner.reaches(15)


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
def test_killing_record_progress_during_an_event_loses_nothing(
    stack: Stack, learner: EnrolledLearner
) -> None:
    thinkific = learner.thinkific
    thinkific.set(webhookPercent="0-1")
    before = thinkific.calls("getEnrollment")
    thinkific.fault("getEnrollment", "slow", seconds=4)
    learner.learns(65)
    eventually(lambda: thinkific.calls("getEnrollment"), lambda calls: calls > before)

    assert kill_record_progress(stack) > 0

    learner.reaches(65)


def kill_record_progress(stack: Stack) -> int:
    """Kill every process that runs record_progress on this stack; return how many there were."""
    state, killed = str(stack.logs.parent.parent), 0
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if "RecordProgressFunction" in command and state in command:
            process.kill()
            killed += 1
    return killed


def test_the_progress_sync_finds_lost_events_and_a_command_activates_the_webhooks(
    stack: Stack, learner: EnrolledLearner
) -> None:
    thinkific = learner.thinkific
    for hook in thinkific.see("webhooks")["items"]:
        thinkific.do(f"webhooks/{hook['id']}", {"status": "inactive"})
    learner.learns(75)
    assert attempts(learner) == []

    sync_progress(stack)
    assert learner.progress() == 75
    assert registered(thinkific) == [(COMPLETED, "inactive"), (PROGRESS, "inactive")]

    aws = Aws(stack.aws_endpoint_url, stack.region)
    function = deploy.outputs(aws)[FUNCTION]
    states = [[each["state"] for each in register(aws.functions, function)] for _ in range(2)]
    assert states == [["REGISTERED"] * 2, ["ACTIVE"] * 2]
    assert registered(thinkific) == [(COMPLETED, "active"), (PROGRESS, "active")]
    learner.learns(80)
    learner.reaches(80)


def settled(learner: EnrolledLearner) -> None:
    """Return once every queued event is handled."""
    stack = learner.person.stack
    aws = Aws(stack.aws_endpoint_url, stack.region)
    url = deploy.resources(aws)["ProgressQueue"]
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left() -> int:
        answer: Any = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    eventually(left, lambda waiting: waiting == 0)

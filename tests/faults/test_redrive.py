"""One command requests dead-lettered deliveries again, once the cause is fixed."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.cloud import Stack
from lunas.cli import stacks
from lunas.cli.errors import NotDeployed
from tests.support.providers import Thinkific
from tests.support.users import Person, Users, eventually

REFUSAL = {"status": 422, "contentType": "application/json", "body": '{"errors": {"x": ["no"]}}'}


def redrive(stack: Stack) -> subprocess.CompletedProcess[str]:
    """Run the command as ``make redrive-deliveries`` does."""
    folder = stack.logs.parent.parent
    command = [sys.executable, "-m", "lunas.cli", "redrive-deliveries", "--state", str(folder)]
    return subprocess.run(  # noqa: S603  (our own command)
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )


def refused(users: Users, thinkific: Thinkific) -> tuple[Person, str]:
    """Let a learner buy a course that Thinkific refuses; return the learner and the payment."""
    learner = users.learner()
    payment = learner.submit("entry", "python-dasar")
    thinkific.fault("createUser", "answer", **REFUSAL)
    users.admin().approve(payment["id"])
    eventually(learner.enrollments, lambda found: found[0]["delivery"]["status"] == "FAILED")
    return learner, payment["id"]


def test_a_dead_lettered_delivery_is_completed_by_the_command(
    stack: Stack, users: Users, thinkific: Thinkific
) -> None:
    learner, payment = refused(users, thinkific)

    done = redrive(stack)

    assert (done.returncode, done.stderr) == (0, "")
    (line,) = [line for line in done.stdout.splitlines() if payment in line]
    assert line.startswith("requested")
    assert "Thinkific" in line
    learner.wait_for(payment, "COMPLETED")
    assert len(thinkific.enrollments(learner.email)) == 1
    again = redrive(stack)
    assert (again.returncode, payment in again.stdout) == (0, False)


def test_a_dead_letter_message_whose_delivery_an_admin_requested_again_is_only_deleted(
    stack: Stack, users: Users, thinkific: Thinkific
) -> None:
    learner, payment = refused(users, thinkific)
    (enrollment,) = learner.enrollments()
    users.admin().call("POST", f"/enrollments/{enrollment['id']}/redeliver")
    learner.wait_for(payment, "COMPLETED")

    done = redrive(stack)

    (line,) = [line for line in done.stdout.splitlines() if payment in line]
    assert line.startswith("out of date")
    assert done.returncode == 0
    assert len(thinkific.enrollments(learner.email)) == 1


def test_on_aws_the_outputs_of_the_stack_name_table_and_queue(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    existing = {"stack_name": "lunas", "region": stack.region}
    missing = {"stack_name": "nothing", "region": stack.region}
    monkeypatch.setattr(stacks, "environments", lambda: {"dev": existing, "prod": missing})
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.aws_endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    found = stacks.find("dev", tmp_path)

    assert found.outputs["TableName"] == stack.table_name
    assert found.outputs["DeadLetterQueueUrl"] == stack.dead_letter_queue_url
    with pytest.raises(NotDeployed, match="nothing"):
        stacks.find("prod", tmp_path)

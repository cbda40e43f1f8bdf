"""``make smoke`` passes a healthy stack and names each fault of another."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Stack
from local.cloud.state import ROOT
from lunas.cli.smoke.checks import CHECKS
from lunas.cli.smoke.command import check_all
from lunas.cli.stacks import DeployedStack, find
from tests.conftest import END_TO_END


@pytest.fixture
def deployed(stack: Stack) -> DeployedStack:
    assert stack.region
    return find("local", END_TO_END)


def wrong(deployed: DeployedStack, *names: str) -> list[str]:
    """Return what the command reports as wrong, by the named checks or by all."""
    lines: list[str] = []
    check_all(deployed, lines.append)
    found = [line.removeprefix("WRONG ") for line in lines if line.startswith("WRONG ")]
    return [line for line in found if not names or line.startswith(names)]


def secrets_of(deployed: DeployedStack) -> set[str]:
    """Return every text that the secrets hold."""
    client, found = deployed.client("secretsmanager"), set()
    for output in ("AuthSecretId", "DuitkuSecretId", "ThinkificSecretId"):
        text = client.get_secret_value(SecretId=deployed.outputs[output])["SecretString"]
        found |= set(_texts(json.loads(text)))
    return found


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str() if len(value) >= 12:
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)


def test_a_healthy_stack_passes_every_check(deployed: DeployedStack) -> None:
    lines: list[str] = []
    # Messages of other tests in the dead-letter queues are no fault of the stack.
    for queue in ("DeadLetterQueue", "SaleReportDeadLetterQueue", "ProgressDeadLetterQueue"):
        deployed.client("sqs").purge_queue(QueueUrl=deployed.of_type("AWS::SQS::Queue")[queue])
    code = check_all(deployed, lines.append)
    assert [line for line in lines if line.startswith("WRONG")] == []
    assert code == 0
    assert len(lines) == len(CHECKS) + 1
    assert all(line.startswith(("ok ", "smoke: 0 wrong")) for line in lines)
    assert not [each for each in secrets_of(deployed) if each in "\n".join(lines)]


def test_the_command_fails_and_names_what_it_found(deployed: DeployedStack) -> None:
    command = [sys.executable, "-m", "lunas.cli", "smoke", "--state", str(END_TO_END)]
    with secret(deployed, "DuitkuSecretId", {}):
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "WRONG secrets" in done.stdout
    assert "the Duitku secret has no merchantCode: docs/deploy.md" in done.stdout
    assert (ROOT / "docs" / "deploy.md").read_text().count("## Fill in the secrets") == 1


@contextmanager
def secret(deployed: DeployedStack, output: str, value: object) -> Iterator[None]:
    """Change a secret while the block lasts."""
    client, name = deployed.client("secretsmanager"), deployed.outputs[output]
    before = client.get_secret_value(SecretId=name)["SecretString"]
    client.put_secret_value(SecretId=name, SecretString=json.dumps(value))
    try:
        yield
    finally:
        client.put_secret_value(SecretId=name, SecretString=before)


@pytest.mark.parametrize(
    ("output", "value", "text"),
    [
        ("DuitkuSecretId", {"merchantCode": "DS1"}, "the Duitku secret has no apiKey"),
        ("ThinkificSecretId", {}, "the Thinkific secret has no apiKey"),
        ("AuthSecretId", {}, "the auth secret has no userKeys"),
        ("AuthSecretId", {"userKeys": {"k": "short"}}, "the user key k is shorter than 32"),
    ],
)
def test_a_secret_that_is_not_filled_in_is_named(
    deployed: DeployedStack, output: str, value: object, text: str
) -> None:
    with secret(deployed, output, value):
        assert any(text in line for line in wrong(deployed, "secrets"))


def test_a_schedule_that_is_off_is_named(deployed: DeployedStack) -> None:
    client = deployed.client("scheduler")
    logical, name = next(iter(sorted(deployed.of_type("AWS::Scheduler::Schedule").items())))
    schedule = client.get_schedule(Name=name)
    same = {
        key: schedule[key]
        for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        if key in schedule
    }
    client.update_schedule(**same, State="DISABLED")
    try:
        (line,) = wrong(deployed, "schedules")
    finally:
        client.update_schedule(**same, State="ENABLED")
    assert f"{logical} is DISABLED" in line
    assert wrong(deployed, "schedules") == []


def test_a_message_that_was_left_behind_is_named(deployed: DeployedStack) -> None:
    client, url = deployed.client("sqs"), deployed.of_type("AWS::SQS::Queue")["UnpublishedQueue"]
    client.send_message(QueueUrl=url, MessageBody="{}")
    try:
        assert any("UnpublishedQueue holds 1" in line for line in wrong(deployed, "queues"))
    finally:
        client.purge_queue(QueueUrl=url)


def test_a_function_that_may_not_run_is_named(deployed: DeployedStack) -> None:
    """A parameter compared as a number once reserved nothing for three functions."""
    client, name = (
        deployed.client("lambda"),
        deployed.of_type("AWS::Lambda::Function")["SyncProgressFunction"],
    )
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        (line,) = wrong(deployed, "functions")
    finally:
        client.delete_function_concurrency(FunctionName=name)
    assert "SyncProgressFunction cannot run" in line


def test_an_alarm_that_rings_or_is_gone_is_named(deployed: DeployedStack) -> None:
    client = deployed.client("cloudwatch")
    names = deployed.of_type("AWS::CloudWatch::Alarm")
    ringing = names["DeadLettersAlarm"]
    client.set_alarm_state(AlarmName=ringing, StateValue="ALARM", StateReason="test")
    try:
        (line,) = wrong(deployed, "alarms")
    finally:
        client.set_alarm_state(AlarmName=ringing, StateValue="OK", StateReason="test")
    assert f"{ringing} rings: docs/runbooks/dead-letters.md" in line


class OnAws(DeployedStack):
    """The stack as one on AWS, with settings of the test."""

    settings: dict[str, str]

    @property
    def is_local(self) -> bool:
        """Return False: alarms of the stack are mailed."""
        return False

    def environment_of(self, function: str) -> dict[str, str]:
        """Return the settings of the test."""
        return {**super().environment_of(function), **type(self).settings}


def on_aws(deployed: DeployedStack, **settings: str) -> DeployedStack:
    """Return the stack as one on AWS, with some settings changed."""
    kind = type("Configured", (OnAws,), {"settings": settings})
    made: DeployedStack = kind(
        **{each.name: getattr(deployed, each.name) for each in fields(deployed)}
    )
    return made


def test_a_table_without_recovery_or_time_to_live_is_named(deployed: DeployedStack) -> None:
    """The emulator leaves both off, so the test switches them on, one after the other."""
    client, name, configured = (
        deployed.client("dynamodb"),
        deployed.outputs["TableName"],
        on_aws(deployed),
    )
    recovery, expiry = wrong(configured, "table")
    assert "point-in-time recovery is off" in recovery
    assert "time to live is off" in expiry
    on = {"PointInTimeRecoveryEnabled": True}
    client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=on)
    assert wrong(configured, "table") == [expiry]
    ttl = {"Enabled": True, "AttributeName": "ttl"}
    client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    try:
        assert wrong(configured, "table") == []
    finally:
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl | {"Enabled": False})


def test_alarms_that_are_mailed_to_no_one_are_named(deployed: DeployedStack) -> None:
    configured = on_aws(deployed)
    assert any("no one is mailed" in line for line in wrong(configured, "alarms"))
    deployed.client("sns").subscribe(
        TopicArn=deployed.outputs["AlarmTopicArn"], Protocol="email", Endpoint="ops@example.com"
    )
    assert not any("no one is mailed" in line for line in wrong(configured, "alarms"))


@pytest.mark.parametrize(
    ("settings", "check", "text"),
    [
        ({"DUITKU_CALLBACK_URL": ""}, "callback address", "no callback address is set"),
        ({"DUITKU_CALLBACK_URL": "http://x.test"}, "callback address", "is no https address"),
        ({"RETURN_URL": "https://example.com/"}, "return address", "set ReturnUrl"),
        ({"TIME_ZONE": "Asia/Makasar"}, "time zone", "'Asia/Makasar' is no time zone"),
        ({"THINKIFIC_SUBDOMAIN": ""}, "Thinkific", "no Thinkific site is named"),
        ({"THINKIFIC_AUTHENTICATION": "oauth"}, "Thinkific", "no Thinkific site is connected"),
    ],
    ids=str,
)
def test_a_setting_that_is_missing_is_named(
    deployed: DeployedStack, settings: dict[str, str], check: str, text: str
) -> None:
    assert any(text in line for line in wrong(on_aws(deployed, **settings), check))


def test_a_check_that_fails_is_a_problem_and_stops_no_other_check(
    deployed: DeployedStack,
) -> None:
    gone = {**deployed.outputs, "TableName": "no-such-table", "ApiUrl": deployed.endpoint or ""}
    broken = replace(deployed, outputs=gone)
    lines = wrong(broken)
    assert any(line.startswith("table") and "cannot be checked" in line for line in lines)
    assert any(line.startswith("health") for line in lines)


def test_every_check_is_documented() -> None:
    text = Path(ROOT / "docs" / "deploy.md").read_text()
    assert "make smoke ENV=dev" in text
    assert all(f"| {name} |" in text for name in CHECKS)

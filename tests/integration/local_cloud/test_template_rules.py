"""Lunas's own rules for the template find the faults that they are for."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud.state import ROOT, TOOLS
from tests.support import template

type Resources = dict[str, dict[str, Any]]

FAULTS = {
    "E9001": ("Action: dynamodb:ListStreams", 'Action: "dynamodb:*"'),
    "E9002": ("SSESpecification: {SSEEnabled: true}", "SSESpecification: {SSEEnabled: false}"),
    "E9003": ("SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false"),
    "E9004": ("LoggingConfig: {LogFormat: JSON, LogGroup: !Ref CatalogLogs}", "Timeout: 20"),
    "E9005": ("RetentionInDays: !Ref LogRetentionDays", "LogGroupClass: STANDARD"),
    "E9006": ("Timeout: 75", "FunctionUrlConfig: {AuthType: NONE}"),
    "E9007": ("ApiDocs, ", ""),
    "E9008": ("TreatMissingData: breaching", "Unit: Count"),
    "E9009": ("[dynamodb:GetItem, dynamodb:BatchGetItem]", "dynamodb:Scan"),
    "E9010": ("deadLetterTargetArn: !GetAtt DeadLetterQueue.Arn", "deadLetterTargetArn: none"),
    "E9011": (
        "        Page: {Type: HttpApi",
        "        Any: {Type: SQS, Properties: {Queue: q}}\n        Page: {Type: HttpApi",
    ),
    "E9012": ("DeploymentPreference: {Alarms: [!Ref CatalogErrors]}", "MemorySize: 256"),
    "E9013": ('[!Ref WorkerConcurrency, ""]', "[!Ref InvoiceMinutes, 0]"),
    "E9014": ('                "Null": {dynamodb:LeadingKeys: "false"}\n', ""),
    "E9015": (
        "ReservedConcurrentExecutions: !If [ReservesForWebhook",
        "MemorySize: !If [UsesOauth",
    ),
    "E9016": (
        '      Description: "Lunas: Duitku project',
        '      SecretString: "{}"\n      Description: "',
    ),
    "E9017": ("RetentionPolicy: Retain", "RetentionPolicy: Delete"),
    "E9018": ("MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60", "MaximumRetryAttempts: 1"),
    "E9020": ("        - !Ref UrlErrorsAlarm\n", ""),
    "E9021": ("FILL(byDue, 0)", "byDue"),
    "E9023": (", {Name: entrance, Value: url}]", "]"),
    "E9022": ("DeletionPolicy: Retain\n", "DeletionPolicy: RetainExceptOnCreate\n"),
}
"""For each rule, a text of the template and a replacement that breaks the rule."""


class Linter:
    """cfn-lint with our rules alone."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def messages(self, template: str) -> list[tuple[str, str]]:
        """Return what is wrong with a template: the number of each rule and its message."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(template)}\n")
        self._process.stdin.flush()
        return [(rule, text) for rule, text in json.loads(self._process.stdout.readline())]

    def by_rule(self, rule: str, resources: Resources) -> list[str]:
        """Return the messages of a rule about the resources of a template, sorted."""
        content = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
        return sorted(text for each, text in self.messages(json.dumps(content)) if each == rule)


@pytest.fixture(scope="module")
def linter() -> Iterator[Linter]:
    python = TOOLS / "sam" / "bin" / "python"
    command: list[str | Path] = [python, "-m", "tests.support.lint_server"]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603
        command, text=True, cwd=ROOT, stdin=pipe, stdout=pipe
    ) as process:
        yield Linter(process)


def test_the_template_breaks_no_rule(linter: Linter) -> None:
    assert linter.messages((ROOT / "template.yaml").read_text()) == []


@pytest.fixture(scope="module")
def found(linter: Linter) -> set[str]:
    """Break every rule in one copy of the template."""
    text = (ROOT / "template.yaml").read_text()
    for right, wrong in FAULTS.values():
        assert right in text
        text = text.replace(right, wrong, 1)
    return {rule for rule, _ in linter.messages(text)}


@pytest.mark.parametrize("rule", sorted(FAULTS))
def test_a_broken_rule_is_found(rule: str, found: set[str]) -> None:
    assert rule in found


def test_each_rule_has_a_case_that_breaks_it() -> None:
    text = "".join(path.read_text() for path in (ROOT / "local" / "lint").glob("*_rules.py"))
    assert set(re.findall(r'_rule\(\s*"(E\d+)"', text)) == set(FAULTS)


# ── Alarms ───────────────────────────────────────────────────────────────────────────────────────


TOPIC = [{"Ref": "Topic"}]
STREAM = {"Fn::GetAtt": ["Table", "StreamArn"]}


def alarm(metric: str, dimension: object, **changes: object) -> dict[str, Any]:
    """Make an alarm that breaks no rule, except by the changes; None removes a property."""
    properties = {
        "AlarmName": {"Fn::Sub": "${AWS::StackName}-errors"},
        "AlarmDescription": "docs/runbooks/errors.md: it broke off.",
        "MetricName": metric,
        "Dimensions": [{"Name": "FunctionName", "Value": dimension}],
        "TreatMissingData": "notBreaching",
        "AlarmActions": TOPIC,
        "OKActions": TOPIC,
        **changes,
    }
    kept = {name: value for name, value in properties.items() if value is not None}
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": kept}


def function_with(name: str, *metrics: str, **properties: object) -> Resources:
    """Make a function with alarms on these metrics."""
    alarms = {f"{name}{each}": alarm(each, {"Ref": name}) for each in metrics}
    return {name: {"Type": "AWS::Serverless::Function", "Properties": properties}, **alarms}


def reader_of(function: str, source: object, **properties: object) -> dict[str, Any]:
    """Make the source that hands events of a queue or a stream to a function."""
    given = {"FunctionName": {"Ref": f"{function}.Alias"}, "EventSourceArn": source, **properties}
    return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": given}


def queue_with(name: str, *metrics: str) -> Resources:
    """Make a queue with alarms on these metrics."""
    named = {"Fn::GetAtt": [name, "QueueName"]}
    alarms = {f"{name}{each}": alarm(each, named) for each in metrics}
    return {name: {"Type": "AWS::SQS::Queue", "Properties": {}}, **alarms}


def test_a_resource_without_its_alarms_is_named_with_the_missing_ones(linter: Linter) -> None:
    resources = {
        **function_with("Watched", "Errors", "Throttles"),
        **function_with("Forgotten", "Duration"),
        **function_with("Half", "Errors"),
        **function_with("Reader", "Errors", "Throttles", "IteratorAge"),
        "ReaderStream": reader_of("Reader", STREAM, StartingPosition="LATEST"),
        **function_with("BlindReader", "Errors", "Throttles"),
        "BlindReaderStream": reader_of("BlindReader", STREAM, StartingPosition="LATEST"),
        **queue_with("WatchedQueue", "ApproximateAgeOfOldestMessage"),
        **queue_with("WatchedDeadLetters", "ApproximateNumberOfMessagesVisible"),
        **queue_with("ForgottenQueue", "NumberOfMessagesSent"),
    }
    assert linter.by_rule("E9007", resources) == [
        "BlindReader: no alarm on IteratorAge",
        "Forgotten: no alarm on Errors",
        "Forgotten: no alarm on Throttles",
        "ForgottenQueue: no alarm on its messages",
        "Half: no alarm on Throttles",
    ]


def test_an_incomplete_alarm_is_named_with_what_it_lacks(linter: Linter) -> None:
    unknown = "docs/runbooks/no-such-page.md: it broke off."
    resources = {
        "Good": alarm("Errors", "f"),
        "Nameless": alarm("Errors", "f", AlarmName=None),
        "Shared": alarm("Errors", "f", AlarmName="lunas-errors"),
        "Pageless": alarm("Errors", "f", AlarmDescription="it broke off"),
        "WrongPage": alarm("Errors", "f", AlarmDescription=unknown),
        "Mute": alarm("Errors", "f", AlarmActions=[]),
        "Endless": alarm("Errors", "f", OKActions=None),
        "Careless": alarm("Errors", "f", TreatMissingData=None),
    }
    assert linter.by_rule("E9008", resources) == [
        "Careless: TreatMissingData is not chosen",
        "Endless: OKActions is empty",
        "Mute: AlarmActions is empty",
        "Nameless: AlarmName does not begin with the stack's name",
        "Pageless: AlarmDescription does not begin with its page, as docs/runbooks/page.md: …",
        "Shared: AlarmName does not begin with the stack's name",
        "WrongPage: there is no docs/runbooks/no-such-page.md",
    ]


# ── Destinations of failures ─────────────────────────────────────────────────────────────────────


def arn(name: str) -> object:
    """Name a queue by its ARN."""
    return {"Fn::GetAtt": [name, "Arn"]}


def redriven_queue(name: str, target: str) -> Resources:
    """Make a queue with an alarm and a dead-letter queue."""
    made = queue_with(name, "ApproximateAgeOfOldestMessage")
    made[name]["Properties"]["RedrivePolicy"] = {"deadLetterTargetArn": arn(target)}
    return made


def test_events_that_would_be_lost_silently_are_named(linter: Linter) -> None:
    visible = "ApproximateNumberOfMessagesVisible"
    to_mute = {"OnFailure": {"Destination": arn("Mute")}}
    resources = {
        **redriven_queue("Good", "DeadLetters"),
        **queue_with("DeadLetters", visible),
        **queue_with("Forgetful", visible),
        **redriven_queue("Hidden", "Quiet"),
        **queue_with("Quiet", "ApproximateAgeOfOldestMessage"),
        **queue_with("Mute", "ApproximateAgeOfOldestMessage"),
        "GoodSource": reader_of("F", arn("Good")),
        "ForgetfulSource": reader_of("F", arn("Forgetful")),
        "GoodStream": reader_of("F", STREAM, DestinationConfig=to_mute),
        "LossyStream": reader_of("F", STREAM),
    }
    found = linter.by_rule("E9010", resources)
    nowhere = "no dead-letter queue with an alarm on its messages"
    unseen = "takes what failed, and no alarm is on it"
    assert found == [
        f"Forgetful: {nowhere}",
        "ForgetfulSource: no failure destination",
        f"Hidden: {nowhere}",
        "LossyStream: no failure destination",
        f"Mute: {unseen}",
        f"Quiet: {unseen}",
    ]


# ── What functions may do ────────────────────────────────────────────────────────────────────────


def allowed(action: object, resource: object) -> dict[str, Any]:
    """Make the policies of a function."""
    return {"Policies": [{"Statement": [{"Action": action, "Resource": resource}]}]}


def test_permissions_that_are_too_wide_are_named(linter: Linter) -> None:
    table = {"Fn::GetAtt": ["Table", "Arn"]}
    resources = {
        **function_with("Good", **allowed(["dynamodb:GetItem"], [table])),
        **function_with("Managed", Policies=["AmazonDynamoDBFullAccess"]),
        **function_with("Template", Policies=[{"DynamoDBCrudPolicy": {"TableName": "t"}}]),
        **function_with("Acting", **allowed("sqs:*", table)),
        **function_with("Reaching", **allowed("sqs:SendMessage", "*")),
        **function_with("Below", **allowed("dynamodb:Query", {"Fn::Sub": "${Table.Arn}/index/*"})),
        **function_with("Stream", **allowed("x:Y", {"Fn::Sub": "${Table.Arn}/stream/*"})),
        **function_with("Scanning", **allowed(["dynamodb:Scan"], table)),
        **function_with("Asking", **allowed("dynamodb:PartiQLSelect", table)),
    }
    wide = [fault.partition(":")[0] for fault in linter.by_rule("E9001", resources)]
    assert wide == ["Acting", "Below", "Managed", "Reaching", "Template"]
    scans = linter.by_rule("E9009", resources)
    assert scans == ["Asking: may dynamodb:PartiQLSelect", "Scanning: may dynamodb:Scan"]


def writing(operator: str, *partitions: str) -> dict[str, Any]:
    """Make the policies of a function that may write these partitions."""
    statement = {
        "Sid": "Writes",
        "Action": ["dynamodb:PutItem"],
        "Resource": [{"Fn::GetAtt": ["Table", "Arn"]}],
        "Condition": {
            operator: {"dynamodb:LeadingKeys": list(partitions)},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    }
    return {"Policies": [{"Version": "2012-10-17", "Statement": [statement]}]}


def test_a_writer_without_named_partitions_is_found(linter: Linter) -> None:
    every, some = "ForAllValues:StringLike", "ForAnyValue:StringLike"
    resources = {
        **function_with("Good", **writing(every, "PAYMENT#*", "CATALOG#COURSE", "AUDIT")),
        **function_with("Exact", **writing("ForAllValues:StringEquals", "AUDIT")),
        **function_with("Any", **writing(every, "PAYMENT#*", "*")),
        **function_with("Early", **writing(every, "P*")),
        **function_with("Late", **writing(every, "*#COURSE")),
        **function_with("Single", **writing(every, "PAYMENT#?")),
        **function_with("One", **writing(some, "PAYMENT#*")),
        **function_with("Other", **writing("ForAllValues:StringNotLike", "PAYMENT#*")),
    }
    found = linter.by_rule("E9014", resources)
    everywhere = "Writes may dynamodb:PutItem everywhere: name LeadingKeys"
    assert found == [
        "Any: Writes names no kind of partition by '*'",
        "Early: Writes names no kind of partition by 'P*'",
        "Late: Writes names no kind of partition by '*#COURSE'",
        f"One: {everywhere}",
        f"Other: {everywhere}",
        "Single: Writes names no kind of partition by 'PAYMENT#?'",
    ]


def test_a_deployment_without_an_alarm_of_its_own_is_found(linter: Linter) -> None:
    def deployed(*alarms: str) -> dict[str, Any]:
        return {"DeploymentPreference": {"Alarms": [{"Ref": each} for each in alarms]}}

    resources = {
        **function_with("Good", "Errors", **deployed("GoodErrors")),
        **function_with("Other", "Errors", **deployed("GoodErrors")),
        **function_with("Throttled", "Throttles", **deployed("ThrottledThrottles")),
        **function_with("Bare", "Errors"),
    }
    found = linter.by_rule("E9012", resources)
    assert sorted(each.partition(":")[0] for each in found) == ["Bare", "Other", "Throttled"]


def test_schedules_of_different_stacks_have_different_names() -> None:
    schedules = [
        event["Properties"]
        for properties in template.functions().values()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "ScheduleV2"
    ]
    assert len(schedules) >= 4
    assert all(each.get("OmitName") is True or "Name" in each for each in schedules)


NIGHTLY = {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "cron(0 20 * * ? *)"}}
ROUTE = {"Type": "HttpApi", "Properties": {"Method": "POST", "Path": "/courses/sync"}}


@pytest.mark.parametrize(
    ("events", "preference", "fault"),
    [
        ({"Night": NIGHTLY}, {}, "a canary of its calls proves nothing"),
        ({"Night": NIGHTLY}, {"Enabled": False}, ""),
        ({"Night": NIGHTLY, "Sync": ROUTE}, {}, ""),
        ({"Night": NIGHTLY, "Sync": ROUTE}, {"Enabled": False}, "no canary tries a new version"),
        ({"Sync": ROUTE}, {"Enabled": False}, "no canary tries a new version"),
        ({}, {"Enabled": False}, ""),
    ],
    ids=str,
)
def test_a_function_with_callers_has_a_canary_whatever_else_invokes_it(
    linter: Linter, events: Resources, preference: dict[str, Any], fault: str
) -> None:
    function = {
        "Type": "AWS::Serverless::Function",
        "Properties": {"Events": events, "DeploymentPreference": preference},
    }
    found = linter.by_rule("E9018", {"F": function})
    assert [fault in text for text in found] == ([True] if fault else [])


def test_only_scheduled_functions_have_no_canary() -> None:
    without = {
        name
        for name, each in template.functions().items()
        if each.get("DeploymentPreference", {}).get("Enabled") is False
    }
    assert without == {"ReconcileFunction", "AuditFunction", "SyncProgressFunction"}
    assert {
        event["Type"] for event in template.functions()["SyncCoursesFunction"]["Events"].values()
    } == {"HttpApi", "ScheduleV2"}

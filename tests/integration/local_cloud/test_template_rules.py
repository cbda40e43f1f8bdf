"""Our own rules for the template find what they are there to find."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.cloud.state import ROOT, TOOLS

type Resources = dict[str, dict[str, Any]]

FAULTS = {
    "E9001": ("Action: sqs:ChangeMessageVisibility", 'Action: "sqs:*"'),
    "E9002": ("SSESpecification: {SSEEnabled: true}", "SSESpecification: {SSEEnabled: false}"),
    "E9003": ("SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false"),
    "E9004": ("LoggingConfig: {LogFormat: JSON, LogGroup: !Ref CatalogLogs}", "Timeout: 20"),
    "E9005": ("RetentionInDays: !Ref LogRetentionDays", "LogGroupClass: STANDARD"),
    "E9006": ("Timeout: 75", "FunctionUrlConfig: {AuthType: NONE}"),
    "E9007": ("ApiDocs, ", ""),
    "E9008": ("TreatMissingData: breaching", "Unit: Count"),
}
"""For each rule, a text of the template and what breaks the rule in its place."""


def findings(template: Path) -> set[str]:
    """Give the numbers of the rules that the template breaks."""
    return {rule for rule, _ in told(template)}


def told(template: Path) -> list[tuple[str, str]]:
    """Give what is wrong with a template: the number of the rule, and what it says."""
    linter = TOOLS / "sam" / "bin" / "cfn-lint"
    rules = ("--append-rules", ROOT / "local" / "lint")
    command: list[str | Path] = [linter, *rules, "--format", "parseable", "--template", template]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return re.findall(r":(E9\d{3}|E0000):(.*)$", done.stdout, re.MULTILINE)


def test_the_template_breaks_no_rule() -> None:
    assert findings(ROOT / "template.yaml") == set()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Break every rule in one copy of the template."""
    text = (ROOT / "template.yaml").read_text()
    for right, wrong in FAULTS.values():
        assert right in text
        text = text.replace(right, wrong, 1)
    template = tmp_path_factory.mktemp("template") / "template.yaml"
    template.write_text(text)
    return findings(template)


@pytest.mark.parametrize("rule", sorted(FAULTS))
def test_a_broken_rule_is_found(rule: str, found: set[str]) -> None:
    assert rule in found


def test_every_rule_is_broken_once() -> None:
    text = "".join(path.read_text() for path in (ROOT / "local" / "lint").glob("*_rules.py"))
    assert set(re.findall(r'id = "(E\d+)"', text)) == set(FAULTS)


# ── Alarms ───────────────────────────────────────────────────────────────────────────────────────


TOPIC = [{"Ref": "Topic"}]


def written(folder: Path, resources: Resources) -> Path:
    """Write a template."""
    template = folder / "template.json"
    content = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
    template.write_text(json.dumps(content))
    return template


def alarm(metric: str, dimension: object, **changes: object) -> dict[str, Any]:
    """Make an alarm that breaks no rule, save for the changes; None leaves something out."""
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


def function_with(name: str, *metrics: str, trigger: str = "HttpApi") -> Resources:
    """Make a function with alarms on these metrics."""
    alarms = {f"{name}{each}": alarm(each, {"Ref": name}) for each in metrics}
    properties = {"Events": {"Trigger": {"Type": trigger}}}
    return {name: {"Type": "AWS::Serverless::Function", "Properties": properties}, **alarms}


def queue_with(name: str, *metrics: str) -> Resources:
    """Make a queue with alarms on these metrics."""
    named = {"Fn::GetAtt": [name, "QueueName"]}
    alarms = {f"{name}{each}": alarm(each, named) for each in metrics}
    return {name: {"Type": "AWS::SQS::Queue", "Properties": {}}, **alarms}


def test_what_is_not_watched_is_named_with_what_is_missing(tmp_path: Path) -> None:
    resources = {
        **function_with("Watched", "Errors", "Throttles"),
        **function_with("Forgotten", "Duration"),
        **function_with("Half", "Errors"),
        **function_with("Reader", "Errors", "Throttles", "IteratorAge", trigger="DynamoDB"),
        **function_with("BlindReader", "Errors", "Throttles", trigger="DynamoDB"),
        **queue_with("WatchedQueue", "ApproximateAgeOfOldestMessage"),
        **queue_with("WatchedDeadLetters", "ApproximateNumberOfMessagesVisible"),
        **queue_with("ForgottenQueue", "NumberOfMessagesSent"),
    }
    found = [fault for rule, fault in told(written(tmp_path, resources)) if rule == "E9007"]
    assert sorted(found) == [
        "BlindReader: no alarm on IteratorAge",
        "Forgotten: no alarm on Errors",
        "Forgotten: no alarm on Throttles",
        "ForgottenQueue: no alarm on its messages",
        "Half: no alarm on Throttles",
    ]


def test_an_alarm_that_helps_nobody_is_named_with_what_is_missing(tmp_path: Path) -> None:
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
    found = [fault for rule, fault in told(written(tmp_path, resources)) if rule == "E9008"]
    assert sorted(found) == [
        "Careless: TreatMissingData is not chosen",
        "Endless: OKActions is empty",
        "Mute: AlarmActions is empty",
        "Nameless: AlarmName does not begin with the stack's name",
        "Pageless: AlarmDescription does not begin with its page, as docs/runbooks/page.md: …",
        "Shared: AlarmName does not begin with the stack's name",
        "WrongPage: there is no docs/runbooks/no-such-page.md",
    ]

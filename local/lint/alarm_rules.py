"""What template.yaml must say about alarms: nothing unwatched, and no alarm without a page.

cfn-lint checks it after it has unrolled the template's loops.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from cfnlint.rules import (  # type: ignore[import-not-found]
    CloudFormationLintRule,
    RuleMatch,
)

ROOT = Path(__file__).resolve().parents[2]
ALARM = "AWS::CloudWatch::Alarm"
FUNCTION = "AWS::Serverless::Function"
STREAMS = {"DynamoDB", "Kinesis"}
QUEUE_METRICS = {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}
PAGE = re.compile(r"docs/runbooks/[a-z-]+\.md(?=: )")


class AlarmRule(CloudFormationLintRule):  # type: ignore[misc]
    """Base: a rule that reports resources with what is wrong about each."""

    description = source_url = shortdesc = ""
    tags: ClassVar[list[str]] = ["lunas"]

    def match(self, cfn: Any) -> list[RuleMatch]:  # noqa: ANN401 - cfn-lint's own type
        """Report every fault of every resource."""
        return [
            RuleMatch(["Resources", name], f"{name}: {fault}") for name, fault in self.faults(cfn)
        ]

    def faults(self, cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        """Give the resources that are wrong, with why."""
        raise NotImplementedError


class EverythingIsWatched(AlarmRule):
    """A function or queue without an alarm fails in silence."""

    id = "E9007"
    shortdesc = "Functions, streams and queues have alarms"

    def faults(self, cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        """Compare what the alarms look at with what there is."""
        watched = set(_watched(cfn))
        for name, function in cfn.get_resources(FUNCTION).items():
            for metric in _needed(function.get("Properties", {})):
                if (name, metric) not in watched:
                    yield name, f"no alarm on {metric}"
        for name in cfn.get_resources("AWS::SQS::Queue"):
            if not any((name, metric) in watched for metric in QUEUE_METRICS):
                yield name, "no alarm on its messages"


class AlarmsThatHelp(AlarmRule):
    """Whoever is woken by an alarm is told which stack it is and where to read on."""

    id = "E9008"
    shortdesc = "Alarms tell somebody, and where the runbook is"

    def faults(self, cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        """Look at name, description, actions and silence of every alarm."""
        for name, resource in cfn.get_resources(ALARM).items():
            for fault in _faults_of_alarm(resource.get("Properties", {})):
                yield name, fault


def _faults_of_alarm(alarm: Mapping[str, Any]) -> Iterator[str]:
    if not _text(alarm.get("AlarmName")).startswith("${AWS::StackName}-"):
        yield "AlarmName does not begin with the stack's name"
    page = PAGE.match(_text(alarm.get("AlarmDescription")))
    if not page:
        yield "AlarmDescription does not begin with its page, as docs/runbooks/page.md: …"
    elif not (ROOT / page[0]).is_file():
        yield f"there is no {page[0]}"
    for actions in ("AlarmActions", "OKActions"):
        if not alarm.get(actions):
            yield f"{actions} is empty"
    if "TreatMissingData" not in alarm:
        yield "TreatMissingData is not chosen"


def _watched(cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Give each resource that an alarm looks at, with the metric."""
    for alarm in cfn.get_resources(ALARM).values():
        properties = alarm.get("Properties", {})
        for dimension in properties.get("Dimensions", []):
            yield _resource(dimension.get("Value")), str(properties.get("MetricName"))


def _needed(function: Mapping[str, Any]) -> Iterator[str]:
    """Give the metrics of a function that need an alarm."""
    yield from ("Errors", "Throttles")
    if any(event.get("Type") in STREAMS for event in function.get("Events", {}).values()):
        yield "IteratorAge"


def _resource(value: Any) -> str:  # noqa: ANN401
    """Give the resource that a Ref or a GetAtt is about."""
    if not isinstance(value, dict):
        return ""
    named = value.get("Ref") or value.get("Fn::GetAtt") or ""
    return str(named if isinstance(named, str) else named[0]).partition(".")[0]


def _text(value: Any) -> str:  # noqa: ANN401
    """Give a text, or the text of a Sub."""
    return str(value.get("Fn::Sub", "")) if isinstance(value, dict) else str(value or "")

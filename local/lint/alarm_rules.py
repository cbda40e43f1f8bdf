"""What template.yaml must say so that nothing fails in silence: alarms, and where failures go.

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
MAPPING = "AWS::Lambda::EventSourceMapping"
QUEUE = "AWS::SQS::Queue"
VISIBLE = "ApproximateNumberOfMessagesVisible"
QUEUE_METRICS = {VISIBLE, "ApproximateAgeOfOldestMessage"}
ENTRANCES = {"5xx": "api", "Url5xxCount": "url"}
"""For each metric of answers, the value of ``entrance`` of what the code counts there."""
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
        readers = set(_stream_readers(cfn))
        for name in cfn.get_resources(FUNCTION):
            for metric in ("Errors", "Throttles", *(["IteratorAge"] if name in readers else [])):
                if (name, metric) not in watched:
                    yield name, f"no alarm on {metric}"
        for name in cfn.get_resources(QUEUE):
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


class NothingIsDropped(AlarmRule):
    """What a queue or a stream cannot hand over goes where somebody sees it."""

    id = "E9010"
    shortdesc = "Queues and sources have somewhere for what fails, and an alarm on it"

    def faults(self, cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        """Look at every queue, and at every source of events."""
        alarmed = {name for name, metric in _watched(cfn) if metric == VISIBLE}
        targets = set(_failure_targets(cfn))
        redriven = _redriven(cfn)
        for name in cfn.get_resources(QUEUE):
            if name not in targets and redriven.get(name) not in alarmed:
                yield name, "no dead-letter queue with an alarm on its messages"
            if name in targets and name not in alarmed:
                yield name, "takes what failed, and no alarm tells of it"
        for name, mapping in cfn.get_resources(MAPPING).items():
            properties = mapping.get("Properties", {})
            if _resource(properties.get("EventSourceArn")) in redriven:
                continue
            if not properties.get("DestinationConfig", {}).get("OnFailure"):
                yield name, "no failure destination"


class NarrowPollers(AlarmRule):
    """SAM gives the role of a function with such an event every queue, or every stream."""

    id = "E9011"
    shortdesc = "Queues and streams are read by mappings of their own"

    def faults(self, cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        """Look for events of functions that SAM attaches a policy for."""
        for name, function in cfn.get_resources(FUNCTION).items():
            for event in function.get("Properties", {}).get("Events", {}).values():
                if event.get("Type") in {"SQS", "DynamoDB", "Kinesis"}:
                    yield name, f"its {event['Type']} event widens its role"


class DeploymentsThatEnd(AlarmRule):
    """A new version that breaks off takes all calls unless an alarm of its function stops it."""

    id = "E9012"
    shortdesc = "A function's own alarm ends its deployment"

    def faults(self, cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        """Look for an alarm on the errors of the function among those of its deployment."""
        errors = _alarms_on_errors(cfn)
        for name, function in cfn.get_resources(FUNCTION).items():
            preference = function.get("Properties", {}).get("DeploymentPreference", {})
            if str(preference.get("Enabled")).lower() == "false":
                continue
            told = preference.get("Alarms", [])
            if not any(errors.get(_resource(each)) == name for each in told):
                yield name, "DeploymentPreference names no alarm on its errors"


class DeploymentsThatSeeAnswers(AlarmRule):
    """A version that answers 500 to everybody raises nothing, so Lambda counts no error of it."""

    id = "E9020"
    shortdesc = "What callers are answered ends a deployment"

    def faults(self, cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        """Look for the alarms on answers of 5xx among those of each deployment."""
        wanted = list(_metrics_of_answers(cfn))
        for name, function in cfn.get_resources(FUNCTION).items():
            preference = function.get("Properties", {}).get("DeploymentPreference", {})
            if str(preference.get("Enabled")).lower() == "false":
                continue
            seen = set(_seen_by_deployment(cfn, preference))
            for metric in wanted:
                if metric not in seen:
                    yield name, f"its deployment sees no alarm on {metric}"


class ExplainedByTheirOwn(AlarmRule):
    """What one entrance answered explains no 5xx of another, and would hide as many."""

    id = "E9023"
    shortdesc = "Alarms on answers subtract the failures of their own entrance"

    def faults(self, cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        """Look for the entrance of each failure that an alarm on answers of 5xx looks at."""
        for name, alarm in cfn.get_resources(ALARM).items():
            metrics = {str(each.get("MetricName")): each for each in _metrics(alarm["Properties"])}
            for answers, entrance in ENTRANCES.items():
                explained = metrics.get("DependencyError")
                if answers not in metrics or explained is None:
                    continue
                if {"Name": "entrance", "Value": entrance} not in explained.get("Dimensions", []):
                    yield name, f"subtracts failures of other entrances than {entrance}"


class ThrottledTables(AlarmRule):
    """A throttled index throttles the writes of its table, and a metric of none is missing."""

    id = "E9021"
    shortdesc = "Throttled calls of tables and indexes have an alarm"

    def faults(self, cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        """Look for each table and each index in an alarm that takes silence for zero."""
        watched = set(_throttles_watched(cfn))
        for name, table in cfn.get_resources("AWS::DynamoDB::Table").items():
            properties = table.get("Properties", {})
            indexes = properties.get("GlobalSecondaryIndexes", [])
            for index in ["", *(str(each.get("IndexName")) for each in indexes)]:
                for kind in ("Write", "Read"):
                    if (name, index, f"{kind}ThrottleEvents") not in watched:
                        yield name, f"no alarm on {kind}ThrottleEvents of {index or 'the table'}"
            for each in [properties, *indexes]:
                if each.get("ContributorInsightsSpecification", {}).get("Mode") != "THROTTLED_KEYS":
                    yield name, f"{each.get('IndexName', 'the table')} names no throttled keys"


def _metrics_of_answers(cfn: Any) -> Iterator[str]:  # noqa: ANN401
    """Give the metrics that count what callers are answered by what the template has."""
    if cfn.get_resources("AWS::Serverless::HttpApi"):
        yield from ("5xx", "ServerError")
    functions = cfn.get_resources(FUNCTION).values()
    if any("FunctionUrlConfig" in each.get("Properties", {}) for each in functions):
        yield "Url5xxCount"


def _seen_by_deployment(cfn: Any, preference: Mapping[str, Any]) -> Iterator[str]:  # noqa: ANN401
    """Give the metrics of the alarms that a deployment looks at, by Ref or by their name."""
    alarms = cfn.get_resources(ALARM)
    named = {
        _text(each.get("Properties", {}).get("AlarmName")): name for name, each in alarms.items()
    }
    for each in preference.get("Alarms", []):
        alarm = alarms.get(_resource(each) or named.get(_text(each), ""), {})
        for metric in _metrics(alarm.get("Properties", {})):
            yield str(metric.get("MetricName"))


def _throttles_watched(cfn: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401
    """Give table, index and metric of what alarms look at and fill with zero where it is missing.

    The index is "" where the table itself is meant.
    """
    for alarm in cfn.get_resources(ALARM).values():
        queries = alarm.get("Properties", {}).get("Metrics", [])
        expressions = " ".join(str(each.get("Expression", "")) for each in queries)
        for query in queries:
            metric = query.get("MetricStat", {}).get("Metric", {})
            if f"FILL({query.get('Id')}, 0)" not in expressions:
                continue
            values = {each.get("Name"): each.get("Value") for each in metric.get("Dimensions", [])}
            index = str(values.get("GlobalSecondaryIndexName", ""))
            yield _resource(values.get("TableName")), index, _text(metric.get("MetricName"))


def _metrics(alarm: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the metric of an alarm, or those that its expression is made of."""
    if "MetricName" in alarm:
        yield alarm
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield query["MetricStat"]["Metric"]


def _alarms_on_errors(cfn: Any) -> dict[str, str]:  # noqa: ANN401
    """Give each alarm on errors with the function that it watches."""
    found = {}
    for name, alarm in cfn.get_resources(ALARM).items():
        properties = alarm.get("Properties", {})
        for dimension in properties.get("Dimensions", []):
            if properties.get("MetricName") == "Errors":
                found[name] = _resource(dimension.get("Value"))
    return found


def _redriven(cfn: Any) -> dict[str, str]:  # noqa: ANN401
    """Give each queue that has a dead-letter queue, with that."""
    return {
        name: _resource(queue["Properties"]["RedrivePolicy"].get("deadLetterTargetArn"))
        for name, queue in cfn.get_resources(QUEUE).items()
        if queue.get("Properties", {}).get("RedrivePolicy")
    }


def _failure_targets(cfn: Any) -> Iterator[str]:  # noqa: ANN401
    """Give the queues that take what others could not hand over."""
    yield from _redriven(cfn).values()
    for mapping in cfn.get_resources(MAPPING).values():
        failure = mapping.get("Properties", {}).get("DestinationConfig", {}).get("OnFailure", {})
        yield _resource(failure.get("Destination"))


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


def _stream_readers(cfn: Any) -> Iterator[str]:  # noqa: ANN401
    """Give the functions that read a stream: how far behind they are needs an alarm."""
    for mapping in cfn.get_resources(MAPPING).values():
        properties = mapping.get("Properties", {})
        if "StartingPosition" in properties:
            yield _resource(properties.get("FunctionName"))


def _resource(value: Any) -> str:  # noqa: ANN401
    """Give the resource that a Ref or a GetAtt is about."""
    if not isinstance(value, dict):
        return ""
    named = value.get("Ref") or value.get("Fn::GetAtt") or ""
    return str(named if isinstance(named, str) else named[0]).partition(".")[0]


def _text(value: Any) -> str:  # noqa: ANN401
    """Give a text, or the text of a Sub."""
    return str(value.get("Fn::Sub", "")) if isinstance(value, dict) else str(value or "")

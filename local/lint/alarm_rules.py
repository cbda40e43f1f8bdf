"""Nothing in template.yaml fails in silence: every part has its alarms, every failure a place."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.lint.rule import SAM_FUNCTION, resource_rule, template_rule, text_of

ROOT = Path(__file__).resolve().parents[2]
ALARM = "AWS::CloudWatch::Alarm"
MAPPING = "AWS::Lambda::EventSourceMapping"
QUEUE = "AWS::SQS::Queue"
VISIBLE = "ApproximateNumberOfMessagesVisible"
QUEUE_METRICS = {VISIBLE, "ApproximateAgeOfOldestMessage"}
ENTRANCES = {"5xx": "api", "Url5xxCount": "url"}
"""For each metric of answers, the value of ``entrance`` of what the code counts there."""
PAGE = re.compile(r"docs/runbooks/[a-z-]+\.md(?=: )")

type Faults = Iterator[tuple[str, str]]


@template_rule("E9007", "Functions, streams and queues have alarms")
def everything_is_watched(cfn: Any) -> Faults:  # noqa: ANN401 - cfn-lint's own type
    """Find functions and queues without an alarm: they fail in silence."""
    watched = set(_watched(cfn))
    readers = set(_stream_readers(cfn))
    for name in cfn.get_resources(SAM_FUNCTION):
        for metric in ("Errors", "Throttles", *(["IteratorAge"] if name in readers else [])):
            if (name, metric) not in watched:
                yield name, f"no alarm on {metric}"
    for name in cfn.get_resources(QUEUE):
        if not any((name, metric) in watched for metric in QUEUE_METRICS):
            yield name, "no alarm on its messages"


@resource_rule("E9008", "Alarms name their stack, their receiver and their runbook", ALARM)
def alarms_that_help(alarm: Mapping[str, Any]) -> Iterator[str]:
    """Find alarms that do not say which stack they are of and where to read on."""
    if not text_of(alarm.get("AlarmName")).startswith("${AWS::StackName}-"):
        yield "AlarmName does not begin with the stack's name"
    page = PAGE.match(text_of(alarm.get("AlarmDescription")))
    if not page:
        yield "AlarmDescription does not begin with its page, as docs/runbooks/page.md: …"
    elif not (ROOT / page[0]).is_file():
        yield f"there is no {page[0]}"
    for actions in ("AlarmActions", "OKActions"):
        if not alarm.get(actions):
            yield f"{actions} is empty"
    if "TreatMissingData" not in alarm:
        yield "TreatMissingData is not chosen"


@template_rule("E9010", "Queues and sources have a place for what fails, and an alarm on it")
def nothing_is_dropped(cfn: Any) -> Faults:  # noqa: ANN401
    """Find queues and sources whose failures vanish, or lie where no alarm is."""
    alarmed = {name for name, metric in _watched(cfn) if metric == VISIBLE}
    targets = set(_failure_targets(cfn))
    redriven = _redriven(cfn)
    for name in cfn.get_resources(QUEUE):
        if name not in targets and redriven.get(name) not in alarmed:
            yield name, "no dead-letter queue with an alarm on its messages"
        if name in targets and name not in alarmed:
            yield name, "takes what failed, and no alarm is on it"
    for name, mapping in cfn.get_resources(MAPPING).items():
        properties = mapping.get("Properties", {})
        if _resource(properties.get("EventSourceArn")) in redriven:
            continue
        if not properties.get("DestinationConfig", {}).get("OnFailure"):
            yield name, "no failure destination"


@resource_rule("E9011", "Queues and streams are read by mappings of their own", SAM_FUNCTION)
def narrow_pollers(function: Mapping[str, Any]) -> Iterator[str]:
    """Find events for which SAM gives the function's role every queue, or every stream."""
    for event in function.get("Events", {}).values():
        if event.get("Type") in {"SQS", "DynamoDB", "Kinesis"}:
            yield f"its {event['Type']} event widens its role"


@template_rule("E9012", "A function's own alarm ends its deployment")
def deployments_that_end(cfn: Any) -> Faults:  # noqa: ANN401
    """Find deployments that no alarm on the function's errors stops: a broken version stays."""
    errors = _alarms_on_errors(cfn)
    for name, preference in _deployments(cfn):
        named = preference.get("Alarms", [])
        if not any(errors.get(_resource(each)) == name for each in named):
            yield name, "DeploymentPreference names no alarm on its errors"


@template_rule("E9020", "What callers are answered ends a deployment")
def deployments_that_see_answers(cfn: Any) -> Faults:  # noqa: ANN401
    """Find deployments blind to 5xx: a version that answers 500 raises nothing."""
    wanted = list(_metrics_of_answers(cfn))
    for name, preference in _deployments(cfn):
        seen = set(_seen_by_deployment(cfn, preference))
        for metric in wanted:
            if metric not in seen:
                yield name, f"its deployment sees no alarm on {metric}"


@resource_rule("E9023", "Alarms on answers subtract the failures of their own entrance", ALARM)
def explained_by_their_own(alarm: Mapping[str, Any]) -> Iterator[str]:
    """Find alarms on 5xx that subtract what another entrance answered: it would hide as many."""
    metrics = {str(each.get("MetricName")): each for each in _metrics(alarm)}
    explained = metrics.get("DependencyError")
    for answers, entrance in ENTRANCES.items():
        if answers not in metrics or explained is None:
            continue
        if {"Name": "entrance", "Value": entrance} not in explained.get("Dimensions", []):
            yield f"subtracts failures of other entrances than {entrance}"


@template_rule("E9021", "Throttled calls of tables and indexes have an alarm")
def throttled_tables(cfn: Any) -> Faults:  # noqa: ANN401
    """Find tables and indexes outside every alarm that counts a missing metric as zero.

    A throttled index throttles the writes of its table.
    """
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


def _deployments(cfn: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401
    """Give each function that is deployed step by step, with its preference."""
    for name, function in cfn.get_resources(SAM_FUNCTION).items():
        preference = function.get("Properties", {}).get("DeploymentPreference", {})
        if str(preference.get("Enabled")).lower() != "false":
            yield name, preference


def _metrics_of_answers(cfn: Any) -> Iterator[str]:  # noqa: ANN401
    """Give the metrics that count what callers are answered by what the template has."""
    if cfn.get_resources("AWS::Serverless::HttpApi"):
        yield from ("5xx", "ServerError")
    functions = cfn.get_resources(SAM_FUNCTION).values()
    if any("FunctionUrlConfig" in each.get("Properties", {}) for each in functions):
        yield "Url5xxCount"


def _seen_by_deployment(cfn: Any, preference: Mapping[str, Any]) -> Iterator[str]:  # noqa: ANN401
    """Give the metrics of the alarms that a deployment looks at, by Ref or by their name."""
    alarms = _alarms(cfn)
    named = {text_of(each.get("AlarmName")): name for name, each in alarms.items()}
    for each in preference.get("Alarms", []):
        for metric in _metrics(alarms.get(_resource(each) or named.get(text_of(each), ""), {})):
            yield str(metric.get("MetricName"))


def _throttles_watched(cfn: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401
    """Give table, index and metric of what alarms look at and fill with zero where it is missing.

    The index is "" where the table itself is meant.
    """
    for alarm in _alarms(cfn).values():
        queries = alarm.get("Metrics", [])
        expressions = " ".join(str(each.get("Expression", "")) for each in queries)
        for query in queries:
            metric = query.get("MetricStat", {}).get("Metric", {})
            if f"FILL({query.get('Id')}, 0)" not in expressions:
                continue
            values = {each.get("Name"): each.get("Value") for each in metric.get("Dimensions", [])}
            index = str(values.get("GlobalSecondaryIndexName", ""))
            yield _resource(values.get("TableName")), index, text_of(metric.get("MetricName"))


def _alarms(cfn: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    return {name: each.get("Properties", {}) for name, each in cfn.get_resources(ALARM).items()}


def _metrics(alarm: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the metric of an alarm, or those that its expression is made of."""
    if "MetricName" in alarm:
        yield alarm
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield query["MetricStat"]["Metric"]


def _alarms_on_errors(cfn: Any) -> dict[str, str]:  # noqa: ANN401
    """Give each alarm on errors with the function that it watches."""
    return {
        name: _resource(dimension.get("Value"))
        for name, alarm in _alarms(cfn).items()
        if alarm.get("MetricName") == "Errors"
        for dimension in alarm.get("Dimensions", [])
    }


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


def _watched(cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Give each resource that an alarm looks at, with the metric."""
    for alarm in _alarms(cfn).values():
        for dimension in alarm.get("Dimensions", []):
            yield _resource(dimension.get("Value")), str(alarm.get("MetricName"))


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

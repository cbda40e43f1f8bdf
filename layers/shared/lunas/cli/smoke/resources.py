"""Checks of the stack's resources: they exist, are enabled, and hold no failed messages."""

from collections.abc import Iterator
from typing import Any

from lunas.cli.stacks import ALIAS, DeployedStack

FUNCTION, QUEUE, ALARM = "AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::CloudWatch::Alarm"
SCHEDULE, MAPPING = "AWS::Scheduler::Schedule", "AWS::Lambda::EventSourceMapping"
LEFT_BEHIND = (
    "DeadLetterQueue",
    "SaleReportDeadLetterQueue",
    "ProgressDeadLetterQueue",
    "UnpublishedQueue",
)
"""Queues of failed messages, which should be empty."""


def functions(stack: DeployedStack) -> Iterator[str]:
    """Check that every function has its alias with one version, and can run."""
    client = stack.client("lambda")
    for logical, name in stack.of_type(FUNCTION).items():
        try:
            alias = client.get_alias(FunctionName=name, Name=ALIAS)
        except client.exceptions.ResourceNotFoundException:
            yield f"{logical} has no alias {ALIAS}: deploy again"
            continue
        if alias["FunctionVersion"] == "$LATEST":
            yield f"the alias of {logical} names no version: deploy again"
        if (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights"):
            yield f"{logical} is still shifting to its new version: wait, or stop the deployment"
        reserved = client.get_function_concurrency(FunctionName=name)
        if reserved.get("ReservedConcurrentExecutions") == 0:
            yield f"{logical} cannot run, its reserved concurrency is 0: correct the parameter"


def sources(stack: DeployedStack) -> Iterator[str]:
    """Check that streams and queues are read."""
    client = stack.client("lambda")
    reports = stack.parameters.get("ExternalOrders")
    for logical, uuid in stack.of_type(MAPPING).items():
        state = client.get_event_source_mapping(UUID=uuid)["State"]
        optional = "Orders" in logical and reports != "true"
        if state not in {"Enabled", "Enabling", "Updating", "Creating"} and not optional:
            yield f"{logical} is {state}: switch the event source mapping on again"


def schedules(stack: DeployedStack) -> Iterator[str]:
    """Check that reconcile and the audit run by schedule."""
    client = stack.client("scheduler")
    found = stack.of_type(SCHEDULE)
    if not found:
        yield "the stack has no schedule: deploy again"
    for logical, name in found.items():
        state = client.get_schedule(Name=name.rpartition("|")[2].rpartition("/")[2])["State"]
        if state != "ENABLED":
            yield f"{logical} is {state}: nothing recovers without it, switch the schedule on again"


def queues(stack: DeployedStack) -> Iterator[str]:
    """Check that there are no dead-letter messages and no unpublished records."""
    client = stack.client("sqs")
    for logical in LEFT_BEHIND:
        found = client.get_queue_attributes(
            QueueUrl=stack.of_type(QUEUE)[logical], AttributeNames=["ApproximateNumberOfMessages"]
        )
        number = int(found["Attributes"]["ApproximateNumberOfMessages"])
        if number:
            yield f"{logical} holds {number}: see dead-letters.md and the like in docs/runbooks"


def table(stack: DeployedStack) -> Iterator[str]:
    """Check that payments can be restored, old items expire, and changes are streamed."""
    client, name = stack.client("dynamodb"), stack.outputs["TableName"]
    described = client.describe_table(TableName=name)["Table"]
    if not (described.get("StreamSpecification") or {}).get("StreamEnabled"):
        yield "the table has no stream, so no one is enrolled: deploy again"
    # The emulator's CloudFormation leaves both off, whatever the template sets.
    if not stack.is_local:
        yield from _unprotected(client, name)


def alarms(stack: DeployedStack) -> Iterator[str]:
    """Check that every alarm is there, none rings, and a person is mailed."""
    client, names = stack.client("cloudwatch"), set(stack.of_type(ALARM).values())
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=stack.name)
    found = {each["AlarmName"]: each for page in pages for each in page["MetricAlarms"]}
    for name in sorted(names - found.keys()):
        yield f"the alarm {name} is gone: deploy again"
    for name in sorted(names & found.keys()):
        if found[name]["StateValue"] == "ALARM":
            yield f"{name} rings: {found[name].get('AlarmDescription', '')}"
        if not found[name]["ActionsEnabled"]:
            yield f"{name} mails no one: switch its actions on again"
    if not stack.is_local:
        yield from _unsubscribed(stack)


def _unsubscribed(stack: DeployedStack) -> Iterator[str]:
    topic = stack.outputs["AlarmTopicArn"]
    pages = stack.client("sns").get_paginator("list_subscriptions_by_topic")
    found = [each for page in pages.paginate(TopicArn=topic) for each in page["Subscriptions"]]
    if not found:
        yield "no one is mailed when an alarm rings: set AlarmEmail, or subscribe to AlarmTopicArn"
    elif all(each["SubscriptionArn"] == "PendingConfirmation" for each in found):
        yield "no one has confirmed the subscription to alarms: open the mail that AWS has sent"


def _unprotected(client: Any, name: str) -> Iterator[str]:  # noqa: ANN401
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        yield "point-in-time recovery is off: deploy again, or switch it on by hand"
    old = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    is_on = old.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    if not is_on or old.get("AttributeName") != "ttl":
        yield "time to live is off: switch it on for the attribute ttl"

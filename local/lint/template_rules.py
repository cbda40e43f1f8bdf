"""Permissions, encryption, logs and deployments that template.yaml must and must not have."""

import re
from collections.abc import Iterator
from typing import Any

from local.lint.rule import SAM_FUNCTION, Properties, resource_rule, template_rule, text_of

ROLE = "AWS::IAM::Role"
PUBLIC_FUNCTIONS = {"DuitkuWebhookFunction"}
WRITES = {
    f"dynamodb:{verb}Item" for verb in ("Put", "Update", "Delete", "BatchWrite", "ConditionCheck")
}
PARTITION = re.compile(r"[A-Z]+(#[A-Z]+)*(#\*)?")
"""A partition of the table, or all of one kind, as in docs/reference/data-model.md."""
TEXTUAL = {"String", "AWS::SSM::Parameter::Value<String>"}
"""Types of parameters that a condition may compare."""
DELETION_POLICIES = ("Delete", "Retain", "Snapshot")
NAMELESS = {"${Table.Arn}/stream/*"}
"""Resources without a name to write: a stream's label is the time when it was made."""


@resource_rule("E9001", "Policies name their actions and resources", ROLE, SAM_FUNCTION)
def narrow_permissions(properties: Properties) -> Iterator[str]:
    """Find roles that may do everything, or something to everything."""
    for policy in [*properties.get("Policies", []), *properties.get("ManagedPolicyArns", [])]:
        if not isinstance(policy, dict) or "Statement" not in _document(policy):
            yield f"{policy!r} is not a list of statements of its own"
    for statement in _statements(properties):
        for key in ("Action", "Resource"):
            yield from (
                f"{key} {value!r} is too wide"
                for value in map(text_of, _listed(statement.get(key)))
                if "*" in value and value not in NAMELESS
            )


@resource_rule("E9009", "No function may read a whole table", ROLE, SAM_FUNCTION)
def no_scans(properties: Properties) -> Iterator[str]:
    """Find Scan, and PartiQL, which can ask for one: its cost grows with the table."""
    for statement in _statements(properties):
        for action in map(text_of, _listed(statement.get("Action"))):
            if action.lower().startswith(("dynamodb:scan", "dynamodb:partiql")):
                yield f"may {action}"


@resource_rule("E9002", "Tables are encrypted and recoverable", "AWS::DynamoDB::Table")
def safe_tables(properties: Properties) -> Iterator[str]:
    """Find tables that are not encrypted, or cannot be restored to any minute."""
    if not _is_true(properties, "SSESpecification", "SSEEnabled"):
        yield "SSESpecification.SSEEnabled is not true"
    recovery = properties.get("PointInTimeRecoverySpecification", {})
    if not _is_true(recovery, "PointInTimeRecoveryEnabled"):
        yield "point-in-time recovery is not enabled"


@resource_rule("E9003", "Queues are encrypted", "AWS::SQS::Queue")
def safe_queues(properties: Properties) -> Iterator[str]:
    """Find queues whose messages are not encrypted."""
    if not _is_true(properties, "SqsManagedSseEnabled"):
        yield "SqsManagedSseEnabled is not true"


@resource_rule("E9004", "Functions name their log group", "AWS::Lambda::Function", SAM_FUNCTION)
def own_log_groups(properties: Properties) -> Iterator[str]:
    """Find functions whose log group Lambda makes: that one keeps everything for ever."""
    if "LogGroup" not in properties.get("LoggingConfig", {}):
        yield "LoggingConfig names no LogGroup"


@resource_rule("E9005", "Log groups forget", "AWS::Logs::LogGroup")
def logs_that_end(properties: Properties) -> Iterator[str]:
    """Find log groups that never delete a line."""
    if "RetentionInDays" not in properties:
        yield "RetentionInDays is missing"


@template_rule("E9006", "Only Duitku's Function URL is public")
def few_open_doors(cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - cfn-lint's own type
    """Find URLs without authentication, which are for a gateway that cannot sign its calls."""
    for kind in ("AWS::Lambda::Url", SAM_FUNCTION):
        for name, resource in cfn.get_resources(kind).items():
            properties = resource.get("Properties", {})
            url = properties.get("FunctionUrlConfig", properties)
            open_to_all = "AuthType" in url and url["AuthType"] != "AWS_IAM"
            if open_to_all and name not in PUBLIC_FUNCTIONS:
                yield name, "a public Function URL that is not on the list in local/lint"


@template_rule("E9013", "Conditions compare texts", section="Conditions")
def texts_are_compared(cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Find comparisons with a number, which AWS is reported to find never equal.

    Under AWS::LanguageExtensions both sides have to be texts: the conditions of a template with
    the extensions are evaluated by another engine, which knows types. A list is no text either.
    """
    kinds = {name: each.get("Type") for name, each in cfn.template.get("Parameters", {}).items()}
    for name, condition in cfn.template.get("Conditions", {}).items():
        for sides in _comparisons(condition):
            for fault in _faults_of_comparison(sides, kinds):
                yield name, fault


@resource_rule("E9014", "Writers name the partitions that they may write", ROLE, SAM_FUNCTION)
def guarded_writes(properties: Properties) -> Iterator[str]:
    """Find writers that may write other kinds of items than their own.

    ForAllValues holds where a call names no key at all, which Null rules out; by ForAnyValue one
    key of a transaction would open all others. A policy without a version is read by the rules
    of 2008.
    """
    for policy in properties.get("Policies", []):
        if isinstance(policy, dict) and _document(policy).get("Version") != "2012-10-17":
            yield 'a policy does not say Version: "2012-10-17"'
    for statement in _statements(properties):
        for fault in _faults_of_guard(statement):
            yield f"{statement.get('Sid')} {fault}"


@resource_rule("E9015", "Functions with a URL have a concurrency of their own", SAM_FUNCTION)
def bounded_doors(properties: Properties) -> Iterator[str]:
    """Find Function URLs whose function is not bounded: concurrency is their only throttle."""
    if "FunctionUrlConfig" in properties and not properties.get("ReservedConcurrentExecutions"):
        yield "has a Function URL and no ReservedConcurrentExecutions"


@resource_rule("E9016", "The template gives no secret a value", "AWS::SecretsManager::Secret")
def secrets_of_their_own(properties: Properties) -> Iterator[str]:
    """Find values of secrets: a later update would write them over the real ones."""
    if "SecretString" in properties:
        yield "SecretString would be written over what a person has filled in"


@resource_rule("E9017", "Versions of layers are kept", "AWS::Serverless::LayerVersion")
def layers_that_stay(properties: Properties) -> Iterator[str]:
    """Find layers that are deleted: a rollback to an older version needs its layer."""
    if properties.get("RetentionPolicy") != "Retain":
        yield "RetentionPolicy is not Retain"


@template_rule("E9022", "Deletion policies are ones that AWS::LanguageExtensions knows")
def known_deletion_policies(cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Find deletion policies that AWS::LanguageExtensions is reported to refuse.

    aws-cloudformation/cfn-language-discussion, issue 139: "Unrecognized DeletionPolicy", and the
    change set fails. No check that runs without AWS shows it.
    """
    for name, resource in cfn.get_resources().items():
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(policy, "Delete") not in DELETION_POLICIES:
                yield name, f"{policy} {resource[policy]!r} may be refused"


@resource_rule(
    "E9018",
    "Functions have a canary unless only a schedule calls them; frequent ones are not repeated",
    SAM_FUNCTION,
)
def scheduled_once(properties: Properties) -> Iterator[str]:
    """Find canaries of schedules, callers without a canary, and repeats of frequent runs."""
    events = [each for each in properties.get("Events", {}).values() if isinstance(each, dict)]
    preference = properties.get("DeploymentPreference", {})
    has_canary = str(preference.get("Enabled")).lower() != "false"
    if any(each.get("Type") != "ScheduleV2" for each in events):
        if not has_canary:
            yield "callers reach it as well, and no canary tries a new version on a few of them"
        return
    if not events:
        return
    if has_canary:
        yield "a schedule calls it, and a canary of its calls proves nothing"
    often = any(
        "minute" in text_of(each["Properties"].get("ScheduleExpression")) for each in events
    )
    invoke = properties.get("EventInvokeConfig", {})
    repeats = invoke.get("MaximumRetryAttempts"), invoke.get("MaximumEventAgeInSeconds")
    if often and repeats != (0, 60):
        yield "Lambda would repeat a run: EventInvokeConfig is not 0 repeats, 60 seconds"


def _comparisons(node: object) -> Iterator[list[Any]]:
    """Give the two sides of every Fn::Equals in a condition."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "Fn::Equals":
                yield value
            yield from _comparisons(value)
    elif isinstance(node, list):
        for each in node:
            yield from _comparisons(each)


def _faults_of_comparison(sides: list[Any], kinds: Properties) -> Iterator[str]:
    for side in sides:
        if isinstance(side, dict) and kinds.get(str(side.get("Ref")), "String") not in TEXTUAL:
            yield f"{side['Ref']} is a {kinds[side['Ref']]}: compare a text parameter"
        if isinstance(side, int | float):
            yield f"{side} is no text"


def _statements(properties: Properties) -> Iterator[Properties]:
    """Give every statement of the policies of a role or a function."""
    for policy in properties.get("Policies", []):
        if isinstance(policy, dict):
            yield from _document(policy).get("Statement", [])


def _faults_of_guard(statement: Properties) -> Iterator[str]:
    condition = statement.get("Condition", {})
    partitions = list(_partitions(condition))
    if partitions and condition.get("Null", {}).get("dynamodb:LeadingKeys") != "false":
        yield "has LeadingKeys and no Null beside it"
    for each in partitions:
        if not PARTITION.fullmatch(each):
            yield f"names no kind of partition by {each!r}"
    for action in map(text_of, _listed(statement.get("Action"))):
        if action in WRITES and not partitions:
            yield f"may {action} everywhere: name LeadingKeys"


def _partitions(condition: Properties) -> Iterator[str]:
    """Give the partitions that every key of a call has to be among."""
    for operator in ("ForAllValues:StringLike", "ForAllValues:StringEquals"):
        yield from map(
            text_of, _listed(condition.get(operator, {}).get("dynamodb:LeadingKeys", []))
        )


def _document(policy: Properties) -> Properties:
    found: Properties = policy.get("PolicyDocument", policy)
    return found


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_true(properties: Properties, *path: str) -> bool:
    """Follow the path; CloudFormation takes the word for the value."""
    found: Any = properties
    for key in path:
        found = found.get(key, {}) if isinstance(found, dict) else {}
    return str(found).lower() == "true"

"""What template.yaml must and must not say.

Loaded by ``cfn-lint --append-rules local/lint``, in cfn-lint's own environment. cfn-lint merges
SAM's globals and shows functions as SAM's own resources, with policies and URL inside; whether a
rule still sees what it is there for is tested against the template itself.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from cfnlint.rules import (  # type: ignore[import-not-found]
    CloudFormationLintRule,
    RuleMatch,
)

SAM_FUNCTION = "AWS::Serverless::Function"
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
"""Resources that have no name to be told by: a stream's label is the time when it was made."""


class TemplateRule(CloudFormationLintRule):  # type: ignore[misc]
    """Base: a rule that looks at every resource of some types."""

    description = source_url = shortdesc = ""
    tags: ClassVar[list[str]] = ["lunas"]
    types: ClassVar[tuple[str, ...]] = ()

    def match(self, cfn: Any) -> list[RuleMatch]:  # noqa: ANN401 - cfn-lint's own type
        """Report every fault of every resource."""
        return [
            RuleMatch(["Resources", name, "Properties"], f"{name}: {fault}")
            for resource_type in self.types
            for name, resource in cfn.get_resources(resource_type).items()
            for fault in self.faults(name, resource.get("Properties", {}))
        ]

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Tell what is wrong with one resource."""
        raise NotImplementedError


class NarrowPermissions(TemplateRule):
    """A role that may do everything, or anything to everything, has not been thought about."""

    id = "E9001"
    shortdesc = "Policies name their actions and resources"
    types = ("AWS::IAM::Role", SAM_FUNCTION)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for wildcards in what the policies of a role or a function allow."""
        del name
        for policy in [*properties.get("Policies", []), *properties.get("ManagedPolicyArns", [])]:
            if not isinstance(policy, dict) or "Statement" not in _document(policy):
                yield f"{policy!r} is not a list of statements of its own"
        for statement in _statements(properties):
            for key in ("Action", "Resource"):
                yield from (
                    f"{key} {value!r} is too wide"
                    for value in map(_text, _listed(statement.get(key)))
                    if "*" in value and value not in NAMELESS
                )


class NoScans(TemplateRule):
    """A function that may scan will one day, and its cost then grows with the table."""

    id = "E9009"
    shortdesc = "No function may read a whole table"
    types = ("AWS::IAM::Role", SAM_FUNCTION)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for Scan, and for PartiQL, by which a Scan can be asked for."""
        del name
        for statement in _statements(properties):
            for action in map(_text, _listed(statement.get("Action"))):
                if action.lower().startswith(("dynamodb:scan", "dynamodb:partiql")):
                    yield f"may {action}"


class SafeTables(TemplateRule):
    """Payments are encrypted where they lie and can be restored to any minute."""

    id = "E9002"
    shortdesc = "Tables are encrypted and recoverable"
    types = ("AWS::DynamoDB::Table",)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for both settings."""
        del name
        if not _is_true(properties, "SSESpecification", "SSEEnabled"):
            yield "SSESpecification.SSEEnabled is not true"
        recovery = properties.get("PointInTimeRecoverySpecification", {})
        if not _is_true(recovery, "PointInTimeRecoveryEnabled"):
            yield "point-in-time recovery is not enabled"


class SafeQueues(TemplateRule):
    """Messages are encrypted while they wait."""

    id = "E9003"
    shortdesc = "Queues are encrypted"
    types = ("AWS::SQS::Queue",)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for SQS's own encryption."""
        del name
        if not _is_true(properties, "SqsManagedSseEnabled"):
            yield "SqsManagedSseEnabled is not true"


class OwnLogGroups(TemplateRule):
    """Lambda makes a log group that keeps everything for ever unless a function names one."""

    id = "E9004"
    shortdesc = "Functions name their log group"
    types = ("AWS::Lambda::Function", SAM_FUNCTION)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for the name."""
        del name
        if "LogGroup" not in properties.get("LoggingConfig", {}):
            yield "LoggingConfig names no LogGroup"


class LogsThatEnd(TemplateRule):
    """Log lines are deleted some day."""

    id = "E9005"
    shortdesc = "Log groups forget"
    types = ("AWS::Logs::LogGroup",)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for the number of days."""
        del name
        if "RetentionInDays" not in properties:
            yield "RetentionInDays is missing"


class FewOpenDoors(TemplateRule):
    """A Function URL without authentication is for a gateway that cannot sign its calls."""

    id = "E9006"
    shortdesc = "Only Duitku's Function URL is public"
    types = ("AWS::Lambda::Url", SAM_FUNCTION)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for open URLs that are not on the list."""
        url = properties.get("FunctionUrlConfig", properties)
        open_to_all = "AuthType" in url and url["AuthType"] != "AWS_IAM"
        if open_to_all and name not in PUBLIC_FUNCTIONS:
            yield "a public Function URL that is not on the list in local/lint"


class TextsAreCompared(CloudFormationLintRule):  # type: ignore[misc]
    """AWS is reported to find a number never equal to one that a condition names.

    Under AWS::LanguageExtensions both sides have to be texts: the conditions of a template with
    the extensions are evaluated by another engine, which knows types. A list is no text either.
    """

    id = "E9013"
    shortdesc = "Conditions compare texts"
    description = source_url = ""
    tags: ClassVar[list[str]] = ["lunas"]

    def match(self, cfn: Any) -> list[RuleMatch]:  # noqa: ANN401 - cfn-lint's own type
        """Look at every Fn::Equals, however deep it stands."""
        kinds = {
            name: each.get("Type") for name, each in cfn.template.get("Parameters", {}).items()
        }
        return [
            RuleMatch(["Conditions", name], f"{name}: {fault}")
            for name, condition in cfn.template.get("Conditions", {}).items()
            for sides in _comparisons(condition)
            for fault in _faults_of_comparison(sides, kinds)
        ]


class GuardedWrites(TemplateRule):
    """A function writes its own kinds of items, whatever its code has been brought to do."""

    id = "E9014"
    shortdesc = "Writers name the partitions that they may write"
    types = ("AWS::IAM::Role", SAM_FUNCTION)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for LeadingKeys at each write, for Null beside it, and for the policy's version.

        ForAllValues holds where a call names no key at all, which Null rules out; by ForAnyValue
        one key of a transaction would open all others. A policy without a version is read by the
        rules of 2008.
        """
        del name
        for policy in properties.get("Policies", []):
            if isinstance(policy, dict) and _document(policy).get("Version") != "2012-10-17":
                yield 'a policy does not say Version: "2012-10-17"'
        for statement in _statements(properties):
            for fault in _faults_of_guard(statement):
                yield f"{statement.get('Sid')} {fault}"


class BoundedDoors(TemplateRule):
    """API Gateway does not stand before a Function URL: its concurrency is its only throttle."""

    id = "E9015"
    shortdesc = "Functions with a URL have a concurrency of their own"
    types = (SAM_FUNCTION,)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for the reservation."""
        del name
        if "FunctionUrlConfig" in properties and not properties.get("ReservedConcurrentExecutions"):
            yield "has a Function URL and no ReservedConcurrentExecutions"


class SecretsOfTheirOwn(TemplateRule):
    """What the template says of a secret is written over the real one by a later update."""

    id = "E9016"
    shortdesc = "The template gives no secret a value"
    types = ("AWS::SecretsManager::Secret",)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for a value."""
        del name
        if "SecretString" in properties:
            yield "SecretString would be written over what a person has filled in"


class LayersThatStay(TemplateRule):
    """A version of a function that is gone back to needs the layer that it was made with."""

    id = "E9017"
    shortdesc = "Versions of layers are kept"
    types = ("AWS::Serverless::LayerVersion",)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look for the policy."""
        del name
        if properties.get("RetentionPolicy") != "Retain":
            yield "RetentionPolicy is not Retain"


class KnownDeletionPolicies(CloudFormationLintRule):  # type: ignore[misc]
    """AWS::LanguageExtensions is reported to refuse a deletion policy younger than itself.

    aws-cloudformation/cfn-language-discussion, issue 139: "Unrecognized DeletionPolicy", and the
    change set fails. No check that runs without AWS shows it.
    """

    id = "E9022"
    shortdesc = "Deletion policies are ones that AWS::LanguageExtensions knows"
    description = source_url = ""
    tags: ClassVar[list[str]] = ["lunas"]

    def match(self, cfn: Any) -> list[RuleMatch]:  # noqa: ANN401 - cfn-lint's own type
        """Look at both policies of every resource."""
        return [
            RuleMatch(["Resources", name], f"{name}: {policy} {resource[policy]!r} may be refused")
            for name, resource in cfn.get_resources().items()
            for policy in ("DeletionPolicy", "UpdateReplacePolicy")
            if resource.get(policy, "Delete") not in DELETION_POLICIES
        ]


class ScheduledOnce(TemplateRule):
    """What comes by itself every minute is not repeated, nor shared out between two versions."""

    id = "E9018"
    shortdesc = (
        "Functions have a canary unless only a schedule calls them; frequent ones are not repeated"
    )
    types = (SAM_FUNCTION,)

    def faults(self, name: str, properties: dict[str, Any]) -> Iterator[str]:
        """Look at the functions that a schedule calls, alone or beside the API."""
        del name
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
            "minute" in _text(each["Properties"].get("ScheduleExpression")) for each in events
        )
        invoke = properties.get("EventInvokeConfig", {})
        if often and (
            invoke.get("MaximumRetryAttempts"),
            invoke.get("MaximumEventAgeInSeconds"),
        ) != (
            0,
            60,
        ):
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


def _faults_of_comparison(sides: list[Any], kinds: dict[str, Any]) -> Iterator[str]:
    for side in sides:
        if isinstance(side, dict) and kinds.get(str(side.get("Ref")), "String") not in TEXTUAL:
            yield f"{side['Ref']} is a {kinds[side['Ref']]}: compare a text parameter"
        if isinstance(side, int | float):
            yield f"{side} is no text"


def _statements(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give every statement of the policies of a role or a function."""
    for policy in properties.get("Policies", []):
        if isinstance(policy, dict):
            yield from _document(policy).get("Statement", [])


def _faults_of_guard(statement: dict[str, Any]) -> Iterator[str]:
    condition = statement.get("Condition", {})
    partitions = list(_partitions(condition))
    if partitions and condition.get("Null", {}).get("dynamodb:LeadingKeys") != "false":
        yield "has LeadingKeys and no Null beside it"
    for each in partitions:
        if not PARTITION.fullmatch(each):
            yield f"names no kind of partition by {each!r}"
    for action in map(_text, _listed(statement.get("Action"))):
        if action in WRITES and not partitions:
            yield f"may {action} everywhere: name LeadingKeys"


def _partitions(condition: dict[str, Any]) -> Iterator[str]:
    """Give the partitions that every key of a call has to be among."""
    for operator in ("ForAllValues:StringLike", "ForAllValues:StringEquals"):
        yield from map(_text, _listed(condition.get(operator, {}).get("dynamodb:LeadingKeys", [])))


def _document(policy: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = policy.get("PolicyDocument", policy)
    return found


def _text(value: object) -> str:
    """Give a text, or the text of a Sub; nothing of what names a resource of the template."""
    if isinstance(value, dict):
        value = value.get("Fn::Sub", "")
    return value if isinstance(value, str) else ""


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_true(properties: dict[str, Any], *path: str) -> bool:
    """Follow the path; CloudFormation takes the word for the value."""
    found: Any = properties
    for key in path:
        found = found.get(key, {}) if isinstance(found, dict) else {}
    return str(found).lower() == "true"

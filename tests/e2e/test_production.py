"""Production's configuration is deployed, and every function has the rights that it needs.

The emulator evaluates IAM: a call that a function's role does not allow is refused. The walk of
docs/guides/walkthrough.md goes over every route, a purchase over callback, stream and queue, and
the schedules are invoked; then every function must have run, and none may have been refused.
"""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.cloud import Stack, deploy
from local.cloud.aws import Aws
from local.cloud.build import configured_parameters
from lunas.cli.stacks import ALIAS
from tests.conftest import PRODUCTION
from tests.e2e.test_walkthrough import steps, walked
from tests.support import template
from tests.support.cloud import Cloud
from tests.support.providers import Duitku, Thinkific
from tests.support.users import Users, eventually

SCHEDULED = ("ReconcileFunction", "AuditFunction", "SyncCoursesFunction", "SyncProgressFunction")
REFUSALS = ("AccessDenied", "not authorized to perform")
FUNCTIONS = sorted(
    name
    for name, properties in template.functions().items()
    if properties.get("DeploymentPreference", {}).get("Enabled") is not False
)
"""Those that are deployed gradually: all but those that only a schedule calls."""


@pytest.fixture(scope="module")
def aws(production: Stack) -> Aws:
    return Aws(production.aws_endpoint_url, production.region)


@pytest.fixture(scope="module")
def names(aws: Aws) -> dict[str, str]:
    """Give the names that the resources got."""
    return deploy.resources(aws)


@pytest.fixture(scope="module")
def processed(aws: Aws) -> dict[str, Any]:
    """Give the resources that SAM made of the template."""
    answer: Any = aws.cloudformation.get_template(StackName=deploy.STACK, TemplateStage="Processed")
    resources: dict[str, Any] = answer["TemplateBody"]["Resources"]
    return resources


@pytest.fixture(scope="module")
def walk(production: Stack) -> list[tuple[str, str]]:
    """Go over every route, and let a purchase be delivered, refunded and revoked."""
    Thinkific(production).set(rateLimit=100_000)
    answers = walked(production, PRODUCTION)
    users = Users(production)
    learner, admin, cloud = users.learner(), users.admin(), Cloud(production)
    order = learner.initiate("entry", "python-dasar")
    Duitku(production).pay(order)
    learner.wait_for(order["id"], "COMPLETED")
    assert admin.refund(order["id"]).ok
    eventually(lambda: learner.enrollments()[0]["delivery"]["status"], "REVOKED".__eq__)
    for function in SCHEDULED:
        cloud.invoke(function, {"source": "aws.scheduler"})
    return answers


def test_every_command_of_the_walk_has_the_status_on_the_page(
    walk: list[tuple[str, str]],
) -> None:
    assert len(walk) == len(steps())
    assert [pair for pair in walk if pair[0] != pair[1]] == []


@pytest.mark.usefixtures("walk")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_run_without_a_refusal(function: str, production: Stack) -> None:
    lines = (production.logs / f"{function}.log").read_text()
    assert "REPORT RequestId" in lines
    assert [line for line in lines.splitlines() if any(each in line for each in REFUSALS)] == []


def test_iam_is_evaluated(production: Stack, names: dict[str, str]) -> None:
    """Otherwise the tests above would pass with any rights."""
    address: dict[str, Any] = {
        "endpoint_url": production.aws_endpoint_url,
        "region_name": production.region,
    }
    iam = boto3.client("iam", aws_access_key_id="test", aws_secret_access_key="test", **address)
    iam.create_user(UserName="without-rights")
    key = iam.create_access_key(UserName="without-rights")["AccessKey"]
    without_rights = boto3.client(
        "dynamodb",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        **address,
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        without_rights.scan(TableName=names["Table"])


# ── What only production has ─────────────────────────────────────────────────────────────────────


def test_everything_calls_the_alias(aws: Aws, names: dict[str, str]) -> None:
    for function in FUNCTIONS:
        aliases = aws.functions.list_aliases(FunctionName=names[function])["Aliases"]
        assert [each["Name"] for each in aliases] == [ALIAS]
    mappings = aws.functions.list_event_source_mappings()["EventSourceMappings"]
    assert len(mappings) >= 2
    assert {each["FunctionArn"].rpartition(":")[2] for each in mappings} == {ALIAS}
    (api,) = aws.api_gateway.get_apis()["Items"]
    integrations = aws.api_gateway.get_integrations(ApiId=api["ApiId"])["Items"]
    assert {each["IntegrationUri"].rpartition(":")[2] for each in integrations} == {ALIAS}


def test_the_webhooks_function_url_is_public_and_the_only_public_way(
    aws: Aws, names: dict[str, str]
) -> None:
    """Since October 2025 a URL needs both permissions; each is limited to the URL."""
    policy = aws.functions.get_policy(FunctionName=names["DuitkuWebhookFunction"], Qualifier=ALIAS)[
        "Policy"
    ]
    public = [each for each in json.loads(policy)["Statement"] if each["Principal"] == "*"]
    assert {each["Action"]: _conditions(each) for each in public} == {
        "lambda:InvokeFunctionUrl": {"lambda:FunctionUrlAuthType": "NONE"},
        "lambda:InvokeFunction": {"lambda:InvokedViaFunctionUrl": "true"},
    }


def _conditions(statement: dict[str, Any]) -> dict[str, str]:
    return {
        key: str(value).lower() if key.endswith("FunctionUrl") else value
        for condition in statement["Condition"].values()
        for key, value in condition.items()
    }


def test_each_function_is_deployed_gradually_and_its_alarm_rolls_back(
    processed: dict[str, Any], names: dict[str, str]
) -> None:
    groups = {
        name.removesuffix("DeploymentGroup"): resource["Properties"]
        for name, resource in processed.items()
        if resource["Type"] == "AWS::CodeDeploy::DeploymentGroup"
    }
    assert sorted(groups) == FUNCTIONS
    for function, group in groups.items():
        alarms = [each["Name"].get("Ref") for each in group["AlarmConfiguration"]["Alarms"]]
        assert f"{function.removesuffix('Function')}Errors" in alarms
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        policy = processed[f"{function}Alias{ALIAS}"]["UpdatePolicy"]
        assert "CodeDeployLambdaAliasUpdate" in policy
    assert "DuitkuWebhookFunctionDeploymentGroup" in names


def test_the_table_cannot_be_deleted(aws: Aws, production: Stack) -> None:
    table = aws.dynamodb.describe_table(TableName=production.table_name)["Table"]
    assert table["DeletionProtectionEnabled"]


@pytest.mark.parametrize(
    ("function", "parameter"),
    [
        ("DuitkuWebhookFunction", "WebhookConcurrency"),
        ("DeliverEnrollmentFunction", "WorkerConcurrency"),
    ],
)
def test_the_path_from_money_to_enrollment_has_reserved_concurrency(
    function: str, parameter: str, processed: dict[str, Any]
) -> None:
    """The emulator does not reserve any, so this is read from what SAM made of the template."""
    (_, reserved, _) = processed[function]["Properties"]["ReservedConcurrentExecutions"]["Fn::If"]
    assert reserved == {"Ref": parameter}
    assert int(configured_parameters("prod")[parameter]) >= 5


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_each_configured_parameter_exists_in_the_template(environment: str) -> None:
    assert configured_parameters(environment).keys() <= template.parameters().keys()

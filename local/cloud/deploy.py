"""Deploys the built template to the emulator: the first time by ``sam deploy``, then without."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from local.cloud import command
from local.cloud.aws import Aws
from local.cloud.build import Target
from local.cloud.errors import DeployFailed
from local.cloud.package import Package
from local.cloud.state import TOOLS, State
from lunas.cli.stacks import LOCAL_STACK

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

STACK = LOCAL_STACK
_BUCKET = "deployments"


def deploy(aws: Aws, state: State, target: Target, parameters: Mapping[str, str]) -> None:
    """Deploy; raises ``DeployFailed`` with the resources that failed and why.

    The first time by SAM, and then by what SAM has uploaded, until the build is another.
    """
    location = {"LocationConstraint": aws.region}
    aws.s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration=location)  # type: ignore[arg-type]
    given = {"Architecture": target.architecture, **parameters}
    package = Package(target)
    with package.being_made() as is_made:
        if not is_made:
            _by_sam(aws, state, target, given)
            package.keep(aws, _BUCKET)
            return
    end = package.deploy(aws, _BUCKET, STACK, given)
    events = [f"{each['ResourceStatus']} {_line(each)}" for each in _events(aws)]
    (state.logs / "deploy.log").write_text("\n".join([*events, end]))
    if end:
        raise DeployFailed(_reason(aws, end))


def _by_sam(aws: Aws, state: State, target: Target, parameters: Mapping[str, str]) -> None:
    done = command.run(_command(target, parameters), state.temporary, _environment(aws, state))
    (state.logs / "deploy.log").write_text(done.output)
    if not done.succeeded:
        raise DeployFailed(_reason(aws, done.end()))


def outputs(aws: Aws) -> dict[str, str]:
    """Give the outputs of the deployed stack by their names in the template."""
    stack = aws.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def resources(aws: Aws) -> dict[str, str]:
    """Give the names that the resources got, by their names in the template."""
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
    }


def _command(target: Target, parameters: Mapping[str, str]) -> list[str | Path]:
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    return [
        *(TOOLS / "sam" / "bin" / "sam", "deploy", "--stack-name", STACK),
        *("--template-file", target.artifacts / "template.yaml", "--s3-bucket", _BUCKET),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        # The folder it runs in has no samconfig.toml, which does so for the other commands.
        "--language-extensions",
        *("--parameter-overrides", *overrides),
    ]


def _environment(aws: Aws, state: State) -> dict[str, str]:
    """Keep the user's AWS settings, which might lead to a real account, out of it.

    SAM leaves an empty temporary folder behind for each function; these go with the stack.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "HOME": str(state.temporary),
        "TMPDIR": str(state.temporary),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": aws.region,
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
    }


def _reason(aws: Aws, otherwise: str) -> str:
    """Name the resources that failed; without any, say what else is known."""
    failures = [_line(event) for event in _events(aws) if "FAILED" in event["ResourceStatus"]]
    return "\n".join(["the deploy failed:", *(failures or [otherwise])])


def _events(aws: Aws) -> list[StackEventTypeDef]:
    try:
        return aws.cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    except aws.cloudformation.exceptions.ClientError:
        return []


def _line(event: StackEventTypeDef) -> str:
    return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"

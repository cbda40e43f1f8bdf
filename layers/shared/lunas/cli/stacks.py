"""Where the parts of a deployed stack are: the local one, or one on AWS by its outputs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.cloud import LocalCloudError, addresses, deploy, stack
from local.cloud.aws import Aws
from local.cloud.state import ROOT, State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

LOCAL = "local"
_SETTINGS = ROOT / "samconfig.toml"


class NotDeployed(LocalCloudError):
    """The environment is unknown, has no stack, or the operator's credentials do not open it."""


@dataclass(frozen=True)
class Deployed:
    """The table and the dead-letter queue of one stack, with clients that reach them."""

    table: str
    dead_letters: str
    dynamodb: DynamoDBClient
    sqs: SQSClient


@dataclass(frozen=True)
class OrderParts:
    """The table and both order queues of one stack, with clients that reach them."""

    table: str
    queue: str
    dead_letters: str
    dynamodb: DynamoDBClient
    sqs: SQSClient


def find_orders(environment: str, state_dir: Path) -> OrderParts:
    """Find what reports of sales stand in, as :func:`find` does."""
    if environment == LOCAL:
        running = stack.read(State(state_dir.absolute()))
        aws = Aws(running.aws_endpoint_url, running.region)
        return _order_parts(deploy.outputs(aws), aws.dynamodb, aws.sqs)
    made, session = outputs_on_aws(environment)
    return _order_parts(made, session.client("dynamodb"), session.client("sqs"))


def _order_parts(made: dict[str, str], dynamodb: DynamoDBClient, sqs: SQSClient) -> OrderParts:
    queues = made["SaleReportQueueUrl"], made["SaleReportDeadLetterQueueUrl"]
    return OrderParts(made["TableName"], *queues, dynamodb, sqs)


def find(environment: str, state_dir: Path) -> Deployed:
    """Find the stack of an environment: ``local``, or one that ``samconfig.toml`` deploys to.

    AWS is asked with the credentials of whoever runs the command. Raises ``NotUp`` and
    ``NotDeployed``.
    """
    return _local(state_dir) if environment == LOCAL else _on_aws(environment)


def outputs(environment: str, state_dir: Path) -> dict[str, str]:
    """Give the outputs of an environment's stack; raises like :func:`find`.

    Addresses of the local stack are those that answer on loopback.
    """
    if environment != LOCAL:
        return outputs_on_aws(environment)[0]
    running = stack.read(State(state_dir.absolute()))
    aws = Aws(running.aws_endpoint_url, running.region)
    found = deploy.outputs(aws)
    return {name: addresses.reachable(each, aws.endpoint) for name, each in found.items()}


def environments() -> dict[str, dict[str, str]]:
    """Give stack name and region by environment, as ``make deploy`` uses them."""
    settings = tomllib.loads(_SETTINGS.read_text())
    return {
        name: {key: each["deploy"]["parameters"][key] for key in ("stack_name", "region")}
        for name, each in settings.items()
        if isinstance(each, dict) and "deploy" in each
    }


def _local(state_dir: Path) -> Deployed:
    running = stack.read(State(state_dir.absolute()))
    aws = Aws(running.aws_endpoint_url, running.region)
    return Deployed(running.table_name, running.dead_letter_queue_url, aws.dynamodb, aws.sqs)


def _on_aws(environment: str) -> Deployed:
    made, session = outputs_on_aws(environment)
    return Deployed(
        made["TableName"],
        made["DeadLetterQueueUrl"],
        session.client("dynamodb"),
        session.client("sqs"),
    )


def outputs_on_aws(environment: str) -> tuple[dict[str, str], boto3.Session]:
    """Give the outputs, and a session in the region of the stack; raises ``NotDeployed``."""
    known = environments()
    if environment not in known:
        message = f"no environment {environment}: there are {LOCAL}, {', '.join(known)}"
        raise NotDeployed(message)
    name, region = known[environment]["stack_name"], known[environment]["region"]
    session = boto3.Session(region_name=region)
    try:
        found = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except (BotoCoreError, ClientError) as error:
        message = f"the stack {name} in {region} cannot be read: {error}"
        raise NotDeployed(message) from error
    return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}, session

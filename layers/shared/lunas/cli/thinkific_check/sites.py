"""Which site is checked: the one of the environment, or the one that a stack is set up for.

A stack is asked how its deliveries are set up, so that all three ways to authenticate work, and
calls take turns with those of the stack.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from local.cloud import deploy, stack
from local.cloud.aws import Aws
from local.cloud.errors import LocalCloudError
from local.cloud.state import State
from local.deployed import LOCAL, environments, outputs_on_aws
from local.thinkific.examine import Examined
from lunas.api.platform import site_of
from lunas.platforms.thinkific.credentials import ApiKey, Bearer, Credentials
from lunas.platforms.thinkific.http import ThinkificApi, ThinkificSite
from lunas.platforms.thinkific.rate_limiter import SharedLimiter
from lunas.storage.catalog import Catalog
from lunas.storage.table import Table

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_lambda import LambdaClient

DELIVERY = "DeliverEnrollmentFunction"
API_URL = "https://api.thinkific.com"
LONG = 600_000
"""Milliseconds that the check may take."""
CLASSIC_KEY = 32
"""Characters of an API key; a longer secret is a token."""


class NoSite(LocalCloudError):
    """Neither the environment nor a stack tells which site to check."""


@dataclass(frozen=True)
class Checked:
    """The site, and the catalog of its stack if there is one."""

    at: Examined
    catalog: Catalog | None
    name: str


class Alone:
    """The limiter of whoever has no stack to share the limit with: a few calls, none at once."""

    def acquire(self) -> None:
        """Return at once."""

    def rest(self, seconds: float) -> None:
        """Wait as long as Thinkific asks for."""
        time.sleep(seconds)


def from_environment(environment: Mapping[str, str]) -> Checked | None:
    """Return the site that the variables of ``local.md`` name, None if they name none."""
    key = environment.get("THINKIFIC_API_KEY")
    subdomain = environment.get("THINKIFIC_SUBDOMAIN")
    if not key or not subdomain:
        return None
    url = environment.get("THINKIFIC_API_URL", "").rstrip("/") or API_URL
    long = len(key) > CLASSIC_KEY
    opens: Credentials = Bearer(lambda: key) if long else ApiKey(subdomain, key)
    site, session = ThinkificSite(url, opens), requests.Session()
    at = Examined(site, ThinkificApi(site, Alone(), "thinkific-check", session), session)
    return Checked(at, None, f"{subdomain} by the environment")


def from_stack(environment: str, state_dir: Path) -> Checked:
    """Return the site of a stack; raises NoSite and what finding a stack raises."""
    found = _local(state_dir) if environment == LOCAL else _on_aws(environment)
    told = found.functions.get_function_configuration(FunctionName=found.delivery)
    os.environ |= told.get("Environment", {}).get("Variables", {})
    table = Table.from_environment()
    site, session = site_of(table, LONG), requests.Session()
    limiter = SharedLimiter.from_environment(table, LONG)
    api = ThinkificApi(site, limiter, "thinkific-check", session)
    at = Examined(site, api, session, reports_sales=found.reports_sales)
    return Checked(at, Catalog(table), f"{os.environ['THINKIFIC_SUBDOMAIN']} of {environment}")


@dataclass(frozen=True)
class Deployment:
    """A stack: its delivery function, and whether it reports sales."""

    functions: "LambdaClient"
    delivery: str
    reports_sales: bool


def _local(state_dir: Path) -> Deployment:
    running = stack.read(State(state_dir.absolute()))
    aws = Aws(running.aws_endpoint_url, running.region)
    os.environ |= {
        "AWS_ENDPOINT_URL": running.aws_endpoint_url,
        "AWS_DEFAULT_REGION": running.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    return described(aws.cloudformation, aws.functions, deploy.STACK)


def _on_aws(environment: str) -> Deployment:
    _, session = outputs_on_aws(environment)
    os.environ["AWS_DEFAULT_REGION"] = str(session.region_name)
    name = environments()[environment]["stack_name"]
    return described(session.client("cloudformation"), session.client("lambda"), name)


def described(
    cloudformation: "CloudFormationClient", functions: "LambdaClient", name: str
) -> Deployment:
    """Return what a stack says of itself; its parameters tell whether sales are reported."""
    told = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    chosen = {each["ParameterKey"]: each["ParameterValue"] for each in told.get("Parameters", [])}
    delivery = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId=DELIVERY)
    return Deployment(
        functions,
        delivery["StackResourceDetail"].get("PhysicalResourceId", ""),
        chosen.get("ExternalOrders") == "true",
    )

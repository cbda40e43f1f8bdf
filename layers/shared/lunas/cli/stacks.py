"""A deployed stack: its outputs, its resources, and AWS clients for it."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from lunas.cli.errors import NotDeployed

LOCAL = "local"
"""The environment of the stack that ``make up`` runs."""
LOCAL_STACK = "lunas"
"""The name of that stack in the local cloud."""
ALIAS = "live"
"""The alias in template.yaml by which functions are called."""
SETTINGS = Path("samconfig.toml")


@dataclass(frozen=True)
class DeployedStack:
    """A stack. ``endpoint`` is the address of the local cloud, None on AWS."""

    environment: str
    name: str
    region: str
    outputs: Mapping[str, str]
    session: boto3.Session
    endpoint: str | None = None

    @property
    def is_local(self) -> bool:
        """Return whether it is the local stack, which has no mail and no host names."""
        return self.environment == LOCAL

    def client(self, service: str) -> Any:  # noqa: ANN401
        """Return a client of an AWS service."""
        made: Any = self.session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]
        return made

    @cached_property
    def resources(self) -> Mapping[str, Mapping[str, str]]:
        """Return ``type`` and ``name`` of each resource, by its name in the template."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            each["LogicalResourceId"]: {
                "type": each["ResourceType"],
                "name": each["PhysicalResourceId"],
            }
            for page in pages.paginate(StackName=self.name)
            for each in page["StackResourceSummaries"]
        }

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """Return the parameters that the stack was deployed with."""
        found = self.client("cloudformation").describe_stacks(StackName=self.name)
        given = found["Stacks"][0].get("Parameters", [])
        return {each["ParameterKey"]: each["ParameterValue"] for each in given}

    def of_type(self, kind: str) -> Mapping[str, str]:
        """Return the names of the resources of a type, by their names in the template."""
        return {name: each["name"] for name, each in self.resources.items() if each["type"] == kind}

    def environment_of(self, function: str) -> Mapping[str, str]:
        """Return the environment variables of the deployed version of a function."""
        settings = self.client("lambda").get_function_configuration(
            FunctionName=self.resources[function]["name"], Qualifier=ALIAS
        )
        found: Mapping[str, str] = settings.get("Environment", {}).get("Variables", {})
        return found


def find(environment: str, state: Path) -> DeployedStack:
    """Return the stack of an environment: ``local``, or one that ``samconfig.toml`` names.

    ``state`` is the folder of the local stack's ``stack.json``. AWS is called with the
    credentials of the caller. Raises NotDeployed.
    """
    return _local(state) if environment == LOCAL else _on_aws(environment)


def environments() -> dict[str, dict[str, str]]:
    """Return stack name and region by environment, as ``make deploy`` uses them."""
    settings = tomllib.loads(SETTINGS.read_text())
    return {
        name: {key: each["deploy"]["parameters"][key] for key in ("stack_name", "region")}
        for name, each in settings.items()
        if isinstance(each, dict) and "deploy" in each
    }


def _local(state: Path) -> DeployedStack:
    """Return the local stack, with loopback addresses and no AWS profile."""
    try:
        running = json.loads((state / "stack.json").read_text())
    except (FileNotFoundError, ValueError) as error:
        message = f"no stack is up in {state.absolute()}; `make up` starts one"
        raise NotDeployed(message) from error
    endpoint, region = running["awsEndpointUrl"], running["region"]
    no_profile = botocore.session.Session({"profile": (None, None, None, None)})
    session = boto3.Session("test", "test", region_name=region, botocore_session=no_profile)
    made = _outputs(session.client("cloudformation", endpoint_url=endpoint), LOCAL_STACK)
    own = made["ApiUrl"]
    outputs = {name: each.replace(own, running["apiUrl"]) for name, each in made.items()}
    outputs["DuitkuWebhookUrl"] = running["duitkuWebhookUrl"]
    return DeployedStack(LOCAL, LOCAL_STACK, region, outputs, session, endpoint)


def _on_aws(environment: str) -> DeployedStack:
    known = environments()
    if environment not in known:
        message = f"no environment {environment}: there are {LOCAL}, {', '.join(known)}"
        raise NotDeployed(message)
    name, region = known[environment]["stack_name"], known[environment]["region"]
    session = boto3.Session(region_name=region)
    outputs = _outputs(session.client("cloudformation"), name)
    return DeployedStack(environment, name, region, outputs, session)


def _outputs(cloudformation: Any, name: str) -> dict[str, str]:  # noqa: ANN401
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except (BotoCoreError, ClientError) as error:
        message = f"the stack {name} in {cloudformation.meta.region_name} cannot be read: {error}"
        raise NotDeployed(message) from error
    return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}

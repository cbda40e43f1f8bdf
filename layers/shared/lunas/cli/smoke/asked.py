"""The stack that is asked: its outputs, its resources, and clients that reach it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from local.cloud import addresses, deploy, stack
from local.cloud.aws import Aws
from local.cloud.state import State
from local.deployed import LOCAL, environments, outputs_on_aws


@dataclass(frozen=True)
class Asked:
    """A stack. ``endpoint`` is where the local cloud answers, None on AWS."""

    environment: str
    stack_name: str
    region: str
    outputs: Mapping[str, str]
    session: boto3.Session
    endpoint: str | None = None

    @property
    def is_local(self) -> bool:
        """Tell whether it runs on this machine: then nobody is mailed, and no name has a host."""
        return self.environment == LOCAL

    def client(self, service: str) -> Any:  # noqa: ANN401
        """Return a client of a service of AWS."""
        made: Any = self.session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]
        return made

    @cached_property
    def resources(self) -> Mapping[str, Mapping[str, str]]:
        """Return type and physical name of each resource, by its name in the template."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            each["LogicalResourceId"]: {
                "type": each["ResourceType"],
                "name": each["PhysicalResourceId"],
            }
            for page in pages.paginate(StackName=self.stack_name)
            for each in page["StackResourceSummaries"]
        }

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """Return what the stack was deployed with."""
        told = self.client("cloudformation").describe_stacks(StackName=self.stack_name)
        given = told["Stacks"][0].get("Parameters", [])
        return {each["ParameterKey"]: each["ParameterValue"] for each in given}

    def of_type(self, kind: str) -> Mapping[str, str]:
        """Return the physical names of the resources of a type, by their names in the template."""
        return {name: each["name"] for name, each in self.resources.items() if each["type"] == kind}

    def environment_of(self, function: str) -> Mapping[str, str]:
        """Return the settings that the deployed version of a function runs with."""
        name = self.resources[function]["name"]
        told = self.client("lambda").get_function_configuration(
            FunctionName=name, Qualifier=addresses.ALIAS
        )
        found: Mapping[str, str] = told.get("Environment", {}).get("Variables", {})
        return found


def ask(environment: str, state_dir: Path) -> Asked:
    """Find the stack of an environment; raises ``NotUp`` and ``NotDeployed``."""
    if environment != LOCAL:
        made, session = outputs_on_aws(environment)
        known = environments()[environment]
        return Asked(environment, known["stack_name"], known["region"], made, session)
    running = stack.read(State(state_dir.absolute()))
    aws = Aws(running.aws_endpoint_url, running.region)
    found = deploy.outputs(aws)
    return Asked(
        LOCAL,
        deploy.STACK,
        running.region,
        {name: addresses.reachable(each, aws.endpoint) for name, each in found.items()},
        boto3.Session("test", "test", region_name=running.region),
        aws.endpoint,
    )

"""``make thinkific-webhooks``: Thinkific is told where to send what learners do, once.

The deployed function does the work: it has the credentials, and its turn under the rate limit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from local import deployed
from local.cloud import stack, webhooks
from local.cloud.aws import Aws
from local.cloud.state import State

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def run(environment: str, state_dir: Path) -> int:
    """Register what is missing and print how each topic stands; a second run changes nothing."""
    name = deployed.outputs(environment, state_dir)[webhooks.FUNCTION]
    for each in webhooks.register(_functions(environment, state_dir), name):
        print(f"{each['fate'].lower():<12} {each['topic']}")
    return 0


def _functions(environment: str, state_dir: Path) -> LambdaClient:
    if environment == deployed.LOCAL:
        running = stack.read(State(state_dir.absolute()))
        return Aws(running.aws_endpoint_url, running.region).functions
    region = deployed.environments()[environment]["region"]
    return boto3.Session(region_name=region).client("lambda")

"""Register Lunas's webhooks at Thinkific; a second run changes nothing.

It invokes the deployed function, which has the credentials and uses the rate limiter.
"""

import argparse
import json
from typing import TYPE_CHECKING, Any

from lunas.cli.errors import NotRegistered
from lunas.cli.stacks import find

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

HELP = "register the webhooks by which Thinkific sends learners' progress"
FUNCTION = "SyncProgressFunctionName"
"""The stack's output that names the function which registers them."""


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(given: argparse.Namespace) -> int:
    """Register missing webhooks and print the result of each topic."""
    stack = find(given.env, given.state)
    for each in register(stack.client("lambda"), stack.outputs[FUNCTION]):
        print(f"{each['state'].lower():<12} {each['topic']}")
    return 0


def register(functions: "LambdaClient", function: str) -> list[dict[str, str]]:
    """Return each topic with its result; raises NotRegistered."""
    request = json.dumps({"webhooks": "register"}).encode()
    response = functions.invoke(FunctionName=function, Payload=request)
    result: Any = json.loads(response["Payload"].read())
    if response.get("FunctionError"):
        message = f"the webhooks were not registered: {result.get('errorMessage', result)}"
        raise NotRegistered(message)
    found: list[dict[str, str]] = result
    return found

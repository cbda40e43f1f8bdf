"""Makes the stack's own URLs reachable.

On AWS an HTTP API and a Function URL have host names of their own. The emulator gives out the
same names but answers on loopback, under paths; functions that have such a URL in their settings
get the reachable form instead.
"""

import re
from collections.abc import Mapping

from local.cloud.aws import Aws
from lunas.cli.stacks import ALIAS

_API = re.compile(r"https://(\w+|\{apiId\})\.execute-api\.[\w.-]+")
_FUNCTION_URL = re.compile(r"https://(\w+)\.lambda-url\.[\w.-]+")


def reachable(url: str, endpoint: str) -> str:
    """Rewrite every URL of an HTTP API or a function within ``url`` to where it is answered.

    >>> reachable("https://ab1.lambda-url.ap-southeast-3.on.aws/", "http://127.0.0.1:4566")
    'http://127.0.0.1:4566/_aws/lambda-url/ab1/'
    """
    url = _API.sub(rf"{endpoint}/_aws/execute-api/\1", url)
    return _FUNCTION_URL.sub(rf"{endpoint}/_aws/lambda-url/\1", url)


def correct_environments(aws: Aws) -> None:
    """Give every function that has such a URL the reachable one."""
    for page in aws.functions.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            variables = function.get("Environment", {}).get("Variables", {})
            corrected = {name: reachable(value, aws.endpoint) for name, value in variables.items()}
            if corrected != variables:
                change_environment(aws, function["FunctionName"], corrected)


def change_environment(aws: Aws, function: str, variables: Mapping[str, str]) -> None:
    """Give a function other variables, and its alias the version that has them."""
    aws.functions.update_function_configuration(
        FunctionName=function, Environment={"Variables": variables}
    )
    version = aws.functions.publish_version(FunctionName=function)["Version"]
    aws.functions.update_alias(FunctionName=function, Name=ALIAS, FunctionVersion=version)

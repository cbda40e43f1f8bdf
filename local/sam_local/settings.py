"""The template and the variables that SAM reads, made from what the local stack was deployed with.

SAM gives a function only the variables that the template declares, and takes the value of each
from ``--env-vars``, or else from the shell, or else from the template.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from local.cloud import Stack, deploy
from local.cloud.aws import Aws
from local.sam_local.docker import RUN
from lunas.cli.stacks import ALIAS

CALLED = frozenset(
    {
        "AWS_ENDPOINT_URL",
        "JWKS_URL",
        "PACKAGE_SERVICE_URL",
        "DUITKU_API_URL",
        "DUITKU_POP_URL",
        "THINKIFIC_API_URL",
        "THINKIFIC_OAUTH_URL",
        "DELIVERY_QUEUE_URL",
        "DEAD_LETTER_QUEUE_URL",
        "SALE_REPORT_QUEUE_URL",
        "SALE_REPORT_DEAD_LETTER_QUEUE_URL",
        "PROGRESS_QUEUE_URL",
        "PROGRESS_DEAD_LETTER_QUEUE_URL",
    }
)
"""Addresses that functions call, from inside a container."""
GIVEN_OUT = frozenset(
    {"API_URL", "DUITKU_CALLBACK_URL", "OAUTH_BASE_URL", "RETURN_URL", "PLATFORM_WEBHOOK_URL"}
)
"""Addresses that functions give to others, who call them from outside: these stay as they are."""
_LOCAL = re.compile(r"^http://(?:127\.0\.0\.1|localhost)(?=[:/]|$)")
_DECLARED = "        POWERTOOLS_SERVICE_NAME:\n"
_ARCHITECTURE = re.compile(r"^(  Architecture:\n    Type: String\n    Default: ).+$", re.MULTILINE)

type Variables = dict[str, str]


def deployed(stack: Stack) -> dict[str, Variables]:
    """Read the variables of each function of a stack, by its name in the template.

    The API's own address is the stack's: a function makes it of the id that comes with each
    request, and ``sam local`` sends an id of its own. The redirect URI that Thinkific knows, and
    everything else that is given out, is the stack's.
    """
    aws = Aws(stack.aws_endpoint_url, stack.region)
    found = {logical_id: _variables(aws, name) for logical_id, name in _functions(aws)}
    for variables in found.values():
        variables["AWS_ENDPOINT_URL"] = stack.aws_endpoint_url
        if "API_URL" in variables:
            variables["API_URL"] = stack.api_url
    return found


def as_called(variables: Mapping[str, str], host: str) -> Variables:
    """Name this machine as a container does, in the addresses that functions call.

    >>> as_called({"DUITKU_API_URL": "http://127.0.0.1:9"}, "172.17.0.1")
    {'DUITKU_API_URL': 'http://172.17.0.1:9'}
    """
    return {
        name: _LOCAL.sub(f"http://{host}", value) if name in CALLED else value
        for name, value in variables.items()
    }


def local_ports(functions: Mapping[str, Mapping[str, str]]) -> list[int]:
    """List the ports of this machine that functions call."""
    called = _called_values(functions)
    return sorted({urlsplit(value).port or 80 for value in called if _LOCAL.match(value)})


def template(built: str, architecture: str, run: str) -> str:
    """Declare what the variables of a run add, and let functions run on this processor.

    Raises ``LookupError`` where the built template is not laid out as expected.
    """
    declared = f"        AWS_ENDPOINT_URL: ''\n        {RUN}: {run}\n{_DECLARED}"
    changed, found = _ARCHITECTURE.subn(rf"\g<1>{architecture}", built, count=1)
    if not found or _DECLARED not in changed:
        message = "the built template has no Architecture, or no variables in Globals"
        raise LookupError(message)
    return changed.replace(_DECLARED, declared, 1)


def _called_values(functions: Mapping[str, Mapping[str, str]]) -> set[str]:
    return {
        value
        for variables in functions.values()
        for name, value in variables.items()
        if name in CALLED
    }


def _functions(aws: Aws) -> Iterator[tuple[str, str]]:
    """List the functions, without those that SAM makes of its own."""
    for logical_id, name in deploy.resources(aws).items():
        if logical_id.endswith("Function"):
            yield logical_id, name


def _variables(aws: Aws, name: str) -> Variables:
    found = aws.functions.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
    return dict(found.get("Environment", {}).get("Variables", {}))

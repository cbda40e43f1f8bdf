"""The checks of ``make smoke``. A check yields each problem, with what to do."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus

import requests

from lunas.cli.smoke import resources, settings
from lunas.cli.stacks import DeployedStack

type Check = Callable[[DeployedStack], Iterator[str]]

TIMEOUT = 30
"""Seconds that the API may take to answer."""


def health(stack: DeployedStack) -> Iterator[str]:
    """Check that the API answers and serves its document."""
    api = stack.outputs["ApiUrl"].rstrip("/")
    for path in ("/health", "/openapi.json"):
        status = _status("GET", f"{api}{path}")
        if status != HTTPStatus.OK:
            yield f"GET {path} is answered {status}: see docs/runbooks/api-errors.md"


def region(stack: DeployedStack) -> Iterator[str]:
    """Check that the stack is in the region of samconfig.toml."""
    arn = stack.outputs["TokenKeyArn"]
    if arn.split(":")[3] != stack.region:
        yield f"the stack is in {arn.split(':')[3]}, samconfig.toml has {stack.region}"


def function_url(stack: DeployedStack) -> Iterator[str]:
    """Check that AWS lets callers through, and Lunas refuses a request that is no callback."""
    status = _status("POST", stack.outputs["DuitkuWebhookUrl"])
    if status == HTTPStatus.FORBIDDEN:
        yield (
            "the Function URL refuses all callers: its policy must allow lambda:InvokeFunctionUrl "
            "and lambda:InvokeFunction to all; deploy again with the SAM of make setup"
        )
    elif status != HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        yield f"a call that is no callback is answered {status} instead of 415: see url-errors.md"


def catalog(stack: DeployedStack) -> Iterator[str]:
    """Check that something is for sale."""
    api = stack.outputs["ApiUrl"].rstrip("/")
    answer = requests.get(f"{api}/packages", timeout=TIMEOUT)
    if answer.status_code != HTTPStatus.OK:
        yield f"GET /packages is answered {answer.status_code}"
    elif not answer.json()["items"]:
        yield "nothing is for sale: docs/deploy.md, The first catalog"


CHECKS: Mapping[str, Check] = {
    "health": health,
    "region": region,
    "functions": resources.functions,
    "secrets": settings.secrets,
    "callback address": settings.callback_address,
    "return address": settings.return_address,
    "time zone": settings.time_zone,
    "Function URL": function_url,
    "table": resources.table,
    "queues": resources.queues,
    "sources": resources.sources,
    "schedules": resources.schedules,
    "alarms": resources.alarms,
    "Thinkific": settings.thinkific,
    "catalog": catalog,
}
"""The checks by the names that the command prints, in the order in which they run."""


def _status(method: str, url: str) -> int | str:
    """Return the status of a response, or the error's type if there is none."""
    try:
        return requests.request(method, url, timeout=TIMEOUT).status_code
    except requests.RequestException as error:
        return type(error).__name__

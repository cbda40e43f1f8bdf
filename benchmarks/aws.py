"""Reads what Lambda reports of the functions of a stack on AWS: ``make bench-aws ENV=dev``.

Only logs are read. With ``--requests`` it first sends requests that read, several at once, so that
environments start; with an admin's token in ``TOKEN`` also those of routes that need one.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.lambda_reports import PATTERNS, Calls, Spread, calls, version_of
from lunas.cli.errors import CommandFailed
from lunas.cli.stacks import ALIAS, DeployedStack, find

PUBLIC = ("/health", "/packages", "/docs")
ADMINS = ("/payments?limit=20", "/enrollments?limit=20", "/anomalies?limit=20")
METHODS = "/payments/methods?packageId={}"
"""Asks Duitku for payment methods, in the function that opens payments."""
AT_ONCE = 10
"""Requests at once: each needs an environment of its own."""
TIMEOUT = 35
LOG_DELAY = 30
"""Seconds until CloudWatch shows a line."""
HEAD = (
    *("function", "version", "calls", "failed", "starts", "start p50", "start p95"),
    *("warm p50", "warm p95", "peak MB", "of MB", "billed ms"),
)


@dataclass(frozen=True)
class Function:
    """A deployed function: its version behind the alias, its memory in MB, where it logs."""

    name: str
    physical_name: str
    version: str
    memory: int
    log_group: str
    log_format: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table of all functions; return 1 if the stack or its logs cannot be read."""
    given = _parser().parse_args(arguments)
    try:
        _measure(find(given.env, Path(".local")), given.days, given.requests)
    except (CommandFailed, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(stack: DeployedStack, days: int, number: int) -> None:
    """Send requests if there are any to send, then read the logs and print the table."""
    if number:
        send(stack.outputs["ApiUrl"], os.environ.get("TOKEN", ""), number, print)
        print(f"waiting {LOG_DELAY} seconds for the logs", flush=True)
        time.sleep(LOG_DELAY)
    since = datetime.now(UTC) - timedelta(days=days)
    rows = [row(each, reports(stack, each, since)) for each in functions(stack)]
    print(f"{stack.name} in {stack.region} since {since:%Y-%m-%d %H:%M} UTC, milliseconds:\n")
    for line in table(rows):
        print(line)


def functions(stack: DeployedStack) -> Iterator[Function]:
    """Yield the functions of a stack, as the alias calls them."""
    client = stack.client("lambda")
    for name, physical in sorted(stack.of_type("AWS::Lambda::Function").items()):
        found = client.get_function_configuration(FunctionName=physical, Qualifier=ALIAS)
        logging = found["LoggingConfig"]
        yield Function(
            name.removesuffix("Function"),
            physical,
            found["Version"],
            found["MemorySize"],
            logging["LogGroup"],
            logging["LogFormat"],
        )


def reports(stack: DeployedStack, function: Function, since: datetime) -> Calls | None:
    """Return the calls of a function's version; None if it had none."""
    pages = (
        stack.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=function.log_group,
            startTime=int(since.timestamp() * 1000),
            filterPattern=PATTERNS[function.log_format],
        )
    )
    lines = [
        each["message"]
        for page in pages
        for each in page["events"]
        if version_of(each["logStreamName"]) == function.version
    ]
    found = calls(lines)
    return Calls(found) if found else None


def row(function: Function, found: Calls | None) -> tuple[str, ...]:
    """Return the line of a function in the table."""
    if found is None:
        return (function.name, function.version, "0", *[""] * (len(HEAD) - 3))
    starts, warm = Spread.of(found.starts), Spread.of(found.warm)
    return (
        function.name,
        function.version,
        str(len(found.calls)),
        str(found.failed),
        str(len(found.starts)),
        *map(_shown, (starts.half, starts.most, warm.half, warm.most)),
        str(found.memory),
        str(function.memory),
        f"{found.billed:.0f}",
    )


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Align rows under the head."""
    widths = [max(len(each[column]) for each in (HEAD, *rows)) for column in range(len(HEAD))]
    for each in (HEAD, *rows):
        name, *values = each
        cells = [text.rjust(width) for text, width in zip(values, widths[1:], strict=True)]
        yield "  ".join([name.ljust(widths[0]), *cells]).rstrip()


def send(api: str, token: str, number: int, report: Callable[[str], None]) -> None:
    """Send requests that change nothing to each route, and report the statuses."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    paths = [*PUBLIC, *(_for_admins(api) if token else ())]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for path in paths:
            statuses = pool.map(lambda _, path=path: _status(api + path, headers), range(number))
            counted = ", ".join(f"{many} x {each}" for each, many in Counter(statuses).items())
            report(f"GET {path}: {counted}")


def _for_admins(api: str) -> Iterator[str]:
    yield from ADMINS
    packages = requests.get(f"{api}/packages", timeout=TIMEOUT).json().get("items", [])
    for package in packages[:1]:
        yield METHODS.format(package["id"])


def _status(url: str, headers: dict[str, str]) -> str:
    """Return the status of an answer, or the kind of error."""
    try:
        return str(requests.get(url, headers=headers, timeout=TIMEOUT).status_code)
    except requests.RequestException as error:
        return type(error).__name__


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-aws", description=__doc__)
    parser.add_argument("--env", default="dev", help="an environment of samconfig.toml")
    parser.add_argument("--days", type=int, default=7, help="how far back to read the logs")
    parser.add_argument("--requests", type=int, default=0, help="requests to send to each route")
    return parser


if __name__ == "__main__":
    sys.exit(main())

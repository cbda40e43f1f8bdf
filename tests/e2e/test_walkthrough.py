"""The commands of docs/guides/walkthrough.md have the statuses on the page and cover each route."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.cloud import Stack
from tests.conftest import END_TO_END
from tests.support.providers import Thinkific
from tests.support.template import routes

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "walkthrough.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXPECTED = re.compile(r"^(.*) # (\d{3})$", re.MULTILINE)
MARK = "=== status expected:"
VERBS = {" -d ": "POST", " -I ": "HEAD"}
"""The method of a curl command that names none, by its flags."""
SECONDS = 240
PRELUDE = """
set -eu -o pipefail
make() { local role=${4:-ROLE=user}
  "$PYTHON" -m local token --state "$STATE" --sub "${3#SUB=}" --role "${role#ROLE=}" \
    --name "Putri Walkthrough"; }
"""
"""A walk stops at the first failure; tokens are for the stack of the tests, not of ``.local``.

Their name does not contain the user id, which logs may show: the leak test looks for names.
"""


@dataclass(frozen=True)
class Step:
    """A command of the page, and the status that the page shows."""

    command: str
    status: str

    @property
    def method(self) -> str:
        """The HTTP method."""
        named = re.search(r"-X (\w+)", self.command)
        if named:
            return named[1]
        return next((verb for flag, verb in VERBS.items() if flag in self.command), "GET")


def script() -> str:
    """Return all blocks of the page as one script."""
    return "".join(BLOCK.findall(PAGE.read_text()))


def steps() -> list[Step]:
    """Return the commands with a status, each with all its lines."""
    found, command = [], ""
    for line in script().splitlines():
        ended = EXPECTED.match(line)
        command += f"{ended[1] if ended else line}\n"
        if ended:
            found.append(Step(command, ended[2]))
        if ended or not line.endswith(("\\", ",")):
            command = ""
    return found


def walked(stack: Stack, state: Path = END_TO_END) -> list[tuple[str, str]]:
    """Walk on the stack of a folder; return expected and given status of each step."""
    stack_file = state / "stack.json"
    assert stack.api_url in stack_file.read_text()
    marked = EXPECTED.sub(rf"\1\necho '{MARK} \2'", script())
    python = ROOT / ".venv" / "bin" / "python"
    done = subprocess.run(  # noqa: S603  (the page is our own)
        ["bash", "-c", PRELUDE + marked],  # noqa: S607
        cwd=ROOT,
        env={**os.environ, "STACK": str(stack_file), "STATE": str(state), "PYTHON": str(python)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    given = done.stdout.split(MARK)
    expected = [part.split("\n", 1)[0].strip() for part in given[1:]]
    return list(zip(expected, (part.rstrip().rpartition("\n")[2] for part in given), strict=False))


@pytest.fixture(scope="module")
def walk(stack: Stack) -> list[tuple[str, str]]:
    """Walk once, while Thinkific does not limit the calls."""
    Thinkific(stack).set(rateLimit=100_000)
    return walked(stack)


def test_each_command_has_the_status_on_the_page(walk: list[tuple[str, str]]) -> None:
    commands = [step.command.strip() for step in steps()]
    assert len(walk) == len(commands)

    different = [
        f"{command}: {given}"
        for command, (expected, given) in zip(commands, walk, strict=True)
        if expected != given
    ]

    assert different == []


def shows(step: Step, route: str) -> bool:
    """Return whether a step calls a route."""
    method, path = route.split(" ")
    pattern = re.sub(r"\\{\w+\\}", r'[^/?"]+', re.escape(path))
    return step.method == method and bool(re.search(rf'"\$API{pattern}[?"]', step.command))


@pytest.mark.parametrize("route", sorted(routes() - {"POST /webhooks/duitku"}))
def test_no_route_is_left_out(route: str) -> None:
    assert [step for step in steps() if shows(step, route) and step.status < "300"]


def test_the_page_names_no_local_address_or_token() -> None:
    assert not re.search(r"127\.0\.0\.1|localhost|/home/|eyJ", PAGE.read_text())

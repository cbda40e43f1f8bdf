"""Public clients of Duitku and Thinkific by other authors, each call in its own process.

``make test`` installs them (``local/environments.py``); the scripts in ``clients/`` call them. They
run without the variables of this process, so that no proxy is between them and the simulator.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.cloud.state import TOOLS

DRIVERS = Path(__file__).with_name("clients")
PYTHON = TOOLS / "clients" / "bin" / "python"
NODE_MODULES = TOOLS / "clients-npm" / "node_modules"
SECONDS = 60
"""Seconds for one call, which normally takes less than one."""


@dataclass(frozen=True)
class PythonClient:
    """A client from PyPI: its driver, and the credentials for the service."""

    driver: str
    opening: dict[str, str]

    def call(self, call: str, given: Any) -> Any:
        """Make a call and return its result."""
        assert PYTHON.exists(), "`make test` installs the clients of PyPI"
        asked = {**self.opening, "call": call, "given": given}
        return _output(PYTHON, "-I", DRIVERS / f"{self.driver}.py", json.dumps(asked))


@dataclass(frozen=True)
class NodeClient:
    """The client from npm; ``home`` holds its configuration."""

    url: str
    home: Path

    def call(self, call: str, **given: Any) -> dict[str, Any]:
        """Make a call and return ``answer`` and ``error``."""
        asked = {"url": self.url, "call": call, "given": given}
        driver = DRIVERS / "npm_duitku.js"
        variables = {"NODE_PATH": str(NODE_MODULES), "APP_ROOT_PATH": str(self.home)}
        found: dict[str, Any] = _output("node", driver, json.dumps(asked), **variables)
        return found


def configured_node_client(url: str, home: Path, **configuration: Any) -> NodeClient:
    """Return npm's client, configured by a file in ``home``; skips a test where Node is missing."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no Node here, which npm's client of Duitku needs")
    assert NODE_MODULES.exists(), "`make test` installs the client of npm"
    folder = home / "config"
    folder.mkdir()
    (folder / "duitku-configuration.json").write_text(json.dumps(configuration))
    return NodeClient(url, home)


def _output(*command: object, **variables: str) -> Any:
    """Run a command; return the last line of its output, decoded from JSON."""
    done = subprocess.run(  # noqa: S603  (our own drivers)
        [str(part) for part in command],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])

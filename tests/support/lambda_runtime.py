"""Runs one built function as Lambda does: AWS's runtime client under AWS's emulator of its API.

The emulator (``aws-lambda-rie``) is a Linux program that aws-sam-cli carries. It starts the
client's interpreter in the function's folder and hands it one event after the other; memory is
not limited, time and the size of answers are. Function and layers are used as ``sam build`` left
them, and the interpreter has nothing else but the runtime client: no boto3 of its own.
"""

import json
import os
import platform
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from local.cloud.ports import HOST, free_port
from local.cloud.state import TOOLS

_PROCESSORS = {"arm64": "arm64", "aarch64": "arm64"}
_PATH = "2015-03-31/functions/function/invocations"
_INIT = re.compile(rb"INIT REPORT\(durationMs: ([\d.]+)")
_START_SECONDS = 20.0
_POLL_SECONDS = 0.01


class RuntimeFailed(Exception):
    """The emulator did not start, or the function broke; with the end of its log."""


@dataclass(frozen=True)
class Function:
    """A function to run: a built folder, its layers, its settings; ``timeout`` in seconds.

    ``settings`` are the function's environment variables. ``interpreter`` is one that has
    awslambdaric; others in the benchmark may bring their own.
    """

    folder: Path
    layers: Sequence[Path] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = "function"
    handler: str = "app.handler"
    timeout: int = 29
    memory: int = 512
    interpreter: Path = TOOLS / "runtime" / "bin" / "python"


@dataclass(frozen=True)
class Running:
    """A function that takes events, one at a time: a second one at once breaks the emulator."""

    function: Function
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Return the handler's answer; raises ``RuntimeFailed`` with its error.

        The first call starts the function, so it takes longer.
        """
        max_wait = self.function.timeout + _START_SECONDS
        answer = requests.post(self.url, data=json.dumps(event), timeout=max_wait)
        if _broke(answer):
            raise RuntimeFailed(f"{self.function.name}: {answer.text}\n{self.tail()}")
        return answer.json() if answer.content else None

    def init_milliseconds(self) -> float:
        """Return how long the start took, by the emulator's own clock.

        (The ``Init Duration`` of its REPORT lines is something else.) Raises ``RuntimeFailed``
        before the first call.
        """
        found = _INIT.findall(self.log.read_bytes())
        if not found:
            raise RuntimeFailed(f"{self.function.name} has not started:\n{self.tail()}")
        return float(found[0])

    def tail(self) -> str:
        """Return the end of the output of emulator and function."""
        return self.log.read_text(errors="replace")[-4000:]


def _broke(answer: requests.Response) -> bool:
    """Return the JSON of an answer; a time-out, which is plain text, is an error."""
    try:
        content = answer.json() if answer.content else None
    except requests.JSONDecodeError:
        return True
    return not answer.ok or (isinstance(content, dict) and "errorType" in content)


def emulator() -> Path:
    """Return the emulator for this machine's processor."""
    processor = _PROCESSORS.get(platform.machine(), "x86_64")
    (found,) = TOOLS.glob(
        f"sam/lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{processor}"
    )
    return found


@contextmanager
def running(function: Function) -> Iterator[Running]:
    """Run a function for as long as the block lasts; it starts with its first event."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        process = _start(function, port, log)
        found = Running(function, process, f"http://{HOST}:{port}/{_PATH}", log)
        try:
            _wait(found, port)
            yield found
        finally:
            _end(process)


def _start(function: Function, port: int, log: Path) -> subprocess.Popen[bytes]:
    """Start the emulator; without both addresses it would open ports to every network."""
    addresses = (
        *("--runtime-interface-emulator-address", f"{HOST}:{port}"),
        *("--runtime-api-address", f"{HOST}:{free_port()}"),
    )
    client = (function.interpreter, "-m", "awslambdaric", function.handler)
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603
            [emulator(), *addresses, *client],
            cwd=function.folder,
            env=_environment(function),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _environment(function: Function) -> dict[str, str]:
    """Return the variables that Lambda sets, without the user's own AWS settings.

    Lambda's folder for code cannot be written to, so no bytecode is kept there.
    """
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(str(layer) for layer in function.layers),
        "LAMBDA_TASK_ROOT": str(function.folder),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_EC2_METADATA_DISABLED": "true",
        **function.settings,
    }


def _wait(started: Running, port: int) -> None:
    """Return once the emulator listens; raises ``RuntimeFailed``."""
    deadline = time.monotonic() + _START_SECONDS
    while not _listens(port):
        if started.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeFailed(f"the emulator did not start:\n{started.tail()}")
        time.sleep(_POLL_SECONDS)


def _listens(port: int) -> bool:
    """Check without a request, because an event would start the function."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the emulator and the function, which it puts into a process group of its own."""
    if process.poll() is not None:
        return
    emulator_and_function = psutil.Process(process.pid)
    everything = [emulator_and_function, *emulator_and_function.children(recursive=True)]
    for each in everything:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    while any(_runs(each) for each in everything):
        time.sleep(_POLL_SECONDS)


def _runs(process: psutil.Process) -> bool:
    """Return False for a zombie too, since process 1 may take a second to collect it."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False

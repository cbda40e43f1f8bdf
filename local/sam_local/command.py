"""Serves the API by ``sam local start-api``, and leaves nothing behind."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.cloud import Stack, build, is_up, stack
from local.cloud.errors import InUse, NotUp
from local.cloud.lifecycle import uninterrupted
from local.cloud.state import ROOT, TOOLS, State
from local.sam_local import docker, reach, settings
from local.sam_local.docker import Engine
from local.sam_local.errors import DockerFailed, PortTaken

HOST = "127.0.0.1"
PORT = 3000
SETTINGS = ROOT / ".local" / "sam-local.json"
LAYERS = ROOT / ".local" / "sam-layers"
_LOCK = ROOT / ".local" / "sam-local.lock"
_GRACE_SECONDS = 5.0
_TRIES = 5


def serve(state: State, environment: Mapping[str, str], port: int = PORT) -> int:
    """Serve the API on loopback until interrupted; returns SAM's exit code.

    Raises ``NoDocker``, ``NotUp`` where no stack is up, and what ``local.sam_local.errors`` lists.
    """
    engine = docker.connect(environment)
    running = _running(state)
    with _alone():
        _check_free(port)
        return _serve(engine, running, environment, port)


def _serve(engine: Engine, running: Stack, environment: Mapping[str, str], port: int) -> int:
    way, run = reach.find(engine), uuid.uuid4().hex
    functions = settings.deployed(running)
    template = _write(functions, way.host, run)
    ports = settings.local_ports(functions)
    with way.open(ports, _say):
        _say(f"functions reach the local stack at {way.host}, ports {', '.join(map(str, ports))}")
        _say(f"http://{HOST}:{port} serves the API once SAM is ready; Ctrl-C ends it")
        return run_sam(
            start(template, port), _environment(environment, engine, running), engine, run
        )


def start(template: Path, port: int) -> list[str | Path]:
    """Return the command that serves the API."""
    return [
        *(TOOLS / "sam" / "bin" / "sam", "local", "start-api", "--language-extensions"),
        *("--template", template, "--env-vars", SETTINGS),
        *("--layer-cache-basedir", LAYERS),
        *("--host", HOST, "--port", str(port)),
        # A container for each function that is called, kept: one for each request takes seconds.
        *("--warm-containers", "LAZY"),
    ]


def _say(line: str) -> None:
    print(line, flush=True)


def _running(state: State) -> Stack:
    if not is_up(state.folder):
        message = f"no stack is up in {state.folder}; `make up` starts one"
        raise NotUp(message)
    return stack.read(state)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep a second one out, which would write the same files and forward the same ports."""
    with _LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = "another make sam-local runs in this folder"
            raise InUse(message) from error
        yield


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            message = f"another program listens on {HOST}:{port}; try make sam-local PORT=3001"
            raise PortTaken(message)


def _write(functions: Mapping[str, Mapping[str, str]], host: str, run: str) -> Path:
    """Build, and write the two files that SAM reads; returns the template.

    The variables hold no secret, but are the user's alone like ``stack.json``.
    """
    target = build.Target(build.this_machine().architecture)
    build.build(target)
    template = target.artifacts / "sam-local.yaml"
    built = (target.artifacts / "template.yaml").read_text()
    template.write_text(settings.template(built, target.architecture, run))
    called = {name: settings.as_called(each, host) for name, each in functions.items()}
    SETTINGS.touch(mode=0o600)
    SETTINGS.write_text(json.dumps(called, indent=2))
    return template


def _environment(given: Mapping[str, str], engine: Engine, running: Stack) -> dict[str, str]:
    """Lead SAM to the engine and the emulator, and keep the user's own AWS settings out of it.

    SAM hands its credentials to the functions, and asks AWS whose they are.
    """
    kept = {name: value for name, value in given.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "DOCKER_HOST": engine.host,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": running.region,
        "AWS_REGION": running.region,
        "AWS_ENDPOINT_URL": running.aws_endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }


def run_sam(
    command: Sequence[str | Path], environment: Mapping[str, str], engine: Engine, run: str
) -> int:
    """Run SAM to its end, or to the interrupt; then remove the containers that it left.

    It has a session of its own, so that one Ctrl-C reaches it once, from here, and temporary files
    of its own: a lock that it leaves there would hold up the next run.
    """
    with tempfile.TemporaryDirectory() as temporary:
        sam = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "TMPDIR": temporary},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return sam.wait()
        finally:
            with uninterrupted():
                _end(sam)
                _clean(engine, run)


def _end(sam: subprocess.Popen[bytes]) -> None:
    """End SAM: it removes warm containers by itself, but waits for requests that are running."""
    if sam.poll() is not None:
        return
    sam.send_signal(signal.SIGINT)
    try:
        sam.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(sam.pid, signal.SIGKILL)
        sam.wait()


def _clean(engine: Engine, run: str) -> None:
    """Remove the containers of this run; one may appear while others are removed."""
    refused: DockerFailed | None = None
    for _ in range(_TRIES):
        try:
            left = engine.containers(run)
            if not left:
                return
            engine.remove(left)
            _say(f"removed {len(left)} of this run's containers")
        except DockerFailed as error:
            # Also of one that the engine is removing for SAM: the next list is without it.
            refused = error
    _say(f"warning: containers of this run may be left: {refused}")
    _say(f"list them with: docker ps --all --filter label={docker.LABEL}")

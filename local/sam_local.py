"""``make sam-local``: the API by ``sam local``, in Docker, on the state of the local stack.

The stack of ``make up`` has the table, the queues, the secrets and the simulators; the functions
run in AWS's own images. SAM passes on only variables that the template declares, so the address
of the emulator is written into a copy of the built template.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.cloud import Stack, build, command, deploy
from local.cloud.addresses import ALIAS
from local.cloud.aws import Aws
from local.cloud.stack import read
from local.cloud.state import ROOT, TOOLS, State

PORT = 3000
NO_DOCKER = """\
make sam-local needs a Docker engine, and {missing}.
Without one:
  make up                                  the same API and functions on the emulator
  make test PYTEST_ARGS=tests/integration/events
                                           every event by Lambda's own runtime client
docs/sam-local.md tells more."""
_DECLARED = "        POWERTOOLS_SERVICE_NAME:"


def serve(state: State, environment: Mapping[str, str]) -> int:
    """Serve the API on loopback until interrupted; 1 with a hint where Docker is missing.

    Raises ``NotUp`` where no stack is up.
    """
    missing = missing_docker(environment)
    if missing:
        print(NO_DOCKER.format(missing=missing))
        return 1
    running = read(state)
    target = build.Target(build.this_machine().architecture)
    build.build(target)
    template = target.artifacts / "sam-local.yaml"
    template.write_text(with_endpoint((target.artifacts / "template.yaml").read_text(), running))
    settings = ROOT / ".local" / "sam-local.json"
    settings.touch(mode=0o600)
    settings.write_text(json.dumps(dict(settings_of(running)), indent=2))
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    region = {"AWS_DEFAULT_REGION": running.region, "AWS_REGION": running.region}
    print(f"http://127.0.0.1:{PORT} serves the API once SAM says so; Ctrl-C ends it", flush=True)
    done = subprocess.run(
        start(template, settings), cwd=ROOT, env={**environment, **keys, **region}, check=False
    )
    return done.returncode


def missing_docker(environment: Mapping[str, str]) -> str | None:
    """Tell what is missing for Docker to work, or None."""
    docker = shutil.which("docker", path=environment.get("PATH"))
    if docker is None:
        return "there is no docker command"
    if not command.run([docker, "info"], ROOT, environment).succeeded:
        return "the docker command reaches none"
    return None


def with_endpoint(template: str, stack: Stack) -> str:
    """Declare the emulator's address beside what all functions have in common."""
    line = f"        AWS_ENDPOINT_URL: {reachable(stack.aws_endpoint_url)}\n"
    if _DECLARED not in template:
        message = "the built template has no variables in Globals"
        raise LookupError(message)
    return template.replace(_DECLARED, line + _DECLARED, 1)


def settings_of(stack: Stack) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the variables of each deployed function, as ``--env-vars`` takes them."""
    aws = Aws(stack.aws_endpoint_url, stack.region)
    for logical_id, name in deploy.resources(aws).items():
        if logical_id.endswith("Function"):
            told = aws.functions.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
            variables = told.get("Environment", {}).get("Variables", {})
            yield logical_id, {key: reachable(value) for key, value in variables.items()}


def reachable(text: str) -> str:
    """Name this machine as a container calls it: by itself on Linux's host network only."""
    return text if sys.platform == "linux" else text.replace("127.0.0.1", "host.docker.internal")


def start(template: Path, settings: Path) -> list[str | Path]:
    """Give the command that serves the API."""
    network = ("--docker-network", "host") if sys.platform == "linux" else ()
    return [
        *(TOOLS / "sam" / "bin" / "sam", "local", "start-api", "--language-extensions"),
        *("--template", template, "--env-vars", settings),
        *("--host", "127.0.0.1", "--port", str(PORT)),
        *network,
    ]

"""The Docker engine, asked through the ``docker`` command, which knows the user's contexts.

SAM itself knows nothing of contexts: it reads ``DOCKER_HOST``, or takes ``/var/run/docker.sock``
(``samcli/local/docker/container_client.py`` of aws-sam-cli 1.170).
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from local.sam_local.errors import DockerFailed, NoDocker, NotReachable

LABEL = "sam.cli.container.type=lambda"
"""What SAM puts on every container of a function; it takes no labels of ours."""
RUN = "LUNAS_SAM_LOCAL_RUN"
"""The variable that names the run in the containers of a run: one of ours can be declared."""
_SECONDS = 60.0
_CONTAINER = '{"id": {{json .Id}}, "environment": {{json .Config.Env}}}'
_LOOPBACK_NAMES = ("", "localhost")


class Bridge(NamedTuple):
    """The network that containers join: this machine's address there, and all addresses."""

    address: IPv4Address
    network: IPv4Network


@dataclass(frozen=True)
class Engine:
    """An engine that answers. ``host`` is its address, as ``DOCKER_HOST`` takes it."""

    docker: str
    host: str
    environment: Mapping[str, str]

    def system(self) -> str:
        """Return what the engine runs on, such as "Debian GNU/Linux 12" or "Docker Desktop"."""
        return self._ask("info", "--format", "{{.OperatingSystem}}")

    def bridge(self) -> Bridge:
        """Return the network of containers that name none; raises ``NotReachable``."""
        found = json.loads(self._ask("network", "inspect", "bridge"))
        bridge = next(_bridges(found[0]["IPAM"]["Config"] or []), None)
        if bridge is None:
            message = "Docker's network `bridge` has no IPv4 subnet, so no container can be reached"
            raise NotReachable(message)
        return bridge

    def containers(self, run: str) -> list[str]:
        """List the ids of the containers that SAM has made for a run, whatever their state."""
        listed = self._ask("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}")
        found = self._inspect(listed.split()) if listed else ""
        described = [json.loads(line) for line in found.splitlines()]
        return [each["id"] for each in described if f"{RUN}={run}" in (each["environment"] or ())]

    def remove(self, containers: list[str]) -> None:
        """Remove containers, running or not; those already gone are no failure."""
        self._ask("rm", "--force", "--volumes", *containers)

    def _inspect(self, containers: list[str]) -> str:
        """Describe containers; one that is gone by now is an error, beside the others' lines."""
        return self._run("container", "inspect", "--format", _CONTAINER, *containers).stdout

    def _ask(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode != 0:
            raise DockerFailed(f"docker {' '.join(arguments[:2])}: {_complaint(done)}")
        return done.stdout.strip()

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _run(self.docker, arguments, {**self.environment, "DOCKER_HOST": self.host})


def connect(environment: Mapping[str, str]) -> Engine:
    """Find the engine of ``DOCKER_HOST`` or else of the current context.

    Raises ``NoDocker`` with Docker's own line where it does not answer, and ``NotReachable`` for
    one on another machine.
    """
    docker = shutil.which("docker", path=environment.get("PATH"))
    if docker is None:
        raise NoDocker("there is no docker command")
    answer = _run(docker, ("version", "--format", "{{.Server.Version}}"), environment)
    if answer.returncode != 0:
        raise NoDocker(f"Docker: {_complaint(answer)}")
    host = environment.get("DOCKER_HOST") or _host_of_context(docker, environment)
    _refuse_other_machines(host)
    return Engine(docker, host, environment)


def _host_of_context(docker: str, environment: Mapping[str, str]) -> str:
    """Return where the current context leads: ``DOCKER_CONTEXT``, or ``docker context use``."""
    form = ("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    answer = _run(docker, form, environment)
    if answer.returncode != 0 or not answer.stdout.strip():
        raise NoDocker(f"Docker: {_complaint(answer)}")
    return answer.stdout.strip()


def _refuse_other_machines(host: str) -> None:
    """Refuse an engine that could not mount the built functions, which are files of this one."""
    address = urlsplit(host)
    if address.scheme in {"tcp", "http", "https", "ssh"} and not _is_loopback(address.hostname):
        message = (
            f"the Docker engine at {host} is on another machine, which has neither the built "
            "functions nor the local stack; choose one here (docker context use …)"
        )
        raise NotReachable(message)


def _is_loopback(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES


def _bridges(configurations: list[dict[str, Any]]) -> Iterator[Bridge]:
    """Read each IPv4 subnet; an engine that names no gateway takes the first address."""
    for each in configurations:
        network = ip_network(each.get("Subnet", ""), strict=False)
        if isinstance(network, IPv4Network):
            gateway = each.get("Gateway") or str(next(network.hosts()))
            yield Bridge(IPv4Address(gateway.partition("/")[0]), network)


def _run(
    docker: str, arguments: tuple[str, ...], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run out of reach of the terminal's Ctrl-C, which may be why containers are removed."""
    try:
        return subprocess.run(
            [docker, *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"docker {' '.join(arguments[:2])} took more than {_SECONDS:.0f} s"
        raise DockerFailed(message) from error


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Return Docker's own lines on one, as it ends a sentence or a log line here."""
    return " ".join(done.stderr.split()) or f"it ended with {done.returncode} and no message"

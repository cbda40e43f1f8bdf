"""The engine is that of the current context, and its error messages are quoted."""

import json
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from local.sam_local import docker
from local.sam_local.docker import LABEL, RUN
from local.sam_local.errors import DockerFailed, NoDocker, NotReachable
from tests.unit.sam_local.docker_commands import CONTEXT, docker_command

REFUSALS = [
    "Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker daemon running?",
    "permission denied while trying to connect to the Docker daemon socket at unix:///run/d.sock",
    "error during connect: this error may indicate that the docker daemon is not running",
]


def test_a_missing_docker_command_is_named_with_the_alternative(tmp_path: Path) -> None:
    with pytest.raises(NoDocker, match="there is no docker command") as refused:
        docker.connect({"PATH": str(tmp_path)})
    assert "make up" in str(refused.value)


@pytest.mark.parametrize("line", REFUSALS)
def test_an_engine_that_refuses_is_quoted(tmp_path: Path, line: str) -> None:
    fake = docker_command(tmp_path, version=(1, "", line))
    with pytest.raises(NoDocker) as refused:
        docker.connect(fake.environment)
    assert f"Docker: {line}" in str(refused.value)


def test_a_refusal_without_a_message_is_named_by_its_code(tmp_path: Path) -> None:
    fake = docker_command(tmp_path, version=(125, "", ""))
    with pytest.raises(NoDocker, match="it ended with 125 and no message"):
        docker.connect(fake.environment)


def test_the_engine_is_that_of_the_current_context(tmp_path: Path) -> None:
    fake = docker_command(tmp_path)
    engine = docker.connect(fake.environment)
    assert engine.host == CONTEXT
    assert engine.system().startswith("Debian")
    assert fake.hosts() == {None, CONTEXT}


@pytest.mark.parametrize("host", ["unix:///run/other.sock", "tcp://127.0.0.1:2375"])
def test_docker_host_takes_precedence_over_the_context(tmp_path: Path, host: str) -> None:
    fake = docker_command(tmp_path)
    assert docker.connect({**fake.environment, "DOCKER_HOST": host}).host == host
    assert fake.asked() == ["version --format {{.Server.Version}}"]


def test_an_empty_docker_host_is_ignored(tmp_path: Path) -> None:
    fake = docker_command(tmp_path)
    assert docker.connect({**fake.environment, "DOCKER_HOST": ""}).host == CONTEXT


def test_the_error_of_a_missing_context_is_quoted(tmp_path: Path) -> None:
    line = 'context "colima": context not found'
    fake = docker_command(tmp_path, context_inspect=(1, "", line))
    with pytest.raises(NoDocker, match="context not found"):
        docker.connect(fake.environment)


@pytest.mark.parametrize(
    "host", ["ssh://me@build.example.com", "tcp://192.0.2.7:2376", "https://docker.example.com"]
)
def test_an_engine_on_another_machine_is_refused(tmp_path: Path, host: str) -> None:
    fake = docker_command(tmp_path, context_inspect=(0, host, ""))
    with pytest.raises(NotReachable, match="on another machine"):
        docker.connect(fake.environment)


@pytest.mark.parametrize(
    "host", ["tcp://localhost:2375", "tcp://[::1]:2375", "npipe:////./pipe/docker_engine"]
)
def test_an_engine_on_this_machine_may_have_another_kind_of_address(
    tmp_path: Path, host: str
) -> None:
    fake = docker_command(tmp_path, context_inspect=(0, host, ""))
    assert docker.connect(fake.environment).host == host


@pytest.mark.parametrize(
    ("configuration", "address"),
    [
        ({"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}, "172.17.0.1"),
        ({"Subnet": "10.200.0.1/24", "Gateway": "10.200.0.1/24"}, "10.200.0.1"),
        ({"Subnet": "172.17.0.0/16"}, "172.17.0.1"),
    ],
)
def test_the_bridge_is_the_default_network_of_containers(
    tmp_path: Path, configuration: dict[str, str], address: str
) -> None:
    six = {"Subnet": "fd00::/80", "Gateway": "fd00::1"}
    found = json.dumps([{"IPAM": {"Config": [six, configuration]}}])
    engine = docker.connect(docker_command(tmp_path, network_inspect=(0, found, "")).environment)
    bridge = engine.bridge()
    assert bridge.address == IPv4Address(address)
    assert bridge.network == IPv4Network(configuration["Subnet"], strict=False)


@pytest.mark.parametrize("configurations", [[], None, [{"Subnet": "fd00::/80"}]])
def test_a_bridge_without_an_ipv4_subnet_is_named(tmp_path: Path, configurations: Any) -> None:
    found = json.dumps([{"IPAM": {"Config": configurations}}])
    engine = docker.connect(docker_command(tmp_path, network_inspect=(0, found, "")).environment)
    with pytest.raises(NotReachable, match="no IPv4 subnet"):
        engine.bridge()


def test_the_error_of_a_missing_bridge_is_quoted(tmp_path: Path) -> None:
    line = "Error response from daemon: network bridge not found"
    fake = docker_command(tmp_path, network_inspect=(1, "[]", line))
    with pytest.raises(DockerFailed, match=f"docker network inspect: {line}"):
        docker.connect(fake.environment).bridge()


def described(container: str, *environment: str) -> str:
    return json.dumps({"id": container, "environment": list(environment)})


def test_only_the_containers_of_this_run_are_found(tmp_path: Path) -> None:
    lines = (
        described("aaa", "TABLE_NAME=lunas", f"{RUN}=mine"),
        described("bbb", f"{RUN}=another"),
        described("ccc", f"{RUN}=mine2", f"OTHER_{RUN}=mine"),
        json.dumps({"id": "ddd", "environment": None}),
    )
    gone = "Error: No such object: eee"
    fake = docker_command(
        tmp_path,
        ps=(0, "aaa\nbbb\nccc\nddd\neee", ""),
        container_inspect=(1, "\n".join(lines), gone),
    )
    assert docker.connect(fake.environment).containers("mine") == ["aaa"]
    assert fake.asked()[2] == f"ps --all --quiet --no-trunc --filter label={LABEL}"
    assert fake.asked()[3].endswith("aaa bbb ccc ddd eee")


def test_without_containers_of_sam_none_is_inspected(tmp_path: Path) -> None:
    fake = docker_command(tmp_path, ps=(0, "", ""))
    assert docker.connect(fake.environment).containers("mine") == []

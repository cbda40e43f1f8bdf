"""Containers get the address of this machine's loopback, for every kind of engine."""

import json
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from local.sam_local import docker, namespaces, reach
from local.sam_local.docker import Bridge, Engine
from local.sam_local.errors import NotReachable, PortTaken
from local.sam_local.reach import VIRTUAL_MACHINE, Reach
from tests.unit.sam_local import networks
from tests.unit.sam_local.docker_commands import docker_command

OURS, THEIRS = "10.211.255.1", "10.211.255.2"
ROOTLESS = "172.29.255.1"
linux = pytest.mark.skipif(
    sys.platform != "linux", reason="on other systems the engine runs in a virtual machine"
)


class _Upper(socketserver.StreamRequestHandler):
    """Answers in capitals, at the end of the request."""

    def handle(self) -> None:
        self.wfile.write(self.rfile.read().upper() + b" to " + self.client_address[0].encode())


@pytest.fixture
def stack() -> Iterator[int]:
    """Serve on loopback like a part of the stack; yields the port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Upper) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_address[1]
        server.shutdown()


def engine(folder: Path, address: str, system: str = "Debian", host: str = "") -> Engine:
    """Create an engine whose bridge has this address."""
    config = [{"Subnet": f"{address}/30", "Gateway": address}]
    found = json.dumps([{"IPAM": {"Config": config}}])
    fake = docker_command(folder, network_inspect=(0, found, ""), info=(0, system, ""))
    made = docker.connect(fake.environment)
    return Engine(made.docker, host or made.host, made.environment)


@linux
def test_a_bridge_of_this_machine_is_forwarded(tmp_path: Path, stack: int) -> None:
    reported: list[str] = []
    found = reach.find(engine(tmp_path, "127.0.0.2"))
    assert found.host == "127.0.0.2"
    with found.open([stack], reported.append):
        assert networks.ask([], "127.0.0.2", stack, "hello") == "HELLO to 127.0.0.1"
    assert "refused" in networks.ask([], "127.0.0.2", stack, "hello")
    assert reported == []


@linux
def test_only_the_address_of_the_bridge_is_opened(tmp_path: Path) -> None:
    found = reach.find(engine(tmp_path, "127.0.0.2"))
    with socket.create_server(("127.0.0.1", 0)) as stack:
        port = stack.getsockname()[1]
        with found.open([port], print):
            for address in ("127.0.0.3", "127.0.0.4"):
                assert "refused" in networks.ask([], address, port, "hello")


@linux
def test_a_container_in_its_own_network_reaches_loopback_over_the_bridge(
    tmp_path: Path, stack: int
) -> None:
    with networks.containers(OURS, THEIRS) as name:
        inside = ["ip", "netns", "exec", name]
        found = reach.find(engine(tmp_path, OURS))
        assert found.host == OURS
        assert "refused" in networks.ask(inside, OURS, stack, "hello")
        with found.open([stack], print):
            assert networks.ask(inside, OURS, stack, "hello") == "HELLO to 127.0.0.1"
            assert "refused" in networks.ask(inside, "127.0.0.1", stack, "hello")


@linux
def test_a_rootless_engine_is_forwarded_in_its_own_network(tmp_path: Path, stack: int) -> None:
    with networks.rootless(ROOTLESS) as process, listening_as(process, tmp_path) as host:
        found = reach.find(engine(tmp_path, ROOTLESS, host=host))
        assert found.host == ROOTLESS
        inside = networks.entering(process)
        assert "refused" in networks.ask(inside, ROOTLESS, stack, "hello")
        with found.open([stack], print):
            assert networks.ask(inside, ROOTLESS, stack, "hello") == "HELLO to 127.0.0.1"
        assert "refused" in networks.ask(inside, ROOTLESS, stack, "hello")


@contextmanager
def listening_as(process: int, folder: Path) -> Iterator[str]:
    """Have a process in those namespaces listen on a unix socket, as an engine does."""
    path = folder / "docker.sock"
    program = (
        "import socket, sys\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind(sys.argv[1])\n"
        "listener.listen()\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [*networks.entering(process), sys.executable, "-I", "-c", program, str(path)]
    with networks.serving(command):
        yield f"unix://{path}"


@linux
def test_a_namespace_without_the_address_is_named() -> None:
    bridge = Bridge(IPv4Address(ROOTLESS), IPv4Network(f"{ROOTLESS}/32"))
    reachable = Reach(ROOTLESS, bridge, lambda host, ports: namespaces.listen_there(1, host, ports))
    refused = f"cannot listen for containers on {ROOTLESS}, ports 80"
    with pytest.raises(NotReachable, match=refused), reachable.open([80], print):
        pytest.fail("opened")


@linux
def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    found = reach.find(engine(tmp_path, "127.0.0.2"))
    with socket.create_server(("127.0.0.2", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.2, ports {port}"), found.open([port], print):
            pytest.fail("opened")


@pytest.mark.parametrize("system", ["Docker Desktop", "Docker Desktop 4.50"])
def test_docker_desktop_forwards_by_itself(tmp_path: Path, system: str) -> None:
    found = reach.find(engine(tmp_path, "127.0.0.2", system))
    assert found == Reach(VIRTUAL_MACHINE)
    with found.open([1], print):
        assert found.host == "host.docker.internal"


def test_an_engine_on_a_mac_is_in_a_virtual_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = docker_command(tmp_path)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert reach.find(docker.connect(fake.environment)) == Reach(VIRTUAL_MACHINE)


@linux
@pytest.mark.parametrize("host", ["", "tcp://127.0.0.1:2375", "unix:///nowhere/docker.sock"])
def test_an_engine_whose_bridge_is_not_on_this_machine_is_in_a_virtual_machine(
    tmp_path: Path, host: str
) -> None:
    """Colima and others forward a socket on which a process of this machine listens."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "d.sock"))
        listener.listen()
        where = host or f"unix://{tmp_path}/d.sock"
        assert reach.find(engine(tmp_path, "192.0.2.77", host=where)) == Reach(VIRTUAL_MACHINE)

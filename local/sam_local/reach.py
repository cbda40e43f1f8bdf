"""By which address containers reach what listens on this machine's loopback.

=====================================  =====================================  =================
engine                                 containers call                        which leads here by
=====================================  =====================================  =================
on this Linux, as root                 the bridge's address                   a forward of ours
on this Linux, without root            the bridge's address                   a forward of ours,
                                                                              in its namespace
in a virtual machine (Docker Desktop,  ``host.docker.internal``               the engine's own
Colima, OrbStack, Rancher Desktop)                                            forward to loopback
=====================================  =====================================  =================

A container's own 127.0.0.1 is itself, and ``--docker-network host`` does not change that: SAM
1.170 leaves the container on the bridge for that name (``samcli/local/docker/container.py``).
"""

import errno
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.sam_local import namespaces
from local.sam_local.docker import Bridge, Engine
from local.sam_local.errors import NotReachable, PortTaken
from local.sam_local.forward import Forward, Report, forwarding

VIRTUAL_MACHINE = "host.docker.internal"
_DESKTOP = "Docker Desktop"

type Listen = Callable[[str, Sequence[int]], list[socket.socket]]


@dataclass(frozen=True)
class Reach:
    """The name of this machine in a container's URLs, and the bridge that is forwarded from.

    ``bridge`` is None where the engine itself forwards.
    """

    host: str
    bridge: Bridge | None = None
    listen: Listen | None = None

    @contextmanager
    def open(self, ports: Sequence[int], report: Report) -> Iterator[None]:
        """Let containers reach these ports of loopback for as long as the block lasts.

        Raises ``PortTaken`` and ``NotReachable``.
        """
        if self.bridge is None or self.listen is None:
            yield
            return
        listeners = self._listeners(self.listen, ports)
        network = self.bridge.network
        pairs = zip(listeners, ports, strict=True)
        with forwarding([Forward(each, port, network, report) for each, port in pairs]):
            yield

    def _listeners(self, listen: Listen, ports: Sequence[int]) -> list[socket.socket]:
        try:
            return listen(self.host, ports)
        except OSError as error:
            where = f"{self.host}, ports {', '.join(map(str, ports))}"
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(f"another program listens on one of {where}") from error
            raise NotReachable(f"cannot listen for containers on {where}: {error}") from error


def find(engine: Engine) -> Reach:
    """Find out how containers of an engine reach this machine."""
    if sys.platform != "linux" or _DESKTOP in engine.system():
        return Reach(VIRTUAL_MACHINE)
    bridge = engine.bridge()
    if _is_here(bridge):
        return Reach(str(bridge.address), bridge, _listen_here)
    process = _process(engine)
    if process and namespaces.has_own_network(process):
        return Reach(str(bridge.address), bridge, _listen_in(process))
    return Reach(VIRTUAL_MACHINE)


def _is_here(bridge: Bridge) -> bool:
    """Return whether the bridge's address is one of this machine's."""
    with socket.socket() as probe:
        return _binds(probe, str(bridge.address))


def _binds(probe: socket.socket, address: str) -> bool:
    try:
        probe.bind((address, 0))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return False
    return True


def _process(engine: Engine) -> int | None:
    """Return the engine's process, as far as its socket shows it."""
    address = urlsplit(engine.host)
    if address.scheme != "unix":
        return None
    try:
        return namespaces.process_behind(address.path)
    except OSError:
        return None


def _listen_here(host: str, ports: Sequence[int]) -> list[socket.socket]:
    return [namespaces.listen(host, port) for port in ports]


def _listen_in(process: int) -> Listen:
    return lambda host, ports: namespaces.listen_there(process, host, ports)

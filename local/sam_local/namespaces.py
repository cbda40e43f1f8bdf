"""Listens in the network namespace of another process, for engines that run without root.

A rootless engine has its bridge in a namespace of its own, where this machine's loopback cannot
be reached and from where no address of this machine is safe to open. But the user who runs it may
enter it: a child process does, opens the sockets there, and hands them back. A socket stays in
the namespace that it was made in, so this process accepts what comes to it there.

Run as a script, since only a process of one thread may enter a user namespace. Linux only.
"""

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_CREDENTIALS = struct.Struct("3i")
"""Process id, user and group: ``struct ucred`` of unix(7)."""
_NAMESPACES = {"user": os.CLONE_NEWUSER, "net": os.CLONE_NEWNET} if sys.platform == "linux" else {}


def process_behind(path: str) -> int | None:
    """Return the id of the process that listens on a unix socket; None where it is hidden."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        found = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(found)[0] or None


def has_own_network(process: int) -> bool:
    """Return whether a process has a network namespace of its own, as far as it is shown."""
    try:
        return _differs(process, "net")
    except OSError:
        return False


def listen_there(process: int, address: str, ports: Sequence[int]) -> list[socket.socket]:
    """Open listening sockets where a process lives; raises ``OSError`` with the reason."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = subprocess.run(
            [
                sys.executable,
                "-I",
                __file__,
                *map(str, (process, theirs.fileno(), address, *ports)),
            ],
            pass_fds=(theirs.fileno(),),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise OSError(done.stderr.strip().rpartition("\n")[2])
        _, handles, _, _ = socket.recv_fds(ours, 1, len(ports))
    return [socket.socket(fileno=handle) for handle in handles]


def listen(address: str, port: int) -> socket.socket:
    """Open one listening socket here; raises ``OSError``."""
    return socket.create_server((address, port))


def _differs(process: int, namespace: str) -> bool:
    theirs, ours = (Path(f"/proc/{each}/ns/{namespace}").stat() for each in (process, "self"))
    return theirs.st_ino != ours.st_ino


def _enter(process: int) -> None:
    """Enter what differs: entering the user namespace that one is in already is an error."""
    wanted = [flag for name, flag in _NAMESPACES.items() if _differs(process, name)]
    os.setns(os.pidfd_open(process), sum(wanted))


def _main() -> None:
    process, channel, address, *ports = sys.argv[1:]
    _enter(int(process))
    opened = [listen(address, int(port)) for port in ports]
    with socket.socket(fileno=int(channel)) as parent:
        socket.send_fds(parent, [b"\0"], [each.fileno() for each in opened])


if __name__ == "__main__":
    _main()

"""A second network namespace on this machine, like those of containers and rootless engines."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_READY = "ready"
_ASK = """\
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20) as connection:
    connection.sendall(sys.argv[3].encode())
    connection.shutdown(socket.SHUT_WR)
    while data := connection.recv(65536):
        sys.stdout.buffer.write(data)
"""


def command(*arguments: str) -> None:
    """Run a system command; skip the test where that is not permitted."""
    program = shutil.which(arguments[0])
    if program is None:
        pytest.skip(f"there is no {arguments[0]} command")
    done = subprocess.run(  # noqa: S603
        [program, *arguments[1:]], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"{' '.join(arguments)}: {done.stderr.strip()}")


@contextmanager
def serving(start: list[str]) -> Iterator[int]:
    """Run a command during the block; yields its id once it has printed "ready"."""
    process = subprocess.Popen(  # noqa: S603
        start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        if process.stdout is None or process.stdout.readline().strip() != _READY:
            reason = process.communicate()[1].strip()
            pytest.skip(f"network namespaces cannot be created or entered: {reason}")
        yield process.pid
        process.kill()


@contextmanager
def rootless(address: str) -> Iterator[int]:
    """Run a process in its own user and network namespaces, with an address on loopback.

    Yields its id. The process stands for an engine that runs without root.
    """
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("namespaces need Linux and unshare")
    setup = f"ip link set lo up && ip address add {address}/32 dev lo && echo {_READY} && cat"
    start = ["unshare", "--user", "--map-root-user", "--net", "sh", "-ec", setup]
    with serving(start) as process:
        yield process


@contextmanager
def containers(ours: str, theirs: str) -> Iterator[str]:
    """Create a named namespace, joined to this one by a pair of interfaces; needs root."""
    name = f"lunas{os.getpid()}"
    command("ip", "netns", "add", name)
    try:
        command("ip", "link", "add", f"{name}a", "type", "veth", "peer", f"{name}b", "netns", name)
        command("ip", "address", "add", f"{ours}/30", "dev", f"{name}a")
        command("ip", "link", "set", f"{name}a", "up")
        command("ip", "-n", name, "address", "add", f"{theirs}/30", "dev", f"{name}b")
        for each in ("lo", f"{name}b"):
            command("ip", "-n", name, "link", "set", each, "up")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)  # noqa: S603, S607


def entering(process: int) -> list[str]:
    """Return the start of a command that runs in the namespaces of a process."""
    target = ["--target", str(process), "--user", "--net", "--preserve-credentials"]
    return ["nsenter", *target]


def ask(inside: list[str], address: str, port: int, question: str) -> str:
    """Connect from inside a namespace; return the response or the error."""
    done = subprocess.run(  # noqa: S603
        [*inside, sys.executable, "-I", "-c", _ASK, address, str(port), question],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout or done.stderr.strip().rpartition("\n")[2]

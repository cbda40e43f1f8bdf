"""Containers reach the stack through a forward; here from a second loopback address."""

import gc
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv4Network

import pytest

from local.sam_local.forward import Forward, forwarding
from local.sam_local.namespaces import listen

CONTAINERS = "127.0.0.2"
"""Another address of this machine, like the bridge's. Not every system has it."""
EVERYONE = IPv4Network("127.0.0.0/8")
SECONDS = 20


def has_second_address() -> bool:
    try:
        listen(CONTAINERS, 0).close()
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_second_address(), reason=f"no address {CONTAINERS} here")


@pytest.fixture
def stack() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as listener:
        listener.settimeout(SECONDS)
        yield listener


@contextmanager
def forwarded(
    port: int, reported: list[str], allowed: IPv4Network = EVERYONE
) -> Iterator[tuple[str, int]]:
    """Forward a loopback port; yields the address that containers connect to."""
    listener = listen(CONTAINERS, 0)
    address: tuple[str, int] = listener.getsockname()
    with forwarding([Forward(listener, port, allowed, reported.append)]):
        yield address


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def received(connection: socket.socket) -> bytes:
    """Read all data of a connection."""
    connection.settimeout(SECONDS)
    parts = iter(lambda: connection.recv(65_536), b"")
    return b"".join(parts)


def test_data_flows_both_ways_and_each_side_may_end_first(stack: socket.socket) -> None:
    with forwarded(port_of(stack), []) as address, socket.create_connection(address) as container:
        send(container, b"question")
        with stack.accept()[0] as served:
            assert served.getpeername()[0] == "127.0.0.1"
            assert received(served) == b"question"
            served.sendall(b"answer")
        assert received(container) == b"answer"


def test_the_stack_may_end_its_side_while_the_container_still_sends(stack: socket.socket) -> None:
    with (
        forwarded(port_of(stack), []) as address,
        socket.create_connection(address) as container,
        stack.accept()[0] as served,
    ):
        send(served, b"greeting")
        assert received(container) == b"greeting"
        send(container, b"more")
        assert received(served) == b"more"


def send(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def test_a_waiting_connection_is_not_garbage_collected(stack: socket.socket) -> None:
    with forwarded(port_of(stack), []) as address, socket.create_connection(address) as container:
        send(container, b"question")
        with stack.accept()[0] as served:
            assert received(served) == b"question"
            exchange(address, stack)  # the forward has nothing left to do for the first one
            gc.collect()
            send(served, b"answer")
        assert received(container) == b"answer"


def test_large_data_is_forwarded_to_a_slow_reader(stack: socket.socket) -> None:
    large = bytes(range(256)) * 40_000
    with forwarded(port_of(stack), []) as address, socket.create_connection(address) as container:
        served = stack.accept()[0]
        with served, ThreadPoolExecutor(1) as pool:
            sent = pool.submit(send, served, large)
            assert received(container) == large
            sent.result(SECONDS)


def test_concurrent_connections_are_kept_apart(stack: socket.socket) -> None:
    def echo() -> None:
        for _ in range(200):
            served = stack.accept()[0]
            threading.Thread(target=answer, args=(served,)).start()

    def answer(served: socket.socket) -> None:
        with served:
            served.sendall(received(served)[::-1])

    def ask(number: int) -> bytes:
        with socket.create_connection(address) as container:
            container.sendall(f"container {number}".encode())
            container.shutdown(socket.SHUT_WR)
            return received(container)

    with forwarded(port_of(stack), []) as address, ThreadPoolExecutor(60) as pool:
        serving = pool.submit(echo)
        answers = list(pool.map(ask, range(200)))
        serving.result(SECONDS)
    assert answers == [f"container {number}".encode()[::-1] for number in range(200)]


def test_a_reset_of_one_side_resets_the_other(stack: socket.socket) -> None:
    with forwarded(port_of(stack), []) as address, socket.create_connection(address) as container:
        container.settimeout(SECONDS)
        with stack.accept()[0] as served:
            served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with pytest.raises(ConnectionResetError):
            container.recv(1)


def test_a_stack_that_is_down_is_reported_once_until_it_answers_again(
    stack: socket.socket,
) -> None:
    port, reported = port_of(stack), list[str]()
    stack.close()
    with forwarded(port, reported) as address:
        refused(address)
        refused(address)
        assert [line for line in reported if f"127.0.0.1:{port}" in line] == reported[:1]
        assert any("make up" in line for line in reported)
        with listen("127.0.0.1", port) as again:
            exchange(address, again)
        refused(address)
    assert len(reported) == 4


def refused(address: tuple[str, int]) -> None:
    """Connect, and expect a reset without any data."""
    with socket.create_connection(address) as container:
        container.settimeout(SECONDS)
        with pytest.raises(ConnectionResetError):
            container.recv(1)


def exchange(address: tuple[str, int], stack: socket.socket) -> None:
    stack.settimeout(SECONDS)
    with socket.create_connection(address) as container, stack.accept()[0] as served:
        send(served, b"here")
        assert received(container) == b"here"


def test_only_the_network_of_the_containers_is_admitted(stack: socket.socket) -> None:
    stack.settimeout(0)
    with forwarded(port_of(stack), [], IPv4Network("172.17.0.0/16")) as address:
        refused(address)
    with pytest.raises(BlockingIOError):
        stack.accept()


def test_the_end_closes_open_connections_and_the_port(stack: socket.socket) -> None:
    with forwarded(port_of(stack), []) as address:
        container = socket.create_connection(address)
        served = stack.accept()[0]
    with container, served:
        assert received(served) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

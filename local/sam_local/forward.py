"""Forwards TCP connections from an address that containers reach to the stack on loopback."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_address

HOST = "127.0.0.1"
_CHUNK = 65_536
_BACKLOG = 512

type Report = Callable[[str], None]


@dataclass
class Forward:
    """One listening socket, the port that it leads to, and who may use it.

    Only the network of the containers may: what is behind has no password. The socket may live
    in another network namespace; the connection to the stack is always made from this one.
    """

    listener: socket.socket
    port: int
    allowed: IPv4Network
    report: Report
    host: str = HOST
    _is_down: bool = field(default=False, init=False)
    _connections: set[asyncio.Task[None] | None] = field(default_factory=set, init=False)

    async def start(self) -> asyncio.Server:
        """Accept connections from now on."""
        return await asyncio.start_server(self._accept, sock=self.listener, backlog=_BACKLOG)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer.transport), self._kept():
            if ip_address(writer.get_extra_info("peername")[0]) not in self.allowed:
                _reset(writer)
            elif stack := await self._connect():
                await _join((reader, writer), stack)
            else:
                _reset(writer)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Hold the connection's task, which asyncio holds weakly once one side has ended."""
        task = asyncio.current_task()
        self._connections.add(task)
        try:
            yield
        finally:
            self._connections.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connect to the stack; the first failure in a row is reported."""
        try:
            stack = await asyncio.open_connection(self.host, self.port)
        except OSError as error:
            if not self._is_down:
                self.report(f"{self.host}:{self.port} of the local stack does not answer: {error}.")
                self.report("`make up` starts a stack; then start `make sam-local` again.")
            self._is_down = True
            return None
        self._is_down = False
        return stack


@contextmanager
def forwarding(forwards: Sequence[Forward]) -> Iterator[None]:
    """Forward for as long as the block lasts, in a thread; closes the sockets at the end."""
    loop = asyncio.new_event_loop()
    servers = [loop.run_until_complete(each.start()) for each in forwards]
    thread = threading.Thread(target=loop.run_forever, name="forward", daemon=True)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_close(servers), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(servers: Sequence[asyncio.Server]) -> None:
    """Stop accepting, and end what is still open."""
    for server in servers:
        server.close()
    connections = asyncio.all_tasks() - {asyncio.current_task()}
    for connection in connections:
        connection.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


async def _join(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    stack: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Copy both ways until both sides have ended; where one breaks off, so does the other."""
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(client[0], stack[1]))
            both.create_task(_copy(stack[0], client[1]))
    except* OSError:
        for _, writer in (client, stack):
            _reset(writer)
    finally:
        stack[1].transport.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Cut a connection off, so that what has come is not taken for the whole."""
    at_once = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one way; the end of the one is the end of the other, which may still answer."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()

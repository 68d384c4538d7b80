"""Connections that can be cut: a forwarder of TCP that swallows what it should carry, for as long as it is told to."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias, TypeVar

_CHUNK_BYTES = 1 << 16
T = TypeVar("T")
Serve: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Switchboard:
    """An event loop in a thread of its own, on which all forwarders run."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End all connections."""
        self.call(self._end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def listen(self, serve: Serve) -> int:
        """Accept connections on a port of 127.0.0.1 that the system chooses, and return it."""
        return self.call(self._listen(serve))

    async def _listen(self, serve: Serve) -> int:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_CHUNK_BYTES)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _end_all(self) -> None:
        for server in self._servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(eq=False, slots=True)
class _Link:
    """One connection through a wire: both its ends, and whether it has swallowed anything."""

    ends: list[asyncio.StreamWriter] = field(default_factory=list)
    is_broken: bool = False


class Wire:
    """Forwards connections from a port of its own to another one.

    While it swallows, connections stay open, new ones are accepted, and nothing that is sent arrives: what a cut
    cable, a dead router or a firewall that forgot its state looks like. Afterwards the connections that missed
    something end, as the first packet of a forgotten connection ends it.

    Args:
        board: Where it runs.
        target: Port on 127.0.0.1 to which it leads.
    """

    def __init__(self, board: Switchboard, target: int) -> None:
        self._board = board
        self._target = target
        self._links: set[_Link] = set()
        self._is_swallowing = False
        self.port = board.listen(self._carry)

    def swallow(self) -> None:
        """Carry nothing from now on."""
        self._is_swallowing = True

    def restore(self) -> None:
        """Carry new connections again."""
        self._is_swallowing = False
        self._board.call(self._drop(only_broken=True))

    def cut(self) -> None:
        """End every connection with a reset."""
        self._board.call(self._drop(only_broken=False))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link([writer])
        self._links.add(link)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            link.ends.append(far_writer)
            pumps = (self._pump(reader, far_writer, link), self._pump(far_reader, writer, link))
            tasks = [asyncio.create_task(pump) for pump in pumps]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        except OSError:
            return  # nobody listens there now
        finally:
            self._links.discard(link)
            for end in link.ends:
                with suppress(OSError, RuntimeError):
                    end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                link.is_broken |= self._is_swallowing
                if not link.is_broken:
                    writer.write(data)
                    await writer.drain()

    async def _drop(self, *, only_broken: bool) -> None:
        for link in list(self._links):
            if link.is_broken or not only_broken:
                for end in link.ends:
                    _reset(end)


def _reset(end: asyncio.StreamWriter) -> None:
    """Close a connection with a reset instead of a good-bye.

    Source: man 7 socket, SO_LINGER with a time of 0.
    """
    with suppress(OSError, AttributeError):  # it is closed already
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.transport.abort()

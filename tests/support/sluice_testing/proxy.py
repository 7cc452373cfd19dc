"""A TCP proxy that breaks the connections through it on demand: cut, delayed, or open in one direction only."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

UP, DOWN = "to the server", "to the client"
_CHUNK = 1 << 16


class _Link:
    """One client's connection and ours to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._writers = (client, server)
        self.passed = {UP: 0, DOWN: 0}

    def reset(self) -> None:
        """Ends both with RST, as a firewall or a dying host does; what was not sent is lost."""
        for writer in self._writers:
            found: socket.socket | None = writer.get_extra_info("socket")
            with contextlib.suppress(OSError, ValueError):
                if found is not None:
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Listens on a port and passes everything on to `target`; a thread of its own runs it until close().

    `counts` tells how often a fault really met a connection: cut, cut_in_the_middle, refused, delayed (chunks), halved
    (chunks that were held back). Thread: any; everything inside belongs to the loop's thread.
    """

    def __init__(self, target: str, port: int = 0) -> None:
        host, _, target_port = target.rpartition(":")
        self._target = (host, int(target_port))
        self.counts: Counter[str] = Counter()
        self._links: set[_Link] = set()
        self._delay = 0.0
        self._refuses = False
        self._held: str | None = None
        self._touched: set[_Link] = set()
        self._trap: tuple[str, int] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(lambda: asyncio.start_server(self._serve, "127.0.0.1", port))
        self.address = "127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]

    # What tests do

    def cut(self) -> int:
        """Resets every connection; how many there were."""
        return self._do(self._cut_all)

    def cut_after(self, direction: str, n_bytes: int) -> None:
        """Resets the first connection that has passed so many more bytes in this direction, in the middle of them."""
        def arm() -> None:
            for link in self._links:
                link.passed = {UP: 0, DOWN: 0}
            self._trap = (direction, n_bytes)
        self._do(arm)

    def refuse(self, yes: bool) -> None:
        """New connections are reset at once, and those there are."""
        def change() -> None:
            self._refuses = yes
            if yes:
                self._cut_all()
        self._do(change)

    def delay(self, seconds: float) -> None:
        """Every chunk waits so long, in both directions; 0 ends it."""
        self._do(lambda: setattr(self, "_delay", seconds))

    def hold(self, direction: str) -> None:
        """Connections become half-open: nothing passes in this direction, and nobody is told."""
        def change() -> None:
            self._held = direction
        self._do(change)

    def release(self) -> None:
        """Ends hold(): the connections that it met are dead and get a reset."""
        def change() -> None:
            self._held = None
            for link in self._touched:
                link.reset()
            self._touched.clear()
        self._do(change)

    def close(self) -> None:
        """Ends everything."""
        self._do(self._server.close)
        self._do(self._cut_all)
        self._call(lambda: asyncio.wait_for(self._idle(), 5))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    # Inside, on the loop's thread

    async def _idle(self) -> None:
        while self._links:
            self._touched.clear()
            await asyncio.sleep(0.01)

    def _call(self, make: Callable[[], Any]) -> Any:
        async def run() -> Any:
            return await make()
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _do(self, act: Callable[[], Any]) -> Any:
        async def run() -> Any:
            return act()
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _cut_all(self) -> int:
        links = list(self._links)
        for link in links:
            link.reset()
        self.counts["cut"] += len(links)
        return len(links)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            self.counts["refused"] += 1
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, server_writer)
        self._links.add(link)
        try:
            await asyncio.gather(self._pump(link, UP, reader, server_writer),
                                 self._pump(link, DOWN, server_reader, writer), return_exceptions=True)
        finally:
            self._links.discard(link)
            self._touched.discard(link)
            writer.close()
            server_writer.close()

    async def _pump(self, link: _Link, direction: str, reader: asyncio.StreamReader,
                    writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._delay > 0:
                    self.counts["delayed"] += 1
                    await asyncio.sleep(self._delay)
                if self._held == direction:
                    self.counts["halved"] += 1
                    self._touched.add(link)
                    while link in self._touched:
                        await asyncio.sleep(0.02)
                    return
                if self._trapped(link, direction, data, writer):
                    return
                writer.write(data)
                await writer.drain()
        if writer.can_write_eof() and not writer.transport.is_closing():
            writer.write_eof()

    def _trapped(self, link: _Link, direction: str, data: bytes, writer: asyncio.StreamWriter) -> bool:
        link.passed[direction] += len(data)
        if self._trap is None or self._trap[0] != direction or link.passed[direction] < self._trap[1]:
            return False
        rest = len(data) - (link.passed[direction] - self._trap[1])
        self._trap = None
        self.counts["cut_in_the_middle"] += 1
        writer.write(data[:rest])
        # The part is sent first: an orderly end for the receiver, a reset for the sender.
        self._loop.call_later(0.01, link.reset)
        return True

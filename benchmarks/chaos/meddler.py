"""A forwarder of HTTP that does what a bad network does: repeats, delays and reorders requests, loses answers."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.chaos.wires import Switchboard

_WRITING = (b"POST", b"PUT", b"PATCH", b"DELETE")
_LATE_S = 3.0
_HELD_S = 0.4
_ASK_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Habits:
    """Shares of the writing requests to which something happens; the rest passes.

    Attributes:
        twice: Sent again at once, as by a client that did not hear the answer; either answer is passed on.
        late: A copy is sent up to three seconds later, behind requests that were made after it.
        held: Held back for up to 0.4 s, so that others overtake it.
        unanswered: Done, and the connection cut instead of answered.
    """

    twice: float = 0.0
    late: float = 0.0
    held: float = 0.0
    unanswered: float = 0.0


HONEST = Habits()
DOUBLING = Habits(twice=0.4, late=0.2)
REORDERING = Habits(late=0.3, held=0.5)
FORGETTING = Habits(unanswered=0.3)


class Meddler:
    """Forwards requests to a port, one connection each.

    Args:
        board: Where it runs.
        target: The server's port on 127.0.0.1.
        seed: Seeds what happens to which request.
    """

    def __init__(self, board: Switchboard, target: int, seed: int) -> None:
        self._target = target
        self._random = random.Random(f"meddler {seed}")
        self._late: set[asyncio.Task[None]] = set()
        self.habits = HONEST
        self.n_meddled = 0
        self.port = board.listen(self._serve)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            request = await _read_request(reader)
            if request.startswith(_WRITING):
                answer = await self._meddle(request)
            else:
                answer = await self._ask(request)
            writer.write(answer)
            await writer.drain()
        with suppress(RuntimeError):  # the loop is ending
            writer.close()

    async def _meddle(self, request: bytes) -> bytes:
        habits, draw = self.habits, self._random.random
        if draw() < habits.held:
            self.n_meddled += 1
            await asyncio.sleep(draw() * _HELD_S)
        answers = [await self._ask(request)]
        if draw() < habits.twice:
            self.n_meddled += 1
            answers.append(await self._ask(request))
        if draw() < habits.late:
            self.n_meddled += 1
            task = asyncio.create_task(self._ask_later(request, draw() * _LATE_S))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        if draw() < habits.unanswered:
            self.n_meddled += 1
            return b""
        return self._random.choice(answers)

    async def _ask_later(self, request: bytes, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        with suppress(OSError, TimeoutError):
            await self._ask(request)

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            writer.write(request)
            await writer.drain()
            return await asyncio.wait_for(reader.read(-1), _ASK_WITHIN_S)
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    """Return a whole request, which asks the server to close the connection after its answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *fields = head[:-4].split(b"\r\n")
    named = {name.strip().lower(): value.strip() for name, _, value in (field.partition(b":") for field in fields)}
    if named.get(b"transfer-encoding", b"").lower() == b"chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(named.get(b"content-length", b"0")))
    kept = [field for field in fields if not field.lower().startswith(b"connection:")]
    return b"\r\n".join([first, *kept, b"Connection: close", b"", b""]) + body


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while True:
        line = await reader.readuntil(b"\r\n")
        n_bytes = int(line.split(b";")[0], 16)
        pieces += [line, await reader.readexactly(n_bytes + 2)]
        if n_bytes == 0:
            return b"".join(pieces)

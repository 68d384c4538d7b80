"""Read an asynchronous body from a worker thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import anyio.from_thread


def as_blocking(chunks: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks to a thread of the server's pool; each is fetched on the event loop when asked for."""
    iterator = aiter(chunks)

    async def take() -> bytes | None:
        return await anext(iterator, None)

    while (chunk := anyio.from_thread.run(take)) is not None:
        yield chunk

"""Read server-sent events from bytes that arrive in pieces of any size.

Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field

from tunewell.errors import Problem, ServerFailure

MAX_MESSAGE_CHARS = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its kind, its data lines joined by newlines, and the id that was last set."""

    event: str
    data: str
    event_id: str | None


@dataclass(slots=True)
class SseParser:
    """Keeps what is unfinished between two pieces."""

    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8-sig")("replace")
    )
    _rest: str = ""
    _event: str = ""
    _data: list[str] = field(default_factory=list)
    _n_chars: int = 0
    _event_id: str | None = None

    def feed(self, piece: bytes) -> list[Message]:
        """Take the next bytes and return the messages that they complete.

        Raises:
            ServerFailure: `bad_answer` where a message grows beyond `MAX_MESSAGE_CHARS`.
        """
        text = self._rest + self._decoder.decode(piece)
        # A CR at the end may be the first half of a CRLF: it waits for the next piece.
        held = "\r" if text.endswith("\r") else ""
        *lines, last = text[: len(text) - len(held)].replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = last + held
        messages = [message for line in lines if (message := self._take(line)) is not None]
        if len(self._rest) + self._n_chars > MAX_MESSAGE_CHARS:
            text = f"the event stream sent a message of more than {MAX_MESSAGE_CHARS} characters"
            raise ServerFailure(Problem("bad_answer", text))
        return messages

    def _take(self, line: str) -> Message | None:
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._n_chars += len(value) + 1
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._event_id = value
        # A line that starts with a colon is a comment (a keep-alive); unknown fields are ignored by the standard.
        return None

    def _complete(self) -> Message | None:
        event, data = self._event or "message", self._data
        self._event, self._data, self._n_chars = "", [], 0
        return Message(event, "\n".join(data), self._event_id) if data else None

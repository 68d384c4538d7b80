"""What a script prints, kept with its runs: standard output and standard error pass through and are read along."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Literal, TextIO

Stream = Literal["stdout", "stderr"]
Listener = Callable[[str, Stream], None]
_MAX_LINE = 16_384
_lock = threading.Lock()
_listeners: list[Listener] = []
_tees: dict[Stream, Tee] = {}


class Tee:
    """Stands in for a stream: writes to it, and tells each whole line.

    Args:
        stream: The stream.
        name: Which of the two it is.
    """

    def __init__(self, stream: TextIO, name: Stream) -> None:
        self.stream = stream
        self._name = name
        self._begun = ""

    def write(self, text: str) -> int:
        """Write, and tell the lines that are whole."""
        n = self.stream.write(text)
        # A bar that draws itself anew with carriage returns is one line: what it says last.
        *whole, self._begun = (self._begun + text).split("\n")
        self._begun = self._begun[-_MAX_LINE:]
        for line in whole:
            self._tell(line)
        return n

    def tell_rest(self) -> None:
        """Tell a line that was begun and not ended."""
        begun, self._begun = self._begun, ""
        if begun:
            self._tell(begun)

    def __getattr__(self, name: str) -> Any:
        """Be the stream in every other way."""
        return getattr(self.stream, name)

    def _tell(self, line: str) -> None:
        shown = line.rstrip("\r").rpartition("\r")[2][:_MAX_LINE]
        for listener in list(_listeners):
            listener(shown, self._name)


def listen(listener: Listener) -> None:
    """Tell a listener each line that this process prints from now on."""
    with _lock:
        _listeners.append(listener)
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if name not in _tees and stream is not None:
                _tees[name] = Tee(stream, name)
                setattr(sys, name, _tees[name])


def leave(listener: Listener) -> None:
    """Tell a listener nothing more; the streams are themselves again once nobody listens."""
    with _lock:
        if listener not in _listeners:
            return
        for tee in _tees.values():
            tee.tell_rest()
        _listeners.remove(listener)
        if _listeners:
            return
        for name, tee in _tees.items():
            if getattr(sys, name) is tee:  # else somebody stands before it
                setattr(sys, name, tee.stream)
        _tees.clear()

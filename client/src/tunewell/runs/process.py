"""The runs of this process: ended when it exits, left to the parent in a forked child."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from types import TracebackType
from typing import Any

from tunewell.runs.run import Run

_lock = threading.Lock()
_open: list[Run] = []
_is_installed = False
_uncaught: list[BaseException] = []
_former_hook: Any = None


def register(run: Run) -> None:
    """End a run when the process exits, unless it is ended before."""
    global _is_installed, _former_hook
    with _lock:
        _open.append(run)
        if not _is_installed:
            _is_installed = True
            atexit.register(_end_all)
            _former_hook, sys.excepthook = sys.excepthook, _note_uncaught
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_leave_to_parent)
    run.at_finish(lambda: forget(run))


def forget(run: Run) -> None:
    """Not end a run at exit."""
    with _lock:
        if run in _open:
            _open.remove(run)


def _note_uncaught(kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
    _uncaught.append(error)
    _former_hook(kind, error, tb)


def _end_all() -> None:
    error = _uncaught[0] if _uncaught else None
    for run in list(_open):
        run.end_with(error)


def _leave_to_parent() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it
    for run in _open:
        run.abandon()
    _open.clear()

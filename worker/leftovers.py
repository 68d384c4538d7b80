"""Spools that a killed process left behind: say what it had to say, then hand its attempt back."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from pathlib import Path
from typing import IO

from tunewell.protocol import Protocol

from worker.lifeline import is_alive
from worker.outbox import read_header
from worker.sender import Sender

log = logging.getLogger(__name__)
_DELIVER_WITHIN_S = 30.0
_END = (
    b'{"kind":"finish","outcome":"CRASHED","reason":"the worker process was killed","values":{},"is_retryable":true}\n'
)


def lock_folder(folder: Path) -> IO[bytes] | None:
    """Hold a worker's folder as long as the returned file is open; None if another process holds or deletes it.

    The lock belongs to the worker and the pool children it forks, and is free once all of them are gone. Programs they
    start do not inherit it: descriptors close on exec.

    Raises:
        OSError: The folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = (folder / "lock").open("ab")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), (folder / "lock").stat()):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    file.close()
    return None


def recover_spools(protocol: Protocol, run_dir: Path) -> int:
    """Deliver the spools in a folder whose processes are gone. Returns how many were delivered or dropped."""
    return sum(_recover(protocol, path) for path, pid in _spools(run_dir) if pid != os.getpid() and not is_alive(pid))


def recover_folders(protocol: Protocol, runs_dir: Path) -> None:
    """Deliver what workers of this home left behind that did not live to do so, and delete their folders.

    Who holds a folder's lock knows that all its processes are gone, whatever now goes by their ids: in a container that
    was started again, the ids are the same.
    """
    for folder in sorted(path for path in runs_dir.glob("*") if path.is_dir()):
        lock = lock_folder(folder)
        if lock is None:
            continue
        with lock:
            n_left = sum(not _recover(protocol, path) for path, _ in _spools(folder))
            if not n_left:
                shutil.rmtree(folder, ignore_errors=True)


def _spools(run_dir: Path) -> list[tuple[Path, int]]:
    """Return the spools in a folder and whose they are."""
    found = sorted((run_dir / "spool").glob("*-*.jsonl"))
    pids = [path.stem.partition("-")[2] for path in found]
    return [(path, int(pid)) for path, pid in zip(found, pids, strict=True) if pid.isdecimal()]


def _recover(protocol: Protocol, path: Path) -> bool:
    try:
        if not _deliver(protocol, path):
            return False
    except OSError as error:
        log.warning("%s is left for later: %s", path, error)
        return False
    path.unlink(missing_ok=True)
    shutil.rmtree(path.parent.parent / "work" / path.stem.partition("-")[0], ignore_errors=True)
    return True


def _deliver(protocol: Protocol, path: Path) -> bool:
    try:
        with path.open("rb") as file:
            read_header(file.readline())
    except ValueError as error:  # cut off in its first line: nothing was said
        log.warning("dropping %s: %s", path, error)
        return True
    _add_end(path)
    sender = Sender(protocol, path, _DELIVER_WITHIN_S)
    log.info("delivering what %s left behind", path.name)
    sender.start()
    sender.wake()
    sender.ended.wait(_DELIVER_WITHIN_S)
    sender.stop()
    return sender.is_finished or sender.is_lease_lost


def _add_end(path: Path) -> None:
    """Say that the attempt crashed, unless its end is told already; cut off a half-written last line first."""
    with path.open("r+b") as file:
        content = file.read()
        n_whole = content.rfind(b"\n") + 1
        file.truncate(n_whole)
        if b'{"kind":"finish"' not in content[:n_whole]:
            file.seek(n_whole)
            file.write(_END)

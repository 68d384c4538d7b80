"""Spools that a killed process left behind: say what it had to say, then hand its attempt back."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tunewell.protocol import Protocol

from worker.lifeline import is_alive
from worker.sender import Sender

log = logging.getLogger(__name__)
_DELIVER_WITHIN_S = 30.0


def lock_folder(folder: Path) -> IO[bytes] | None:
    """Hold a worker's folder as long as the returned file is open; None if another process holds it.

    Children must not inherit the lock by keeping the file open: descriptors close on exec, and a forked pool child
    ends with its parent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def recover_spools(protocol: Protocol, run_dir: Path) -> int:
    """Deliver the spools in a folder whose processes are gone. Returns how many were delivered or dropped."""
    n_done = 0
    for path in _orphans(run_dir):
        if _deliver(protocol, path):
            path.unlink(missing_ok=True)
            shutil.rmtree(run_dir / "work" / path.stem.partition("-")[0], ignore_errors=True)
            n_done += 1
    return n_done


def recover_folders(protocol: Protocol, runs_dir: Path) -> None:
    """Deliver what workers of this home left behind that did not live to do so, and delete their folders."""
    for folder in sorted(path for path in runs_dir.glob("*") if path.is_dir()):
        lock = lock_folder(folder)
        if lock is None:
            continue
        with lock:
            recover_spools(protocol, folder)
            if not any((folder / "spool").glob("*.jsonl")):
                shutil.rmtree(folder, ignore_errors=True)


def _orphans(run_dir: Path) -> Iterator[Path]:
    for path in sorted((run_dir / "spool").glob("*-*.jsonl")):
        pid = int(path.stem.partition("-")[2])
        if pid != os.getpid() and not is_alive(pid):
            yield path


def _deliver(protocol: Protocol, path: Path) -> bool:
    try:
        sender = Sender(protocol, path, _DELIVER_WITHIN_S)
    except (ValueError, KeyError) as error:  # cut off in its first line: nothing was said
        log.warning("dropping %s: %s", path, error)
        return True
    _add_end(path)
    log.info("delivering what %s left behind", path.name)
    sender.start()
    sender.wake()
    sender.ended.wait(_DELIVER_WITHIN_S)
    sender.stop()
    return sender.is_finished or sender.is_lease_lost


def _add_end(path: Path) -> None:
    """Say that the attempt crashed, unless its end is told already; cut off a half-written last line first."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if b'{"kind":"finish"' in whole:
        return
    end = (
        b'{"kind":"finish","outcome":"CRASHED","reason":"the worker process was killed","values":{},'
        b'"is_retryable":true}\n'
    )
    path.write_bytes(whole + end)

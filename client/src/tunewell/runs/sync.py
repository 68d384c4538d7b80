"""Send runs that their processes could not: offline ones, and those that were killed or cut off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tunewell._transport import DEFAULT_SERVER, Transport
from tunewell.errors import TunewellError
from tunewell.protocol import Protocol
from tunewell.runs.deliver import Deliverer
from tunewell.runs.folder import RunFolder

Result = Literal["sent", "running", "over", "refused", "unreachable"]
_END = {"outcome": "CRASHED", "reason": "the script was killed", "values": {}, "is_retryable": False, "diagnosis": None}


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of a run: `sent`; `running`: its process still lives; `over`: it ended on the server without us.

    `refused` and `unreachable` runs stay where they are, with the reason in `note`.
    """

    path: Path
    study: str
    result: Result
    number: int | None = None
    note: str = ""


def find_runs(path: Path) -> list[Path]:
    """Return the folders of runs in a folder, or the folder itself where it is one; the oldest first."""
    if (path / "run.json").is_file():
        return [path]
    return sorted(one.parent for one in path.glob("*/run.json"))


def sync_runs(
    path: Path,
    connect: Callable[[], Transport],
    server: str | None = None,
    wait_s: float = 15.0,
    *,
    usual: str = DEFAULT_SERVER,
) -> Iterator[Synced]:
    """Send the runs in a folder to a server, and yield what became of each.

    Sending is safe to interrupt and to repeat: what the server has is not stored twice.

    Args:
        path: A folder of runs, or of one run.
        connect: Returns a way to the server.
        server: Its address where somebody named it, so that runs which were made for another one go there too; None
            for the usual one: a folder must not choose who gets a token.
        wait_s: How long to wait for a server that does not answer.
        usual: Address of the server that is meant where nobody names one.

    Effects:
        Runs that were heard are deleted here.
    """
    for folder in find_runs(path):
        run = RunFolder.load(folder)
        if server is None and run.header.server != usual:
            note = f"it was made for {run.header.server}: name that with --server"
            yield Synced(folder, run.header.study, "refused", note=note)
        else:
            yield _sync(run, connect, wait_s)


def _sync(folder: RunFolder, connect: Callable[[], Transport], wait_s: float) -> Synced:
    study = folder.header.study
    if not folder.hold():
        return Synced(folder.path, study, "running")
    _close_spool(folder)
    with connect() as transport:
        tries = _Tries(wait_s)
        sender = Deliverer(folder, Protocol(transport), tries.pause)
        try:
            if sender.open() and not sender.has_ended:
                sender.deliver()
        except TunewellError as error:
            folder.release()
            return Synced(folder.path, study, "refused", note=str(error))
        finally:
            sender.close()
    number = None if sender.start is None else sender.start.number
    if not sender.has_ended:
        folder.release()
        return Synced(folder.path, study, "unreachable", number, "the server does not answer")
    folder.discard()
    if sender.is_finished:
        return Synced(folder.path, study, "sent", number)
    return Synced(folder.path, study, "over", number, "it has ended on the server already")


class _Tries:
    """Waits between tries, and gives up after a while."""

    def __init__(self, wait_s: float) -> None:
        self._left_s = wait_s

    def pause(self, delay_s: float) -> bool:
        if self._left_s <= 0:
            return True
        self._left_s -= delay_s
        threading.Event().wait(delay_s)
        return False


def _close_spool(folder: RunFolder) -> None:
    """Cut off a line that was half written, and say that the script was killed unless it told its end."""
    if not folder.mend_spool().startswith(b'{"kind":"finish"'):
        spool = folder.spool()
        spool.finish(_END)
        spool.close()

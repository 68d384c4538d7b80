"""The state folder belongs to one stack at a time."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from stack.errors import StackError

N_LOCK_TRIES, LOCK_PAUSE_S = 5, 0.05


@dataclass(frozen=True, slots=True)
class RunningStack:
    """The stack that holds a home: its process and, once it is ready, the address of its API."""

    pid: int
    server: str | None = None


def prepare_home(home: Path) -> None:
    """Create the state folder; what is inside is nobody else's business.

    Raises:
        StackError: `bad_setting` where it cannot be created.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "logs").mkdir(exist_ok=True)
    except OSError as error:
        raise StackError("bad_setting", f"TUNEWELL_HOME cannot be used: {error}") from error


def find_running(home: Path) -> RunningStack | None:
    """Return who holds this home, or None.

    The lock is the truth, and the system drops it with the process; what the file says only describes the holder.
    """
    path = _lock_path(home)
    if not path.exists():
        return None
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(path)
    return None


@contextmanager
def hold_home(home: Path) -> Iterator["HomeHolder"]:
    """Keep this home for the length of a `with` block.

    Raises:
        StackError: `home_in_use`, naming the process that holds it.
    """
    prepare_home(home)
    descriptor = os.open(_lock_path(home), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(descriptor):
            raise in_use(home, _read(_lock_path(home)))
        holder = HomeHolder(descriptor)
        holder.announce(None)
        yield holder
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class HomeHolder:
    """The right to use a home."""

    descriptor: int

    def announce(self, server: str | None) -> None:
        """Write down who holds the home and where its API answers."""
        text = json.dumps(asdict(RunningStack(pid=os.getpid(), server=server))).encode()
        os.pwrite(self.descriptor, text.ljust(200), 0)


def in_use(home: Path, holder: RunningStack) -> StackError:
    """Return the refusal that names the holder."""
    where = f", serving {holder.server}" if holder.server else ", still starting"
    return StackError(
        "home_in_use",
        f"{home} is in use by process {holder.pid}{where}: use that one, stop it with `kill {holder.pid}`, "
        "or set TUNEWELL_HOME to another folder",
    )


def _lock(descriptor: int) -> bool:
    for _ in range(N_LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_S)  # `find_running` takes the lock for a moment, too
        else:
            return True
    return False


def _lock_path(home: Path) -> Path:
    return home / "stack.lock"


def _read(path: Path) -> RunningStack:
    try:
        return RunningStack(**json.loads(path.read_text()))
    except (ValueError, TypeError):  # locked a moment ago and not yet written
        return RunningStack(pid=0)

"""A run on disk: what it is, what it has to say, and the files it wants to send.

    RUNS/KEY/run.json      which study, which parameters; the attempt once the server has given one
             spool.jsonl   reports, uploads and the end, in their order
             files/        copies of what is to be uploaded
             lock          held by the process that runs it, so that nobody else sends it meanwhile

`run.json` is replaced as a whole and `spool.jsonl` only grows, so a process may be killed at any moment.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tunewell._decode import decode
from tunewell._run_messages import RunRequest, RunStart
from tunewell.errors import Invalid, Problem
from tunewell.spool import Spool, SpoolReader

try:
    import fcntl
except ImportError:  # Windows: whoever sends a run that still goes on sends it twice, which does no harm
    fcntl = None  # type: ignore[assignment]

ENV_RUNS = "TUNEWELL_RUNS"


def runs_dir() -> Path:
    """Return where runs are kept until the server has heard them: `TUNEWELL_RUNS`, else below the user's data."""
    given = os.environ.get(ENV_RUNS)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(given) if given else Path(data) / "tunewell" / "runs"


@dataclass(frozen=True, slots=True)
class Header:
    """What a run is.

    Attributes:
        server: Address of the server that is to have it.
        study: Its name or id.
        new_study: What to submit where there is no study of that name; None to refuse instead.
        request: What begins the run, as JSON.
        start: What the server answered, as JSON; None until it did.
    """

    server: str
    study: str
    new_study: Mapping[str, Any] | None
    request: Mapping[str, Any]
    start: Mapping[str, Any] | None = None


class RunFolder:
    """One run's folder.

    Args:
        path: The folder.
        header: What the run is.

    Raises:
        OSError: The folder cannot be written.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.header = header
        self._lock: IO[bytes] | None = None
        self._n_files = 0

    @classmethod
    def create(cls, root: Path, header: Header) -> RunFolder:
        """Make the folder of a new run, held by this process."""
        folder = cls(root / str(header.request["key"]), header)
        folder.files.mkdir(parents=True, mode=0o700)
        folder.hold()
        folder.save(header)
        return folder

    @classmethod
    def load(cls, path: Path) -> RunFolder:
        """Read what another process left.

        Raises:
            Invalid: `no_run`: there is none, or it was cut off in its first moment.
        """
        try:
            body = json.loads((path / "run.json").read_bytes())
            return cls(path, Header(**body))
        except (OSError, ValueError, TypeError) as error:
            problem = Problem("no_run", f"{path} holds no run: {error}", hint="name a folder of runs, or one run in it")
            raise Invalid(problem) from error

    @property
    def files(self) -> Path:
        """Where copies of what is to be uploaded lie."""
        return self.path / "files"

    @property
    def start(self) -> RunStart | None:
        """What the server answered; None until it did."""
        return None if self.header.start is None else decode(RunStart, self.header.start)

    def hold(self) -> bool:
        """Take the lock. Returns False if another process has it."""
        file = (self.path / "lock").open("ab")
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return False
        self._lock = file
        return True

    def release(self) -> None:
        """Give the lock back; in a forked child, only its share in it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def save(self, header: Header) -> None:
        """Store what the run is, as a whole or not at all."""
        body = {
            "server": header.server,
            "study": header.study,
            "new_study": header.new_study,
            "request": dict(header.request),
            "start": header.start,
        }
        draft = self.path / "run.json.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(body, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path / "run.json")
        self.header = header

    def spool(self) -> Spool:
        """Open the spool to add to it; reports are numbered behind those that the server has."""
        start = self.start
        return Spool(self.path / "spool.jsonl", seq=0 if start is None else start.last_seq)

    def mend_spool(self) -> bytes:
        """Cut off a line that was half written by a process that was killed. Returns the last whole line."""
        path = self.path / "spool.jsonl"
        path.touch(mode=0o600)
        with path.open("rb+") as file:
            n_whole, last = 0, b""
            for line in file:
                if line.endswith(b"\n"):
                    n_whole, last = n_whole + len(line), line
            file.truncate(n_whole)
        return last

    def empty_spool(self) -> None:
        """Forget what the server has heard."""
        os.truncate(self.path / "spool.jsonl", 0)

    def reader(self) -> SpoolReader:
        """Open the spool to read it from its start."""
        return SpoolReader(self.path / "spool.jsonl")

    def keep_file(self, source: Path | bytes, name: str) -> Path:
        """Copy what is to be uploaded, so that it may change or go meanwhile.

        Raises:
            OSError: It cannot be read, or not be written here.
        """
        self._n_files += 1
        kept = self.files / f"{self._n_files}-{name}"
        if isinstance(source, bytes):
            kept.write_bytes(source)
        else:
            shutil.copyfile(source, kept)
        return kept

    def discard(self) -> None:
        """Forget the run: the server has heard it all."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()


def request_of(body: Mapping[str, Any]) -> RunRequest:
    """Read a request to begin a run as it lies in a folder."""
    return decode(RunRequest, body)


def start_json(start: RunStart) -> dict[str, Any]:
    """Return the server's answer as it lies in a folder."""
    body: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(start)))
    return body

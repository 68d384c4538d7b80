"""Copies studies between Optuna's storages and a Tunewell server, with everything they hold.

Needs the extra `tunewell[optuna]`. A study keeps its directions and attributes; a trial its number, state, parameters
with their distributions, values, intermediate values, attributes and times.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tunewell.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    ServerFailure,
    ServerUnreachable,
    TunewellError,
    Unauthorized,
)
from tunewell.optuna_forward import forwarding, import_extra

_SQLITE_MAGIC = b"SQLite format 3\x00"
_LONGEST_LINE = 1 << 20
_JOURNAL_SUFFIXES = (".log", ".journal", ".jsonl")
_ERRORS: dict[str, type[TunewellError]] = {
    "UNAVAILABLE": ServerUnreachable,
    "UNAUTHENTICATED": Unauthorized,
    "PERMISSION_DENIED": Forbidden,
}
Progress = Callable[[int, int], None]


@contextmanager
def open_server(address: str, token: str | None, *, has_tls: bool = False) -> Iterator[Any]:
    """Return a Tunewell server's studies as a storage of Optuna's.

    Args:
        address: `HOST:PORT` of the server's gRPC endpoint.
        token: Of a user; None where the server needs none.
        has_tls: Whether the server, or a proxy in front of it, speaks TLS.

    Raises:
        Invalid: `optuna_extra`, or `bad_address`.
        ServerUnreachable: Nothing answers there.
        Unauthorized: The token is missing, or unknown.
        Forbidden: The token is a worker's.
    """
    storages = import_extra("optuna.storages")
    grpc = import_extra("grpc")
    with forwarding(address, token, has_tls=has_tls) as port, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna calls its client experimental each time
        storage = storages.GrpcStorageProxy(host="127.0.0.1", port=port)
        try:
            yield storage
        except grpc.RpcError as error:
            raise _translated(error, address) from error
        finally:
            storage.close()


def open_storage(where: str, *, is_new: bool = False) -> Any:
    """Return a storage of Optuna's by its URL, or by the path of a SQLite or journal file.

    Args:
        where: `sqlite:///study.db`, `postgresql://...`, `study.db`, `study.log`.
        is_new: Whether a file may be made; its suffix then says which kind (.log, .journal, .jsonl: a journal).

    Raises:
        Invalid: `optuna_extra`, `no_file`, or `bad_storage` for what cannot be opened.
    """
    storages = import_extra("optuna.storages")
    try:
        if "://" in where:
            return storages.get_storage(where)
        if _is_journal(Path(where), is_new):
            journal = import_extra("optuna.storages.journal")
            return storages.JournalStorage(journal.JournalFileBackend(where))
        return storages.get_storage(f"sqlite:///{Path(where).absolute()}")
    except TunewellError:
        raise
    except Exception as error:  # drivers, parsers and files each raise their own
        raise Invalid(Problem("bad_storage", f"{where} cannot be opened as a storage of Optuna's: {error}")) from error


def find_study(storage: Any, name: str | None) -> str:
    """Return the name of the study to copy: `name`, or the only one there is.

    Raises:
        NotFound: `study_not_found`: there is none of that name, or no study, or more than one to choose from.
    """
    names = [study.study_name for study in storage.get_all_studies()]
    if name is None and len(names) == 1:
        return str(names[0])
    if name is not None and name in names:
        return name
    what = "there are several studies" if name is None and names else f"there is no study {name or ''!r}".strip()
    hint = f"--study takes one of: {', '.join(map(repr, names[:20]))}" if names else "the storage has no studies"
    raise NotFound(Problem("study_not_found", what, "study", hint))


def copy_study(source: Any, target: Any, name: str, new_name: str, on_progress: Progress) -> int:
    """Copy a study with everything it holds; return how many trials it has.

    Args:
        source: Storage of Optuna's to read.
        target: Storage of Optuna's to write.
        name: Of the study in `source`.
        new_name: Of the study in `target`.
        on_progress: Called with how many of how many trials are there.

    Raises:
        Conflict: `name_taken`; nothing is written.

    Effects:
        A new study in `target`; none where copying fails on the way.
    """
    source_id = source.get_study_id_from_name(name)
    trials = source.get_all_trials(source_id, deepcopy=False)
    taken = import_extra("optuna.exceptions").DuplicatedStudyError
    try:
        target_id = target.create_new_study(source.get_study_directions(source_id), new_name)
    except taken as error:
        hint = "give the copy another name with --name, or delete that study first"
        raise Conflict(Problem("name_taken", f"there is a study named {new_name!r} already", "name", hint)) from error
    try:
        _copy_attrs(source, source_id, target, target_id)
        for place, trial in enumerate(trials):
            on_progress(place, len(trials))
            target.create_new_trial(target_id, template_trial=trial)
    except BaseException:
        target.delete_study(target_id)
        raise
    on_progress(len(trials), len(trials))
    return len(trials)


def _copy_attrs(source: Any, source_id: int, target: Any, target_id: int) -> None:
    for key, value in source.get_study_user_attrs(source_id).items():
        target.set_study_user_attr(target_id, key, value)
    for key, value in source.get_study_system_attrs(source_id).items():
        target.set_study_system_attr(target_id, key, value)


def _is_journal(path: Path, is_new: bool) -> bool:
    if path.is_file():
        with path.open("rb") as file:
            first = file.readline(_LONGEST_LINE)
        if not first.startswith(_SQLITE_MAGIC):
            _check_journal(path, first)
            return True
        return False
    if not is_new:
        hint = "give the path of a SQLite or journal file, or a URL such as sqlite:///study.db"
        raise Invalid(Problem("no_file", f"there is no file {path}", "storage", hint))
    return path.suffix in _JOURNAL_SUFFIXES


def _check_journal(path: Path, first: bytes) -> None:
    # Optuna skips lines that it cannot read, so that any text would be a journal without studies.
    try:
        is_journal = not first or "op_code" in json.loads(first)
    except (ValueError, TypeError):
        is_journal = False
    if not is_journal:
        message = f"{path} is neither a SQLite file nor a journal of Optuna's"
        raise Invalid(Problem("bad_storage", message, "storage"))


def _translated(error: Any, address: str) -> TunewellError:
    code = error.code().name
    made = _ERRORS.get(code, ServerFailure)
    if made is ServerUnreachable:
        hint = "is TUNEWELL_GRPC_PORT set where the server runs, and is this its port?"
        return made(Problem("unreachable", f"no gRPC endpoint answers at {address}", "address", hint))
    return made(Problem(code.lower(), str(error.details())))

"""Data sets on this machine, and what workers left behind that did not live to deliver it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
from tunewell.doctor.finding import Finding, ok, problem, size_words, warning

from worker.leftovers import lock_folder
from worker.programs import ProgramFailed, run_models

_SHA256 = re.compile(r"[0-9a-f]{64}(\.npz)?")


def check_datasets(folder: Path, max_bytes: int, *, is_deep: bool) -> Finding:
    """Look at the cache of data sets.

    Args:
        folder: Where they lie.
        max_bytes: What they may take.
        is_deep: Whether each is read and held against its hash.
    """
    found = [path for path in folder.iterdir() if _SHA256.fullmatch(path.name)] if folder.is_dir() else []
    n_bytes = sum(_size_of(path) for path in found)
    seen = f"{len(found)} here, {size_words(n_bytes)} of {size_words(max_bytes)}"
    if is_deep and found:
        return _check_content(folder, seen)
    if n_bytes > max_bytes:
        return warning("data sets", seen, "the next fetch removes what nobody uses; or raise --dataset-cache-bytes")
    return ok("data sets", seen if not found else f"{seen}; --deep holds them against their hashes")


def _check_content(folder: Path, seen: str) -> Finding:
    try:
        answer = json.loads(run_models(["verify", "--cache-dir", str(folder)], lambda: None))
    except ProgramFailed as error:
        return problem("data sets", f"{seen}; they cannot be verified: {error}", "see: python -m models verify --help")
    damaged = answer["damaged"]
    if not damaged:
        return ok("data sets", f"{seen}, all hold what their names say")
    names = " ".join(sorted(damaged))
    remedy = f"disk or memory may be failing; remove, and they are fetched anew: cd {folder} && rm -r {names}"
    return problem("data sets", f"{seen}; {len(damaged)} damaged: {next(iter(damaged.values()))}", remedy)


def check_leftovers(runs_dir: Path) -> Finding:
    """Look for workers that died with something left to say."""
    dead = [folder for folder in _run_folders(runs_dir) if _is_dead(folder)]
    n_spools = sum(1 for folder in dead for _ in (folder / "spool").glob("*.jsonl"))
    if not dead:
        return ok("leftovers", "nothing of dead workers")
    seen = f"{len(dead)} dead workers left their folders, with {n_spools} attempts not told to the end"
    return warning("leftovers", seen, "the next `python -m worker` of this home delivers and removes them")


def check_orphans() -> Iterator[Finding]:
    """Look for programs that train for a worker that is gone; yields nothing where there are none."""
    for process in psutil.process_iter(["pid", "ppid", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.info["ppid"] == 1 and words[1:3] == ["-m", "worker.child"]:
            seen = f"process {process.info['pid']} trains for a worker that is gone"
            yield problem("orphans", seen, f"end it: kill {process.info['pid']}")


def _run_folders(runs_dir: Path) -> list[Path]:
    return sorted(path for path in runs_dir.glob("*") if path.is_dir()) if runs_dir.is_dir() else []


def _is_dead(folder: Path) -> bool:
    """Tell whether nobody holds a worker's folder; it is held for a moment, which workers wait for."""
    try:
        lock = lock_folder(folder)
    except OSError:  # of another user: not ours to tell
        return False
    if lock is None:
        return False
    lock.close()
    return True


def _size_of(path: Path) -> int:
    try:
        return sum(one.stat().st_size for one in path.iterdir()) if path.is_dir() else path.stat().st_size
    except FileNotFoundError:  # a worker removed it
        return 0

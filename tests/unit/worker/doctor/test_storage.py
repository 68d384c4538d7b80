"""Data sets on the machine and what dead workers left."""

from __future__ import annotations

import shutil
from pathlib import Path

from worker.doctor.storage import check_datasets, check_leftovers
from worker.leftovers import lock_folder


def test_a_damaged_data_set_is_found_by_a_deep_look_alone(digits: Path, tmp_path: Path) -> None:
    copy = tmp_path / digits.name
    shutil.copy(digits, copy)
    (tmp_path / f"{digits.stem}.use").touch()
    assert check_datasets(tmp_path, 2**30, is_deep=False).result == "ok"
    sound = check_datasets(tmp_path, 2**30, is_deep=True)
    assert (sound.result, sound.seen.partition(",")[0]) == ("ok", "1 here")
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    assert check_datasets(tmp_path, 2**30, is_deep=False).result == "ok"
    damaged = check_datasets(tmp_path, 2**30, is_deep=True)
    assert damaged.result == "problem"
    assert damaged.remedy.endswith(f"rm -r {copy.name}")


def test_a_cache_that_takes_more_than_it_may_is_told(digits: Path, tmp_path: Path) -> None:
    shutil.copy(digits, tmp_path / digits.name)
    assert check_datasets(tmp_path, 10, is_deep=False).result == "warning"
    assert check_datasets(tmp_path / "nothing", 10, is_deep=True).result == "ok"


def test_folders_of_dead_workers_are_told_and_those_of_living_ones_are_not(tmp_path: Path) -> None:
    assert check_leftovers(tmp_path / "nothing").result == "ok"
    spool = tmp_path / "1-1" / "spool"
    spool.mkdir(parents=True)
    (spool / "7-1.jsonl").write_text("{}\n")
    lock = lock_folder(tmp_path / "1-1")
    assert lock is not None
    with lock:
        assert check_leftovers(tmp_path).result == "ok"  # a lock belongs to an open file, not to a process
    found = check_leftovers(tmp_path)
    assert (found.result, found.seen) == (
        "warning",
        "1 dead workers left their folders, with 1 attempts not told to the end",
    )
    assert (spool / "7-1.jsonl").exists()

"""Space and rights, on real file systems that are full, read-only, open to everybody, or fine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tunewell.doctor import Level
from tunewell.doctor.finding import GIB, MIB
from tunewell.doctor.folders import Place, Space, check_folders, check_rights, check_space, places_of

from tests.servers.processes import ROOT

# A mount namespace of its own, so that nothing is left and no rights are needed; what is written below is memory.
MOUNTED = """
cd "$1" && mkdir full room readonly
mount -t tmpfs -o size=1m none full && mount -t tmpfs -o size=8g none room && mount -t tmpfs -o ro none readonly
head -c 2000000 /dev/zero > full/file 2> /dev/null
shift; exec "$@"
"""
PROGRAM = """
import json, pathlib
from dataclasses import asdict
from tunewell.doctor.folders import Place, check_folders
places = [Place(name, pathlib.Path(name)) for name in ("full", "room", "readonly")]
print(json.dumps([asdict(one) for one in check_folders(places)]))
"""


def test_full_and_read_only_file_systems_are_problems_and_one_with_room_is_none(tmp_path: Path) -> None:
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNTED, "sh", str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "client" / "src")}
    done = subprocess.run([*command, sys.executable, "-c", PROGRAM], env=env, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert found["space of full"]["result"] == "problem"
    assert found["rights of full"]["result"] == "problem"
    assert found["rights of full"]["seen"].endswith("No space left on device")
    assert found["rights of readonly"]["result"] == "problem"
    assert found["rights of readonly"]["seen"].endswith("Read-only file system")
    assert (found["space of room"]["result"], found["rights of room"]["result"]) == ("ok", "ok")
    assert not list((tmp_path / "room").iterdir())


def test_space_is_judged_by_bytes_and_by_inodes() -> None:
    here = [Place("home", Path("/h")), Place("spool", Path("/h/workers"))]
    roomy = Space(50 * GIB, 100 * GIB, 1_000_000)
    assert check_space(here, roomy).result is Level.OK
    assert check_space(here, roomy).name == "space of home, spool"
    assert check_space(here, Space(GIB, 100 * GIB, None)).result is Level.WARNING
    assert check_space(here, Space(100 * MIB, 100 * GIB, None)).result is Level.PROBLEM
    few = check_space(here, Space(50 * GIB, 100 * GIB, 12))
    assert few.result is Level.PROBLEM
    assert "12 inodes left" in few.seen


def test_a_folder_that_everybody_may_write_is_a_problem_unless_names_are_their_owners(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert check_rights(Place("home", tmp_path)).result is Level.PROBLEM
    tmp_path.chmod(0o1777)
    assert check_rights(Place("temporary folder", tmp_path)).result is Level.OK
    tmp_path.chmod(0o700)
    found = check_rights(Place("home", tmp_path))
    assert (found.result, found.seen) == (Level.OK, f"{tmp_path} (mode 0700)")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_should_be_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    found = check_rights(Place("home", tmp_path / "home"))
    assert found.result is Level.PROBLEM
    assert "it is no folder" in found.seen
    assert check_rights(Place("home", tmp_path / "other")).result is Level.OK


def test_folders_that_are_not_made_yet_are_told_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    names = [one.name for one in check_folders(places_of(home, home / "runs")) if one.name.startswith("rights")]
    assert names == ["rights of home", "rights of temporary folder"]
    (home / "datasets").mkdir(parents=True)
    names = [one.name for one in check_folders(places_of(home, home / "runs")) if one.name.startswith("rights")]
    assert names == ["rights of home", "rights of data sets", "rights of temporary folder"]
    assert not (home / "workers").exists()

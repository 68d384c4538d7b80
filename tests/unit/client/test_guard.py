"""The guard of commands: it passes ends on, and lets nothing outlive who started it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tunewell.commands.guarded import GuardedProcess
from tunewell.commands.place import Place, Program, prepare
from tunewell.errors import Invalid

from tests.servers.processes import is_alive
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.timeout(60)
_STARTS = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""
_PARENT = """
import sys, os
from pathlib import Path
from tunewell.commands.guarded import GuardedProcess
process = GuardedProcess([sys.executable, "-c", sys.argv[1]], Path.cwd(), dict(os.environ))
print(process.outputs[0].readline().decode(), flush=True)
process.wait(600)
"""


def guarded(*words: str) -> GuardedProcess:
    return GuardedProcess(words, Path.cwd(), {"PATH": "/usr/bin:/bin"})


def ended(*words: str) -> int:
    process = guarded(*words)
    code = process.wait(20.0)
    for pipe in process.outputs:
        pipe.close()
    process.end()
    assert code is not None
    return code


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", -15), ("kill -9 $$", -9)])
def test_an_end_is_passed_on(script: str, code: int) -> None:
    assert ended("/bin/sh", "-c", script) == code


def test_what_cannot_be_started_is_told() -> None:
    process = guarded("/nowhere/program")
    assert process.wait(20.0) == 127
    out, err = process.outputs
    assert (out.read(), err.read()) == (b"", b"/nowhere/program cannot be started: No such file or directory\n")
    process.end()
    out.close()
    err.close()


def test_sigterm_reaches_the_whole_group() -> None:
    process = guarded("/bin/sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done")
    out, err = process.outputs
    assert out.readline() == b"ready\n"
    process.terminate()
    assert process.wait(20.0) == 5
    process.end()
    out.close()
    err.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere what leaves the group goes free")
def test_kill_9_of_the_parent_ends_all_that_the_command_started() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT, _STARTS], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        family = [psutil.Process(pid) for pid in pids]
        assert all(is_alive(one) for one in family)
        parent.kill()
    wait_until(lambda: not any(is_alive(one) for one in family), 20.0, what="nothing of the command is left")


def test_ending_does_not_wait_for_a_command_that_does_not_heed() -> None:
    process = guarded("/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
    out, err = process.outputs
    out.readline()
    begun_s = time.monotonic()
    assert process.end() == -9
    assert time.monotonic() - begun_s < 9.0
    out.close()
    err.close()


def test_a_virtual_environment_below_the_root_is_used(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    prepared = prepare(Place(tmp_path), Program(("python", "-V"), "venv"), {}, {})
    assert prepared.words == (str(python), "-V")
    assert prepared.environment["VIRTUAL_ENV"] == str(tmp_path / "venv")
    assert prepared.environment["PATH"].split(":")[0] == str(python.parent)
    named = prepare(Place(tmp_path), Program(("venv/bin/python",)), {}, {})
    assert named.words == (str(python),)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (Program(("python",), "none"), "no_venv"),
        (Program(("python",), "../venv"), "outside_root"),
        (Program(("link/../../x",)), "outside_root"),
        (Program(("link/x",)), "outside_root"),
        (Program(("a/..",)), "outside_root"),
        (Program(("/bin/sh",)), "outside_root"),
        (Program(("no-such-program-here",)), "no_program"),
    ],
)
def test_programs_that_are_not_run(tmp_path: Path, program: Program, code: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(Invalid) as refused:
        prepare(Place(root), program, {}, {})
    assert refused.value.code == code
    (root / "run.sh").touch()
    assert prepare(Place(root), Program(("./run.sh",)), {}, {}).words == (str(root / "run.sh"),)

"""Runs of `python -m models`: what they print, why they fail, and that none outlives its supervisor's patience."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.servers.processes import ROOT, is_alive
from tests.servers.waiting import wait_until
from tests.unit.worker.fakes import children_with
from worker.programs import ProgramFailed, Stopped, run_models

pytestmark = pytest.mark.timeout(60)
HOLDER = """
import sys
from worker.programs import run_models
run_models(["prepare", "digits", "--cache-dir", sys.argv[1]], lambda: print("tick", flush=True))
"""


def no_tick() -> None:
    """Nothing to do meanwhile."""


def children() -> list[psutil.Process]:
    """Return the programs that run."""
    return children_with("models")


def test_an_answer_is_what_it_printed() -> None:
    answer = json.loads(run_models(["list"], no_tick))
    assert "mlp" in {model["name"] for model in answer["models"]}


def test_a_refusal_is_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match=r"unknown_dataset: .*no_such") as told:
        run_models(["prepare", "no_such", "--cache-dir", str(tmp_path)], no_tick)
    assert not told.value.is_killed


def test_whoever_waits_may_end_it(tmp_path: Path) -> None:
    seen: list[psutil.Process] = []

    def stop() -> None:
        seen.extend(children())
        raise Stopped

    with pytest.raises(Stopped):
        run_models(["prepare", "digits", "--cache-dir", str(tmp_path)], stop)
    assert seen
    assert not any(map(is_alive, seen))


def test_a_killed_one_says_so(tmp_path: Path) -> None:
    def kill() -> None:
        for child in children():
            child.kill()

    with pytest.raises(ProgramFailed, match="python -m models prepare ended with code -9") as told:
        run_models(["prepare", "digits", "--cache-dir", str(tmp_path)], kill)
    assert told.value.is_killed


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no kernel ends a child with its parent")
def test_it_ends_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        programs = psutil.Process(holder.pid).children()
        holder.kill()
    assert programs
    wait_until(lambda: not any(map(is_alive, programs)), what="the program has ended")

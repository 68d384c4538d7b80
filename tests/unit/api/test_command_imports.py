"""`python -m api` imports the control plane for those commands alone that need it: it takes seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = ("api.app", "fastapi", "uvicorn", "optuna", "search", "fsspec")
PROGRAM = f"""
import atexit, sys
atexit.register(lambda: sys.stderr.write("loaded:" + ",".join(one for one in {HEAVY!r} if one in sys.modules)))
from api.__main__ import app
app()
"""


@pytest.mark.parametrize(
    ("arguments", "is_heavy"),
    [
        (["--help"], False),
        (["tokens", "create", "--help"], False),
        (["tokens", "create", "--role", "user", "--name", "ana"], False),
        (["openapi"], True),
    ],
)
def test_a_command_imports_what_it_needs(tmp_path: Path, arguments: list[str], is_heavy: bool) -> None:
    env = {"TUNEWELL_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout
    loaded = ended.stderr.rpartition("loaded:")[2]
    assert bool(loaded) == is_heavy, loaded

"""What a worker says about where it runs."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from tunewell.system.environment import digest, list_packages, read_commit, read_cpu

from api.schemas.environments import Environment as Shape
from worker.environment import read_environment


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_server_takes_what_a_worker_says_of_itself() -> None:
    found = read_environment(["A GPU"])
    shape = Shape.model_validate(found.to_json())
    assert shape.python == ".".join(str(part) for part in sys.version_info[:3])
    assert shape.torch == metadata.version("torch")
    assert shape.gpus == ["A GPU"]
    assert shape.n_cpus >= 1
    assert (shape.memory_bytes or 0) > 1 << 26
    assert shape.cpu
    assert shape.packages_sha256 == digest(list_packages())


def test_packages_are_named_as_they_are_asked_for_and_hashed_whatever_their_order() -> None:
    packages = list_packages()
    assert list(packages) == sorted(packages)
    assert packages["sqlalchemy"] == metadata.version("SQLAlchemy")
    assert digest({"a": "1", "b": "2"}) == digest({"b": "2", "a": "1"}) != digest({"a": "1", "b": "3"})


def test_a_commit_is_dirty_once_a_tracked_file_differs(tmp_path: Path) -> None:
    assert read_commit(tmp_path) == (None, None)
    git(tmp_path, "init", "-q")
    assert read_commit(tmp_path) == (None, None)  # nothing was committed yet
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "untracked").write_text("a log")
    assert read_commit(tmp_path) == (commit, False)
    (tmp_path / "file").write_text("two")
    assert read_commit(tmp_path) == (commit, True)


def test_without_git_the_commit_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_commit(tmp_path) == (None, None)


def test_the_processor_is_named_by_the_kernel_or_by_its_architecture(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nprocessor\t: 1\nmodel name\t: Some CPU @ 2 GHz\n")
    assert read_cpu(file) == "Some CPU @ 2 GHz"
    assert read_cpu(tmp_path / "none")

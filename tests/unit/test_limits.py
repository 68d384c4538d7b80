"""The repository's own checks."""

from pathlib import Path

import pytest

from scripts import limits, lock


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("api/app.py", 500),
        ("tests/unit/test_limits.py", 700),
        ("dashboard/src/charts/line.ts", 250),
        ("dashboard/src/app/App.svelte", 250),
        ("dashboard/src/api/schema.d.ts", None),
        ("db/migrations/versions/0001_first.py", None),
        ("README.md", None),
    ],
)
def test_each_kind_of_file_has_its_limit(path: str, limit: int | None) -> None:
    assert limits.limit_for(path) == limit


def test_a_file_may_reach_its_limit_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("\n" * 501)
    (tmp_path / "full.py").write_text("\n" * 500)
    found = list(limits.find_too_long(tmp_path, ["long.py", "full.py", "deleted.py"]))
    assert [str(problem) for problem in found] == ["long.py: 501 lines, 500 are allowed: split it by concept"]


def test_no_file_of_the_repository_is_too_long() -> None:
    paths = limits.repository_files()
    assert "pyproject.toml" in paths
    assert list(limits.find_too_long(limits.ROOT, paths)) == []


def test_pins_name_no_platform() -> None:
    packages = [("torch", "2.13.0+cpu"), ("SQLAlchemy", "2.1.9"), ("typing_extensions", "4.16.0"), ("pip", "26.0")]
    assert lock.pins_of(packages) == ["sqlalchemy==2.1.9", "torch==2.13.0", "typing-extensions==4.16.0"]


@pytest.mark.parametrize("path", [lock.RUNTIME, lock.DEV])
def test_lock_files_hold_exact_versions_only(path: Path) -> None:
    pins = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert pins == sorted(pins)
    assert all(name and version and "+" not in version for name, _, version in (pin.partition("==") for pin in pins))


def test_torch_is_pinned() -> None:
    assert "torch==2.13.0" in lock.RUNTIME.read_text().splitlines()

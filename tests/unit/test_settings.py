"""docs/settings.md says all that can be set, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from api.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"\bTUNEWELL_[A-Z][A-Z_]*[A-Z]\b")
SOURCES = ("api", "db", "deploy", "scripts", "stack", "worker", "client/src", "tests/servers")
FILES = (".env.example", "docker-compose.yml", "Dockerfile", "Makefile")
# A mark by which tests find the processes they started; nobody sets it.
INTERNAL = {"TUNEWELL_TEST_MARK"}


def rows() -> dict[str, tuple[str, str, str]]:
    """Return default, readers and meaning of each variable of the table."""
    lines = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8").splitlines()
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| `")]
    assert all(len(cells) == 4 for cells in found)
    names = [cells[0].strip("`") for cells in found]
    assert len(names) == len(set(names))
    return {name: (cells[1], cells[2], cells[3]) for name, cells in zip(names, found, strict=True)}


def names_in_code() -> set[str]:
    """Return every variable that the code or the deployment files name."""
    paths = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")] + [ROOT / name for name in FILES]
    named = {name for path in paths for name in NAME.findall(path.read_text(encoding="utf-8"))}
    return (named | {f"TUNEWELL_{field.upper()}" for field in Settings.model_fields}) - INTERNAL


def test_the_table_has_every_variable_and_no_other() -> None:
    assert set(rows()) == names_in_code()
    assert len(rows()) > 25


@pytest.mark.parametrize("field", Settings.model_fields)
def test_the_table_has_the_defaults_and_meanings_of_the_code(field: str) -> None:
    info = Settings.model_fields[field]
    value = info.default.get_secret_value() if isinstance(info.default, SecretStr) else info.default
    default, _, meaning = rows()[f"TUNEWELL_{field.upper()}"]
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    assert default == (f"`{shown}`" if shown else "")
    assert meaning == info.description


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TUNEWELL_HOME", str(tmp_path))
    monkeypatch.setenv("TUNEWELL_PORT", "8123")
    monkeypatch.setenv("TUNEWELL_BROKER_URL", "redis://:hidden@127.0.0.1/0")
    monkeypatch.setenv("TUNEWELL_LEASE_S", "")
    settings = Settings()
    assert (settings.port, settings.lease_s) == (8123, 60)
    assert settings.effective_database_url == f"sqlite:///{tmp_path / 'tunewell.db'}"
    assert settings.effective_artifact_url == str(tmp_path / "artifacts")
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000"), ("PORT", "http"), ("LEASE_S", "0"), ("REQUIRE_TOKENS", "maybe"), ("MAX_BODY_BYTES", "-1")],
)
def test_a_setting_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TUNEWELL_{name}", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert caught.value.errors()[0]["loc"] == (name.lower(),)
    monkeypatch.delenv(f"TUNEWELL_{name}")
    assert Settings()

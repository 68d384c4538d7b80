"""`python -m api doctor` on settings that cannot work, each beside its twin that can."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from api.__main__ import app
from api.doctor import check_address, check_broker, check_clock, check_revision, check_server, check_store, check_tokens
from api.settings import Settings
from db import schema
from db.engine import Database
from db.tokens import TokenRecord
from tests.servers.ports import free_port

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def settings(home: Path, **changes: Any) -> Settings:
    """Return settings of a server on the network, whose broker is never asked."""
    given = {"host": "0.0.0.0", "allowed_hosts": "trainer", "broker_url": SecretStr("redis://:pw@trainer:6379/0")}  # noqa: S104
    return Settings(home=home, **{**given, **changes})


def token(role: str, **changes: Any) -> TokenRecord:
    """Return a token in force."""
    return TokenRecord(
        **{"id": 1, "name": "x", "role": role, "created_at": NOW, "expires_at": None, "revoked_at": None, **changes}
    )


def test_an_address_that_others_cannot_call_is_told(tmp_path: Path) -> None:
    results = [
        check_address(settings(tmp_path, **changes)).result
        for changes in ({}, {"allowed_hosts": ""}, {"require_tokens": "no"}, {"host": "127.0.0.1", "allowed_hosts": ""})
    ]
    assert results == ["ok", "warning", "problem", "ok"]


def test_a_broker_is_told_that_is_away_or_named_as_loopback(tmp_path: Path) -> None:
    assert check_broker(settings(tmp_path), lambda _url: None).result == "ok"
    away = settings(tmp_path, broker_url=SecretStr(f"redis://:geheim@127.0.0.1:{free_port()}/0"))
    found = check_broker(away)
    assert found.result == "problem"
    assert "geheim" not in found.seen
    assert check_broker(away, lambda _url: None).result == "warning"
    assert check_broker(settings(tmp_path, broker_url=SecretStr(""))).result == "problem"


def test_tables_of_another_revision_are_told(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    assert check_revision(database, should_migrate=False).remedy == "python -m db upgrade"
    assert check_revision(database, should_migrate=True).result == "ok"
    schema.upgrade(database)
    assert check_revision(database, should_migrate=False).result == "ok"
    database.close()


def test_clocks_that_disagree_are_told() -> None:
    assert check_clock(NOW, NOW + timedelta(seconds=1)).result == "ok"
    found = check_clock(NOW, NOW - timedelta(seconds=90))
    assert (found.result, found.seen) == ("warning", "90 s behind this machine's")


@pytest.mark.parametrize(
    ("records", "result"),
    [
        ([], "problem"),
        ([token("worker", revoked_at=NOW), token("worker", expires_at=NOW)], "problem"),
        ([token("user")], "warning"),
        ([token("user"), token("worker", expires_at=NOW + timedelta(days=1))], "ok"),
    ],
)
def test_a_server_that_nobody_can_call_is_told(tmp_path: Path, records: list[TokenRecord], result: str) -> None:
    assert check_tokens(settings(tmp_path), records, NOW).result == result
    given = settings(tmp_path, admin_token=SecretStr("a"), worker_token=SecretStr("w"))
    assert check_tokens(given, records, NOW).result == "ok"


def test_a_store_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    assert check_store(str(tmp_path / "store")).result == "ok"
    assert list((tmp_path / "store" / "incoming").iterdir()) == []
    assert check_store(str(tmp_path / "nothing")).result == "skipped"
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "incoming").touch()
    assert check_store(str(tmp_path / "blocked")).result == "problem"
    assert check_store("nosuch://bucket").result == "problem"


def test_a_home_that_is_not_made_yet_stays_so_and_a_damaged_database_is_told(tmp_path: Path) -> None:
    home = tmp_path / "home"
    broker = SecretStr("memory://")
    results = {one.name: one.result for one in check_server(settings(home, broker_url=broker))}
    assert (results["database"], results["artifacts"]) == ("skipped", "skipped")
    assert not home.exists()
    home.mkdir()
    (home / "tunewell.db").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    results = {one.name: one.result for one in check_server(settings(home, broker_url=broker))}
    assert results["database"] == "problem"
    (home / "tunewell.db").unlink()
    sqlite3.connect(home / "tunewell.db").close()
    results = {one.name: one.result for one in check_server(settings(home, broker_url=broker))}
    assert (results["database"], results["database clock"]) == ("ok", "ok")


def test_the_command_prints_what_the_table_of_all_reads(tmp_path: Path) -> None:
    env = {"TUNEWELL_HOME": str(tmp_path / "home"), "TUNEWELL_BROKER_URL": "memory://", "TUNEWELL_HOST": "127.0.0.1"}
    sound = CliRunner().invoke(app, ["doctor", "--json"], env=env)
    assert sound.exit_code == 0
    assert {frozenset(one) for one in json.loads(sound.stdout)} == {frozenset({"name", "result", "seen", "remedy"})}
    broken = CliRunner().invoke(app, ["doctor"], env={**env, "TUNEWELL_BROKER_URL": ""})
    assert broken.exit_code == 1
    assert "problem  broker: none is set" in broken.stdout

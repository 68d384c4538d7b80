"""What a server says of itself, and what it answers a worker that only looks whether it could join."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from api.version import VERSION
from tests.servers.api import Caller, serving, settings_for
from tests.servers.migrated import MakeUrl

MINE = {"name": "w", "host": "h", "pid": 1, "queues": ["cpu"], "n_slots": 2}


def test_a_server_tells_version_clocks_and_who_asks(caller: Caller) -> None:
    before = datetime.now(UTC)
    found = caller.call("GET", "/server")
    after = datetime.now(UTC)
    assert found["version"] == VERSION
    assert before <= datetime.fromisoformat(found["at"]) <= after
    assert abs((datetime.fromisoformat(found["database_at"]) - before).total_seconds()) < 10
    assert found["database"] in ("sqlite", "postgresql")
    assert found["needs_tokens"] is False
    assert found["caller"] == {"name": "anonymous", "role": "admin", "expires_at": None}


def test_the_expiry_told_is_that_of_the_callers_own_token(
    make_database: MakeUrl, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    settings = settings_for(home, make_database(), require_tokens="yes", admin_token=SecretStr("the-admin"))
    with serving(settings) as served:
        admin = Caller(served.address, "the-admin")
        made = admin.call("POST", "/tokens", 201, json={"name": "box", "role": "worker", "expires_in_s": 3600})
        box = Caller(served.address, made["token"])
        theirs, ours = box.call("GET", "/server"), admin.call("GET", "/server")
        for one in (admin, box):
            one.close()
    assert theirs["caller"] == {"name": "box", "role": "worker", "expires_at": made["expires_at"]}
    assert ours["caller"] == {"name": "admin", "role": "admin", "expires_at": None}


def test_a_worker_that_only_looks_hears_the_terms_and_is_not_stored(caller: Caller) -> None:
    terms = caller.call("POST", "/workers:check", json=MINE)
    assert caller.call("GET", "/workers")["items"] == []
    welcome = caller.call("POST", "/workers", 201, json=MINE)
    assert {**terms, "worker_id": welcome["worker_id"]} == welcome
    assert caller.refused("POST", "/workers:check", 422, json={**MINE, "queues": []})["field"] == "queues"

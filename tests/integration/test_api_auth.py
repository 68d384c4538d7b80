"""Who calls: tokens, names of the server, pages of others. Which role may call what is told by `access.txt`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select
from typer.testing import CliRunner

from api.__main__ import app as commands
from api.roles import Role
from db import schema
from db.engine import Database
from db.tables import ApiTokenRow
from db.tokens import insert_token, revoke_token
from tests.servers.api import Served, a_study, serving, settings_for

TOKENS = {Role.ADMIN: "admin-secret", Role.USER: "user-secret", Role.WORKER: "worker-secret"}
# One client for all calls: each new one would read the certificates of every authority anew.
HTTP = httpx.Client(timeout=60.0, trust_env=False)


@pytest.fixture(scope="module", autouse=True)
def _close_http() -> Iterator[None]:
    yield
    HTTP.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an API as it is on a laptop: on loopback, without tokens."""
    with serving(settings_for(tmp_path_factory.mktemp("plain"))) as served:
        yield served


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    secrets: dict[str, Any] = {f"{role}_token": SecretStr(token) for role, token in TOKENS.items()}
    settings = settings_for(tmp_path_factory.mktemp("guarded"), require_tokens="yes", **secrets)
    with serving(settings) as served:
        yield served


def send(served: Served, method: str, path: str, headers: dict[str, str]) -> int:
    """Call a route with ids that do not exist and return the status; a stream is left at once."""
    url = served.address + re.sub(r"\{\w+\}", "999999", path)
    body: dict[str, Any] = {} if method == "GET" else {"json": {}}
    with HTTP.stream(method, url, headers=headers, **body) as answer:
        return answer.status_code


def test_health_needs_no_token_and_tells_nothing(guarded: Served) -> None:
    assert HTTP.get(f"{guarded.address}/healthz").json() == {"status": "ok"}
    ready = HTTP.get(f"{guarded.address}/readyz").json()
    assert set(ready) == {"status", "database", "broker"}


@pytest.mark.parametrize("token", ["x", "admin-secre", "admin-secret2", "ADMIN-SECRET", "admin-secret admin-secret"])
def test_nearly_right_is_wrong(guarded: Served, token: str) -> None:
    assert send(guarded, "GET", "/api/v1/studies", {"Authorization": f"Bearer {token}"}) == 401
    assert send(guarded, "GET", "/api/v1/studies", {"Authorization": "bearer   admin-secret"}) == 200


def test_stored_tokens_are_hashed_and_end_when_they_expire_or_are_revoked(guarded: Served) -> None:
    database = guarded.control.database
    with database.write() as session:
        made = {
            name: insert_token(session, name=name, role="user", token=f"tw_{name}", expires_in_s=expires_in_s)
            for name, expires_in_s in (("lasting", None), ("later", 3600.0), ("expired", -1.0), ("revoked", None))
        }
        assert revoke_token(session, made["revoked"])
        assert not revoke_token(session, made["revoked"])
    statuses = {name: send(guarded, "GET", "/api/v1/studies", {"Authorization": f"Bearer tw_{name}"}) for name in made}
    assert statuses == {"lasting": 200, "later": 200, "expired": 401, "revoked": 401}
    with database.read() as session:
        rows = session.execute(select(*ApiTokenRow.__table__.c)).all()
    assert hashlib.sha256(b"tw_lasting").hexdigest() in {row.sha256 for row in rows}
    assert not [row for row in rows if any("tw_" in str(value) for value in row)]


def test_the_command_line_makes_and_revokes_tokens(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tokens.db'}"
    env = {"TUNEWELL_DATABASE_URL": url, "TUNEWELL_HOME": str(tmp_path)}
    schema.upgrade(Database(url))
    made = CliRunner().invoke(commands, ["tokens", "create", "--role", "worker", "--name", "gpu-1"], env=env)
    assert made.exit_code == 0
    token = made.stdout.strip()
    assert re.fullmatch(r"tw_[\w-]{43}", token)
    with serving(settings_for(tmp_path, url, require_tokens="yes")) as served:
        authorization = {"Authorization": f"Bearer {token}"}
        assert send(served, "GET", "/api/v1/datasets", authorization) == 200
        assert send(served, "GET", "/api/v1/studies", authorization) == 403
        assert CliRunner().invoke(commands, ["tokens", "revoke", "1"], env=env).exit_code == 0
        assert send(served, "GET", "/api/v1/datasets", authorization) == 401
    assert CliRunner().invoke(commands, ["tokens", "revoke", "1"], env=env).exit_code == 2


@pytest.mark.parametrize(
    ("host", "require", "needs"),
    [
        ("127.0.0.1", "auto", False),
        ("localhost", "auto", False),
        ("::1", "auto", False),
        ("127.0.0.1", "yes", True),
        ("0.0.0.0", "auto", True),  # noqa: S104 - the point of the test
        ("192.0.2.1", "auto", True),
        ("::", "auto", True),
        ("example.org", "auto", True),
    ],
)
def test_any_address_but_loopback_requires_tokens(host: str, require: str, needs: bool) -> None:
    assert settings_for(Path("unused"), host=host, require_tokens=require).needs_tokens is needs


def test_the_server_does_not_start_open_to_other_machines() -> None:
    env = {"TUNEWELL_HOST": "0.0.0.0", "TUNEWELL_REQUIRE_TOKENS": "no", "TUNEWELL_BROKER_URL": "memory://"}  # noqa: S104
    refused = CliRunner().invoke(commands, [], env=env)
    assert refused.exit_code == 2
    assert "TUNEWELL_REQUIRE_TOKENS" in refused.stderr


def test_loopback_without_tokens_is_open_but_a_wrong_token_is_told(plain: Served) -> None:
    assert send(plain, "GET", "/api/v1/studies", {}) == 200
    assert send(plain, "GET", "/api/v1/studies", {"Authorization": "Bearer guessed"}) == 401


WRITES = [("POST", "/studies"), ("PATCH", "/studies/x"), ("DELETE", "/studies/x"), ("PUT", "/attempts/1/artifacts/a")]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_others_change_nothing(plain: Served, method: str, path: str, headers: dict[str, str]) -> None:
    url = f"{plain.address}/api/v1{path}"
    answer = HTTP.request(method, url, json=a_study("x"), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_foreign")
    own = {"Origin": plain.address, "Sec-Fetch-Site": "same-origin"}
    assert HTTP.request(method, url, json=a_study("x"), headers=own).status_code != 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::2]:80"]
)
def test_a_name_that_is_not_the_servers_is_refused(plain: Served, host: str) -> None:
    for path in ("/api/v1/studies", "/api/v1/events", "/healthz", "/"):
        answer = HTTP.get(f"{plain.address}{path}", headers={"Host": host})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host_unknown")
    port = plain.address.rpartition(":")[2]
    for known in (f"localhost:{port}", f"LOCALHOST:{port}", "127.0.0.1", f"[::1]:{port}"):
        answer = HTTP.get(f"{plain.address}/api/v1/studies", headers={"Host": known})
        assert answer.status_code == 200


def test_a_name_can_be_allowed(tmp_path: Path) -> None:
    with serving(settings_for(tmp_path, allowed_hosts="tunewell.example, other")) as served:
        for host, status in (("tunewell.example", 200), ("other:80", 200), ("another", 403)):
            url = f"{served.address}/api/v1/studies"
            assert HTTP.get(url, headers={"Host": host}).status_code == status


def test_answers_carry_the_headers_that_protect_a_browser(plain: Served) -> None:
    for path in ("/api/v1/studies", "/api/v1/nothing", "/healthz"):
        headers = HTTP.get(f"{plain.address}{path}").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers

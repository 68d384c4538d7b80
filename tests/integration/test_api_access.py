"""Who may call what: each line of `access.txt` is held against the running server, and each route has its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from api.app import create_app
from api.roles import Role
from db.tokens import insert_token, revoke_token
from tests.servers.api import Served, serving, settings_for
from tests.servers.routes import roles_of, routes_of

ROLES = {"worker": Role.WORKER, "user": Role.USER, "admin": Role.ADMIN}
REFUSED = {"missing": (401, "token_missing"), "unknown": (401, "token_unknown"), "forbidden": (403, "role_forbidden")}
Call = tuple[str, str]
OPEN = {("POST", "/api/v1/session")}  # signing in is how one gets credentials


def _read_table() -> dict[Call, dict[str, str]]:
    lines = (Path(__file__).parent / "access.txt").read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    callers = next(line for line in lines if line.startswith("# method path")).split()[3:]
    assert len({(method, path) for method, path, *_ in rows}) == len(rows), "a route has two lines"
    return {(method, path): dict(zip(callers, cells, strict=True)) for method, path, *cells in rows}


TABLE = _read_table()
# One client for all calls: each new one would read the certificates of every authority anew.
HTTP = httpx.Client(timeout=60.0, trust_env=False)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    secrets: dict[str, Any] = {f"{role}_token": SecretStr(f"{role}-secret") for role in Role}
    with serving(
        settings_for(tmp_path_factory.mktemp("access"), require_tokens="yes", max_failed_sign_ins=10**6, **secrets)
    ) as served:
        with served.control.database.write() as session:
            insert_token(session, name="expired", role="admin", token="expired-secret", expires_in_s=-1.0)
            token_id = insert_token(session, name="revoked", role="admin", token="revoked-secret", expires_in_s=None)
            assert revoke_token(session, token_id)
        yield served
    HTTP.close()


def _send(served: Served, call: Call, headers: dict[str, str]) -> tuple[int, str]:
    """Call a route with ids that do not exist; return status and the error's code. A stream is left at once."""
    method, path = call
    body: dict[str, Any] = {} if method in ("GET", "HEAD") else {"json": {}}
    with HTTP.stream(method, served.address + re.sub(r"\{[\w:]+\}", "999999", path), headers=headers, **body) as answer:
        if answer.status_code < 400 or method == "HEAD":
            return answer.status_code, ""
        answer.read()
        return answer.status_code, str(answer.json()["error"]["code"])


@pytest.mark.parametrize("call", TABLE, ids=" ".join)
def test_the_server_keeps_to_the_table(guarded: Served, call: Call) -> None:
    for caller, cell in TABLE[call].items():
        headers = {} if caller == "none" else {"Authorization": f"Bearer {caller}-secret"}
        status, code = _send(guarded, call, headers)
        if cell == "ok":
            assert status not in (401, 403), caller
            assert status < 500, (caller, code)
        else:
            assert (status, code) == REFUSED[cell], caller
    if TABLE[call]["none"] != "ok":
        for wrong in ("Bearer guessed", "Bearer", "Basic YWRtaW4tc2VjcmV0", "Bearer admin-secret x"):
            assert _send(guarded, call, {"Authorization": wrong}) == REFUSED["unknown"], wrong


def test_each_route_has_its_line_and_states_the_same_roles() -> None:
    stated = {
        (method, path): roles_of(route)
        for path, route in routes_of(create_app(settings_for(Path("unused"))))
        for method in route.methods or ()
    }
    assert set(stated) == set(TABLE), "tests/integration/access.txt has a line for each route, and no other"
    for call, cells in TABLE.items():
        allowed = {role for name, role in ROLES.items() if cells[name] == "ok"}
        is_open = cells["none"] == "ok"
        assert stated[call] == (None if is_open else allowed), call
        assert is_open or Role.ADMIN in allowed
        assert not is_open or call in OPEN or not call[1].startswith("/api/"), f"{call} is open to everybody"


def test_the_documented_routes_are_all_there_are_below_the_api() -> None:
    paths = create_app(settings_for(Path("unused"))).openapi()["paths"]
    documented = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    assert {call for call in TABLE if call[1].startswith("/api/")} == {
        call for call in documented if call[1].startswith("/api/")
    }


@pytest.mark.parametrize("path", ["/api/v1/studies", "/api/v1/tokens", "/metrics"])
def test_other_methods_and_other_spellings_open_no_door(guarded: Served, path: str) -> None:
    for method in ("HEAD", "OPTIONS", "TRACE", "PUT"):
        assert HTTP.request(method, guarded.address + path).status_code == 405
    spellings = [f"/{path}", f"{path}/", path.upper(), path.replace("/s", "/%73").replace("/t", "/%74")]
    for spelling in [*spellings, f"/x/..{path}", f"{path};x", f"/%2e{path}"]:
        answer = HTTP.get(guarded.address + spelling, headers={"X-Original-URL": path, "X-Forwarded-For": "127.0.0.1"})
        # A page of the dashboard (which tells nothing), or a refusal; never what the route answers.
        assert answer.headers["content-type"].startswith("text/html") or answer.status_code in (307, 401, 404), spelling

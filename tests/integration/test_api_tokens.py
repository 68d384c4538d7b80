"""Tokens made over HTTP: shown once, in force until revoked or expired, and for admins alone to make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from tests.servers.api import Caller, serving, settings_for
from tests.servers.migrated import MakeUrl


@pytest.fixture
def address(make_database: MakeUrl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve an API that wants tokens; its settings know one of an admin's."""
    home = tmp_path_factory.mktemp("home")
    settings = settings_for(home, make_database(), require_tokens="yes", admin_token=SecretStr("the-admin"))
    with serving(settings) as served:
        yield served.address


@pytest.fixture
def admin(address: str) -> Iterator[Caller]:
    caller = Caller(address, "the-admin")
    yield caller
    caller.close()


def with_token(address: str, token: str, path: str, status: int) -> None:
    caller = Caller(address, token)
    caller.call("GET", path, status)
    caller.close()


def test_a_token_of_a_worker_joins_and_can_be_revoked(admin: Caller, address: str) -> None:
    made = admin.call("POST", "/tokens", 201, json={"name": "box", "role": "worker", "expires_in_s": 3600})
    assert made["token"].startswith("tw_")
    assert made["expires_at"] is not None
    worker = Caller(address, made["token"])
    worker.join("cpu")
    assert worker.refused("GET", "/studies", 403)["code"] == "role_forbidden"
    assert worker.refused("POST", "/tokens", 403, json={"name": "x", "role": "admin"})["code"] == "role_forbidden"
    revoked = admin.call("POST", f"/tokens/{made['token_id']}:revoke")
    assert revoked["revoked_at"] is not None
    assert worker.refused("GET", "/datasets", 401)["code"] == "token_unknown"
    worker.close()
    assert admin.refused("POST", f"/tokens/{made['token_id']}:revoke", 409)["code"] == "wrong_state"


def test_the_list_has_no_secrets(admin: Caller) -> None:
    assert admin.call("GET", "/tokens") == {"items": []}
    made = admin.call("POST", "/tokens", 201, json={"name": "me", "role": "user"})
    (listed,) = admin.call("GET", "/tokens")["items"]
    assert listed == {name: value for name, value in made.items() if name != "token"}
    assert (listed["role"], listed["expires_at"]) == ("user", None)


def test_a_session_tells_the_role(admin: Caller, address: str) -> None:
    told = {"needs_tokens": True, "csrf_token": None}
    assert admin.call("GET", "/session") == {"name": "admin", "role": "admin", **told}
    made = admin.call("POST", "/tokens", 201, json={"name": "me", "role": "user"})
    user = Caller(address, made["token"])
    assert user.call("GET", "/session") == {"name": "me", "role": "user", **told}
    user.close()


def test_a_token_for_no_time_is_refused(admin: Caller) -> None:
    body = {"name": "box", "role": "worker"}
    assert admin.call("POST", "/tokens", 201, json={**body, "expires_in_s": 60})["expires_at"] is not None
    error = admin.refused("POST", "/tokens", 422, json={**body, "expires_in_s": 0})
    assert (error["code"], error["field"]) == ("greater_than_equal", "expires_in_s")


def test_an_unknown_token_cannot_be_revoked(admin: Caller) -> None:
    assert admin.refused("POST", "/tokens/12345:revoke", 404)["code"] == "token_not_found"

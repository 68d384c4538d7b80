"""`tunewell token`: a new token stands alone on stdout, the list never shows one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tunewell.tokens import NewToken, Token

from tests.unit.client.conftest import Runner
from tests.unit.client.fakes import FakeServer, ok, refusal

TOKEN = {
    "token_id": 7,
    "name": "gpu box",
    "role": "worker",
    "created_at": "2026-11-01T10:00:00Z",
    "expires_at": None,
    "revoked_at": None,
}
SECRET = "tw_for-this-test-alone"


def test_a_new_token_stands_alone_on_stdout(server: FakeServer, run: Runner) -> None:
    server.on("POST", "/tokens", ok({**TOKEN, "token": SECRET}))
    made = run("token", "create", "gpu box", "--role", "worker", "--days", "2")
    assert (made.code, made.out) == (0, f"{SECRET}\n")
    assert "Token 7 for gpu box" in made.err
    assert server.bodies() == [{"name": "gpu box", "role": "worker", "expires_in_s": 172_800.0}]
    assert run("token", "create", "x", "--role", "emperor").code == 2
    assert len(server.bodies()) == 1


def test_tokens_are_listed_without_their_texts_and_revoked(server: FakeServer, run: Runner) -> None:
    gone = {**TOKEN, "token_id": 8, "revoked_at": "2026-11-02T10:00:00Z"}
    old = {**TOKEN, "token_id": 9, "expires_at": "2020-01-01T00:00:00Z"}
    server.on("GET", "/tokens", ok({"items": [TOKEN, gone, old]}))
    listed = run("token", "list").out
    assert [line.split()[4] for line in listed.splitlines()[1:]] == ["valid", "revoked", "expired"]
    server.on("POST", "/tokens/7:revoke", ok({**TOKEN, "revoked_at": "2026-11-02T10:00:00Z"}))
    assert run("token", "revoke", "7").out == "Token 7 (gpu box) is worthless from now on\n"
    server.on("POST", "/tokens/7:revoke", refusal(409, "wrong_state", "token 7 (gpu box) is revoked already"))
    again = run("token", "revoke", "7")
    assert (again.code, "revoked already" in again.err) == (1, True)


def test_only_administrators_may(server: FakeServer, run: Runner) -> None:
    server.on("GET", "/tokens", refusal(403, "role_forbidden", "this takes a token of the role admin"))
    assert run("token", "list").code == 4


@pytest.mark.parametrize(("year", "state"), [(2026, "valid"), (2028, "expired")])
def test_a_token_knows_whether_it_is_valid(year: int, state: str) -> None:
    until = datetime(2027, 1, 1, tzinfo=UTC)
    token = Token(1, "a", "user", datetime(2026, 1, 1, tzinfo=UTC), expires_at=until)
    assert token.state_at(datetime(year, 6, 1, tzinfo=UTC)) == state


def test_the_text_is_not_in_what_is_printed_of_a_record() -> None:
    made = NewToken(token_id=1, name="a", role="user", created_at=datetime(2026, 1, 1, tzinfo=UTC), token=SECRET)
    assert SECRET not in repr(made)

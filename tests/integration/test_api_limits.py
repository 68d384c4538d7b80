"""Too many wrong tokens, too many requests: what goes over the wire, and that the client waits as told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tunewell import Client, ServerBusy
from tunewell.retry import decide_retry

from tests.servers.api import Caller, Served, serving, settings_for


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Served]:
    """Serve an API that allows three wrong tokens, and one request in a hundred seconds."""
    tokens: dict[str, Any] = {f"{role}_token": SecretStr(f"the-{role}-token") for role in ("admin", "user", "worker")}
    settings = settings_for(tmp_path, require_tokens="yes", max_failed_sign_ins=3, max_requests_per_s=0.01, **tokens)
    with serving(settings) as served:
        yield served


def test_guessing_has_to_wait_ever_longer_and_who_was_let_in_does_not(strict: Served) -> None:
    with (
        closing(Caller(strict.address, "the-worker-token")) as worker,
        closing(Caller(strict.address)) as guesser,
    ):
        _guess(worker, guesser)


def _guess(worker: Caller, guesser: Caller) -> None:
    worker.call("GET", "/session")
    for n in range(3):
        header = {"Authorization": f"Bearer {n}-guessed"}
        assert guesser.refused("GET", "/session", 401, headers=header)["code"] == "token_unknown"
    # Right or wrong, by header or to sign in: it is not looked at.
    for token in ("3-guessed", "the-admin-token"):
        by_header = guesser.http.get("/session", headers={"Authorization": f"Bearer {token}"})
        by_sign_in = guesser.http.post("/session", json={"token": token})
        for answer in (by_header, by_sign_in):
            assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_failures")
            assert answer.headers["Retry-After"] == "1"
    worker.call("GET", "/session")


def test_requests_of_one_token_are_counted_but_for_workers(strict: Served) -> None:
    with (
        closing(Caller(strict.address, "the-worker-token")) as worker,
        closing(Caller(strict.address, "the-user-token")) as user,
    ):
        _ask_often(worker, user)


def _ask_often(worker: Caller, user: Caller) -> None:
    for _ in range(5):
        worker.call("GET", "/session")
    user.call("GET", "/studies")
    assert user.refused("GET", "/studies", 429)["code"] == "too_many_requests"
    # The same person in a browser, and by the SDK, which is told when to come again.
    with Client(user.address, token="the-user-token") as client, pytest.raises(ServerBusy) as caught:
        list(client.list_studies())
    retry = decide_retry(caught.value, 1, jitter=0.0)
    assert retry is not None
    assert 90 < retry.delay_s <= 100
    user.http.headers.pop("Authorization")
    user.call("POST", "/session", 201, json={"token": "the-user-token"})
    assert user.refused("GET", "/studies", 429)["code"] == "too_many_requests"
    user.http.cookies.clear()
    user.call("POST", "/session", 201, json={"token": "the-admin-token"})
    user.call("GET", "/studies")

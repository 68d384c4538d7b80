"""Browsers that sign in: a cookie out of reach of scripts, changes that need a second secret, ways to end it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from db.access_tables import BrowserSessionRow
from db.browser_sessions import MAX_OF_A_TOKEN
from db.tokens import hash_token, insert_token, revoke_token
from db.types import utc_now
from tests.servers.api import Caller, Served, a_study, serving, settings_for
from tests.servers.migrated import MakeUrl

ADMIN, USER, WORKER = "the-admin", "the-user", "the-worker"


@pytest.fixture(scope="module")
def served(make_database: MakeUrl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    secrets: dict[str, Any] = {
        "admin_token": SecretStr(ADMIN),
        "user_token": SecretStr(USER),
        "worker_token": SecretStr(WORKER),
    }
    home = tmp_path_factory.mktemp("sessions")
    with serving(settings_for(home, make_database(), require_tokens="yes", session_idle_s=600.0, **secrets)) as served:
        yield served


@contextmanager
def browser(served: Served, token: str | None = None, **headers: str) -> Iterator[Caller]:
    """Open a browser, which keeps cookies; with a token it is signed in and knows its CSRF token."""
    caller = Caller(served.address)
    try:
        if token is not None:
            said = caller.call("POST", "/session", 201, json={"token": token}, headers=headers)
            caller.http.headers["X-CSRF-Token"] = said["csrf_token"]
        yield caller
    finally:
        caller.close()


def cookie_of(answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return name and attributes of the one cookie that an answer sets."""
    (name, morsel), *more = SimpleCookie(answer.headers["set-cookie"]).items()
    assert not more
    return name, {key: str(value) for key, value in morsel.items() if value}


def test_a_browser_signs_in_reads_changes_and_signs_out(served: Served) -> None:
    with browser(served, USER) as tab:
        assert tab.call("GET", "/session") == {
            "name": "user",
            "role": "user",
            "needs_tokens": True,
            "csrf_token": tab.http.headers["X-CSRF-Token"],
        }
        tab.create("from-a-browser")
        with tab.http.stream("GET", "/events") as events:
            assert events.status_code == 200
            assert "event: hello" in next(events.iter_text())
        kept = dict(tab.http.cookies)
        assert "Max-Age=0" in tab.http.delete("/session").headers["set-cookie"]
        assert tab.refused("GET", "/studies", 401)["code"] == "token_missing"
        tab.http.cookies.update(kept)  # whoever kept the cookie: it is worth nothing
        assert tab.refused("GET", "/studies", 401)["code"] == "session_over"


def test_the_cookie_is_for_this_server_alone_and_no_script(served: Served) -> None:
    port = served.address.rpartition(":")[2]
    with browser(served) as tab:
        plain = tab.http.post("/session", json={"token": ADMIN})
        assert plain.headers["cache-control"] == "no-store"
        name, attributes = cookie_of(plain)
        assert name == f"tunewell_session_{port}"
        expected = {"path": "/", "httponly": "True", "samesite": "strict", "max-age": str(30 * 86400)}
        assert attributes == expected
        # Behind a proxy that ends TLS, the page's own origin says so.
        tls = tab.http.post("/session", json={"token": ADMIN}, headers={"Origin": f"https://127.0.0.1:{port}"})
        name, attributes = cookie_of(tls)
        assert (name, attributes) == (f"__Host-tunewell_session_{port}", {**expected, "secure": "True"})
        secret = tls.cookies[name]
    with served.control.ledger.read() as session:
        rows = session.execute(select(*BrowserSessionRow.__table__.c)).all()
    assert hash_token(secret) in {row.sha256 for row in rows}
    assert not [row for row in rows if any(text in str(row) for text in (secret, ADMIN))]


CHANGES = [
    ("POST", "/studies"),
    ("PATCH", "/studies/x"),
    ("DELETE", "/studies/x"),
    ("PUT", "/attempts/999999/artifacts/a?sha256=0"),
    ("DELETE", "/session"),
]


def test_a_change_needs_more_than_the_cookie(served: Served) -> None:
    with browser(served, USER) as tab, browser(served, USER) as other:
        right = tab.http.headers.pop("X-CSRF-Token")
        wrong = [None, "", "guessed", "é", other.http.headers["X-CSRF-Token"]]  # that of another browser is as wrong
        for method, path in CHANGES:
            for header in wrong:
                headers = {} if header is None else {b"X-CSRF-Token": header.encode()}
                answer = tab.http.request(method, path, headers=headers, json=a_study("never"))
                assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf_token_wrong")
        assert tab.call("GET", "/studies?search=never")["items"] == []
        for method, path in CHANGES:
            answer = tab.http.request(method, path, headers={"X-CSRF-Token": right}, json=a_study("a", notes="b"))
            assert answer.status_code not in (401, 403)


def test_a_bearer_token_comes_before_the_cookie_and_needs_no_second_secret(served: Served) -> None:
    with browser(served, USER) as tab:
        del tab.http.headers["X-CSRF-Token"]
        tab.http.headers["Authorization"] = f"Bearer {ADMIN}"
        assert tab.call("POST", "/tokens", 201, json={"name": "x", "role": "user"})["role"] == "user"
        tab.http.headers["Authorization"] = "Bearer guessed"
        assert tab.refused("GET", "/studies", 401)["code"] == "token_unknown"


def test_what_signs_nobody_in(served: Served) -> None:
    with browser(served) as tab:
        for token in ("guessed", "the-admi", "the-admin ", " "):
            answer = tab.http.post("/session", json={"token": token})
            if token.strip() == ADMIN:
                assert answer.status_code == 201
                tab.http.cookies.clear()
                continue
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "token_unknown")
            assert "set-cookie" not in answer.headers
        assert tab.refused("POST", "/session", 403, json={"token": WORKER})["code"] == "role_forbidden"
        assert tab.refused("POST", "/session", 422, json={})["code"] == "missing_field"
        foreign = tab.http.post("/session", json={"token": ADMIN}, headers={"Origin": "http://evil.example"})
        assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "origin_foreign")


def test_a_session_ends_with_its_token(served: Served) -> None:
    database = served.control.database
    with database.write() as session:
        token_id = insert_token(session, name="ana", role="user", token="tw_ana", expires_in_s=None)
    with browser(served, "tw_ana") as tab:
        assert tab.call("GET", "/session")["name"] == "ana"
        with database.write() as session:
            assert revoke_token(session, token_id)
        assert tab.refused("GET", "/studies", 401)["code"] == "session_over"
        tab.call("POST", "/session", 201, json={"token": USER})  # and the same browser may come again
        assert tab.call("GET", "/session")["name"] == "user"


def test_use_renews_a_session_up_to_its_end(served: Served) -> None:
    database = served.control.database

    def set_times(**shifts: float) -> None:
        with database.write() as session:
            session.execute(update(BrowserSessionRow).values({name: utc_now(s) for name, s in shifts.items()}))

    def left_s() -> float:
        with database.read() as session:
            row = session.execute(
                select(BrowserSessionRow.expires_at, utc_now()).order_by(BrowserSessionRow.id.desc())
            ).first()
        assert row is not None
        return float((row[0] - row[1]).total_seconds())

    with browser(served, USER) as tab:
        set_times(seen_at=-30.0, expires_at=570.0)
        tab.call("GET", "/session")
        assert left_s() <= 570.0  # a tenth of the time has not passed: nothing is written
        set_times(seen_at=-300.0, expires_at=300.0)
        tab.call("GET", "/session")
        assert 500.0 < left_s() <= 600.0
        set_times(seen_at=-300.0, expires_at=300.0, ends_at=350.0)
        tab.call("GET", "/session")
        assert 250.0 < left_s() <= 350.0
        set_times(expires_at=-1.0)
        assert tab.refused("GET", "/session", 401)["code"] == "session_over"


def test_sessions_are_listed_and_ended_from_elsewhere(served: Served) -> None:
    with browser(served, USER, **{"User-Agent": "Firefox <b>"}) as tab, browser(served, ADMIN) as admin:
        own = tab.call("GET", "/sessions")["items"]
        assert {one["name"] for one in own} == {"user"}
        assert [one["is_current"] for one in own] == [True] + [False] * (len(own) - 1)
        assert (own[0]["agent"], own[0]["address"]) == ("Firefox <b>", "127.0.0.1")
        everybodys = admin.call("GET", "/sessions")["items"]
        of_admin = next(one["session_id"] for one in everybodys if one["is_current"])
        assert tab.refused("POST", f"/sessions/{of_admin}:revoke", 404)["code"] == "session_not_found"
        admin.call("POST", f"/sessions/{own[0]['session_id']}:revoke", 204)
        assert tab.refused("GET", "/studies", 401)["code"] == "session_over"
        assert admin.refused("POST", f"/sessions/{own[0]['session_id']}:revoke", 404)["code"] == "session_not_found"


def test_a_token_has_so_many_sessions_and_no_more(served: Served) -> None:
    with browser(served, USER) as first, browser(served) as tab:
        for _ in range(MAX_OF_A_TOKEN):
            tab.call("POST", "/session", 201, json={"token": USER})
        assert first.refused("GET", "/studies", 401)["code"] == "session_over"
        assert len(tab.call("GET", "/sessions")["items"]) == MAX_OF_A_TOKEN


def test_where_no_token_is_needed_a_cookie_that_is_over_is_no_obstacle(live_api: Served) -> None:
    with browser(live_api) as tab:
        name = f"tunewell_session_{live_api.address.rpartition(':')[2]}"
        tab.http.cookies.set(name, "of-another-time")
        assert tab.call("GET", "/session") == {
            "name": "anonymous",
            "role": "admin",
            "needs_tokens": False,
            "csrf_token": None,
        }
        tab.create("without-credentials")

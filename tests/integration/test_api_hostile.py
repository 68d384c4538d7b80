"""What hostile names, contents and requests meet."""

from __future__ import annotations

import csv
import io
import logging
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import optuna
import pytest
from optuna.distributions import FloatDistribution
from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError, OperationalError

from api.compat.optuna.storage import TunewellStorage
from db.tokens import hash_token, insert_token
from tests.servers.api import Caller, Served, serving, settings_for

HARMFUL_NAMES = (
    'a"; x="\r\nX-Evil: 1\r\n\r\n<script>',
    "größe 数",
    "../../etc/passwd",
    "..\\..\\win.ini",
    'a\\"b',
    "\u202evsc",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(settings_for(tmp_path_factory.mktemp("hostile"))) as served:
        yield served


@pytest.fixture
def caller(served: Served) -> Iterator[Caller]:
    caller = Caller(served.address)
    yield caller
    caller.close()


@pytest.mark.parametrize("file_format", ["csv", "json"])
def test_a_study_of_any_name_is_exported_under_a_harmless_one(served: Served, caller: Caller, file_format: str) -> None:
    storage = TunewellStorage(served.control.settings.effective_database_url)
    for number, name in enumerate(HARMFUL_NAMES):  # the API refuses such names; scripts of Optuna's may give any
        study = optuna.create_study(storage=storage, study_name=f"{name} {file_format}{number}")
        answer = caller.http.get(f"/studies/{study._study_id}/export", params={"format": file_format})
        assert answer.status_code == 200
        assert "x-evil" not in answer.headers
        header = answer.headers["content-disposition"]
        assert header.startswith("attachment; filename=")
        assert not set("\r\n/\\") & set(header)
        assert header.count('"') == 2


def test_no_cell_of_an_export_is_a_formula(served: Served, caller: Caller) -> None:
    storage = TunewellStorage(served.control.settings.effective_database_url)
    study = optuna.create_study(storage=storage, study_name="formulas")
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", '=cmd|" /C calc"!A1']
    for text in formulas:
        study.enqueue_trial({"choice": text})
        trial = study.ask({"=HYPERLINK(1)": FloatDistribution(0.0, 1.0)})
        trial.suggest_categorical("choice", formulas)
        study.tell(trial, 1.0)
    rows = list(csv.reader(io.StringIO(caller.http.get("/studies/formulas/export").text)))
    assert len(rows) == 1 + len(formulas)
    cells = [cell for row in rows for cell in row if cell]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))]
    assert {f"'{text}" for text in formulas} <= set(cells)
    assert "param.=HYPERLINK(1)" in rows[0]


SECRETS = {"admin": "the-admin-of-this-test", "user": "the-user-of-this-test"}


def test_no_secret_reaches_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tokens: dict[str, Any] = {f"{role}_token": SecretStr(token) for role, token in SECRETS.items()}
    for name in ("httpx", "httpcore"):  # the client of this test may tell what it likes
        caplog.set_level(logging.WARNING, name)
    with caplog.at_level(logging.DEBUG), serving(settings_for(tmp_path, require_tokens="yes", **tokens)) as served:
        admin, user = (closing(Caller(served.address, token)) for token in SECRETS.values())
        with admin as administrator, user as person:
            made = administrator.call("POST", "/tokens", 201, json={"name": "box", "role": "worker"})["token"]
            for wrong in (made + "x", "a-password-typed-by-mistake"):
                person.refused("GET", "/studies", 401, headers={"Authorization": f"Bearer {wrong}"})
                person.refused("POST", "/session", 401, json={"token": wrong})
            person.refused("POST", "/session", 422, json={"token": ["a-token-in-a-list"]})
            person.call("POST", "/session", 201, json={"token": SECRETS["user"]})
            cookie = next(iter(person.http.cookies.values()))
            # An error of the database's, which names the statement and could name what was to be stored.
            error = OperationalError("INSERT", {"sha256": "the-hash"}, Exception("away"), hide_parameters=True)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("api.services.tokens.list_tokens", Mock(side_effect=error))
                assert administrator.refused("GET", "/tokens", 503)["code"] == "database_unavailable"
    assert "database error" in caplog.text
    for secret in (*SECRETS.values(), made, cookie, "typed-by-mistake", "token-in-a-list", "the-hash"):
        assert secret not in caplog.text


def test_the_database_tells_no_values_in_its_errors(served: Served) -> None:
    database = served.control.database
    with database.write() as session:
        insert_token(session, name="n", role="user", token="taken-twice", expires_in_s=None)
    with database.write() as session, pytest.raises(IntegrityError) as caught:
        insert_token(session, name="n", role="user", token="taken-twice", expires_in_s=None)
    assert "UNIQUE" in str(caught.value)
    assert hash_token("taken-twice") not in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../../../etc/passwd",
        "/..%2f..%2f..%2f..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..%252f..%252fetc/passwd",
        "/..\\..\\etc\\passwd",
        "/assets/..;/..;/etc/passwd",
        "//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/file:///etc/passwd",
        "/assets/../../../tunewell.db",
        "/tunewell.db",
    ],
)
def test_no_path_leads_out_of_the_dashboards_folder(served: Served, path: str) -> None:
    answer, port = bytearray(), int(served.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:  # a client library would tidy the path up
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        while got := connection.recv(1 << 16):
            answer += got
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 4"))
    assert b"root:" not in body
    assert not body.startswith(b"SQLite")


def test_what_a_trial_writes_is_text_wherever_it_is_read(caller: Caller) -> None:
    caller.create("scripts")
    (job,) = caller.claim(caller.join("scripts"), "scripts")
    line = "<script>alert(1)</script>\x1b]0;title\x07"
    caller.report(job, 1, logs=[{"stream": "stdout", "at": "2026-01-01T00:00:00Z", "text": line}])
    page = caller.http.get(f"/trials/{job['trial_id']}/logs")
    assert page.json()["items"][0]["text"] == line
    whole = caller.http.get(f"/trials/{job['trial_id']}/log")
    assert line in whole.text
    for answer, kind in ((page, "application/json"), (whole, "text/plain")):
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "script-src" not in answer.headers["content-security-policy"]
    assert whole.headers["content-disposition"].startswith("attachment")

"""`tunewell doctor` on real machines that are broken in one way each; each has its twin that is not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tunewell._transport import Transport
from tunewell.cli import main
from tunewell.doctor import server as looking
from tunewell.doctor.parts import find_repository, read_findings
from tunewell.doctor.server import Server, check_server
from tunewell.protocol import Protocol, Registration

from tests.servers.api import Caller, Served, serving, settings_for
from tests.servers.ports import free_port
from tests.servers.processes import ROOT, ProcessFamily
from tests.servers.valkey import ValkeyServer
from worker.doctor.broker import check_broker
from worker.doctor.joining import check_joining

TOKENS = {"admin_token": "admin-secret", "user_token": "user-secret", "worker_token": "worker-secret"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, valkey_server: ValkeyServer) -> Iterator[Served]:
    """Serve an API that wants tokens, with a real broker."""
    secrets: dict[str, Any] = {name: SecretStr(token) for name, token in TOKENS.items()}
    broker = SecretStr(valkey_server.url)
    home = tmp_path_factory.mktemp("guarded")
    with serving(settings_for(home, require_tokens="yes", broker_url=broker, **secrets)) as served:
        yield served


class _Between(BaseHTTPRequestHandler):
    """A proxy that holds live events back, or a server with another clock; its server says which."""

    server: Any

    def do_GET(self) -> None:
        if self.path == "/api/v1/events" and self.server.is_buffering:
            self.server.is_ended.wait(60)
            return
        headers = {"Authorization": self.headers.get("Authorization", "")}
        if self.path == "/api/v1/events":
            with httpx.stream("GET", self.server.target + self.path, headers=headers, trust_env=False) as answer:
                self._answer(answer.status_code, next(answer.iter_raw()))
            return
        answer = httpx.get(self.server.target + self.path, headers=headers, trust_env=False)
        self._answer(answer.status_code, answer.content)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Date", format_datetime(datetime.now(UTC) + self.server.ahead, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def between(target: str, *, ahead: timedelta = timedelta(), is_buffering: bool = False) -> Iterator[str]:
    """Stand between callers and a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Between) as proxy:
        proxy.__dict__.update(
            target=target, ahead=ahead, is_buffering=is_buffering, is_ended=threading.Event(), daemon_threads=True
        )
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
        proxy.__dict__["is_ended"].set()
        proxy.shutdown()
        thread.join()


def look(address: str, token: str | None = None) -> dict[str, str]:
    """Return the result of each check of a server."""
    with Transport(address, token) as transport:
        return {one.name: one.result.value for one in check_server(Server(transport))}


def test_a_sound_server_has_nothing_to_mend(guarded: Served) -> None:
    found = look(guarded.address, "user-secret")
    assert set(found) == {
        *("name", "proxy", "tls", "server", "server's parts", "clock", "database clock"),
        *("version", "token", "live events"),
    }
    assert found.pop("server") in ("ok", "warning")  # which is for a slow one
    assert set(found.values()) == {"ok"}
    assert look(guarded.address, "worker-secret")["live events"] == "skipped"


def test_a_wrong_token_a_missing_one_and_one_that_ends_soon_are_told(guarded: Served) -> None:
    assert look(guarded.address, "guessed")["token"] == "problem"
    assert look(guarded.address)["token"] == "problem"
    admin = Caller(guarded.address, "admin-secret")
    made = [
        admin.call("POST", "/tokens", 201, json={"name": "x", "role": "user", "expires_in_s": days * 86400})["token"]
        for days in (1, 30)
    ]
    admin.close()
    assert [look(guarded.address, token)["token"] for token in made] == ["warning", "ok"]


def test_where_nothing_listens_the_rest_is_not_asked() -> None:
    found = look(f"http://127.0.0.1:{free_port()}")
    assert found == {"name": "ok", "proxy": "ok", "tls": "ok", "server": "problem"}


def test_a_clock_is_held_against_the_date_of_answers(guarded: Served) -> None:
    with between(guarded.address, ahead=timedelta(minutes=5)) as address:
        assert look(address, "guessed")["clock"] == "warning"  # who may ask for it gets the server's own time instead
        assert look(address, "user-secret")["clock"] == "ok"
    with between(guarded.address) as address:
        assert look(address, "guessed")["clock"] == "ok"


def test_a_proxy_that_holds_live_events_back_is_found(guarded: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with between(guarded.address) as address:
        assert look(address, "user-secret")["live events"] == "ok"
    monkeypatch.setattr(looking, "FIRST_EVENT_WITHIN_S", 0.5)
    with between(guarded.address, is_buffering=True) as address:
        assert look(address, "user-secret")["live events"] == "problem"


def test_a_stopped_broker_and_a_wrong_password_are_told_and_the_right_ones_are_not(broker: ValkeyServer) -> None:
    sound = check_broker(broker.url, "127.0.0.1")
    assert sound.result == "ok"
    assert "Valkey" in sound.seen or "Redis" in sound.seen
    assert broker.password not in sound.seen
    wrong = check_broker(broker.url.replace(broker.password, "guessed"), "127.0.0.1")
    assert (wrong.result, "refuses the password" in wrong.seen) == ("problem", True)
    away = check_broker(f"redis://:{broker.password}@127.0.0.1:{free_port()}/0", "127.0.0.1")
    assert (away.result, "does not answer" in away.seen) == ("problem", True)
    assert broker.password not in away.seen
    elsewhere = check_broker(broker.url, "trainer.example")
    assert "TUNEWELL_WORKER_BROKER_URL" in elsewhere.remedy
    assert check_broker("memory://", "127.0.0.1").result == "problem"


def test_a_broker_that_drops_messages_is_told(broker: ValkeyServer) -> None:
    with broker.client() as client:
        client.config_set("maxmemory", "64mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        dropping = check_broker(broker.url, "127.0.0.1")
        client.config_set("maxmemory-policy", "noeviction")
        keeping = check_broker(broker.url, "127.0.0.1")
        client.config_set("maxmemory", "0")
    assert (dropping.result, keeping.result) == ("warning", "ok")
    assert "allkeys-lru" in dropping.seen


def test_the_command_asks_the_workers_program_too_and_tells_by_its_exit_code(
    guarded: Served, broker: ValkeyServer, tmp_path: Path, processes: ProcessFamily
) -> None:
    env = {"TUNEWELL_TOKEN": "worker-secret", "TUNEWELL_SERVER": guarded.address, "XDG_DATA_HOME": str(tmp_path)}
    command = ["doctor", "--json", "--home", str(tmp_path / "home"), "--repository", str(ROOT)]
    process = processes.start_module("tunewell", *command, env=env)
    code = process.wait(200)
    found: dict[str, Json] = {one["name"]: one for one in json.loads(process.log_text())}
    assert {found[name]["result"] for name in ("token", "joining", "broker", "torch", "leftovers")} == {"ok"}
    assert {"python", "cores", "space of home", "packages", "slots", "data sets"} <= {
        name.partition(",")[0] for name in found
    }
    assert code == any(one["result"] == "problem" for one in found.values())


def test_a_token_that_lets_no_worker_join_is_told_and_nobody_joins_by_asking(guarded: Served) -> None:
    mine = Registration("w", "h", 1, "", ("cpu",), 1)
    results = {}
    for token in ("user-secret", "worker-secret"):
        with Transport(guarded.address, token) as transport:
            results[token], *_ = check_joining(Protocol(transport), mine, guarded.address)
    assert (results["worker-secret"].result, results["user-secret"].result) == ("ok", "problem")
    assert "--role worker" in results["user-secret"].remedy
    caller = Caller(guarded.address, "user-secret")
    assert caller.call("GET", "/workers")["items"] == []
    caller.close()


def test_what_is_no_clone_is_no_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert find_repository(None, str(ROOT / ".venv")) == ROOT
    assert find_repository(None, str(tmp_path / ".venv")) is None
    with pytest.raises(SystemExit) as caught:
        main(["doctor", "--repository", str(tmp_path)])
    assert caught.value.code == 2
    assert "no clone" in capsys.readouterr().err


def test_a_part_that_prints_no_findings_is_a_problem_by_its_last_words() -> None:
    printed = b'[{"name": "torch", "result": "ok", "seen": "2.13", "remedy": ""}]'
    assert read_findings("python -m worker", printed, "")[0].result == "ok"
    for wrong in (b"", b"{}", b'[{"name": "x"}]', b'[{"name": "x", "result": "fine", "seen": "", "remedy": ""}]'):
        (found,) = read_findings("python -m worker", wrong, "Traceback\nModuleNotFoundError: no torch\n")
        assert (found.result, found.seen) == ("problem", "ModuleNotFoundError: no torch")

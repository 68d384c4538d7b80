"""`tunewell login`, `whoami` and `logout` against servers that want tokens, and who uses the login."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tunewell
from pydantic import SecretStr
from tunewell.cli import main
from tunewell.login import find_login, token_for_host

from db.tokens import insert_token
from tests.servers.api import Served, serving, settings_for

SECRET, WORKER = "user-secret-of-this-test", "worker-secret-of-this-test"


class Result(NamedTuple):
    """What one call left behind."""

    code: int
    out: str
    err: str


Tunewell = Callable[..., Result]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """Run two servers with the same tokens."""
    secrets: dict[str, Any] = {"user_token": SecretStr(SECRET), "worker_token": SecretStr(WORKER)}
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(
                serving(settings_for(tmp_path_factory.mktemp(name), require_tokens="yes", **secrets)),
            )
            for name in ("first", "second")
        )
        yield first, second


@pytest.fixture
def address(servers: tuple[Served, Served]) -> str:
    return servers[0].address


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the login in a place of the test's own, and name neither server nor token."""
    for name in ("TUNEWELL_SERVER", "TUNEWELL_TOKEN", "TUNEWELL_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TUNEWELL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TUNEWELL_CAPTURE", "none")
    found = tmp_path / "configuration" / "login.json"
    monkeypatch.setenv("TUNEWELL_LOGIN", str(found))
    return found


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tunewell:
    def call(*args: str, stdin: str = "") -> Result:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main(args)
        result = Result(int(ended.value.code or 0), *capsys.readouterr())
        assert SECRET not in result.out + result.err
        return result

    return call


def test_who_logged_in_has_to_name_nothing_any_more(call: Tunewell, path: Path, address: str) -> None:
    assert call("--server", address, "study", "list").code == 4
    done = call("login", "--server", f"{address}/", stdin=f"{SECRET}\n")
    assert (done.code, f"Logged in to {address} as" in done.out, done.err) == (0, True, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    shown = json.loads(call("whoami", "--json").out)
    assert (shown["server"], shown["role"], shown["expires_at"]) == (address, "user", None)
    assert "never" in call("whoami").out
    with tunewell.init("notes") as run:
        run.log({"val_loss": 1.0})
    with tunewell.Client() as client:
        assert [study.name for study in client.list_studies()] == ["notes"]
    assert "notes" in call("study", "list").out
    assert call("logout").out == f"Logged out: {path} is gone\n"
    assert call("logout").code == 0
    assert call("--server", address, "study", "list").code == 4


def test_the_end_of_a_token_is_shown(call: Tunewell, servers: tuple[Served, Served]) -> None:
    with servers[0].control.database.write() as session:
        insert_token(session, name="ana", role="user", token="tw_for-an-hour", expires_in_s=3600.0)
    done = call("login", "--server", servers[0].address, "--token", "tw_for-an-hour")
    assert "as ana (user, until 20" in done.out
    assert json.loads(call("whoami", "--json").out)["expires_at"]


def test_what_the_server_refuses_is_not_stored(call: Tunewell, path: Path, address: str) -> None:
    assert call("login", "--server", address, "--token", "wrong").code == 4
    assert call("login", "--server", address).code == 4
    assert call("login", "--server", "http://127.0.0.1:1", "--token", SECRET).code == 3
    assert call("login", "--server", "nowhere", "--token", SECRET).code == 2
    assert not path.exists()
    assert call("login", "--server", address, "--token", SECRET).code == 0


def test_the_token_goes_to_its_own_server_alone(call: Tunewell, servers: tuple[Served, Served]) -> None:
    first, second = (one.address for one in servers)
    call("login", "--server", first, stdin=SECRET)
    with tunewell.Client(second) as client, pytest.raises(tunewell.Unauthorized) as refused:
        client.about()
    assert refused.value.code == "token_missing"
    with tunewell.Client(f"{first}/") as client:
        assert client.about().caller.role == "user"


def test_arguments_win_over_the_environment_and_that_over_the_login(
    call: Tunewell, servers: tuple[Served, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (one.address for one in servers)
    call("login", "--server", first, stdin=SECRET)
    monkeypatch.setenv("TUNEWELL_SERVER", second)
    monkeypatch.setenv("TUNEWELL_TOKEN", WORKER)
    assert "wins over this login" in call("login", "--server", first, "--token", SECRET).err

    def seen(*args: str | None) -> tuple[str, str]:
        with tunewell.Client(*args) as client:
            return client.server, client.about().caller.role

    assert seen() == (second, "worker")
    assert seen(first, SECRET) == (first, "user")
    assert seen(None, SECRET) == (second, "user")
    monkeypatch.delenv("TUNEWELL_SERVER")
    assert seen() == (first, "worker")
    monkeypatch.delenv("TUNEWELL_TOKEN")
    assert seen() == (first, "user")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_can_read_is_refused(call: Tunewell, path: Path, address: str, mode: int) -> None:
    call("login", "--server", address, stdin=SECRET)
    path.chmod(mode)
    refused = call("study", "list")
    assert (refused.code, f"chmod 600 {path}" in refused.err) == (2, True)
    with pytest.raises(tunewell.Invalid) as error:
        tunewell.init("notes")
    assert error.value.code == "login_exposed"
    with tunewell.Client(address, SECRET) as client:  # who names both needs no login
        assert client.about().caller.role == "user"
    path.chmod(0o600)
    assert call("whoami").code == 0


def test_a_file_that_holds_no_login_is_refused_and_can_be_replaced(call: Tunewell, path: Path, address: str) -> None:
    path.parent.mkdir()
    path.write_text("[1")
    path.chmod(0o600)
    with pytest.raises(tunewell.Invalid) as error:
        find_login()
    assert error.value.code == "bad_login"
    assert call("login", "--server", address, stdin=SECRET).code == 0
    assert call("whoami").code == 0


def test_runs_are_synced_to_the_server_of_the_login(call: Tunewell, servers: tuple[Served, Served]) -> None:
    first, second = (one.address for one in servers)
    call("login", "--server", first, stdin=SECRET)
    with tunewell.init("later", mode="offline") as run:
        run.log({"val_loss": 1.0})
    with tunewell.init("elsewhere", mode="offline", server=second) as run:
        run.log({"val_loss": 1.0})
    synced = {one["study"]: one["result"] for one in json.loads(call("sync", "--json").out)}
    assert synced == {"later": "sent", "elsewhere": "refused"}


def test_a_server_that_wants_no_token_is_asked_without_one(call: Tunewell, path: Path, live_api: Served) -> None:
    assert call("login", "--server", live_api.address).code == 0
    assert json.loads(path.read_text()) == {"server": live_api.address, "token": None}
    assert json.loads(call("whoami", "--json").out)["name"] == "anonymous"


def test_an_endpoint_on_the_same_host_gets_the_token_and_another_host_does_not(call: Tunewell, address: str) -> None:
    call("login", "--server", address, stdin=SECRET)
    assert token_for_host("127.0.0.1") == SECRET
    assert token_for_host("tune.example.org") is None

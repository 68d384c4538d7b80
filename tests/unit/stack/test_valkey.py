"""The embedded broker: private, on loopback, the same address every time."""

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from stack.errors import StackError
from stack.settings import EVERYWHERE
from stack.supervisor import Supervisor
from stack.valkey import EmbeddedBroker, prepare_broker
from tests.servers.valkey import NO_RETRY
from tests.servers.waiting import wait_until


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    made = Supervisor(lambda line: None)
    yield made
    made.stop()


def run(supervisor: Supervisor, broker: EmbeddedBroker, home: Path) -> int:
    child = supervisor.start(broker.program(dict(os.environ), home / "broker.log"))
    wait_until(broker.answers, what="the broker answers")
    return child.popen.pid


def test_starts_with_a_password_that_nobody_else_can_read(tmp_path: Path, supervisor: Supervisor) -> None:
    broker = prepare_broker(tmp_path)
    assert not broker.answers()
    pid = run(supervisor, broker, tmp_path)
    assert broker.password not in " ".join(psutil.Process(pid).cmdline())
    assert {stat.S_IMODE(path.stat().st_mode) for path in broker.folder.iterdir()} == {0o600}
    assert stat.S_IMODE(broker.folder.stat().st_mode) == 0o700
    with redis.Redis(port=broker.port, retry=NO_RETRY) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    assert broker.password not in repr(broker)


def test_listens_on_loopback_alone(tmp_path: Path, supervisor: Supervisor) -> None:
    pid = run(supervisor, prepare_broker(tmp_path), tmp_path)
    listening = {c.laddr.ip for c in psutil.Process(pid).net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_listens_where_it_is_told_and_is_named_as_others_call_it(tmp_path: Path) -> None:
    broker = prepare_broker(tmp_path, "192.0.2.1")
    assert "bind 192.0.2.1\n" in (broker.folder / "valkey.conf").read_text()
    assert f"@192.0.2.1:{broker.port}/" in broker.url
    assert broker.url_for("trainer") == broker.url.replace("192.0.2.1", "trainer")
    everywhere = prepare_broker(tmp_path, EVERYWHERE)
    assert f"bind {EVERYWHERE}\n" in (broker.folder / "valkey.conf").read_text()
    assert "@127.0.0.1:" in everywhere.url
    prepare_broker(tmp_path)
    assert "bind 127.0.0.1\n" in (broker.folder / "valkey.conf").read_text(), "a later start lets others in"


def test_address_stays_the_same_unless_the_port_is_taken(tmp_path: Path) -> None:
    first = prepare_broker(tmp_path)
    assert prepare_broker(tmp_path).url == first.url
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.port))
        other.listen()
        moved = prepare_broker(tmp_path)
    assert moved.port != first.port
    assert moved.password == first.password
    assert prepare_broker(tmp_path).url == moved.url


def test_server_left_behind_is_replaced(tmp_path: Path, supervisor: Supervisor) -> None:
    broker = prepare_broker(tmp_path)
    log = tmp_path / "left.log"
    with log.open("wb") as output:
        left = subprocess.Popen(broker.program({}, log).command, stdout=output)
    try:
        wait_until(broker.answers, what="the broker left behind answers")
        replaced = prepare_broker(tmp_path)
        assert left.wait(10) == 0
        assert replaced.url == broker.url
        run(supervisor, replaced, tmp_path)
    finally:
        left.kill()
        left.wait()


def test_home_with_spaces(tmp_path: Path, supervisor: Supervisor) -> None:
    home = tmp_path / "my state"
    home.mkdir()
    run(supervisor, prepare_broker(home), home)


def test_missing_wheel_names_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StackError, match="TUNEWELL_BROKER_URL") as refusal:
        prepare_broker(tmp_path)
    assert refusal.value.code == "no_broker"

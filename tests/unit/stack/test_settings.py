"""What the stack reads from the environment."""

from pathlib import Path

import pytest

from stack.errors import StackError
from stack.settings import EVERYWHERE, child_environment, default_queues, n_cores, read_settings


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings({})
    assert (settings.home, settings.port, settings.broker_url) == (tmp_path / ".tunewell", 8000, "")
    assert settings.n_slots == n_cores() >= 1


def test_environment_and_options(tmp_path: Path) -> None:
    env = {"TUNEWELL_HOME": str(tmp_path), "TUNEWELL_PORT": "9000", "TUNEWELL_BROKER_URL": "redis://elsewhere"}
    settings = read_settings(env, n_slots=3, queues="cpu,night")
    assert (settings.home, settings.port, settings.broker_url) == (tmp_path, 9000, "redis://elsewhere")
    assert (settings.n_slots, settings.queues) == (3, "cpu,night")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "\uff18\uff10", "80.5"])
def test_refuses_what_is_no_port(port: str) -> None:
    with pytest.raises(StackError, match="from 1 to 65535") as refusal:
        read_settings({"TUNEWELL_PORT": port})
    assert refusal.value.code == "bad_setting"
    assert repr(port) in refusal.value.message
    assert read_settings({"TUNEWELL_PORT": "65535"}).port == 65535


def test_refuses_to_serve_other_machines() -> None:
    with pytest.raises(StackError, match=r"192\.0\.2\.1") as refusal:
        read_settings({"TUNEWELL_HOST": "192.0.2.1"})
    assert refusal.value.code == "bad_setting"
    assert read_settings({"TUNEWELL_HOST": "localhost"}).listen == "127.0.0.1"


def test_listens_for_other_machines_only_where_it_was_told_its_name() -> None:
    alone, shared = read_settings({}), read_settings({}, name="trainer")
    assert (alone.name, alone.listen, alone.local) == ("", "127.0.0.1", "127.0.0.1")
    assert (shared.name, shared.listen, shared.local) == ("trainer", EVERYWHERE, "127.0.0.1")
    one = read_settings({"TUNEWELL_HOST": "192.0.2.1"}, name="trainer")
    assert (one.listen, one.local) == ("192.0.2.1", "192.0.2.1")
    behind_a_proxy = read_settings({"TUNEWELL_HOST": "localhost"}, name="trainer")
    assert (behind_a_proxy.listen, behind_a_proxy.local) == ("127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize("name", ["", "http://trainer", "trainer:8000", EVERYWHERE, "-x", "a b", "a\n", "[fe80::1]"])
def test_refuses_what_is_no_name(name: str) -> None:
    with pytest.raises(StackError, match="by which other machines reach this one") as refusal:
        read_settings({}, name=name)
    assert refusal.value.code == "bad_setting"
    assert repr(name) in refusal.value.message
    assert read_settings({}, name="192.168.1.7").name == "192.168.1.7"


@pytest.mark.parametrize("host", ["::", "trainer", "192.0.2"])
def test_refuses_to_listen_on_what_is_no_ipv4_address(host: str) -> None:
    with pytest.raises(StackError, match="IPv4") as refusal:
        read_settings({"TUNEWELL_HOST": host}, name="trainer")
    assert refusal.value.code == "bad_setting"
    assert read_settings({"TUNEWELL_HOST": "192.0.2.1"}, name="trainer").listen == "192.0.2.1"


def test_children_see_the_users_database_and_the_stacks_addresses(tmp_path: Path) -> None:
    env = {"TUNEWELL_DATABASE_URL": "postgresql://db", "TUNEWELL_HOME": "relative", "TUNEWELL_PORT": "8000"}
    settings = read_settings({**env, "TUNEWELL_HOME": str(tmp_path)})
    child = child_environment(env, settings, 8001, "redis://broker")
    assert child["TUNEWELL_DATABASE_URL"] == "postgresql://db"
    assert child["TUNEWELL_HOME"] == str(tmp_path)
    assert (child["TUNEWELL_PORT"], child["TUNEWELL_BROKER_URL"]) == ("8001", "redis://broker")


def test_gpu_queue_where_a_device_is(tmp_path: Path) -> None:
    (tmp_path / "nvidiactl").touch()
    assert default_queues(tmp_path) == "cpu"
    (tmp_path / "nvidia0").touch()
    assert default_queues(tmp_path) == "cpu,gpu"

"""One stack for each home, and a port that is free."""

import fcntl
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.home import RunningStack, find_running, hold_home
from stack.ports import any_free_port, is_free, next_free_port


def test_taken_port_is_passed_over() -> None:
    first = any_free_port()
    assert next_free_port(first) == first
    with socket.socket() as other:
        other.bind(("127.0.0.1", first))
        other.listen()
        assert not is_free(first)
        assert next_free_port(first) > first


def test_no_port_left_is_an_error() -> None:
    with socket.socket() as other:
        try:
            other.bind(("127.0.0.1", 65535))
        except OSError:
            assert not is_free(65535)  # somebody else has the last port, which serves as well
        else:
            other.listen()
        with pytest.raises(StackError, match="65535") as refusal:
            next_free_port(65535)
    assert refusal.value.code == "no_port"


def test_second_holder_is_told_of_the_first(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert find_running(home) is None
    with hold_home(home) as holder:
        assert find_running(home) == RunningStack(os.getpid(), None)
        holder.announce("http://127.0.0.1:8001")
        assert find_running(home) == RunningStack(os.getpid(), "http://127.0.0.1:8001")
        with pytest.raises(StackError, match=f"process {os.getpid()}, serving http://127") as refusal, hold_home(home):
            pass
        assert refusal.value.code == "home_in_use"
        holder.announce(None)
        assert find_running(home) == RunningStack(os.getpid(), None)
    assert find_running(home) is None
    with hold_home(home):
        assert find_running(home) is not None


def test_home_is_private_and_must_be_a_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with hold_home(home):
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="TUNEWELL_HOME") as refusal, hold_home(tmp_path / "file"):
        pass
    assert refusal.value.code == "bad_setting"


def test_a_look_at_the_home_does_not_keep_a_stack_from_starting(tmp_path: Path) -> None:
    with hold_home(tmp_path):
        pass
    with (tmp_path / "stack.lock").open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        timer = threading.Timer(0.02, fcntl.flock, (looking, fcntl.LOCK_UN))
        timer.start()
        with hold_home(tmp_path):
            assert find_running(tmp_path) is not None
        timer.join()

"""The hosts and the lines that other tests stand on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.servers import internet as internet_module
from tests.servers.errors import ServerUnavailableError
from tests.servers.internet import Host, Internet, Line, open_internet
from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.waiting import wait_until

ECHO = """
import socket
with socket.create_server(("0.0.0.0", 7)) as server:
    print("up", flush=True)
    while True:
        client, _ = server.accept()
        with client:
            client.sendall(client.recv(1 << 16))
"""
ASK = """
import socket, sys, time
begun = time.monotonic()
try:
    with socket.create_connection((sys.argv[1], 7), timeout=float(sys.argv[2])) as client:
        client.sendall(b"hello" * 2000)
        heard = len(client.recv(1))
    print("heard", heard, time.monotonic() - begun)
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Internet, Host, Host, Host]]:
    """Return two hosts, and one behind a router."""
    with open_internet() as internet:
        first, second = internet.add_host("10.77.1.2"), internet.add_host("10.77.2.2")
        yield internet, first, second, internet.add_host("10.78.0.2", behind="10.77.3.2")


@pytest.fixture(autouse=True)
def echo(world: tuple[Internet, Host, Host, Host], processes: ProcessFamily) -> Iterator[list[ServiceProcess]]:
    """Let the first and the last host answer, over good lines."""
    _, first, second, hidden = world
    for host in (first, second, hidden):
        host.line = Line()
    started = [
        processes.start(host.command(sys.executable, "-c", ECHO), name=f"echo-{host.address}")
        for host in (first, hidden)
    ]
    for one in started:
        wait_until(lambda one=one: "up" in one.log_text(), what="the echo listens")  # type: ignore[misc]
    yield started
    for one in started:
        one.kill()


def ask(host: Host, address: object, timeout_s: float = 10.0) -> str:
    """Return what a program on a host says of another one."""
    command = host.command(sys.executable, "-c", ASK, str(address), str(timeout_s))
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_hosts_hear_each_other_as_late_as_their_lines_are_long(world: tuple[Internet, Host, Host, Host]) -> None:
    _, first, second, _ = world
    assert ask(second, first.address).startswith("heard 1")
    first.line, second.line = Line(delay_s=0.05), Line(delay_s=0.1)
    answer, n, took_s = ask(second, first.address).split()
    assert (answer, n) == ("heard", "1")
    assert float(took_s) >= 2 * 2 * 0.15  # there and back, once to connect and once to ask


def test_what_a_line_loses_is_sent_again(world: tuple[Internet, Host, Host, Host]) -> None:
    _, first, second, _ = world
    second.line = Line(loss=0.2)
    before = second.n_lost
    wait_until(lambda: ask(second, first.address, 30.0).startswith("heard 1") and second.n_lost > before, 60.0)


def test_a_cut_line_carries_nothing(world: tuple[Internet, Host, Host, Host]) -> None:
    _, first, second, _ = world
    second.line = Line(is_cut=True)
    assert ask(second, first.address, 0.5) == "TimeoutError"
    second.line = Line()
    assert ask(second, first.address).startswith("heard 1")


def test_a_host_behind_a_router_speaks_first_or_not_at_all(world: tuple[Internet, Host, Host, Host]) -> None:
    _, first, second, hidden = world
    assert hidden.nat is not None
    assert ask(hidden, first.address).startswith("heard 1")
    before = hidden.nat.n_refused
    assert ask(second, hidden.public, 0.5) == "TimeoutError"
    assert hidden.nat.n_refused > before
    assert ask(hidden, hidden.address).startswith("heard 1")  # it listens all the same


def test_a_machine_that_refuses_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(internet_module, "_UNSHARE", ("sh", "-c", "echo not here >&2; exit 1", "sh"))
    with (
        open_internet() as internet,
        pytest.raises(ServerUnavailableError, match="not here\n\nIt takes user namespaces"),
    ):
        internet.add_host("10.77.9.2")


def test_a_connection_lives_through_a_cut(world: tuple[Internet, Host, Host, Host]) -> None:
    """A cut that ends in time is only a delay: nobody tells either end."""
    _, first, second, _ = world
    second.line = Line(is_cut=True)
    command = second.command(sys.executable, "-c", ASK, str(first.address), "30")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        before, begun_s = second.n_lost, time.monotonic()
        wait_until(lambda: second.n_lost > before + 1, what="packets are dropped, and sent again")
        second.line = Line()
        heard, _ = asking.communicate(timeout=60)
    assert heard.startswith("heard 1")
    assert time.monotonic() - begun_s < 60

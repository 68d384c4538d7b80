"""Hosts of their own on one machine: network namespaces, and in place of the internet a thread that forwards packets.

It delays, loses and drops packets as each host is told to, and translates addresses. So no kernel module for that
is needed, and no rights: user namespaces give each host's owner all of them inside.
"""

from __future__ import annotations

import heapq
import os
import random
import selectors
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count

from tests.servers.errors import ServerUnavailableError
from tests.servers.packets import Nat, destination_of, is_ipv4, source_of
from tests.servers.processes import ROOT
from tests.servers.registry import SERVER_PIDS

_MAX_PACKET_BYTES = 1 << 16
_JOIN_WITHIN_S = 20.0
_TOOLS = ("unshare", "nsenter")
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net")


@dataclass(slots=True)
class Line:
    """A host's line to the world; changed while it is in use.

    Attributes:
        delay_s: How long a packet takes, each way.
        loss: Share of packets that are lost, each way.
        is_cut: Whether none passes.
    """

    delay_s: float = 0.0
    loss: float = 0.0
    is_cut: bool = False


@dataclass(slots=True, eq=False)
class Host:
    """A network namespace with one address.

    Attributes:
        address: Its own.
        line: What its packets go through.
        nat: What stands before it.
        n_lost: Packets that its line lost or dropped.
    """

    address: IPv4Address
    holder: subprocess.Popen[bytes]
    device: int
    owner: socket.socket
    nat: Nat | None = None
    line: Line = field(default_factory=Line)
    n_lost: int = 0

    @property
    def public(self) -> IPv4Address:
        """The address under which others know it."""
        return self.address if self.nat is None else self.nat.outside

    def command(self, *words: str) -> list[str]:
        """Return a command that runs on this host."""
        return ["nsenter", f"--target={self.holder.pid}", "--user", "--net", "--preserve-credentials", "--", *words]


class Internet:
    """Forwards packets between hosts, in a thread; `open_internet` makes it.

    Args:
        seed: Seeds which packets are lost.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"internet {seed}")
        self._hosts: dict[IPv4Address, Host] = {}
        self._selector = selectors.DefaultSelector()
        self._on_the_way: list[tuple[float, int, Host, bytes]] = []
        self._order = count()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="internet", daemon=True)

    def add_host(self, address: str, behind: str | None = None) -> Host:
        """Make a host.

        Args:
            address: Its own.
            behind: Address of a router that translates its own, and lets nobody else speak first.

        Raises:
            ServerUnavailableError: This machine does not allow it; the message says why.
        """
        host = _make_host(IPv4Address(address))
        host.nat = None if behind is None else Nat(host.address, IPv4Address(behind))
        with self._lock:
            self._hosts[host.public] = host
            self._selector.register(host.device, selectors.EVENT_READ, host)
        return host

    def start(self) -> None:
        """Begin to forward."""
        self._thread.start()

    def close(self) -> None:
        """End all hosts; processes that still run there lose their network."""
        self._stop.set()
        self._thread.join(10)
        self._selector.close()
        for host in self._hosts.values():
            os.close(host.device)
            host.owner.close()
            host.holder.wait(10)

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                ready = self._selector.select(timeout=self._wait_s())
                for key, _ in ready:
                    self._take(key.data)
                self._deliver()

    def _wait_s(self) -> float:
        due_s = self._on_the_way[0][0] - time.monotonic() if self._on_the_way else 0.05
        return min(0.05, max(0.0, due_s))

    def _take(self, sender: Host) -> None:
        with suppress(BlockingIOError):
            packet: bytes | None = os.read(sender.device, _MAX_PACKET_BYTES)
            if packet is None or not is_ipv4(packet) or source_of(packet) != sender.address:
                return
            if sender.nat is not None:
                packet = sender.nat.outwards(packet)
            receiver = None if packet is None else self._hosts.get(destination_of(packet))
            if packet is None or receiver is None or self._is_lost(sender) or self._is_lost(receiver):
                return
            due_s = time.monotonic() + sender.line.delay_s + receiver.line.delay_s
            heapq.heappush(self._on_the_way, (due_s, next(self._order), receiver, packet))

    def _is_lost(self, host: Host) -> bool:
        is_lost = host.line.is_cut or self._random.random() < host.line.loss
        host.n_lost += is_lost
        return is_lost

    def _deliver(self) -> None:
        while self._on_the_way and self._on_the_way[0][0] <= time.monotonic():
            _, _, host, packet = heapq.heappop(self._on_the_way)
            arriving = packet if host.nat is None else host.nat.inwards(packet)
            if arriving is not None and not host.line.is_cut:
                with suppress(OSError):  # the host's buffer is full: a router drops then, too
                    os.write(host.device, arriving)


@contextmanager
def open_internet(seed: int = 1) -> Iterator[Internet]:
    """Have hosts for the length of a `with` block.

    Raises:
        ServerUnavailableError: This machine does not allow network namespaces; the message says why.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if sys.platform != "linux" or missing:
        raise ServerUnavailableError(f"hosts of their own need Linux and util-linux's programs; missing: {missing}")
    internet = Internet(seed)
    internet.start()
    try:
        yield internet
    finally:
        internet.close()


def _make_host(address: IPv4Address) -> Host:
    mine, theirs = socket.socketpair()
    command = [*_UNSHARE, sys.executable, "-m", "tests.servers.holder"]
    with theirs:
        holder = subprocess.Popen(
            [*command, str(theirs.fileno()), str(address)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
        )
    SERVER_PIDS.add(holder.pid)
    mine.settimeout(_JOIN_WITHIN_S)
    _, devices, _, _ = socket.recv_fds(mine, 1, 1)
    if not devices:
        _, said = holder.communicate()
        mine.close()
        raise ServerUnavailableError(
            "this machine refuses a network namespace with a device of its own: "
            f"{said.decode(errors='replace')[-1000:]}\nIt takes user namespaces "
            "(sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0, or root), and "
            "/dev/net/tun (modprobe tun; docker run --device /dev/net/tun --cap-add NET_ADMIN)"
        )
    assert holder.stderr is not None
    holder.stderr.close()
    os.set_blocking(devices[0], False)
    return Host(address, holder, devices[0], mine)

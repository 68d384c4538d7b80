"""What the embedded stack takes from the environment, and what it hands to its processes."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from stack.errors import StackError

ROOT = Path(__file__).resolve().parents[1]
"""The repository."""
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - bound only where other machines were asked in, with tokens
DEFAULT_PORT = 8000
MAX_PORT = 65535
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Where the stack keeps its state and what it runs.

    Attributes:
        home: State folder, absolute.
        port: The first port to try for the API.
        broker_url: A broker of the user's; empty: the embedded one.
        queues: Queues that the worker serves.
        n_slots: Trials that the worker runs at once.
        root: Where `python -m api`, `-m worker` and `-m models` find their packages.
        name: How other machines call this one, which lets them in; empty: they are not let in.
        listen: Address to listen on.
    """

    home: Path
    port: int
    broker_url: str
    queues: str
    n_slots: int
    root: Path = ROOT
    name: str = ""
    listen: str = LOOPBACK

    @property
    def local(self) -> str:
        """Where this machine itself reaches what listens."""
        return local_address(self.listen)

    @property
    def logs(self) -> Path:
        """Folder of the processes' logs."""
        return self.home / "logs"


def read_settings(
    env: Mapping[str, str], *, n_slots: int | None = None, queues: str | None = None, name: str | None = None
) -> StackSettings:
    """Read TUNEWELL_HOME, TUNEWELL_HOST, TUNEWELL_PORT and TUNEWELL_BROKER_URL.

    Args:
        env: The environment.
        n_slots: Trials at once; by default one for each core this process may use.
        queues: Comma-separated; by default `cpu`, and `gpu` where an NVIDIA device is there.
        name: How other machines call this one; None: they are not let in.

    Raises:
        StackError: `bad_setting`.
    """
    return StackSettings(
        home=Path(env.get("TUNEWELL_HOME") or ".tunewell").absolute(),
        port=_read_port(env.get("TUNEWELL_PORT") or str(DEFAULT_PORT)),
        broker_url=env.get("TUNEWELL_BROKER_URL", ""),
        queues=queues or default_queues(),
        n_slots=n_slots or n_cores(),
        name="" if name is None else _read_name(name),
        listen=_read_listen(env.get("TUNEWELL_HOST", ""), is_shared=name is not None),
    )


def local_address(listen: str) -> str:
    """Return where this machine itself reaches what listens on an IPv4 address."""
    return LOOPBACK if listen == EVERYWHERE else listen


def child_environment(env: Mapping[str, str], settings: StackSettings, port: int, broker_url: str) -> dict[str, str]:
    """Return the environment of the API and the worker; what the user set beyond it passes through."""
    return {
        **env,
        "TUNEWELL_HOME": str(settings.home),
        "TUNEWELL_HOST": settings.listen,
        "TUNEWELL_PORT": str(port),
        "TUNEWELL_BROKER_URL": broker_url,
        "PYTHONUNBUFFERED": "1",  # a log is read while it is written
    }


def n_cores() -> int:
    """Return how many cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_queues(devices: Path = Path("/dev")) -> str:
    """Return the queues this machine can serve: `cpu`, and `gpu` where an NVIDIA device is there."""
    return "cpu,gpu" if any(devices.glob("nvidia[0-9]*")) else "cpu"


def _read_listen(text: str, *, is_shared: bool) -> str:
    address = LOOPBACK if text == "localhost" else text or (EVERYWHERE if is_shared else LOOPBACK)
    if is_shared and not _is_ipv4(address):
        hint = f"with --host it is an IPv4 address of this machine, or {EVERYWHERE} for all of them"
        raise StackError("bad_setting", f"TUNEWELL_HOST is {text!r}: {hint}")
    if not is_shared and address != LOOPBACK:
        raise StackError(
            "bad_setting",
            f"TUNEWELL_HOST is {text!r}, but the embedded stack serves this machine only ({LOOPBACK}): unset it, "
            "or let other machines in with `python -m stack up --host NAME`, or use docker-compose.yml",
        )
    return address


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _read_name(text: str) -> str:
    if not _NAME.fullmatch(text) or text == EVERYWHERE:
        hint = "give the name or the IPv4 address by which other machines reach this one, such as trainer or 192.0.2.7"
        raise StackError("bad_setting", f"--host is {text!r}: {hint}")
    return text


def _read_port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else -1
    if not 1 <= port <= MAX_PORT:
        raise StackError("bad_setting", f"TUNEWELL_PORT is {text!r}: a port is a whole number from 1 to {MAX_PORT}")
    return port

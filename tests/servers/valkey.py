"""A Valkey or Redis server of one's own that can be killed, frozen, emptied and started again on the same port."""

import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stack.parent_death import die_with_parent
from tests.servers.binaries import find_valkey
from tests.servers.errors import ServerUnavailableError
from tests.servers.ports import free_port
from tests.servers.registry import SERVER_PIDS
from tests.servers.waiting import wait_until

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
NO_RETRY = Retry(NoBackoff(), 0)
"""A test wants to see the failure, not ten hidden tries."""


@dataclass(slots=True)
class ValkeyServer:
    """One server's address and its current process; `start_valkey` makes it."""

    program: Path
    folder: Path
    port: int
    password: str = field(repr=False)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address with the password, as TUNEWELL_BROKER_URL takes it."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def is_running(self) -> bool:
        """Whether the process is there; a frozen one is."""
        return self.process is not None and self.process.poll() is None

    def client(self) -> redis.Redis:
        """Return a client; close it after use."""
        return redis.Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=3, retry=NO_RETRY)

    def start(self) -> None:
        """Start the server on its port and wait until it answers.

        Raises:
            ServerUnavailableError: It ended at once; the message holds its log.
        """
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(self.program), "-"],  # settings come through stdin: an argument list is readable by every user
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        SERVER_PIDS.add(self.process.pid)
        assert self.process.stdin is not None
        self.process.stdin.write(self._settings().encode())
        self.process.stdin.close()
        wait_until(self._answers, START_TIMEOUT_S, what=f"{self.program} answers on port {self.port}")

    def kill(self) -> None:
        """End the server with SIGKILL, as a crash would; everything it held is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Shut down in order."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Kill the server and start it again, empty, on the same port with the same password."""
        self.kill()
        self.start()

    def flush(self) -> None:
        """Throw away everything the server holds."""
        with self.client() as client:
            client.flushall()

    def freeze(self) -> None:
        """Stop the process without ending it: connections stay open and nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.folder / "valkey.log"

    def _answers(self) -> bool:
        if not self.is_running:
            raise ServerUnavailableError(f"{self.program} does not start:\n{self.log.read_text()}")
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def _settings(self) -> str:
        lines = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self.password,
            "dir": f'"{self.folder}"',
            "save": '""',
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())

    def _end(self, signum: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(signum)
        self.process.send_signal(signal.SIGCONT)  # a frozen process would not hear SIGTERM
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@contextmanager
def start_valkey(program: Path | None = None) -> Iterator[ValkeyServer]:
    """Run a server for the length of a `with` block; it also ends when the test process is killed (Linux).

    Args:
        program: The server's program; by default what `find_valkey` finds.

    Raises:
        ServerUnavailableError: There is none, or it does not start.
    """
    program = program or find_valkey()
    folder = Path(tempfile.mkdtemp(prefix="tunewell-valkey-"))
    server = ValkeyServer(program=program, folder=folder, port=free_port(), password=secrets.token_hex(16))
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)

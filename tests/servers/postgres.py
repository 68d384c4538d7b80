"""A PostgreSQL server of one's own: new data folder, own port, loopback only, gone with the test process."""

import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from stack.parent_death import die_with_parent
from tests.servers.account import Account, account_for_servers, make_folder, reachable_install
from tests.servers.binaries import find_postgres
from tests.servers.errors import ServerUnavailableError
from tests.servers.ports import free_port
from tests.servers.registry import SERVER_PIDS

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "off",  # the data are thrown away, so a power cut may damage them
    "full_page_writes": "off",
    "autovacuum": "on",
    "timezone": "UTC",
}


@dataclass(slots=True)
class PostgresServer:
    """A running server; `start_postgres` makes it."""

    port: int
    password: str = field(repr=False)
    process: subprocess.Popen[bytes]
    log: Path
    launch: Callable[[], subprocess.Popen[bytes]] = field(repr=False)

    @property
    def url(self) -> str:
        """SQLAlchemy address of the maintenance database; tests take one of their own from `create_database`."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return the SQLAlchemy address of a database by name."""
        return f"postgresql+psycopg://tunewell:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str | None = None) -> str:
        """Create an empty database and return its SQLAlchemy address."""
        name = name or f"test_{secrets.token_hex(6)}"
        with self.connect() as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        return self.url_of(name)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open a connection in autocommit mode."""
        address = self.url_of(database).replace("+psycopg", "")
        return psycopg.connect(address, autocommit=True, connect_timeout=5)

    def is_ready(self) -> bool:
        """Return whether the server answers.

        Raises:
            ServerUnavailableError: It has ended.
        """
        if self.process.poll() is not None:
            raise ServerUnavailableError(f"PostgreSQL ended with {self.process.returncode}:\n{self.log.read_text()}")
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """End the server with SIGKILL, as a crash would: what was committed is on disk, sessions end."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start the server again on its data and wait until it answers.

        After a crash the sessions of the one before may hold its memory for a moment more: it is tried until then.

        Raises:
            ServerUnavailableError: It does not answer in time.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            self.process = self.launch()
            try:
                return _wait_ready(self)
            except ServerUnavailableError:
                if time.monotonic() > deadline:
                    raise

    def stop(self) -> None:
        """Shut down at once; the data are not needed any more."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)  # "fast": ends sessions, leaves no shared memory behind
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()


@contextmanager
def start_postgres(bin_folder: Path | None = None) -> Iterator[PostgresServer]:
    """Run a PostgreSQL server for the length of a `with` block.

    PostgreSQL refuses to run as root, so root starts it as the account `postgres` or `nobody`. The server receives
    SIGQUIT when the calling thread's process is killed (Linux), and ends with it.

    Args:
        bin_folder: Holds `initdb` and `postgres`; by default what `find_postgres` finds.

    Raises:
        ServerUnavailableError: There is none, or it does not start.
    """
    account = account_for_servers()
    scratch = make_folder(account, "tunewell-postgres-")
    try:
        binaries = reachable_install(bin_folder or find_postgres(), account, scratch)
        password = secrets.token_hex(16)
        _init_data(binaries, account, scratch, password)
        server = _launch(binaries, account, scratch, password)
        try:
            _wait_ready(server)
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _init_data(binaries: Path, account: Account | None, scratch: Path, password: str) -> None:
    secret = scratch / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if account is not None:
        shutil.chown(secret, account.uid, account.gid)
    command = [str(binaries / "initdb"), "--pgdata", str(scratch / "data"), "--username", "tunewell"]
    command += ["--pwfile", str(secret)]
    command += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"]
    user, group = _ids(account)
    done = subprocess.run(command, capture_output=True, text=True, cwd=scratch, user=user, group=group, check=False)
    if done.returncode != 0:
        raise ServerUnavailableError(f"{command[0]} failed with {done.returncode}:\n{done.stdout}{done.stderr}")


def _launch(binaries: Path, account: Account | None, scratch: Path, password: str) -> PostgresServer:
    port = free_port()
    log = scratch / "log"
    command = [str(binaries / "postgres"), "-D", str(scratch / "data"), "-p", str(port)]
    command += [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    user, group = _ids(account)

    def launch() -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=scratch,
                user=user,
                group=group,
                extra_groups=[] if account else None,
                start_new_session=True,  # Ctrl-C belongs to the tests, which then stop the server themselves
                preexec_fn=die_with_parent(signal.SIGQUIT),
            )
        SERVER_PIDS.add(process.pid)
        return process

    return PostgresServer(port=port, password=password, process=launch(), log=log, launch=launch)


def _wait_ready(server: PostgresServer) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.is_ready():
        if time.monotonic() > deadline:
            raise ServerUnavailableError(
                f"PostgreSQL did not answer within {START_TIMEOUT_S} s:\n{server.log.read_text()}"
            )
        time.sleep(0.05)


def _ids(account: Account | None) -> tuple[int | None, int | None]:
    return (account.uid, account.gid) if account else (None, None)

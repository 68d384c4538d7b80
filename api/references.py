"""Bytes that lie elsewhere: which may be named, and how they are read without being led astray.

Who brings data names an address, and this machine goes there: it must not become a way to what only it can reach. So an
address counts only where its host was allowed; the name is looked up once, what it stands for has to be public, and
that address is the one connected to; the same again for each place that an answer leads on to.
Source: OWASP Server Side Request Forgery Prevention Cheat Sheet.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import ssl
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, urljoin, urlsplit

from api.addresses import is_public, plain
from api.errors import Invalid
from api.settings import Settings

_MAX_REDIRECTS = 3
_SILENT_S = 15.0
_BLOCK_BYTES = 1 << 16
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ACCEPTED = "https://host/path with no user or password in it, or a path that begins with /"

Resolve = Callable[[str, int], Sequence[str]]
Wrap = Callable[[socket.socket, str], socket.socket]


class ReferenceFailed(Exception):
    """The bytes cannot be had; the message says why.

    Attributes:
        code: Stable name of the reason.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be read.

    Attributes:
        hosts: Names of hosts, with `:port` where it is not 443.
        networks: Networks that may be connected to though they are not public.
        roots: Folders whose files may be read.
        max_bytes: The most that one reference may have.
        time_s: How long reading it may take.
    """

    hosts: tuple[str, ...]
    networks: tuple[IPv4Network | IPv6Network, ...]
    roots: tuple[Path, ...]
    max_bytes: int
    time_s: float


def policy_of(settings: Settings) -> Policy:
    """Return what the settings allow."""
    return Policy(
        hosts=settings.reference_host_names,
        networks=tuple(ip_network(one) for one in settings.reference_network_names),
        roots=tuple(Path(one) for one in settings.reference_roots.split(os.pathsep) if one),
        max_bytes=settings.max_dataset_bytes,
        time_s=settings.dataset_build_s,
    )


def check_reference(reference: str, policy: Policy) -> str:
    """Refuse a reference that will not be read whatever lies there, and return the name of its file.

    Raises:
        Invalid: `bad_reference`, `host_not_allowed` or `path_not_allowed`.
    """
    try:
        if reference.startswith("/"):
            return _allowed_path(reference, policy).name
        return PurePosixPath(_allowed_url(reference, policy).path).name
    except ReferenceFailed as error:
        raise Invalid(error.code, str(error), "reference", _ACCEPTED) from error


def read_reference(
    reference: str, policy: Policy, resolve: Resolve | None = None, wrap: Wrap | None = None
) -> Iterator[bytes]:
    """Yield the bytes that a reference names.

    Args:
        reference: Address or path.
        policy: What may be read.
        resolve: Returns the addresses of a host; the system's where None.
        wrap: Makes a connection secure; TLS with the system's authorities where None.

    Raises:
        ReferenceFailed: `bad_reference`, `host_not_allowed`, `path_not_allowed`, `address_not_allowed`,
            `reference_unreachable`, `reference_too_large`, `reference_slow`.
    """
    ends_at = time.monotonic() + policy.time_s
    if reference.startswith("/"):
        blocks = _read_file(_allowed_path(reference, policy))
    else:
        blocks = _read_url(reference, policy, _Way(policy, resolve or _look_up, wrap or _secure, ends_at))
    n_bytes = 0
    for block in blocks:
        n_bytes += len(block)
        if n_bytes > policy.max_bytes:
            message = f"it has more than the {policy.max_bytes} bytes that a data set may have"
            raise ReferenceFailed("reference_too_large", message)
        if time.monotonic() > ends_at:
            raise _slow(policy)
        yield block


@dataclass(frozen=True, slots=True)
class _Way:
    """How an address is reached, and until when."""

    policy: Policy
    resolve: Resolve
    wrap: Wrap
    ends_at: float

    def choose(self, host: str, port: int) -> str:
        """Return the address to connect to; all that the name stands for have to be allowed."""
        try:
            found = self.resolve(host, port)
        except OSError as error:
            raise ReferenceFailed("reference_unreachable", f"{host} cannot be looked up: {error}") from error
        for one in found:
            if not self._may_reach(one):
                message = f"{host} stands for an address that is not public, and in no allowed network"
                raise ReferenceFailed("address_not_allowed", message)
        if not found:
            raise ReferenceFailed("reference_unreachable", f"{host} has no address")
        return found[0]

    def _may_reach(self, address: str) -> bool:
        return is_public(address) or any(plain(address) in network for network in self.policy.networks)


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was looked at, under the name that its certificate must have."""

    def __init__(self, host: str, port: int, way: _Way) -> None:
        super().__init__(host, port, timeout=_SILENT_S)
        self._address = way.choose(host, port)
        self._wrap = way.wrap
        # One that sends a byte now and then would never be silent for long: at the end the line is cut.
        self._timer = threading.Timer(max(0.0, way.ends_at - time.monotonic()), self._cut)
        self._timer.daemon = True

    def connect(self) -> None:
        """Connect to the address, not to whatever the name means by now."""
        self._line = self._wrap(socket.create_connection((self._address, self.port), self.timeout), self.host)
        self.sock = self._line
        self._timer.start()
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    def close(self) -> None:
        """Close it."""
        self._timer.cancel()
        super().close()

    def _cut(self) -> None:
        with _ignoring_errors():
            socket.socket.shutdown(self._line, socket.SHUT_RDWR)


def _read_url(reference: str, policy: Policy, way: _Way) -> Iterator[bytes]:
    address = reference
    for _ in range(_MAX_REDIRECTS + 1):
        url = _allowed_url(address, policy)
        connection = _Pinned(str(url.hostname), url.port or 443, way)
        try:
            answer = _ask(connection, url)
            if answer.status == 200:
                yield from _blocks(answer)
                return
            location = answer.headers.get("Location", "")
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() > way.ends_at:
                raise _slow(policy) from error
            raise ReferenceFailed("reference_unreachable", f"{url.hostname} cannot be read: {error}") from error
        finally:
            connection.close()
        if answer.status not in _REDIRECTS or not location:
            raise ReferenceFailed("reference_unreachable", f"{url.hostname} answered {answer.status}")
        address = urljoin(address, location)
    raise ReferenceFailed("reference_unreachable", f"it leads on more than {_MAX_REDIRECTS} times")


def _ask(connection: _Pinned, url: SplitResult) -> http.client.HTTPResponse:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    connection.request("GET", target, headers={"Accept-Encoding": "identity", "User-Agent": "tunewell"})
    return connection.getresponse()


def _blocks(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    while block := answer.read1(_BLOCK_BYTES):
        yield block
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)


def _allowed_url(reference: str, policy: Policy) -> SplitResult:
    bad = ReferenceFailed("bad_reference", f"{_shown(reference)!r} is no address of data")
    if not reference.isascii() or not reference.isprintable() or " " in reference or "\\" in reference:
        raise bad
    try:
        url = urlsplit(reference)
        port = url.port or 443
    except ValueError as error:
        raise bad from error
    host = url.hostname or ""
    if url.scheme != "https" or "@" in url.netloc or url.fragment or not _HOST.fullmatch(host):
        raise bad
    if (host if port == 443 else f"{host}:{port}") not in policy.hosts:
        allowed = ", ".join(policy.hosts) or "none"
        message = f"{host} at port {port} is no host that TUNEWELL_REFERENCE_HOSTS allows; it allows {allowed}"
        raise ReferenceFailed("host_not_allowed", message)
    return url


def _allowed_path(reference: str, policy: Policy) -> Path:
    if not reference.isprintable():
        raise ReferenceFailed("bad_reference", f"{reference!r} is no path of data")
    path = Path(os.path.realpath(reference))
    if not any(path.is_relative_to(os.path.realpath(root)) for root in policy.roots):
        message = f"{reference} lies below no folder that TUNEWELL_REFERENCE_ROOTS allows"
        raise ReferenceFailed("path_not_allowed", message)
    return path


def _read_file(path: Path) -> Iterator[bytes]:
    try:
        # A link that took its place meanwhile is not followed, and a pipe is not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ReferenceFailed("reference_unreachable", f"{path.name} is no file")
            while block := file.read(_BLOCK_BYTES):
                yield block
    except OSError as error:
        raise ReferenceFailed("reference_unreachable", f"{path.name} cannot be read: {error.strerror}") from error


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _secure(connection: socket.socket, host: str) -> socket.socket:
    context = ssl.create_default_context()
    return context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)


def _shown(reference: str) -> str:
    """Return a reference without what may be a secret in it."""
    return re.sub(r"//[^/@]*@", "//***@", reference.partition("?")[0])[:200]


def _slow(policy: Policy) -> ReferenceFailed:
    return ReferenceFailed("reference_slow", f"it took more than the {policy.time_s:g} s that a preparation may take")


@contextmanager
def _ignoring_errors() -> Iterator[None]:
    """Do something to a connection that may be over by now."""
    try:
        yield
    except OSError:
        return

"""What may be referred to, and that nothing else is ever connected to: the places are servers on loopback."""

from __future__ import annotations

import dataclasses
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from api.addresses import is_public
from api.errors import Invalid
from api.references import Policy, ReferenceFailed, check_reference, read_reference

HOST = "data.example.org"
LOOPBACK = ip_network("127.0.0.0/8")
POLICY = Policy(hosts=(HOST,), networks=(LOOPBACK,), roots=(), max_bytes=1000, time_s=60.0)


def _plain(connection: socket.socket, _host: str) -> socket.socket:
    return connection


@contextmanager
def _place(respond: Callable[[bytes], bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Serve on loopback; yield the port and the requests that came."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    seen.append(connection.recv(65536))
                    connection.sendall(respond(seen[-1]))

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        try:
            yield port, seen
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=30)


def _allowing(port: int, **changes: object) -> Policy:
    return dataclasses.replace(POLICY, hosts=(f"{HOST}:{port}",), **changes)  # type: ignore[arg-type]


def _read(reference: str, policy: Policy, addresses: tuple[str, ...] = ("127.0.0.1",)) -> bytes:
    return b"".join(read_reference(reference, policy, lambda _host, _port: addresses, _plain))


def _refused(reference: str, policy: Policy, addresses: tuple[str, ...] = ("127.0.0.1",)) -> str:
    with pytest.raises(ReferenceFailed) as refusal:
        _read(reference, policy, addresses)
    return refusal.value.code


def _ok(content: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
        *("224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1"),
        *("ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
        *("2001:0:7f00:1::", "2001:db8::1"),
    ],
)
def test_addresses_of_ones_own_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"])
def test_addresses_of_everybody_are(address: str) -> None:
    assert is_public(address)


def test_what_an_allowed_host_has_is_read() -> None:
    with _place(lambda _: _ok(b"a,b\n1,2\n")) as (port, seen):
        assert _read(f"https://{HOST}:{port}/x/a.csv?key=1", _allowing(port)) == b"a,b\n1,2\n"
        assert seen[0].startswith(b"GET /x/a.csv?key=1 HTTP/1.1\r\n")
        assert f"Host: {HOST}:{port}".encode() in seen[0]
        assert b"authorization" not in seen[0].lower()


def test_no_name_leads_to_an_address_that_is_not_public() -> None:
    with _place(lambda _: _ok(b"secret")) as (port, seen):
        closed = _allowing(port, networks=())
        reference = f"https://{HOST}:{port}/a.csv"
        for addresses in (("127.0.0.1",), ("93.184.216.34", "127.0.0.1"), ("::ffff:127.0.0.1",)):
            assert _refused(reference, closed, addresses) == "address_not_allowed"
        assert seen == []
        assert _read(reference, _allowing(port)) == b"secret"


def test_the_address_that_was_looked_at_is_the_one_connected_to() -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with _place(lambda _: _ok(b"x")) as (port, _):
        assert b"".join(read_reference(f"https://{HOST}:{port}/a", _allowing(port), resolve, _plain)) == b"x"
    assert asked == [HOST]


def test_the_certificate_has_to_be_that_of_the_name() -> None:
    with _place(lambda _: b"no TLS at all") as (port, seen), pytest.raises(ReferenceFailed) as refusal:
        list(read_reference(f"https://{HOST}:{port}/a", _allowing(port), lambda _host, _port: ["127.0.0.1"]))
    assert refusal.value.code == "reference_unreachable"
    assert isinstance(refusal.value.__cause__, ssl.SSLError)
    assert HOST.encode() in seen[0]  # the name for which a certificate is asked


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://data.example.org/a", "bad_reference"),
        ("https://169.254.169.254/latest", "host_not_allowed"),
        ("https://other.example.org/a", "host_not_allowed"),
        ("file:///etc/passwd", "bad_reference"),
        ("https://me:pw@data.example.org/a", "bad_reference"),
        ("/around", "reference_unreachable"),
    ],
)
def test_each_place_that_is_led_on_to_is_looked_at(location: str, code: str) -> None:
    answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    with _place(lambda _: answer) as (port, seen):
        assert _refused(f"https://{HOST}:{port}/a", _allowing(port)) == code
        assert len(seen) == (4 if location == "/around" else 1)


def test_a_place_that_leads_on_within_what_is_allowed_is_followed() -> None:
    def respond(request: bytes) -> bytes:
        if request.startswith(b"GET /new"):
            return _ok(b"there")
        return b"HTTP/1.1 308 Permanent Redirect\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"

    with _place(respond) as (port, _):
        assert _read(f"https://{HOST}:{port}/old", _allowing(port)) == b"there"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (_ok(b"x" * 1001), "reference_too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "reference_unreachable"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "reference_unreachable"),
        (b"nonsense\r\n\r\n", "reference_unreachable"),
    ],
)
def test_answers_that_cannot_be_data(answer: bytes, code: str) -> None:
    with _place(lambda _: answer) as (port, _):
        assert _refused(f"https://{HOST}:{port}/a", _allowing(port)) == code


def test_a_place_that_never_ends_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes the connection, and says nothing
        port = listener.getsockname()[1]
        assert _refused(f"https://{HOST}:{port}/a", _allowing(port, time_s=0.2)) == "reference_slow"


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("https://other.example.org/a.csv", "host_not_allowed"),
        ("https://data.example.org:8443/a.csv", "host_not_allowed"),
        ("https://data.example.org.evil.example/a.csv", "host_not_allowed"),
        ("https://127.0.0.1/a.csv", "host_not_allowed"),
        ("https://[::1]/a.csv", "bad_reference"),
        ("https://data.example.org@evil.example/a.csv", "bad_reference"),
        ("https://data.example.org\\@evil.example/a.csv", "bad_reference"),
        ("https://data.example.org/a b", "bad_reference"),
        ("https://data.example.org/a\r\nX: y", "bad_reference"),
        ("https://data.example.org:99999/a", "bad_reference"),
        ("http://data.example.org/a.csv", "bad_reference"),
        ("s3://bucket/a.csv", "bad_reference"),
        ("/etc/passwd", "path_not_allowed"),
        ("/\x00", "bad_reference"),
    ],
)
def test_references_that_nothing_allows(reference: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_reference(reference, POLICY)
    assert refusal.value.code == code
    assert "pw" not in refusal.value.message


def test_references_that_are_allowed_tell_their_file() -> None:
    assert check_reference("https://DATA.example.org/x/flowers.csv?sig=1", POLICY) == "flowers.csv"


def test_a_path_has_to_lie_below_an_allowed_folder(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.csv"
    root.mkdir()
    (root / "in.csv").write_bytes(b"1")
    outside.write_bytes(b"2")
    (root / "out").symlink_to(outside)
    (root / "to").symlink_to(root / "in.csv")
    policy = dataclasses.replace(POLICY, roots=(root,))
    assert _read(str(root / "in.csv"), policy) == b"1"
    assert _read(str(root / "to"), policy) == b"1"
    for path in (root / "out", root / ".." / "outside.csv", outside):
        assert _refused(str(path), policy) == "path_not_allowed"
    os.mkfifo(root / "pipe")
    for path in (root / "none", root, root / "pipe"):
        assert _refused(str(path), policy) == "reference_unreachable"

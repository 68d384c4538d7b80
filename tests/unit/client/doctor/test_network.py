"""Names, proxies, TLS and clocks."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tunewell.doctor import Level
from tunewell.doctor.clocks import Exchange, check_clock, check_database_clock, read_date
from tunewell.doctor.network import (
    Resolved,
    certificate_days,
    check_name,
    check_proxy,
    check_tls,
    days_until,
    find_proxy,
    resolve,
    without_secrets,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TRAINER = "http://trainer.example:8000"


@pytest.fixture
def plain() -> Iterator[int]:
    """Return the port of a server that speaks no TLS."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_name_is_resolved_or_said_to_be_unknown() -> None:
    here = resolve("127.0.0.1")
    assert here.addresses == ("127.0.0.1",)
    assert check_name("127.0.0.1", here).result is Level.OK
    long = resolve("x" * 64 + ".invalid")  # longer than a name may be, so that no nameserver is asked
    assert long.failure
    assert check_name("x", long).result is Level.PROBLEM
    assert check_name("x", Resolved(("10.0.0.1",), took_s=3.0)).result is Level.WARNING


@pytest.mark.usefixtures("_no_proxies")
def test_a_proxy_in_the_way_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_proxy(TRAINER, *find_proxy(TRAINER)).seen == "none"
    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@proxy:3128")
    used = check_proxy(TRAINER, *find_proxy(TRAINER))
    assert used.result is Level.WARNING
    assert "http://proxy:3128" in used.seen
    assert "secret" not in used.seen + used.remedy
    assert check_proxy("http://127.0.0.1:8000", *find_proxy("http://127.0.0.1:8000")).result is Level.OK
    monkeypatch.setenv("NO_PROXY", "trainer.example")
    assert check_proxy(TRAINER, *find_proxy(TRAINER)).result is Level.OK
    monkeypatch.setenv("HTTP_PROXY", "gopher://proxy")
    assert check_proxy(TRAINER, *find_proxy(TRAINER)).result is Level.PROBLEM


@pytest.mark.parametrize(
    ("server", "addresses", "level"),
    [
        ("http://localhost:8000", ("127.0.0.1", "::1"), "ok"),
        ("http://trainer:8000", ("192.168.1.7",), "ok"),
        ("http://trainer:8000", ("fe80::1%eth0",), "ok"),
        ("http://trainer:8000", ("93.184.216.34",), "warning"),
    ],
)
def test_who_can_read_along_depends_on_the_network(server: str, addresses: tuple[str, ...], level: str) -> None:
    assert check_tls(server, Resolved(addresses), lambda: 1.0).result == level


@pytest.mark.parametrize(("left", "level"), [(90.0, "ok"), (3.0, "warning")])
def test_a_certificate_is_to_be_renewed_in_time(left: float, level: str) -> None:
    found = check_tls("https://trainer", Resolved(("1.2.3.4",)), lambda: left)
    assert (found.result, found.seen) == (level, f"the certificate is valid for {left:.0f} days")


def test_the_end_of_a_certificate_is_read() -> None:
    assert days_until({"notAfter": "Nov 25 12:00:00 2026 GMT"}, NOW.timestamp()) == 2.0


def test_a_server_without_tls_is_told_apart_from_a_bad_certificate(plain: int) -> None:
    server = f"https://127.0.0.1:{plain}"
    found = check_tls(server, Resolved(("127.0.0.1",)), lambda: certificate_days(server, 0.0))
    assert (found.result, found.seen.partition(":")[0]) == (Level.PROBLEM, "no TLS is spoken there")

    def refuse() -> float:
        error = ssl.SSLCertVerificationError("x")
        error.verify_message = "certificate has expired"
        raise error

    found = check_tls(server, Resolved(("127.0.0.1",)), refuse)
    assert found.seen == "the certificate is not accepted: certificate has expired"


def test_secrets_are_cut_from_addresses() -> None:
    assert without_secrets("redis://:p@ss@host:6379/0") == "redis://host:6379/0"
    assert without_secrets("host:1") == "host:1"


@pytest.mark.parametrize(
    ("ahead_s", "level"), [(0.9, "ok"), (-1.5, "ok"), (60.0, "warning"), (-60.0, "warning"), (3600.0, "problem")]
)
def test_clocks_are_held_against_each_other_at_the_middle_of_an_exchange(ahead_s: float, level: str) -> None:
    received_at = NOW + timedelta(seconds=4)
    server_at = NOW + timedelta(seconds=2 + ahead_s)
    exchange = Exchange(NOW, received_at, server_at)
    assert exchange.skew_s == pytest.approx(ahead_s)
    assert check_clock(exchange).result == level
    assert check_database_clock(NOW, NOW + timedelta(seconds=ahead_s)).result == level


def test_a_time_that_may_have_been_told_at_any_moment_of_a_long_wait_is_no_difference() -> None:
    received_at = NOW + timedelta(hours=1)
    assert check_clock(Exchange(NOW, received_at, NOW)).result is Level.OK
    assert check_clock(Exchange(NOW, received_at, NOW - timedelta(minutes=1))).result is Level.PROBLEM


def test_the_way_of_a_difference_is_told() -> None:
    behind = check_clock(Exchange(NOW, NOW, NOW + timedelta(minutes=5)))
    assert behind.seen == "5 min behind the server's"
    assert check_database_clock(NOW, NOW + timedelta(minutes=5)).seen == "5 min ahead of the server's"


def test_an_answer_without_a_date_tells_no_time() -> None:
    assert read_date("Mon, 23 Nov 2026 12:00:00 GMT") == NOW + timedelta(seconds=0.5)
    for text in (None, "", "yesterday", "Mon, 23 Nov 2026 12:00:00"):
        assert read_date(text) is None
    assert check_clock(Exchange(NOW, NOW, None)).result is Level.WARNING

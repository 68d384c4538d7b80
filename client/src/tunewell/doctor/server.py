"""The server as this machine reaches it: answers, readiness, version, clocks, token, live events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx

from tunewell import __version__, _refusals
from tunewell._decode import decode
from tunewell._transport import Transport
from tunewell.about import About
from tunewell.doctor import network
from tunewell.doctor.clocks import Exchange, check_clock, check_database_clock, read_date
from tunewell.doctor.finding import Finding, Level, ok, problem, skipped, warning
from tunewell.errors import Forbidden, NotFound, TunewellError, Unauthorized

SLOW_ANSWER_S = 1.0
FIRST_EVENT_WITHIN_S = 5.0
EXPIRES_SOON = timedelta(days=7)
_ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """Which server, and as whom.

    Attributes:
        transport: The connection to its API.
        raw: Replaces the network, for tests; None: the network.
    """

    transport: Transport
    raw: httpx.BaseTransport | None = None

    @property
    def address(self) -> str:
        """Its address."""
        return self.transport.server


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a path outside of the API: status, JSON, and the clocks."""

    status: int
    body: object
    exchange: Exchange


def check_server(server: Server) -> Iterator[Finding]:
    """Look at everything between this machine and its server; ends early where nothing answers."""
    parts = urlsplit(server.address)
    host = parts.hostname or ""
    resolved = network.resolve(host)
    yield network.check_name(host, resolved)
    proxy, is_used = network.find_proxy(server.address)
    yield network.check_proxy(server.address, proxy, is_used)
    if resolved.failure and not is_used:
        return
    if not is_used:
        yield network.check_tls(server.address, resolved, lambda: network.certificate_days(server.address, time.time()))
    yield from _check_answers(server)


def _check_answers(server: Server) -> Iterator[Finding]:
    try:
        alive = ask(server, "/healthz")
        ready = ask(server, "/readyz")
    except TunewellError as error:
        yield problem("server", error.message, error.hint or "look at the server's log")
        return
    reached = check_alive(server.address, alive)
    yield reached
    if reached.result is Level.PROBLEM:
        return
    yield check_ready(ready)
    yield from _check_as_caller(server, alive.exchange)


def _check_as_caller(server: Server, exchange: Exchange) -> Iterator[Finding]:
    try:
        sent_at = datetime.now(UTC)
        about = decode(About, server.transport.json("GET", "/server"))
        exchange = Exchange(sent_at, datetime.now(UTC), about.at)
    except TunewellError as error:
        yield check_clock(exchange)
        yield refused(error)
        return
    yield check_clock(exchange)
    yield check_database_clock(about.at, about.database_at)
    yield check_version(about.version)
    yield check_token(about)
    yield check_events(server)


def ask(server: Server, path: str) -> Answer:
    """Get a path outside of the API.

    Raises:
        TunewellError: Nothing answered.
    """
    is_direct = network.is_loopback(urlsplit(server.address).hostname or "")
    sent_at = datetime.now(UTC)
    try:
        with httpx.Client(timeout=_ANSWER_WITHIN_S, transport=server.raw, trust_env=not is_direct) as http:
            sent_at = datetime.now(UTC)  # making a client reads certificates, which takes its time
            answer = http.get(server.address + path)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _refusals.from_network(error, server.address) from error
    exchange = Exchange(sent_at, datetime.now(UTC), read_date(answer.headers.get("Date")))
    try:
        body = answer.json()
    except ValueError:
        body = None
    return Answer(answer.status_code, body, exchange)


def check_alive(address: str, answer: Answer) -> Finding:
    """Judge what `/healthz` answered."""
    took_s = (answer.exchange.received_at - answer.exchange.sent_at).total_seconds()
    if answer.status == 200 and answer.body == {"status": "ok"}:
        seen = f"{address} answers in {1000 * took_s:.0f} ms"
        remedy = "each report waits as long: is the server, or the way to it, overloaded?"
        return warning("server", seen, remedy) if took_s > SLOW_ANSWER_S else ok("server", seen)
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    if isinstance(error, dict) and error.get("message"):
        return problem("server", str(error["message"]), str(error.get("hint") or "look at the server's log"))
    if answer.status in (502, 503, 504):
        return problem("server", f"a proxy at {address} answers {answer.status}", "start the server behind it")
    seen = f"{address} answers {answer.status}, but not as a Tunewell server"
    return problem("server", seen, "correct --server or TUNEWELL_SERVER")


def check_ready(answer: Answer) -> Finding:
    """Judge what `/readyz` answered: the server's own way to its database and its broker."""
    body = answer.body if isinstance(answer.body, dict) else {}
    away = [part for part in ("database", "broker") if body.get(part) != "ok"]
    if not away:
        return ok("server's parts", "database and broker answer it")
    remedy = f"start the {' and the '.join(away)}, or correct its address among the server's settings"
    return problem("server's parts", f"the server does not reach its {' and its '.join(away)}", remedy)


def check_version(theirs: str, ours: str = __version__) -> Finding:
    """Hold two releases against each other; those that differ in the last number only work together."""
    if theirs == ours:
        return ok("version", f"{ours}, as the server")
    seen = f"{ours} here, {theirs} on the server"
    remedy = "install the same release on both: git checkout, then pip install again"
    if theirs.split(".")[:2] == ours.split(".")[:2]:
        return warning("version", seen, remedy)
    return problem("version", seen, remedy)


def check_token(about: About) -> Finding:
    """Judge whom the server takes the caller for, and for how long, by the database's clock."""
    caller, soon = about.caller, about.database_at + EXPIRES_SOON
    if not about.needs_tokens and caller.name == "anonymous":
        return ok("token", "none, and none is needed")
    until = "which never expires" if caller.expires_at is None else f"until {caller.expires_at:%Y-%m-%d %H:%M} UTC"
    seen = f"{caller.name}, role {caller.role}, {until}"
    if caller.expires_at is not None and caller.expires_at < soon:
        return warning("token", seen, "make the next one: tunewell token create, or python -m api tokens create")
    return ok("token", seen)


def refused(error: TunewellError) -> Finding:
    """Say why the server did not tell of itself."""
    if isinstance(error, Unauthorized | Forbidden):
        return problem("token", error.message, error.hint or "check TUNEWELL_TOKEN")
    if isinstance(error, NotFound):
        seen = f"{__version__} here, an older one on the server: it does not tell its version"
        return warning("version", seen, "install the same release on both")
    return problem("server", error.message, error.hint or "look at the server's log")


def check_events(server: Server) -> Finding:
    """Open the live stream and wait for its first word, which a proxy that buffers answers holds back."""
    remedy = "let it pass events on at once (nginx: proxy_buffering off), or the dashboard and --watch stand still"
    late = f"the first live event did not come within {FIRST_EVENT_WITHIN_S:g} s: a proxy between holds answers back"
    began_s = time.monotonic()
    try:
        with server.transport.stream("/events", idle_s=FIRST_EVENT_WITHIN_S) as answer:
            next(answer.iter_bytes(), b"")
    except Forbidden:
        return skipped("live events", "a worker's token may not read them")
    except TunewellError as error:
        if error.code == "timeout":
            return problem("live events", late, remedy)
        return problem("live events", error.message, error.hint or "look at the server's log")
    return ok("live events", f"the first came after {1000 * (time.monotonic() - began_s):.0f} ms")

"""`python -m api doctor`: whether the server's settings can work, and what they name answers.

Findings have the shape that `tunewell doctor` puts into its table; the SDK itself is no part of the control plane.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import fsspec
from sqlalchemy import make_url

from api.doorbell import Doorbell, make_producer
from api.settings import Settings
from db import schema
from db.engine import Database
from db.timeline import read_clock
from db.tokens import TokenRecord, list_tokens

TOLERATED_S = 2.0
_PROBE = b"tunewell doctor"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says: its name, how it ended, what was seen, and what to do about it."""

    name: str
    result: Literal["ok", "skipped", "warning", "problem"]
    seen: str
    remedy: str = ""


def check_server(settings: Settings) -> Iterator[Finding]:
    """Look at everything that the API needs. Nothing is migrated or made, but for a probe in the artifact store."""
    yield check_address(settings)
    yield check_broker(settings)
    yield from _check_database(settings)
    yield check_store(settings.effective_artifact_url)
    yield check_dashboard(settings.dashboard_dir)


def check_address(settings: Settings) -> Finding:
    """Judge where the API listens and who may call it."""
    name, seen = "address", f"{settings.host}:{settings.port}"
    if settings.is_loopback:
        return Finding(name, "ok", f"{seen}, for this machine alone")
    if settings.require_tokens == "no":
        return Finding(name, "problem", f"{seen} without tokens: it will not start", "unset TUNEWELL_REQUIRE_TOKENS")
    if not settings.allowed_hosts:
        remedy = "name it as others call it: TUNEWELL_ALLOWED_HOSTS=trainer,192.168.1.7"
        return Finding(name, "warning", f"{seen}, and requests from other machines are refused", remedy)
    return Finding(name, "ok", f"{seen}, called {settings.allowed_hosts}")


def check_broker(settings: Settings, ping: Callable[[str], None] | None = None) -> Finding:
    """Try the broker, and look whether workers elsewhere could reach it under the name they are told."""
    url = settings.broker_url.get_secret_value()
    if not url:
        return Finding("broker", "problem", "none is set", "TUNEWELL_BROKER_URL=redis://:password@host:6379/0")
    try:
        (ping or _ping)(url)
    except Exception as error:  # transports raise many kinds, and each means the same here
        said = str(error).replace(url, "it")
        return Finding(
            "broker", "problem", f"{_shown(url)} does not answer: {said}", "start it, or correct its address"
        )
    told = settings.worker_broker_url.get_secret_value() or url
    if not settings.is_loopback and _is_loopback(told):
        remedy = "set TUNEWELL_WORKER_BROKER_URL to the broker as other machines reach it"
        return Finding("broker", "warning", f"workers elsewhere are told {_shown(told)}, which is themselves", remedy)
    return Finding("broker", "ok", f"{_shown(url)} answers")


def _ping(url: str) -> None:
    doorbell = Doorbell(make_producer(url, ""))
    try:
        doorbell.ping()
    finally:
        doorbell.close()


def _check_database(settings: Settings) -> Iterator[Finding]:
    try:
        url = make_url(settings.effective_database_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            yield Finding("database", "skipped", "not made yet: the first start makes it")
            return
        database = Database(settings.effective_database_url)
        with database.read() as session:
            database_at = read_clock(session)
    except Exception as error:  # drivers raise many kinds
        seen = f"it does not answer: {str(error).splitlines()[0]}"
        yield Finding("database", "problem", seen, "start it, or correct TUNEWELL_DATABASE_URL")
        return
    yield check_revision(database, settings.should_migrate)
    yield check_clock(datetime.now(UTC), database_at)
    if settings.needs_tokens and schema.current_revision(database) == schema.newest_revision():
        with database.read() as session:
            yield check_tokens(settings, list_tokens(session), database_at)
    database.close()


def check_revision(database: Database, should_migrate: bool) -> Finding:
    """Hold the database's tables against those that this code needs."""
    found, needed = schema.current_revision(database), schema.newest_revision()
    if found == needed:
        return Finding("database", "ok", f"{database.url.get_backend_name()} at revision {found}")
    seen = f"at revision {found or 'none'}, this code needs {needed}"
    if should_migrate:
        return Finding("database", "ok", f"{seen}; the next start migrates it")
    return Finding("database", "problem", seen, "python -m db upgrade")


def check_clock(at: datetime, database_at: datetime) -> Finding:
    """Judge this machine's clock against the database's, by which leases and tokens expire."""
    skew_s = (database_at - at).total_seconds()
    if abs(skew_s) <= TOLERATED_S:
        return Finding("database clock", "ok", "that of this machine, within 2 s")
    way = "ahead of" if skew_s > 0 else "behind"
    remedy = "let both follow a time server: timedatectl set-ntp true"
    return Finding("database clock", "warning", f"{abs(skew_s):.0f} s {way} this machine's", remedy)


def check_tokens(settings: Settings, records: list[TokenRecord], at: datetime) -> Finding:
    """Look whether anybody could call a server that wants tokens."""
    given = {"admin": settings.admin_token, "user": settings.user_token, "worker": settings.worker_token}
    roles = {role for role, secret in given.items() if secret.get_secret_value()}
    roles |= {one.role for one in records if not one.revoked_at and (one.expires_at is None or one.expires_at > at)}
    remedy = "python -m api tokens create --role worker --name NAME (and --role user)"
    if not roles:
        return Finding("tokens", "problem", "this server wants tokens, and none is in force", remedy)
    if "worker" not in roles:
        return Finding("tokens", "warning", f"in force: {', '.join(sorted(roles))}; none for a worker", remedy)
    return Finding("tokens", "ok", f"in force: {', '.join(sorted(roles))}")


def check_store(url: str) -> Finding:
    """Write, read and remove a few bytes where artifacts lie; a local folder that is not there yet is left so."""
    remedy = "correct TUNEWELL_ARTIFACT_URL, its rights or its credentials"
    try:
        files, root = fsspec.core.url_to_fs(url)
        if "file" in files.protocol and not files.exists(root):
            return Finding("artifacts", "skipped", f"{url} is not made yet")
        path = f"{root}/incoming/doctor-{secrets.token_hex(8)}"
        files.makedirs(f"{root}/incoming", exist_ok=True)
        files.pipe_file(path, _PROBE)
        came_back = files.cat_file(path)
        files.rm(path)
    except Exception as error:  # stores raise many kinds
        return Finding("artifacts", "problem", f"{url} cannot be used: {error}", remedy)
    if came_back != _PROBE:
        return Finding("artifacts", "problem", f"{url} gave back other bytes than it got", remedy)
    return Finding("artifacts", "ok", f"{url} keeps what it gets")


def check_dashboard(folder: Path) -> Finding:
    """Look whether there are pages to serve."""
    if (folder / "index.html").is_file():
        return Finding("dashboard", "ok", f"built, in {folder}")
    return Finding("dashboard", "warning", f"not built: there is no {folder}/index.html", "make dashboard")


def _shown(url: str) -> str:
    """Return an address without name and password."""
    scheme, mark, rest = url.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""The broker as this machine reaches it. A broker that loses messages delays trials and loses none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from tunewell.doctor.finding import Finding, ok, problem, size_words, warning
from tunewell.doctor.network import is_loopback, without_secrets

SLOW_S = 0.25
MIN_VERSION = (6, 2)
_WITHIN_S = 3.0
_N_PINGS = 5


@dataclass(frozen=True, slots=True)
class Broker:
    """What a broker says of itself; None for what this account may not ask.

    Attributes:
        kind: Redis or Valkey.
        version: Its own.
        latency_s: Median of a few pings.
        max_bytes: How much it may hold; 0: as much as it likes.
        policy: What it drops beyond that.
    """

    kind: str
    version: str | None
    latency_s: float
    max_bytes: int | None = None
    policy: str | None = None


def check_broker(url: str, server_host: str, read: Callable[[str], Broker] | None = None) -> Finding:
    """Judge the broker that the server tells workers.

    Args:
        url: Its address, with the password.
        server_host: The host of the server's own address.
        read: Asks it.
    """
    parts = urlsplit(url)
    shown = without_secrets(url)
    if parts.scheme not in ("redis", "rediss"):
        remedy = "give the server a Redis or Valkey: TUNEWELL_BROKER_URL=redis://:password@host:6379/0"
        return problem("broker", f"the server names {shown}, which no other process can reach", remedy)
    if is_loopback(parts.hostname or "") and not is_loopback(server_host):
        remedy = "let it name one that workers reach: TUNEWELL_WORKER_BROKER_URL among the server's settings"
        return problem("broker", f"the server names {shown}, which here is this machine itself", remedy)
    try:
        found = (read or read_broker)(url)
    except redis.AuthenticationError as error:
        return problem("broker", f"{shown} refuses the password: {error}", "correct it in TUNEWELL_BROKER_URL")
    except redis.RedisError as error:
        remedy = "start it, or open its port to this machine; trials begin late or not at all without it"
        return problem("broker", f"{shown} does not answer: {error}", remedy)
    return judge_broker(shown, found)


def judge_broker(shown: str, broker: Broker) -> Finding:
    """Judge a broker that answers."""
    seen = f"{shown}: {broker.kind} {broker.version or 'of unknown version'}, {1000 * broker.latency_s:.1f} ms"
    if broker.version is not None and _numbers(broker.version) < MIN_VERSION:
        return warning("broker", seen, "it is older than what was tried: Redis 6.2 or Valkey")
    if broker.max_bytes and broker.policy not in (None, "noeviction"):
        seen += f", drops what it likes beyond {size_words(broker.max_bytes)} ({broker.policy})"
        return warning(
            "broker", seen, "wake-ups may be lost and trials begin late: CONFIG SET maxmemory-policy noeviction"
        )
    if broker.latency_s > SLOW_S:
        return warning("broker", seen, "each wake-up takes as long: is the way to it, or the broker, overloaded?")
    return ok("broker", seen)


def read_broker(url: str) -> Broker:
    """Ask a broker.

    Raises:
        RedisError: It does not answer, or refuses the password.
    """
    options: dict[str, Any] = {"socket_timeout": _WITHIN_S, "socket_connect_timeout": _WITHIN_S}
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), decode_responses=True, **options) as client:
        client.ping()  # connects
        took_s = sorted(_ping_s(client) for _ in range(_N_PINGS))
        server, memory = _info(client, "server"), _info(client, "memory")
    limit = memory.get("maxmemory")
    return Broker(
        kind="Valkey" if "valkey_version" in server else "Redis",
        version=server.get("valkey_version") or server.get("redis_version"),
        latency_s=took_s[_N_PINGS // 2],
        max_bytes=None if limit is None else int(limit),
        policy=memory.get("maxmemory_policy"),
    )


def _ping_s(client: redis.Redis) -> float:
    began_s = time.perf_counter()
    client.ping()
    return time.perf_counter() - began_s


def _info(client: redis.Redis, section: str) -> dict[str, Any]:
    try:
        return dict(client.info(section))
    except redis.ResponseError:  # an account without this right
        return {}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())

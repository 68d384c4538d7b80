"""The way to the server: name, proxies, TLS."""

from __future__ import annotations

import ipaddress
import math
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from tunewell.doctor.finding import Finding, ok, problem, warning

SLOW_NAME_S = 1.0
MIN_CERTIFICATE_DAYS = 14
_DAY_S = 86_400.0
_CONNECT_WITHIN_S = 5.0
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Resolved:
    """The addresses of a name, and how long it took to hear them; `failure` where there are none."""

    addresses: tuple[str, ...] = ()
    took_s: float = 0.0
    failure: str = ""


def resolve(host: str, clock: Callable[[], float] = time.monotonic) -> Resolved:
    """Ask the system for the addresses of a name."""
    began_s = clock()
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return Resolved(took_s=clock() - began_s, failure=getattr(error, "strerror", None) or str(error))
    return Resolved(tuple(dict.fromkeys(str(one[4][0]) for one in found)), clock() - began_s)


def check_name(host: str, resolved: Resolved, what: str = "name") -> Finding:
    """Judge how a name was resolved."""
    if resolved.failure:
        remedy = "correct the name, or make it known: DNS, or a line in /etc/hosts"
        return problem(what, f"{host!r} is not known here: {resolved.failure}", remedy)
    seen = f"{host} is {', '.join(resolved.addresses)}" if resolved.addresses != (host,) else host
    if resolved.took_s > SLOW_NAME_S:
        seen += f", heard after {resolved.took_s:.1f} s"
        return warning(what, seen, "each new connection waits for it: look at the first nameserver in /etc/resolv.conf")
    return ok(what, seen)


def check_proxy(server: str, proxy: str | None, is_used: bool) -> Finding:
    """Judge a proxy that the environment names.

    Args:
        server: The server's address.
        proxy: What the environment names for its scheme; None where it names none.
        is_used: Whether requests to this server go through it.
    """
    if proxy is None:
        return ok("proxy", "none")
    shown = without_secrets(proxy)
    if urlsplit(proxy).scheme not in ("http", "https", "socks5", "socks5h", ""):
        return problem("proxy", f"{shown} is no address of a proxy", "correct HTTP_PROXY, HTTPS_PROXY and ALL_PROXY")
    if not is_used:
        return ok("proxy", f"{shown}, which is not used for {server}")
    host = urlsplit(server).hostname or ""
    remedy = f"live events and large files pass it: if {host} can be reached directly, add it to NO_PROXY"
    return warning("proxy", f"requests to {server} go through {shown}", remedy)


def find_proxy(server: str) -> tuple[str | None, bool]:
    """Return the proxy that the environment names for a server's scheme, and whether it is used for that server.

    The SDK never sends requests to this machine's own loopback through one.
    """
    parts = urlsplit(server)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    host = parts.hostname or ""
    return proxy, proxy is not None and not is_loopback(host) and not proxy_bypass(host)


def check_tls(server: str, resolved: Resolved, days_left: Callable[[], float]) -> Finding:
    """Judge whether others on the way can read what is sent.

    Args:
        server: The server's address.
        resolved: Its host's addresses.
        days_left: Returns for how many days its certificate is valid; raises OSError where it is not accepted.
    """
    if urlsplit(server).scheme == "https":
        return _check_certificate(days_left)
    addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in resolved.addresses]
    if all(one.is_loopback for one in addresses):
        return ok("tls", "none, and none is needed on loopback")
    if all(one.is_private or one.is_link_local or one.is_loopback for one in addresses):
        return ok("tls", "none: whoever is on this private network can read tokens and data")
    remedy = "put a proxy with TLS before the server and use its https:// address"
    return warning("tls", "tokens and data cross a public network unencrypted", remedy)


def _check_certificate(days_left: Callable[[], float]) -> Finding:
    try:
        left = days_left()
    except ssl.SSLCertVerificationError as error:
        remedy = "renew it; for an authority of your own: SSL_CERT_FILE=/path/of/its.pem"
        return problem("tls", f"the certificate is not accepted: {error.verify_message}", remedy)
    except OSError as error:
        return problem("tls", f"no TLS is spoken there: {error}", "if the server has none, use its http:// address")
    seen = f"the certificate is valid for {math.floor(left)} days"
    if left < MIN_CERTIFICATE_DAYS:
        return warning("tls", seen, "renew it; workers stop when it ends")
    return ok("tls", seen)


def certificate_days(server: str, now_s: float) -> float:
    """Return for how many days a server's certificate is valid.

    Args:
        server: Its `https://` address.
        now_s: Seconds since 1970.

    Raises:
        OSError: Nothing is there, no TLS is spoken (`ssl.SSLError`), or the certificate is not accepted.
    """
    parts = urlsplit(server)
    with (
        socket.create_connection(address_of(parts), timeout=_CONNECT_WITHIN_S) as plain,
        httpx.create_ssl_context().wrap_socket(plain, server_hostname=parts.hostname) as secured,
    ):
        return days_until(secured.getpeercert() or {}, now_s)


def days_until(certificate: Mapping[str, object], now_s: float) -> float:
    """Return the days until a certificate ends, as `ssl.SSLSocket.getpeercert` describes it."""
    return (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - now_s) / _DAY_S


def address_of(parts: SplitResult) -> tuple[str, int]:
    """Return host and port of a split address."""
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def is_loopback(host: str) -> bool:
    """Tell whether a host's name can only mean this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def without_secrets(address: str) -> str:
    """Return an address without name and password."""
    scheme, mark, rest = address.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"

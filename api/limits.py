"""How often somebody may be wrong, and how often somebody may ask. Values in a process's memory, bounded in number.

Each API process counts for itself: with n processes behind one address a limit is up to n times as wide.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Generic, TypeVar

from api.errors import TooManyRequests

_LONGEST_DELAY_S: Final = 300.0
_FORGET_AFTER_S: Final = 900.0
_BURST_S: Final = 10.0
_PREFIX_CHARS: Final = 8
V = TypeVar("V")


class _Recent(Generic[V]):
    """A dictionary that forgets what was not looked at for longest when it is full."""

    def __init__(self, max_entries: int) -> None:
        self._entries: OrderedDict[str, V] = OrderedDict()
        self._max_entries = max_entries

    def find(self, key: str) -> V | None:
        if key in self._entries:
            self._entries.move_to_end(key)
        return self._entries.get(key)

    def put(self, key: str, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


@dataclass(frozen=True, slots=True)
class _Failures:
    n: int
    last_at: float


class Limits:
    """What one process remembers of those who come in.

    Args:
        max_failures: So many different wrong tokens are free, from one network address or with one beginning; then
            each waits twice as long as the one before, up to 5 minutes. After 15 minutes without one it begins anew.
        max_requests_per_s: Of one token, in the long run; ten seconds' worth of them may come at once.
        clock: Seconds that never go back.
        max_entries: How many addresses, and how many tokens, are remembered; the longest unheard of are forgotten.
    """

    def __init__(
        self,
        max_failures: int,
        max_requests_per_s: float,
        clock: Callable[[], float] = time.monotonic,
        max_entries: int = 10_000,
    ) -> None:
        self._max_failures = max_failures
        self._rate = max_requests_per_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: _Recent[_Failures] = _Recent(max_entries)
        self._budgets: _Recent[tuple[float, float]] = _Recent(max_entries)
        # By hash: whether a token was right when it was last looked at.
        self._known: _Recent[bool] = _Recent(max_entries)

    @property
    def n_remembered(self) -> int:
        """How many entries are kept."""
        return len(self._failures) + len(self._budgets) + len(self._known)

    def check_patience(self, token: str, sha256: str, address: str) -> None:
        """Let nobody try tokens faster than the delay allows.

        A token that was right here before is not held up by the guesses of others. One that was wrong before tells a
        guesser nothing new: a machine with an expired token must not lock out all who share its address.

        Raises:
            TooManyRequests: `too_many_failures`, before the token is looked at; `too_many_requests` for a wrong one.
        """
        with self._lock:
            was_right = self._known.find(sha256)
            wait_s = max(self._wait_s(key) for key in _keys(token, address)) if was_right is None else 0.0
        if was_right is False:
            self.spend_request(sha256)
        if wait_s > 0:
            message = "too many wrong tokens came from this address, or began like this one"
            raise TooManyRequests("too_many_failures", message, wait_s)

    def note_token(self, token: str, sha256: str, address: str, *, is_right: bool) -> None:
        """Remember whether a token was right; a wrong one counts once."""
        with self._lock:
            is_new = self._known.find(sha256) is not False
            self._known.put(sha256, is_right)
            if is_right or not is_new:
                return
            now = self._clock()
            for key in _keys(token, address):
                known = self._failures.find(key)
                n = 1 if known is None or now - known.last_at > _FORGET_AFTER_S else known.n + 1
                self._failures.put(key, _Failures(n, now))

    def spend_request(self, sha256: str) -> None:
        """Count a request of a token's.

        Raises:
            TooManyRequests: `too_many_requests`; `Retry-After` says when the next one passes.

        Source: token bucket, e.g. RFC 2697 section 3 with one rate.
        """
        with self._lock:
            now, burst = self._clock(), max(1.0, self._rate * _BURST_S)
            left, at = self._budgets.find(sha256) or (burst, now)
            left = min(burst, left + (now - at) * self._rate)
            is_enough = left >= 1.0
            self._budgets.put(sha256, (left - 1.0 if is_enough else left, now))
        if not is_enough:
            message = f"this token asks more often than {self._rate:g} times a second"
            raise TooManyRequests("too_many_requests", message, (1.0 - left) / self._rate)

    def _wait_s(self, key: str) -> float:
        known = self._failures.find(key)
        now = self._clock()
        if known is None or known.n < self._max_failures or now - known.last_at > _FORGET_AFTER_S:
            return 0.0
        delay_s = math.ldexp(1.0, min(known.n - self._max_failures, 20))
        return max(0.0, known.last_at + min(delay_s, _LONGEST_DELAY_S) - now)


def _keys(token: str, address: str) -> Iterable[str]:
    if address:
        yield f"address {network_of(address)}"
    # Somebody who knows how a token begins may come from many addresses.
    yield f"token {token[:_PREFIX_CHARS]}"


def network_of(address: str) -> str:
    """Return whose failures count together: an IPv4 address, or the /64 that one IPv6 line has at least."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(found) if isinstance(found, IPv4Address) else str(ip_network(f"{found}/64", strict=False))

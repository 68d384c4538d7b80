"""This machine's clock, the server's and the database's, and what depends on which.

Leases and tokens expire by the database's clock alone, so no other clock can take a trial away. A worker's clock stamps
points and log lines; the server's stamps points that come without a time, and signs requests to S3, which refuses
signatures that are 15 minutes off; both decide whether a TLS certificate is in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from tunewell.doctor.finding import Finding, ok, problem, warning

TOLERATED_S = 2.0
MAX_S = 900.0
_HALF = timedelta(seconds=0.5)  # a Date header tells whole seconds
_REMEDY = "let both follow a time server: timedatectl set-ntp true"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request by this machine's clock, and what the answer says the time is; None where it does not say."""

    sent_at: datetime
    received_at: datetime
    server_at: datetime | None

    @property
    def doubt_s(self) -> float:
        """By how much that may be wrong, in seconds: the answer may have been written at either end of the exchange."""
        return (self.received_at - self.sent_at).total_seconds() / 2

    @property
    def skew_s(self) -> float | None:
        """How far the server's clock is ahead of this machine's, in seconds."""
        if self.server_at is None:
            return None
        return (self.server_at - self.sent_at - (self.received_at - self.sent_at) / 2).total_seconds()


def read_date(text: str | None) -> datetime | None:
    """Return the moment that a Date header means; None for one that means none."""
    try:
        at = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return at + _HALF if at.tzinfo is not None else None


def check_clock(exchange: Exchange) -> Finding:
    """Judge this machine's clock against the server's."""
    skew_s = exchange.skew_s
    if skew_s is None:
        return warning("clock", "the server's answers do not say what time it is", "is a proxy leaving Date out?")
    way = "behind" if skew_s > 0 else "ahead of"
    seen = f"{_words(skew_s)} {way} the server's"
    if abs(skew_s) <= TOLERATED_S + exchange.doubt_s:
        return ok("clock", f"that of the server, within {TOLERATED_S + exchange.doubt_s:.0f} s")
    what = "curves over time, log lines and timelines of this machine's trials are off by as much"
    if abs(skew_s) <= MAX_S:
        return warning("clock", seen, f"{what}; {_REMEDY}")
    return problem("clock", seen, f"{what}, and certificates and signed requests may be refused; {_REMEDY}")


def check_database_clock(at: datetime, database_at: datetime) -> Finding:
    """Judge the server's clock against its database's.

    Args:
        at: The server's.
        database_at: The database's, read at the same moment.
    """
    name, skew_s = "database clock", (database_at - at).total_seconds()
    if abs(skew_s) <= TOLERATED_S:
        return ok(name, "that of the server, within 2 s")
    way = "ahead of" if skew_s > 0 else "behind"
    seen = f"{_words(skew_s)} {way} the server's"
    what = "leases and tokens follow the database and are safe; times on charts and those in lists disagree"
    if abs(skew_s) <= MAX_S:
        return warning(name, seen, f"{what}; {_REMEDY}")
    return problem(name, seen, f"{what}, and an artifact store on S3 may refuse the server; {_REMEDY}")


def _words(skew_s: float) -> str:
    seconds = abs(skew_s)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"

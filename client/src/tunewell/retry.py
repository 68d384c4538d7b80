"""When to ask again: a value, computed from the error, how often it failed, and a random number."""

from __future__ import annotations

from dataclasses import dataclass

from tunewell.errors import ServerBusy, ServerUnreachable, TunewellError

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 15.0


@dataclass(frozen=True, slots=True)
class Retry:
    """Ask again after `delay_s` seconds, because of `reason`."""

    delay_s: float
    reason: str


def decide_retry(error: TunewellError, n_failures: int, *, jitter: float) -> Retry | None:
    """Decide whether the same request may succeed later.

    Connection errors and 429, 502, 503, 504 may pass; every other refusal would only be repeated. How long to go on is
    the caller's choice.

    Args:
        error: What the last try raised.
        n_failures: Tries that failed in a row, from 1.
        jitter: A random number in [0, 1), so that many clients do not come back at the same moment.

    Returns:
        The pause before the next try, in seconds (0.1 to 0.2, doubling up to 15, or what the server asked for), or
        None: give up.

    Examples:
        >>> from tunewell.errors import Problem
        >>> decide_retry(ServerBusy(Problem("busy", "busy", status=503)), 1, jitter=0.0)
        Retry(delay_s=0.1, reason='busy')
    """
    if not isinstance(error, (ServerUnreachable, ServerBusy)):
        return None
    delay_s = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(n_failures - 1, 16)) * (0.5 + jitter / 2)
    asked_s = error.problem.retry_after_s
    return Retry(delay_s if asked_s is None else max(delay_s, asked_s), error.message)

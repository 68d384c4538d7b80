"""Whether the server would take this worker, and whether the machine has room for its slots."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from tunewell.doctor.cgroups import Limits, read_limits
from tunewell.doctor.finding import MIB, Finding, ok, problem, size_words, skipped, warning
from tunewell.doctor.machine import free_bytes, read_memory, usable_cores
from tunewell.errors import Forbidden, NotFound, ServerUnreachable, TunewellError, Unauthorized
from tunewell.protocol import Protocol, Registration
from tunewell.system.cores import allowed_cores

from worker.doctor.broker import check_broker

SLOT_BYTES = 300 * MIB
"""What a slot takes before its data: a supervisor, an importer with torch, and a trial."""


def check_joining(protocol: Protocol, mine: Registration, server: str) -> Iterator[Finding]:
    """Ask the server what joining would answer, and look at the broker that it names."""
    try:
        terms = protocol.check(mine)
    except (Forbidden, Unauthorized) as error:
        remedy = "make one: python -m api tokens create --role worker --name NAME, and give it as TUNEWELL_TOKEN"
        yield problem("joining", error.message, remedy)
    except NotFound:
        yield skipped("joining", "the server is older and does not tell; just start the worker")
    except ServerUnreachable as error:
        yield problem("joining", error.message, error.hint or "start the server, or correct --server")
    except TunewellError as error:
        yield problem("joining", str(error), error.hint or "look at the server's log")
    else:
        yield ok("joining", f"the server takes it for {', '.join(mine.queues)}; a lease lasts {terms.lease_s:g} s")
        yield check_broker(terms.broker_url, urlsplit(server).hostname or "")


def check_slots(n_slots: int) -> Finding:
    """Hold the slots against what this machine has."""
    return judge_slots(n_slots, allowed_cores(), read_memory(), read_limits())


def judge_slots(n_slots: int, n_allowed: int, memory: tuple[int, int] | None, limits: Limits) -> Finding:
    """Hold slots against cores and memory."""
    n_cores = usable_cores(n_allowed, limits)
    free = None if memory is None else free_bytes(memory, limits)
    seen = f"{n_slots} on {n_cores:g} cores"
    if n_slots > n_cores:
        return warning("slots", seen, f"trials wait for each other: --slots {max(1, int(n_cores))}")
    if free is not None and n_slots * SLOT_BYTES > free:
        seen += f", which take about {size_words(n_slots * SLOT_BYTES)} of {size_words(free)} free"
        return warning("slots", seen, f"--slots {max(1, free // SLOT_BYTES)}")
    return ok("slots", seen)

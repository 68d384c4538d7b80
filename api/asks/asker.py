"""Asks samplers: those that answer at once right here, the others in a process of their own."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from api.asks.history import Histories
from api.asks.plans import Plan
from api.asks.process import AskClosed, AskFailed, AskPool
from api.asks.wire import decode_answer, encode_request
from api.errors import Unavailable
from models import catalogue
from search.errors import SearchError
from search.samplers import Sampler, get_sampler
from search.types import Suggestion, SuggestRequest

_MAX_STUDIES = 1000
# One point of an estimator over so many trials takes about 50 ms of a core; so do several over fewer.
_INSTANT_UP_TO = 1000
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an ask.

    Attributes:
        suggestions: One or more; none says that the sampler has nothing left to propose.
        fallback: Why these are random draws instead of what the sampler would have proposed; empty where they are not.
        failure: Why there is not even a random draw; empty where there is.
        is_batch: Whether the sampler was asked for all of them at once.
    """

    suggestions: Sequence[Suggestion]
    fallback: str = ""
    failure: str = ""
    is_batch: bool = False


class Asker:
    """Asks for suggestions, one study at a time. May be used by many threads; not from inside a transaction.

    Args:
        pool: Answers what takes long.
        patience_s: How long somebody who waits for work waits for an answer; after it the draw is random.
    """

    def __init__(self, pool: AskPool | None = None, patience_s: float = 6.0) -> None:
        self.pool = pool or AskPool()
        self.patience_s = patience_s
        self.histories = Histories()
        self._lock = threading.Lock()
        self._turns: OrderedDict[int, threading.Lock] = OrderedDict()
        self._slow: dict[int, bool] = {}
        self._rooms: dict[int, int] = {}

    def close(self) -> None:
        """End the processes."""
        self.pool.close()

    @contextmanager
    def turn(self, study_id: int, timeout_s: float) -> Iterator[bool]:
        """Let one thread of this process ask for a study at a time: what two computed at once, one had to drop.

        Yields:
            Whether it is this thread's turn; False after `timeout_s` seconds.
        """
        with self._lock:
            lock = self._turns.setdefault(study_id, threading.Lock())
            self._turns.move_to_end(study_id)
            if len(self._turns) > _MAX_STUDIES:  # a lock that somebody holds may go: it only saves work
                self._turns.popitem(last=False)
        is_mine = lock.acquire(timeout=timeout_s)
        try:
            yield is_mine
        finally:
            if is_mine:
                lock.release()

    def is_slow(self, study_id: int) -> bool:
        """Tell whether the last ask for a study went to a process of its own."""
        return self._slow.get(study_id, False)

    def note_room(self, study_id: int, n: int) -> None:
        """Remember how many trials a worker took, or would have taken, at once."""
        self._rooms[study_id] = n

    def room(self, study_id: int) -> int:
        """Return how many trials the last worker that claimed could take at once; 1 before any did."""
        return self._rooms.get(study_id, 1)

    def ask(self, plan: Plan, study_id: int, request: SuggestRequest, n: int, patience_s: float) -> Answer:
        """Ask for `n` suggestions; fewer come where the sampler has run out, or cannot answer.

        Args:
            plan: The study's.
            study_id: The study.
            request: For the first of them; the others take the numbers and cells that follow.
            n: At least 1.
            patience_s: Seconds to wait for what takes long.
        """
        slow = is_slow(plan.sampler, request, n)
        self._slow[study_id] = slow
        try:
            found = self._far(plan, request, n, patience_s) if slow else _near(plan, request, n)
            return Answer(found, is_batch=n > 1)
        except AskClosed as error:
            raise Unavailable("shutting_down", f"{error}; try again in a moment") from error
        except (AskFailed, SearchError) as error:
            return _fall_back(request, str(error))
        except Exception as error:  # of a library: one study's sampler must not stop every claim of its queue
            log.exception("a sampler failed in study %s", study_id)
            return _fall_back(request, f"the sampler failed: {type(error).__name__}: {error}")

    def ask_again(self, plan: Plan, request: SuggestRequest, n: int) -> Sequence[Suggestion]:
        """Compute what was proposed before; in the process, whatever it takes, so that others are served meanwhile.

        Raises:
            AskFailed: There is no answer.
        """
        return self._far(plan, request, n, patience_s=120.0)

    def _far(self, plan: Plan, request: SuggestRequest, n: int, patience_s: float) -> Sequence[Suggestion]:
        batch = (n, shared_names(plan)) if n > 1 else None
        answer = decode_answer(self.pool.ask(encode_request(plan.sampler.name, request, batch), patience_s))
        if isinstance(answer, str):
            raise AskFailed(f"the sampler failed: {answer}")
        return answer or ()


def is_slow(sampler: Sampler, request: SuggestRequest, n: int = 1) -> bool:
    """Tell whether a request for `n` points takes more than some dozen milliseconds: it goes to another process."""
    if sampler.learns and n > 1 and n * len(request.history) > _INSTANT_UP_TO:
        return True
    return sampler.cost(request) == "slow"


def _near(plan: Plan, request: SuggestRequest, n: int) -> Sequence[Suggestion]:
    if n > 1:
        return plan.sampler.suggest_batch(request, n, shared_names(plan))
    one = plan.sampler.suggest(request)
    return () if one is None else (one,)


def _fall_back(request: SuggestRequest, reason: str) -> Answer:
    try:
        return Answer((draw(request, reason),), fallback=reason)
    except SearchError as error:
        return Answer((), failure=error.message)


def draw(request: SuggestRequest, reason: str) -> Suggestion:
    """Return a random draw in place of an answer that did not come, with the reason in its note."""
    drawn = get_sampler("random").suggest(request)
    assert drawn is not None
    return Suggestion(drawn.params, f"random, because there was no answer of the sampler: {reason}")


def shared_names(plan: Plan) -> tuple[str, ...]:
    """Return the parameters in which trials that train together must agree."""
    if plan.spec.code == "script":
        return ()
    hyperparameters = catalogue.get_model(plan.spec.model).hyperparameters
    # `widths.2` is a place of the list `widths`.
    owners = {name: name if name in hyperparameters else name.rsplit(".", 1)[0] for name in plan.space}
    return tuple(name for name, owner in owners.items() if not hyperparameters[owner].per_lane)

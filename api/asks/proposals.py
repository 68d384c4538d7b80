"""A claim's worth of suggestions, computed from a snapshot and stored later, if the study is still where it was."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from api.asks.asker import Answer, Asker
from api.asks.history import Snapshot, params_key
from api.asks.plans import Plan
from api.schemas.base import ParamValue
from db.lifecycle import TrialState
from db.records import StudyRecord, TrialRecord
from search.errors import SearchError
from search.types import PastTrial, Suggestion, SuggestRequest

# A parameter set that was tried takes no place, and one that makes no network neither: so many may come on top.
EXTRA = 10
# Of a batch, so many trials must be able to start together for each one of another structure.
WAITING_SHARE = 4


@dataclass(frozen=True, slots=True)
class Need:
    """What a claim lacks.

    Attributes:
        study_id: Of the study that has work left, but none that waits.
        n_places: How many trials the worker can still take.
        structure: Of the trials it takes already; None where it takes none.
    """

    study_id: int
    n_places: int
    structure: Hashable = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A trial to be.

    Attributes:
        number: It was computed for this number, and no other one may have it.
        cell: How many trials the sampler had proposed before.
        params: Its parameters.
        note: How they came about.
        seen: What was seen, and how it was asked, so that it can be computed again.
        refusal: Why it makes no network; None where it makes one.
    """

    number: int
    cell: int
    params: Mapping[str, ParamValue]
    note: str
    seen: Mapping[str, Any]
    refusal: str | None

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the trial's row that say what was proposed."""
        return {"params": dict(self.params), "note": self.note, "seen": dict(self.seen)}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was proposed, and for which state of the study it was.

    Attributes:
        study: The study as it was.
        digest: Of the settings it was asked with.
        proposals: In the order of their numbers, without a gap.
        is_exhausted: Whether the sampler has nothing left after them.
        failure: Why, where it should have.
        waiting: Trials that were seen with parameters which may yet be replaced.
    """

    study: StudyRecord
    digest: str
    proposals: Sequence[Proposal]
    is_exhausted: bool = False
    failure: str = ""
    waiting: Sequence[TrialRecord] = ()

    def fits(self, study: StudyRecord, digest: str) -> bool:
        """Tell whether nobody has taken a number meanwhile, nor changed what is asked."""
        return (
            study.id == self.study.id
            and study.next_number == self.study.next_number
            and study.next_cell == self.study.next_cell
            and digest == self.digest
        )


@dataclass(slots=True)
class Chain:
    """Proposals one after another, each of which sees those before it as running trials.

    Args:
        asker: Asks.
        snapshot: What the sampler sees.
        deadline: Of `time.monotonic()`; after it a slow ask is not waited for.
        hidden: Numbers of open trials that it does not see, because they are to be proposed anew.
    """

    asker: Asker
    snapshot: Snapshot
    deadline: float
    hidden: frozenset[int] = frozenset()
    proposals: list[Proposal] = field(default_factory=list)
    is_exhausted: bool = False
    failure: str = ""
    _history: list[PastTrial] = field(init=False)

    def __post_init__(self) -> None:
        self._history = self.snapshot.past(self.hidden)

    def ask(self, number: int, cell: int, n: int) -> list[Proposal]:
        """Propose up to `n` trials, the first with the given number and cell; none when the sampler has run out."""
        request = request_for(self.snapshot.study, self.snapshot.plan, number, cell, self._history)
        patience_s = max(0.0, self.deadline - time.monotonic())
        plan = self.snapshot.plan
        answer = self.asker.ask(plan, self.snapshot.study.id, request, n, patience_s)
        self.is_exhausted, self.failure = not answer.suggestions, answer.failure
        seen = self._seen(answer)
        made = [
            _propose(plan, number + place, cell + place, one, _of_batch(seen, answer, number, n, place))
            for place, one in enumerate(answer.suggestions)
        ]
        for one in made:
            self.proposals.append(one)
            if one.refusal is None:
                self._history.append(PastTrial(number=one.number, state="RUNNING", params=one.params))
        return made

    def _seen(self, answer: Answer) -> dict[str, Any]:
        study = self.snapshot.study
        seen: dict[str, Any] = {
            "rev": study.rev,
            "running": [past.number for past in self._history if past.state == "RUNNING"],
            "asked": self.snapshot.plan.digest,
            "n_trials": study.n_trials,
            "max_parallel": study.max_parallel,
        }
        if self.snapshot.paused:
            seen["paused"] = [[number, step] for number, (step, _) in sorted(self.snapshot.paused.items())]
        return {**seen, "fallback": answer.fallback} if answer.fallback else seen


def propose(asker: Asker, snapshot: Snapshot, need: Need, n_most: int, patience_s: float) -> Asked:
    """Propose what a claim lacks, outside of any transaction.

    Args:
        asker: Asks.
        snapshot: The study with what its trials have shown; its sampler learns.
        need: What is lacking. The first proposal of another structure is the last: the next ask sees more.
        n_most: At most so many proposals, because of the budget.
        patience_s: How long to wait for a slow sampler.
    """
    study, plan = snapshot.study, snapshot.plan
    known = snapshot.known if plan.reuses else frozenset()
    chain = Chain(asker, snapshot, time.monotonic() + patience_s)
    kept = Kept(need.structure)
    while kept.n_fit < need.n_places and len(chain.proposals) < min(n_most, need.n_places + EXTRA):
        start = len(chain.proposals)
        n = min(need.n_places - kept.n_fit, n_most - start)
        made = chain.ask(study.next_number + start, study.next_cell + start, n)
        is_whole = kept.take(made, plan, known)
        if not made or not is_whole or kept.n_waiting or time.monotonic() > chain.deadline:
            break
    waiting = [one for one in snapshot.open if one.state is TrialState.WAITING and one.n_attempts == 0]
    return Asked(study, plan.digest, tuple(kept.proposals), chain.is_exhausted, chain.failure, waiting)


@dataclass(slots=True)
class Kept:
    """The first of some proposals, up to where too many have to wait.

    Of those with another structure than the first, which have to wait, one is kept for each `WAITING_SHARE` that can
    start; from the next one on all are dropped, because the next ask will have seen more.

    Args:
        structure: Of the trials that can start; None until the first.
    """

    structure: Hashable
    proposals: list[Proposal] = field(default_factory=list)
    n_fit: int = 0
    n_waiting: int = 0

    def take(self, made: Sequence[Proposal], plan: Plan, known: Set[str]) -> bool:
        """Take proposals in their order. Returns whether it took all of them."""
        for one in made:
            if one.refusal is None and params_key(one.params) not in known:
                own = plan.structure(one.params)
                self.structure = own if self.structure is None else self.structure
                if own == self.structure:
                    self.n_fit += 1
                elif self.n_waiting < max(1, self.n_fit // WAITING_SHARE):
                    self.n_waiting += 1
                else:
                    return False
            self.proposals.append(one)
        return True


def request_for(study: StudyRecord, plan: Plan, number: int, cell: int, history: Sequence[PastTrial]) -> SuggestRequest:
    """Return what a study asks its sampler for one of its trials."""
    return SuggestRequest(
        space=plan.space,
        directions=plan.directions,
        seed=plan.seed,
        number=number,
        cell=cell,
        history=tuple(history),
        options=plan.options,
        n_trials=study.n_trials,
        max_parallel=study.max_parallel,
    )


def propose_plainly(study: StudyRecord, plan: Plan, place: int, n: int) -> Asked:
    """Propose `n` trials with a sampler that does not learn: it needs no history, and costs next to nothing.

    Args:
        study: The study.
        plan: Its plan.
        place: How many numbers after the next one to begin.
        n: How many to propose; fewer come when the sampler has run out.
    """
    made: list[Proposal] = []
    seen = {"asked": plan.digest, "n_trials": study.n_trials, "max_parallel": study.max_parallel}
    for offset in range(place, place + n):
        number, cell = study.next_number + offset, study.next_cell + offset
        try:
            suggestion = plan.sampler.suggest(request_for(study, plan, number, cell, ()))
        except SearchError as error:
            return Asked(study, plan.digest, tuple(made), is_exhausted=True, failure=error.message)
        if suggestion is None:
            return Asked(study, plan.digest, tuple(made), is_exhausted=True)
        made.append(_propose(plan, number, cell, suggestion, seen))
    return Asked(study, plan.digest, tuple(made))


def _propose(plan: Plan, number: int, cell: int, suggestion: Suggestion, seen: Mapping[str, Any]) -> Proposal:
    params = suggestion.params
    return Proposal(number, cell, params, suggestion.note, seen, plan.refusal(params))


def _of_batch(seen: dict[str, Any], answer: Answer, number: int, n: int, place: int) -> dict[str, Any]:
    return {**seen, "batch": {"first": number, "n": n, "place": place}} if answer.is_batch else seen

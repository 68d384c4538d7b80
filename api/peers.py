"""What the other trials of a study had reached, as pruners compare by it.

Finished trials never change, nor does a point of a curve. So each is read once and kept, and a decision among ten
thousand trials costs little more than the comparison itself.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session

from db import pruning
from db.lifecycle import OPEN_TRIALS, TrialState
from db.pruning import Contender, Reached, Scope
from search.types import PastTrial

_MAX_STUDIES = 8
_MAX_POINTS = 1_000_000  # of one study; beyond, it is read anew


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which trials, and what of their curves.

    Attributes:
        study_id: The study.
        created_at: When it was created: a database that was emptied begins to number anew.
        rev: Its last change; trials that ended after it are not finished yet.
        metric: The objective.
        steps: For each, the point at the greatest step up to it; None for whole curves.
        n_peers: Only so many completed trials have their curves read, those with the greatest numbers; None: all.
        members: Names of the curves of folds and repeats, where their ends are meant instead: curve k ends at "step" k.
    """

    study_id: int
    created_at: datetime
    rev: int
    metric: str
    steps: Sequence[int] | None
    n_peers: int | None = None
    members: tuple[str, ...] = ()


@dataclass(slots=True)
class _Kept:
    """The finished trials of a study and what was read of their curves; `read_to`: up to which change, by step."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rev: int = -1
    trials: dict[int, PastTrial] = field(default_factory=dict)
    read_to: dict[int, int] = field(default_factory=dict)
    whole: set[int] = field(default_factory=set)
    n_points: int = 0

    def forget(self) -> None:
        self.rev, self.n_points = -1, 0
        self.trials, self.read_to, self.whole = {}, {}, set()

    def add(self, points: Iterable[Reached], step: int | None = None) -> None:
        for point in points:
            trial = self.trials.get(point.number)
            if trial is not None:
                # One integer for all of them, where they have a point at the very step.
                cast(dict[int, float], trial.intermediate)[step if point.step == step else point.step] = point.value
                self.n_points += 1


class Peers:
    """Reads the trials of studies for pruners. May be used by many threads; each database needs one of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()

    @contextmanager
    def read(self, session: Session, wanted: Wanted) -> Iterator[list[PastTrial]]:
        """Return the trials of a study that are finished or have run, in any order; they hold within the block.

        More of their curves may be there than was wanted.
        """
        kept = self._find(wanted)
        with kept.lock:
            if kept.rev > wanted.rev or kept.n_points > _MAX_POINTS:
                kept.forget()
            _read_finished(session, wanted, kept)
            yield [*kept.trials.values(), *_read_open(session, wanted)]

    def _find(self, wanted: Wanted) -> _Kept:
        key = wanted.study_id, wanted.created_at, wanted.metric, wanted.members
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            while len(self._kept) > _MAX_STUDIES:
                self._kept.popitem(last=False)
        return kept


def _read_finished(session: Session, wanted: Wanted, kept: _Kept) -> None:
    if kept.rev < wanted.rev:
        news = pruning.list_contenders(session, Scope(wanted.study_id, kept.rev, wanted.rev))
        kept.trials |= {one.number: _past(one) for one in news}
        kept.rev = wanted.rev
    if wanted.members:
        _read_on(session, wanted, kept, 0)
    elif wanted.steps is None or (wanted.n_peers is not None and wanted.steps):
        _read_whole(session, wanted, kept)
    else:
        for step in wanted.steps:
            _read_on(session, wanted, kept, step)


def _read_on(session: Session, wanted: Wanted, kept: _Kept, step: int) -> None:
    """Read the points by a step of those trials that ended since that was last done."""
    start = kept.read_to.get(step, -1)
    if start < wanted.rev:
        scope = Scope(wanted.study_id, start, wanted.rev)
        points = _ends(session, wanted, scope) if wanted.members else _reached(session, wanted, scope, step)
        kept.add(points, step)
        kept.read_to[step] = wanted.rev


def _read_whole(session: Session, wanted: Wanted, kept: _Kept) -> None:
    completed = [number for number, trial in kept.trials.items() if trial.state == "COMPLETE"]
    newest = sorted(completed, reverse=True)[: wanted.n_peers]
    missing = [number for number in newest if number not in kept.whole]
    if missing:
        kept.add(pruning.list_curves(session, wanted.study_id, wanted.metric, missing))
        kept.whole.update(missing)


def _read_open(session: Session, wanted: Wanted) -> list[PastTrial]:
    scope = Scope(wanted.study_id)
    trials = {one.number: _past(one) for one in pruning.list_contenders(session, scope)}
    fresh = _Kept(trials=trials)
    if wanted.members:
        fresh.add(_ends(session, wanted, scope))
    elif wanted.n_peers is None:
        for step in wanted.steps or ():
            fresh.add(_reached(session, wanted, scope, step), step)
    return list(trials.values())


def _reached(session: Session, wanted: Wanted, scope: Scope, step: int) -> Iterator[Reached]:
    return pruning.list_reached(session, scope, wanted.metric, step)


def _ends(session: Session, wanted: Wanted, scope: Scope) -> Iterator[Reached]:
    """Return the ends of folds and repeats, each under its place; of a trial that runs, what has come to its end."""
    places = {name: place for place, name in enumerate(wanted.members)}
    for name, end, n_steps in pruning.list_ends(session, scope, wanted.members):
        if not scope.is_open or (n_steps is not None and end.step >= n_steps):
            yield Reached(end.number, places[name], end.value)


def _past(one: Contender) -> PastTrial:
    """Return a trial with a curve that is still to be read."""
    return PastTrial(
        number=one.number,
        state="RUNNING" if one.state in OPEN_TRIALS else one.state.value,
        params={},
        values=None if one.value is None else (one.value,),
        intermediate={},
        paused_at=one.paused_step if one.state is TrialState.WAITING else None,
    )

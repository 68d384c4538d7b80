"""What insights are worked out from: the finished trials of a study, each of them read once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from api.services.specs import space_of
from api.services.views import spec_of
from api.transaction import Ledger
from db.columns import TrialLine, list_lines
from db.lifecycle import FINISHED_TRIALS
from db.records import StudyRecord
from db.types import decode_float
from search.insight.table import InsightRequest, tabulate
from search.types import PastTrial, TrialState

MAX_STUDIES = 4
"""Of so many studies trials are kept: 50,000 with eight parameters take about 50 MB."""

Key = tuple[int, datetime, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Kept:
    """The finished trials of a study by number, as of its `rev` at least, and what was made of them."""

    rev: int = -1
    finished: Mapping[int, PastTrial] = field(default_factory=dict)
    request: InsightRequest | None = None


class Pasts:
    """Remembers the finished trials of the studies that were asked for last. May be used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()

    def read(self, ledger: Ledger, study: StudyRecord) -> InsightRequest:
        """Return what insights into a study are worked out from, its finished trials tabulated.

        Args:
            ledger: Where they are read, unless they are known.
            study: Trials that ended after its `rev` may be among them.
        """
        spec = spec_of(study)
        metrics = tuple(one.metric for one in spec.objectives)
        # The time too: a database that was emptied begins to number anew.
        key = study.id, study.created_at, metrics
        with self._lock:
            before = self._kept.get(key, _Kept())
        if before.request is not None and before.rev >= study.rev:
            return before.request
        after_rev = None if before.rev < 0 else before.rev
        with ledger.read() as session:
            lines = list_lines(session, study.id, after_rev, is_single=len(metrics) == 1)
        ended = {line.number: _past(line, metrics) for line in lines if line.phase in FINISHED_TRIALS}
        finished = {**before.finished, **ended}
        directions = tuple(one.direction for one in spec.objectives)
        bare = InsightRequest(space_of(spec), directions, [finished[number] for number in sorted(finished)])
        request = replace(bare, table=tabulate(bare))
        self._keep(key, _Kept(study.rev, finished, request))
        return request

    def _keep(self, key: Key, now: _Kept) -> None:
        with self._lock:
            if self._kept.get(key, _Kept()).rev < now.rev:
                self._kept[key] = now
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_STUDIES:
                self._kept.popitem(last=False)


def _past(line: TrialLine, metrics: Sequence[str]) -> PastTrial:
    return PastTrial(
        number=line.number,
        state=cast(TrialState, str(line.phase)),
        params=line.params,
        values=_values(line, metrics),
        constraints=tuple(decode_float(one) for one in line.violations or ()),
    )


def _values(line: TrialLine, metrics: Sequence[str]) -> tuple[float, ...] | None:
    if line.value is None:
        return None
    if len(metrics) < 2:
        return (line.value,)
    measured = line.values or {}
    if any(metric not in measured for metric in metrics):
        return None
    return tuple(decode_float(measured[metric]) for metric in metrics)

"""The best trials of a study with several objectives."""

from __future__ import annotations

from typing import cast

from sqlalchemy.orm import Session

from api.schemas.studies import Hypervolume
from api.services.objectives import metrics_of
from db.fronts import list_by_id, list_outcomes
from db.records import StudyRecord, TrialRecord
from search.pareto import hypervolume, pareto_places, thin
from search.types import Direction

MAX_SHOWN = 200
# Exact volumes get dear with the number of objectives: of a longer front a part is measured, which is a lower bound.
_MOST_MEASURED = {1: 10**9, 2: 10**9, 3: 1000, 4: MAX_SHOWN}


def find_front(session: Session, study: StudyRecord) -> tuple[list[TrialRecord], Hypervolume | None]:
    """Return the trials that no other one beats in every objective, and the volume that they dominate.

    At most `MAX_SHOWN` trials, the best by the first objective first; evenly thinned where there are more.
    """
    metrics, directions = metrics_of(study), [cast(Direction, direction) for direction in study.directions]
    outcomes = list_outcomes(session, study.id, metrics)
    values = [one.values for one in outcomes]
    front = pareto_places(values, directions)
    ids = [outcomes[place].trial_id for place in thin(front, MAX_SHOWN)]
    found = list_by_id(session, ids)
    n_most = _MOST_MEASURED.get(len(metrics))
    volume = None if n_most is None else hypervolume(values, thin(front, n_most), directions)
    shown = None
    if volume is not None:
        reference = dict(zip(metrics, volume.reference, strict=True))
        shown = Hypervolume(value=volume.value, reference=reference)
    return [found[trial_id] for trial_id in ids], shown

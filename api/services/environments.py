"""Where a trial's attempts ran."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.schemas.environments import Environment, TrialEnvironment, TrialEnvironments
from api.services.lookup import get_trial
from db.environments import Place, list_places


def read_environments(session: Session, trial_id: int) -> TrialEnvironments:
    """Return each worker that had an attempt at a trial, the latest in front.

    Raises:
        NotFound: `trial_not_found`.
    """
    get_trial(session, trial_id)
    by_worker: dict[int, list[Place]] = {}
    for place in list_places(session, trial_id):
        by_worker.setdefault(place.worker_id, []).append(place)
    latest_first = sorted(by_worker.values(), key=lambda places: -places[-1].attempt_no)
    return TrialEnvironments(items=[_show(places) for places in latest_first])


def _show(places: list[Place]) -> TrialEnvironment:
    place = places[-1]
    return TrialEnvironment(
        attempt_nos=[one.attempt_no for one in places],
        worker_id=place.worker_id,
        worker_name=place.name,
        host=place.host,
        worker_version=place.version,
        environment=None if place.environment is None else Environment.model_validate(place.environment),
    )

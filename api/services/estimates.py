"""How long a study may take, from what finished trials of the same network on the same data took.

What a trial costs is the time for which it held a slot; trials that trained together share it. It grows with the epochs
and with the networks of a trial, so it is counted per epoch of one network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from api.schemas.checks import StudyEstimate
from api.schemas.studies import StudySpec
from api.services.budgets import count_hours
from api.services.views import spec_of
from db import estimates, workers
from models import catalogue

_MAX_STUDIES = 5
_MAX_TRIALS = 200  # of each study: enough for a mean, and quick while somebody types


def estimate_study(session: Session, spec: StudySpec, n_trials: int | None) -> StudyEstimate | None:
    """Return how long a study may take.

    Args:
        session: The database.
        spec: Of the study, complete.
        n_trials: Most trials that it can have; None without an end.

    Returns:
        None where it has neither an end nor a predecessor with finished trials.
    """
    if spec.code == "script":  # nothing is known of its trials before they have run
        return None
    alike = estimates.list_similar(session, spec.model, spec.dataset, spec.resources.queue, _MAX_STUDIES)
    held_s, n_epochs, n_known = 0.0, 0.0, 0
    for study in alike:
        trained = estimates.read_trained(session, study.id, _MAX_TRIALS)
        held_s += 3600 * count_hours(trained.holdings)
        n_epochs += trained.n_trials * _epochs_of_trial(spec_of(study))
        n_known += trained.n_trials
    if n_trials is None or n_epochs == 0:
        return None
    trial_s = held_s / n_epochs * _epochs_of_trial(spec)
    n_slots = workers.count_slots(session, spec.resources.queue)
    n_parallel = max(1, min(spec.budget.max_parallel, n_slots, n_trials))
    duration_s = n_trials * trial_s / n_parallel
    limit_s = spec.budget.timeout_s
    is_cut = limit_s is not None and limit_s < duration_s
    return StudyEstimate(
        duration_s=limit_s if is_cut and limit_s is not None else duration_s,
        trial_s=trial_s,
        n_parallel=n_parallel,
        n_trials_known=n_known,
        basis=_basis(spec, (n_known, len(alike)), (n_parallel, n_slots), is_cut=is_cut),
    )


def n_networks(spec: StudySpec) -> int:
    """Return how many networks a trial trains."""
    return spec.repeats.n * (spec.evaluation.folds or 1)


def _basis(spec: StudySpec, known: tuple[int, int], slots: tuple[int, int], *, is_cut: bool) -> str:
    n_known, n_studies = known
    n_parallel, n_slots = slots
    trials = f"{n_known} finished {'trial' if n_known == 1 else 'trials'}"
    where = f"{n_studies} {'study' if n_studies == 1 else 'studies'}"
    words = f"{trials} of {spec.model} on {spec.dataset} in {where} on queue {spec.resources.queue}, counted per epoch"
    if n_slots == 0:
        words += "; no worker serves the queue now, so for one slot"
    else:
        words += f"; {n_parallel} {'slot works' if n_parallel == 1 else 'slots work'} on it"
    return f"{words}; the study's timeout ends it" if is_cut else words


def _epochs_of_trial(spec: StudySpec) -> float:
    """Return the epochs of all networks of a trial: of searched ones the middle of the range, 1 where unknown."""
    known = catalogue.get_model(spec.model).hyperparameters
    fallback = known["epochs"].default if "epochs" in known else 1
    shape = spec.search_space.get("epochs")
    epochs = spec.fixed.get("epochs", spec.assumed.get("epochs", fallback)) if shape is None else _middle(shape)
    return n_networks(spec) * (float(epochs) if isinstance(epochs, (int, float)) and epochs > 0 else 1.0)


def _middle(shape: Mapping[str, Any]) -> object:
    """Return the middle of a parameter's range, on its own scale."""
    if "value" in shape:
        return shape["value"]
    numbers = [one for one in shape.get("choices", ()) if isinstance(one, (int, float))]
    if numbers:
        return sum(numbers) / len(numbers)
    low, high = shape.get("low"), shape.get("high")
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        return None
    return math.sqrt(low * high) if shape.get("log") else (low + high) / 2

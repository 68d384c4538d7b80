"""What the best trials of past studies had in common: values to begin with, learned from history."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from api.schemas.base import ParamValue
from api.schemas.catalogue import LearnedDefault, LearnedDefaults
from api.services.dataset_facts import require_dataset
from api.services.specs import join_lists, refusals
from db import studies
from db.lifecycle import TrialState
from db.records import StudyRecord
from models import catalogue

# The best tenth of fewer is one trial that was lucky.
LEAST_TRIALS = 10
MAX_STUDIES = 200


def learn_defaults(session: Session, model: str, dataset: str | None) -> LearnedDefaults:
    """Return, for each hyperparameter that past studies searched, its middle over their best tenth.

    Of each study with at least `LEAST_TRIALS` results the best tenth of them counts, by its first objective: values of
    different studies cannot be compared, ranks within one can. The newest `MAX_STUDIES` that are not deleted are read.

    Args:
        session: Open transaction.
        model: Name of the network.
        dataset: Only of studies on this data set; None for any.

    Raises:
        Invalid: `unknown_model` or `unknown_dataset`.
    """
    with refusals():
        info = catalogue.get_model(model)
    if dataset is not None:
        require_dataset(session, dataset)
    found: dict[str, list[ParamValue]] = {}
    n_studies: Counter[str] = Counter()
    for study in studies.list_of_model(session, model, dataset, MAX_STUDIES):
        best = _best_tenth(session, study)
        for params in best:
            for name, value in params.items():
                found.setdefault(name, []).append(value)
        n_studies.update({name for params in best for name in params})
    items = [
        LearnedDefault(
            name=name,
            value=middle(found[name]),
            catalogue_value=one.default,
            n_trials=len(found[name]),
            n_studies=n_studies[name],
        )
        for name, one in info.hyperparameters.items()
        if name in found
    ]
    return LearnedDefaults(model=model, dataset=dataset, items=items)


def middle(values: Sequence[ParamValue]) -> ParamValue:
    """Return the lower median of numbers, which is one of them, or the most frequent of other values."""
    numbers = [one for one in values if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) == len(values):
        return statistics.median_low(numbers)
    counts = Counter(values)
    return min(counts, key=lambda one: (-counts[one], str(one)))


def _best_tenth(session: Session, study: StudyRecord) -> list[Mapping[str, ParamValue]]:
    n = studies.count_trials(session, [study.id], with_confirmations=False)[study.id].get(TrialState.COMPLETE, 0)
    if n < LEAST_TRIALS:
        return []
    best = studies.list_best_trials(session, study, n // 10)
    return [join_lists(trial.params) for trial in best]

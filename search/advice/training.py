"""What the diagnoses of the best trials say together: more epochs, or more data."""

from __future__ import annotations

from collections.abc import Mapping

from search.advice.positions import Numeric, as_numeric
from search.advice.trials import MIN_BEST, Outcome, Study
from search.advice.values import Advice, Change
from search.parameters import FloatParameter, ParamValue
from search.space import SearchSpace

HALF = 0.5
"""Share of the diagnosed best trials that must show the same before it is called the study's."""
EPOCHS = "epochs"
MORE = 2
"""Times as many epochs: a loss that still falls seldom needs more, and the next study can say so again."""
REGULARISERS: Mapping[str, float] = {
    "dropout": 0.1,
    "weight_decay": 1e-4,
    "l1": 1e-5,
    "l2": 1e-4,
    "label_smoothing": 0.05,
}
"""By remedy against overfitting, the least value that holds a network back noticeably."""


def more_epochs(study: Study) -> tuple[Advice, ...]:
    """Advise more epochs where the best trials were still improving when theirs were used up."""
    request, best = study.request, _diagnosed_best(study)
    n_improving = sum("still_improving" in request.findings[trial.number] for trial in best)
    if len(best) < MIN_BEST or n_improving < HALF * len(best):
        return ()
    return (
        Advice(
            "more_epochs",
            "More epochs",
            f"Of the {len(best)} best trials {n_improving} were still improving at their last epoch.",
            {"n_best": len(best), "n_still_improving": n_improving},
            "Train for about twice as many epochs; a pruner keeps the hopeless trials short.",
            _doubled_epochs(request.space, request.fixed, request.limits.get(EPOCHS)),
        ),
    )


def more_data(study: Study) -> tuple[Advice, ...]:
    """Advise more data where the best trials overfit although they were held back."""
    request, best = study.request, _diagnosed_best(study)
    overfit = [trial for trial in best if "overfitting" in request.findings[trial.number]]
    n_held_back = sum(_is_held_back({**request.fixed, **trial.params}) for trial in overfit)
    if len(best) < MIN_BEST or n_held_back < HALF * len(best):
        return ()
    return (
        Advice(
            "more_data",
            "More data",
            f"Of the {len(best)} best trials {len(overfit)} overfit, {n_held_back} of them in spite of dropout, weight "
            f"decay or another remedy.",
            {"n_best": len(best), "n_overfitting": len(overfit), "n_held_back": n_held_back},
            "More training examples, or augmented ones, will help more than further search. Failing that, search "
            "stronger remedies and smaller networks.",
        ),
    )


def _diagnosed_best(study: Study) -> list[Outcome]:
    return [trial for trial in study.best if trial.number in study.request.findings]


def _is_held_back(params: Mapping[str, ParamValue]) -> bool:
    values = ((params.get(name), least) for name, least in REGULARISERS.items())
    return any(isinstance(value, int | float) and value >= least for value, least in values)


def _doubled_epochs(
    space: SearchSpace, fixed: Mapping[str, ParamValue], limits: tuple[float, float] | None
) -> tuple[Change, ...]:
    greatest = limits[1] if limits else float("inf")
    searched = as_numeric(space[EPOCHS]) if EPOCHS in space else None
    if searched is not None:
        longer = _longer(searched, greatest)
        return (Change(f"search_space.{EPOCHS}", space.shape(EPOCHS, longer)),) if longer else ()
    present = fixed.get(EPOCHS)
    if isinstance(present, bool) or not isinstance(present, int) or MORE * present > greatest:
        return ()
    return (Change(f"fixed.{EPOCHS}", MORE * present),)


def _longer(parameter: Numeric, greatest: float) -> Numeric | None:
    if isinstance(parameter, FloatParameter) or MORE * parameter.last > greatest:
        return None
    return type(parameter)(parameter.low, MORE * parameter.last, step=parameter.step, log=parameter.log)

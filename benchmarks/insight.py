"""`python -m benchmarks.insight`: what insights cost, and how near to the truth they come, as JSON.

Three questions, on functions whose truth is known: what PED-ANOVA costs; what functional ANOVA costs and says, beside
Optuna's; and whether random search, replayed on the trials of a search that learns, does as random search does.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import numpy as np
import optuna
import typer

from benchmarks.report import describe_run
from search.advice.progress import converged, larger_budget
from search.advice.trials import look
from search.advice.values import AdviceRequest
from search.insight.fanova import decompose
from search.insight.importance import ped_anova
from search.insight.regret import Regret, regret
from search.insight.sample import Sample, sample_of
from search.insight.table import InsightRequest, tabulate
from search.insight.units import Floats, units_of
from search.parameters import ParamValue
from search.samplers.random import draw_params
from search.samplers.seen import open_study, to_frozen_trials
from search.samplers.tpe import TpeSampler
from search.space import SearchSpace, parse_space
from search.types import PastTrial, SuggestRequest

Params = Mapping[str, ParamValue]
Objective = Callable[[Params], float]
UNIT = {"type": "float", "low": 0, "high": 1}
CHOICE = {"type": "categorical", "choices": list("uvwxyz")}
MIXED = parse_space({**dict.fromkeys("abdefg", UNIT), "c": CHOICE})
POOL = 20_000
"""Random points that stand for the truth of random search."""


def main(
    n_seeds: Annotated[int, typer.Option(help="Searches of each kind.", min=1)] = 8,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller sizes, without Optuna's evaluator.")] = False,
) -> None:
    """Measure and print one JSON document."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    document = describe_run(seed=0, is_quick=quick, started_at=datetime.now(UTC))
    document["importance"] = [_importance(n) for n in ((100,) if quick else (100, 1_000, 10_000))]
    document["interactions"] = [_interactions(n, quick) for n in ((100,) if quick else (200, 1_000, 5_000))]
    sizes = (40,) if quick else (40, 100)
    document["replay"] = [_replay(name, n, n_seeds) for name in CASES for n in sizes]
    document["advice_to_random_search"] = [_heard(name, 20 if quick else 500) for name in VALUES]
    print(json.dumps(document, indent=2))


def _number(params: Params, name: str) -> float:
    value = params[name]
    assert isinstance(value, int | float)
    return value


def _weighted(params: Params) -> float:
    """Get three quarters of its variance from `a`, a quarter from `c`, none from the others."""
    return 3 * _number(params, "a") + (str(params["c"]) in "vxz")


def _quadratic(params: Params) -> float:
    weights, centres = (5, 3, 1, 0.3, 0.1, 0.02), (0.3, 0.7, 0.5, 0.2, 0.9, 0.1)
    return sum(w * (_number(params, n) - c) ** 2 for n, w, c in zip("abcdef", weights, centres, strict=True))


def _coupled(params: Params) -> float:
    a, b, c = (_number(params, name) for name in "abc")
    return 8 * (a - 0.2) ** 2 + abs(b - a) + 0.1 * math.sin(20 * c) + {"x": 0.5, "y": 0, "z": 1}[str(params["k"])]


def _valley(params: Params) -> float:
    x = [4 * _number(params, name) - 2 for name in "abcd"]
    return math.log1p(sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(3)))


CASES: Mapping[str, tuple[SearchSpace, Objective]] = {
    "quadratic, 6 numbers": (parse_space(dict.fromkeys("abcdef", UNIT)), _quadratic),
    "coupled, 3 numbers and a choice": (
        parse_space({**dict.fromkeys("abc", UNIT), "k": {"type": "categorical", "choices": list("xyz")}}),
        _coupled,
    ),
    "log Rosenbrock, 4 numbers": (parse_space(dict.fromkeys("abcd", UNIT)), _valley),
}


def _random(space: SearchSpace, objective: Objective, n: int) -> InsightRequest:
    drawn = (draw_params(space, 1, i) for i in range(n))
    history = [PastTrial(i, "COMPLETE", params, (objective(params),)) for i, params in enumerate(drawn)]
    return InsightRequest(space, ("minimize",), history)


def _importance(n_trials: int) -> dict[str, Any]:
    request = _random(MIXED, _weighted, n_trials)
    return {"n_trials": n_trials, "cpu_s": min(_cpu_s(lambda: ped_anova(request)) for _ in range(3))}


def _interactions(n_trials: int, is_quick: bool) -> dict[str, Any]:
    request = _random(MIXED, _weighted, n_trials)
    sample = sample_of(request)
    assert isinstance(sample, Sample)
    found = decompose(sample, lambda done, total: None)
    ours = {one.name: round(one.share, 4) for one in found.shares if one.name in "ac"}
    cpu_s = min(_cpu_s(lambda: decompose(sample, lambda done, total: None)) for _ in range(3))
    facts: dict[str, Any] = {"n_trials": n_trials, "cpu_s": cpu_s, "shares": ours, "truth": {"a": 0.75, "c": 0.25}}
    if is_quick or n_trials > 1_000:  # Optuna's takes minutes beyond
        return facts
    frozen = to_frozen_trials(MIXED, ("minimize",), request.history, -1)
    study = open_study(("minimize",), frozen, optuna.samplers.RandomSampler())
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    theirs: dict[str, float] = {}
    optuna_s = _cpu_s(lambda: theirs.update(optuna.importance.get_param_importances(study, evaluator=evaluator)))
    shown = {name: round(float(theirs[name]), 4) for name in "ac"}
    return {**facts, "optuna_cpu_s": optuna_s, "optuna_shares": shown}


def _replay(name: str, n_trials: int, n_seeds: int) -> dict[str, Any]:
    """Return how many random trials are as good as what is said of k of them, as a multiple of k; 1 is right."""
    space, objective = CASES[name]
    pool = np.sort([objective(draw_params(space, 99, i)) for i in range(POOL)])
    factors: dict[str, list[float]] = {"surrogate": [], "nearest": [], "shuffled": []}
    seconds = []
    for seed in range(n_seeds):
        history = _learned(space, objective, n_trials, seed)
        request = InsightRequest(space, ("minimize",), history)
        seconds.append(_cpu_s(partial(regret, request)))
        found = regret(request)
        assert isinstance(found, Regret)
        nearest = np.sort(_nearest(request))
        for k in (5, 20, n_trials):
            place = found.n_finished.index(k)
            said = {
                "surrogate": found.random.mean[place],
                "shuffled": found.shuffled.mean[place],
                "nearest": _expected_best(nearest, k),
            }
            for way, value in said.items():
                factors[way].append(_as_many(pool, value) / k)
    summary = {
        way: [round(float(q), 2) for q in np.quantile(found, [0.25, 0.5, 0.75])] for way, found in factors.items()
    }
    return {
        "case": name,
        "n_trials": n_trials,
        "factor_quartiles": summary,
        "cpu_s": round(float(np.median(seconds)), 3),
    }


VALUES: Mapping[str, Callable[[np.random.Generator, int], Floats]] = {
    "uniform": lambda rng, n: rng.random(n),
    "chi squared": lambda rng, n: rng.chisquare(6, n),
    "heavy-tailed": lambda rng, n: np.exp(2 * rng.normal(size=n)),
    "coarse": lambda rng, n: np.round(rng.beta(2, 5, n), 2),
}


def _heard(name: str, n_studies: int) -> dict[str, Any]:
    """Return in how many of 100 random searches of 20 to 200 trials a rule speaks that should not."""
    rng, space = np.random.default_rng(0), parse_space({"a": UNIT})
    heard = Counter[str]()
    for n_trials in (20, 50, 100, 200):
        for _ in range(n_studies):
            values = VALUES[name](rng, n_trials).tolist()
            history = [PastTrial(i, "COMPLETE", {"a": 0.5}, (value,)) for i, value in enumerate(values)]
            study = look(AdviceRequest(space, ("minimize",), history))
            heard.update(one.kind for one in (*larger_budget(study), *converged(study)))
    percent = {kind: round(100 * heard[kind] / (4 * n_studies), 2) for kind in ("larger_budget", "converged")}
    return {"values": name, "n_studies": 4 * n_studies, "percent": percent}


def _learned(space: SearchSpace, objective: Objective, n_trials: int, seed: int) -> list[PastTrial]:
    history: list[PastTrial] = []
    for i in range(n_trials):
        asked = TpeSampler().suggest(SuggestRequest(space, ("minimize",), seed, i, history=history))
        assert asked is not None
        history.append(PastTrial(i, "COMPLETE", asked.params, (objective(asked.params),)))
    return history


def _nearest(request: InsightRequest) -> Floats:
    """Return what random points come to if each counts as the trial nearest to it (Gower's distance)."""
    table = tabulate(request)
    points = np.array([units_of(request.space, draw_params(request.space, 7, i)) for i in range(2_000)])
    apart = np.abs(points[:, None] - table.units[None])  # (m, n, d)
    apart[..., table.is_choice] = apart[..., table.is_choice] > 1e-9
    nearest: Floats = table.losses[apart.sum(axis=2).argmin(axis=1), 0]
    return nearest


def _expected_best(ordered: Floats, k: int) -> float:
    chance_worse = (1 - np.arange(len(ordered) + 1) / len(ordered)) ** k
    return float(-np.diff(chance_worse) @ ordered)


def _as_many(pool: Floats, value: float) -> float:
    """Return how many random trials have `value` as their expected best."""
    counts = np.unique(np.geomspace(1, POOL, 200).round().astype(np.int64))
    expected = [_expected_best(pool, int(k)) for k in counts]
    return float(np.interp(-value, -np.array(expected), counts))


def _cpu_s(work: Callable[[], object]) -> float:
    started_at = time.process_time()
    work()
    return round(time.process_time() - started_at, 3)


if __name__ == "__main__":
    typer.run(main)

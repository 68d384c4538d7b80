"""Which sampler `bayesian` chooses, and that it says so."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from search.errors import SamplerError
from search.samplers.bayesian import MAX_GP_COLUMNS, MAX_GP_TRIALS, BayesianSampler, choose
from search.samplers.random import draw_params
from search.samplers.sobol import sobol_params
from search.space import SearchSpace, parse_space
from search.types import Direction, PastTrial, SuggestRequest
from tests.unit.search.spaces import MIXED, TREE

BAYESIAN = BayesianSampler()
NUMERIC = parse_space({"x": {"type": "float", "low": 0, "high": 1}, "y": {"type": "int", "low": 1, "high": 9}})


def request(space: SearchSpace, n: int, directions: tuple[Direction, ...] = ("minimize",)) -> SuggestRequest:
    values = tuple(0.5 for _ in directions)
    history = [PastTrial(i, "COMPLETE", draw_params(space, 3, i), values) for i in range(n)]
    return SuggestRequest(space, directions, 7, n, history=history)


@pytest.mark.parametrize(
    ("space", "n_trials", "n_objectives", "chosen"),
    [
        (MIXED, 0, 1, "gp"),
        (TREE, MAX_GP_TRIALS, 1, "gp"),
        (NUMERIC, MAX_GP_TRIALS + 1, 1, "cmaes"),
        (MIXED, MAX_GP_TRIALS + 1, 1, "tpe"),
        (TREE, MAX_GP_TRIALS + 1, 1, "tpe"),
        (MIXED, 20, 3, "gp"),
        (MIXED, MAX_GP_TRIALS + 1, 2, "nsga2"),
        (MIXED, 20, 4, "nsga3"),
    ],
)
def test_the_choice_fits_space_objectives_and_trials(
    space: SearchSpace, n_trials: int, n_objectives: int, chosen: str
) -> None:
    directions: tuple[Direction, ...] = ("minimize", "maximize", "minimize", "maximize")
    asked = request(space, n_trials, directions[:n_objectives])
    choice = choose(asked)
    assert choice.sampler.name == chosen
    suggestion = BAYESIAN.suggest(asked)
    assert suggestion.note.endswith(f"; {choice.reason}")
    assert space.check(suggestion.params) == suggestion.params
    assert BAYESIAN.cost(asked) == choice.sampler.cost(asked)


def test_a_great_many_parameters_are_for_the_parzen_estimator() -> None:
    wide = parse_space({f"x{i}": {"type": "float", "low": 0, "high": 1} for i in range(MAX_GP_COLUMNS + 1)})
    assert choose(request(wide, 20)).sampler.name == "tpe"
    single = {f"f{i}": {"type": "fixed", "value": i} for i in range(MAX_GP_COLUMNS + 1)}
    assert choose(request(parse_space({**NUMERIC.to_json(), **single}), 20)).sampler.name == "gp"


def test_it_starts_quasi_randomly_and_obeys_its_option() -> None:
    asked = request(MIXED, 9)
    started = BAYESIAN.suggest(asked)
    assert started.params == sobol_params(MIXED, 7, 9)
    assert started.note.startswith("sobol (9 of 10 start-up trials are finished); GP for up to")
    early = BAYESIAN.suggest(replace(asked, options={"n_startup_trials": 9}))
    assert early.note.startswith("GP over 9 finished and 0 running trials")


@pytest.mark.parametrize(
    ("n_finished", "n_running", "is_learning"),
    [(5, 5, True), (5, 4, False), (4, 9, False), (9, 0, False), (10, 0, True), (3, 7, False)],
)
def test_half_of_the_start_may_still_run(n_finished: int, n_running: int, is_learning: bool) -> None:
    asked = request(MIXED, n_finished)
    running = [PastTrial(40 + i, "RUNNING", draw_params(MIXED, 3, 40 + i)) for i in range(n_running)]
    asked = replace(asked, number=60, history=[*asked.history, *running])
    beginning = f"GP over {n_finished} finished" if is_learning else f"sobol ({n_finished} of 10 start-up trials"
    assert BAYESIAN.suggest(asked).note.startswith(beginning)
    assert BAYESIAN.cost(asked) == ("slow" if is_learning else "instant")


def test_trials_that_fail_or_do_not_fit_are_no_start() -> None:
    asked = request(MIXED, 8)
    others = [
        PastTrial(20, "FAIL", draw_params(MIXED, 3, 20)),
        PastTrial(21, "COMPLETE", {"learning_rate": 0.01}, (1.0,)),
        PastTrial(22, "PRUNED", draw_params(MIXED, 3, 22)),
    ]
    history = [*asked.history, *others]
    assert BAYESIAN.suggest(replace(asked, history=history)).note.startswith("sobol (8 of 10")


def test_an_empty_space_is_refused() -> None:
    BAYESIAN.check(MIXED, 10)
    with pytest.raises(SamplerError) as caught:
        BAYESIAN.suggest(SuggestRequest(parse_space({}), ("minimize",), 7, 0))
    assert (caught.value.code, caught.value.field) == ("empty_space", "search_space")


def test_a_space_of_single_values_has_one_point() -> None:
    single = parse_space({"a": {"type": "fixed", "value": 3}, "b": {"type": "int", "low": 4, "high": 4}})
    assert BAYESIAN.suggest(request(single, 20)).params == {"a": 3, "b": 4}


REPOSITORY = Path(__file__).parents[3]
REPLAY = """
import sys
from search.samplers.bayesian import BayesianSampler
from tests.unit.search.test_bayesian import MIXED, request
print(BayesianSampler().suggest(request(MIXED, 40)))
assert "torch" not in sys.modules and "scipy.stats" not in sys.modules
"""


def test_another_process_suggests_the_same_and_needs_no_torch() -> None:
    here = BAYESIAN.suggest(request(MIXED, 40))
    for threads in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", REPLAY],
            cwd=REPOSITORY,
            env={"PYTHONHASHSEED": threads, "OPENBLAS_NUM_THREADS": threads},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=240,
        )
        assert there.stdout.strip() == str(here)

"""What the Parzen estimator makes of the trials it has seen."""

from __future__ import annotations

import logging
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import TrialState

from search.errors import SamplerError
from search.parameters import ParamValue
from search.samplers.random import draw_params
from search.samplers.seen import to_frozen_trials
from search.samplers.sobol import sobol_params
from search.samplers.tpe import TpeSampler
from search.space import SearchSpace, parse_space
from search.types import PastTrial, SuggestRequest
from tests.unit.search.spaces import MIXED

TPE = TpeSampler()
Value = Callable[[dict[str, ParamValue]], float]
LINE = parse_space({"x": {"type": "float", "low": 0, "high": 1}})


def finished(n: int, space: SearchSpace = MIXED, value: Value | None = None) -> list[PastTrial]:
    """Make `n` completed trials at random points; by default the value is that of `dropout`."""
    history = []
    for number in range(n):
        params = draw_params(space, 3, number)
        outcome = value(params) if value else float(str(params.get("dropout", 0)))
        history.append(PastTrial(number, "COMPLETE", params, (outcome,)))
    return history


def on_line(x: object) -> float:
    assert isinstance(x, float)
    return x


def ask(space: SearchSpace, history: list[PastTrial], seed: int = 7, number: int = 1000) -> dict[str, ParamValue]:
    return TPE.suggest(SuggestRequest(space, ("minimize",), seed, number, history=history)).params


def test_it_starts_quasi_randomly() -> None:
    for n in (0, 9):
        suggestion = TPE.suggest(SuggestRequest(MIXED, ("minimize",), 7, n, history=finished(n)))
        assert suggestion.params == sobol_params(MIXED, 7, n)
        assert suggestion.note == f"sobol ({n} of 10 start-up trials are finished)"
    learned = TPE.suggest(SuggestRequest(MIXED, ("minimize",), 7, 10, history=finished(10)))
    assert learned.params != sobol_params(MIXED, 7, 10)
    assert learned.note == "TPE over 10 finished and 0 running trials"


def test_its_options_are_obeyed() -> None:
    request = SuggestRequest(MIXED, ("minimize",), 7, 10, history=finished(10), options={"n_startup_trials": 11})
    assert TPE.suggest(request).params == sobol_params(MIXED, 7, 10)
    few, many = (
        [abs(on_line(TPE.suggest(replace(line, number=n)).params["x"]) - 0.5) for n in range(40, 80)]
        for line in (
            SuggestRequest(LINE, ("minimize",), 7, 0, history=peak(), options={"n_candidates": 1}),
            SuggestRequest(LINE, ("minimize",), 7, 0, history=peak(), options={"n_candidates": 200}),
        )
    )
    assert sum(many) < 0.8 * sum(few)


def peak(n: int = 40) -> list[PastTrial]:
    return finished(n, LINE, lambda params: abs(on_line(params["x"]) - 0.5))


def negated(history: list[PastTrial]) -> list[PastTrial]:
    return [replace(trial, values=tuple(-value for value in trial.values or ())) for trial in history]


def test_it_goes_where_values_are_good() -> None:
    distances = [abs(on_line(ask(LINE, peak(), number=number)["x"]) - 0.5) for number in range(100, 120)]
    assert sorted(distances)[10] < 0.08  # random search: 0.25
    away = [abs(on_line(ask(LINE, negated(peak()), number=number)["x"]) - 0.5) for number in range(100, 120)]
    assert sorted(away)[10] > 0.4


def test_directions_are_obeyed() -> None:
    history = peak()
    maximize = TPE.suggest(SuggestRequest(LINE, ("maximize",), 7, 1000, history=negated(history)))
    assert maximize.params == ask(LINE, history)


def test_running_trials_keep_the_next_ones_away() -> None:
    """Eight asks at once, each told of the ones before, spread wider than eight that know nothing of each other."""
    history = peak()
    together: list[PastTrial] = []
    for number in range(100, 108):
        together.append(PastTrial(number, "RUNNING", ask(LINE, history + together, number=number)))
    crowd = [PastTrial(200 + i, "RUNNING", {"x": 0.5 + (i - 10) / 500}) for i in range(20)]
    apart = [abs(on_line(ask(LINE, history + crowd, number=number)["x"]) - 0.5) for number in range(100, 120)]
    alone = [abs(on_line(ask(LINE, history, number=number)["x"]) - 0.5) for number in range(100, 120)]
    assert len({trial.params["x"] for trial in together}) == 8
    assert sum(apart) > 2 * sum(alone)


def test_waiting_trials_do_not_count() -> None:
    history = peak()
    extra = [PastTrial(500 + i, "WAITING", {"x": 0.5}) for i in range(10)]
    assert ask(LINE, history + extra) == ask(LINE, history)


def test_it_avoids_where_trials_failed() -> None:
    """Right of 0.5 everything failed; left of it values are equal, so only the failures can be learned."""
    history = [
        replace(trial, state="FAIL", values=None) if on_line(trial.params["x"]) > 0.5 else trial
        for trial in finished(60, LINE, lambda params: 0.0)
    ]
    drawn = [on_line(ask(LINE, history, number=number)["x"]) for number in range(100, 120)]
    assert sum(x > 0.55 for x in drawn) <= 2


def test_it_keeps_constraints_on_outcomes() -> None:
    """The value falls towards 1, but a constraint on the outcome breaks right of 0.6."""
    history = [
        replace(trial, values=(-on_line(trial.params["x"]),), constraints=(on_line(trial.params["x"]) - 0.6,))
        for trial in finished(60, LINE)
    ]
    drawn = sorted(on_line(ask(LINE, history, number=number)["x"]) for number in range(100, 121))
    assert 0.45 < drawn[10] < 0.62


def test_trials_that_do_not_fit_the_space_do_not_count() -> None:
    history = peak()
    misfits: list[PastTrial] = [
        PastTrial(500, "COMPLETE", {"x": 2.0}, (0.0,)),
        PastTrial(501, "COMPLETE", {"y": 0.5}, (0.0,)),
        PastTrial(502, "COMPLETE", {"x": "a"}, (0.0,)),
        PastTrial(503, "COMPLETE", {"x": 0.5}, (0.0, 1.0)),
        PastTrial(504, "COMPLETE", {"x": 0.5}, None),
    ]
    assert ask(LINE, history + misfits) == ask(LINE, history)
    fitting = PastTrial(505, "COMPLETE", {"x": 0.5, "removed": 3}, (0.0,))
    assert ask(LINE, [*history, fitting]) != ask(LINE, history)


def test_the_trial_that_asks_is_not_its_own_history() -> None:
    history = peak()
    request = SuggestRequest(LINE, ("minimize",), 7, 1000, history=history)
    own = [PastTrial(1000, "RUNNING", {"x": 0.5})] * 20
    assert TPE.suggest(replace(request, history=history + own)) == TPE.suggest(request)


def test_the_order_of_the_history_does_not_matter() -> None:
    history = [*peak(), PastTrial(60, "RUNNING", {"x": 0.5})]
    assert ask(LINE, history[::-1]) == ask(LINE, history)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_it_avoids_where_training_blew_up(bad: float) -> None:
    """Right of 0.5 everything diverges; left of it values are equal, so only the divergence can be learned."""
    history = finished(60, LINE, lambda params: bad if on_line(params["x"]) > 0.5 else 0.0)
    drawn = [on_line(ask(LINE, history, number=number)["x"]) for number in range(100, 120)]
    assert sum(x > 0.55 for x in drawn) <= 2


def test_pruned_trials_rank_behind_complete_ones_by_their_last_step() -> None:
    frozen = to_frozen_trials(
        LINE, ("maximize",), [PastTrial(4, "PRUNED", {"x": 0.1}, None, {3: 0.7, 9: 0.2, 0: 0.9})], 1000
    )
    assert [(t.number, t.state, t.intermediate_values) for t in frozen] == [(4, TrialState.PRUNED, {9: 0.2})]
    pruned = [PastTrial(i, "PRUNED", {"x": i / 60}, None, {5 if 20 <= i < 30 else 1: 0.5}) for i in range(60)]
    # Those from 1/3 to 1/2 got furthest; a random draw lies 0.24 from their middle in the median.
    distances = sorted(abs(on_line(ask(LINE, pruned, number=number)["x"]) - 5 / 12) for number in range(100, 121))
    assert distances[10] < 0.1


def test_several_objectives_are_searched_by_dominance() -> None:
    """Both objectives fall towards 0.5 from either side, so the front is the line's middle."""

    def values(x: float) -> tuple[float, float]:
        return (abs(x - 0.45), -abs(x - 0.55))

    history = [
        PastTrial(i, "COMPLETE", params, values(on_line(params["x"])))
        for i in range(60)
        for params in [draw_params(LINE, 3, i)]
    ]
    history.append(PastTrial(60, "PRUNED", {"x": 0.9}, None, {0: 1.0}))
    history.append(PastTrial(61, "COMPLETE", {"x": 0.9}, (math.nan, math.inf)))
    asks = [
        TPE.suggest(SuggestRequest(LINE, ("minimize", "maximize"), 7, number, history=history)).params["x"]
        for number in range(100, 121)
    ]
    assert sorted(abs(on_line(x) - 0.5) for x in asks)[10] < 0.12  # random search: 0.25


def test_a_pinned_parameter_keeps_its_value() -> None:
    space = parse_space({**LINE.to_json(), "y": {"type": "int", "low": 4, "high": 4}})
    params = ask(space, finished(20, space, lambda params: on_line(params["x"])))
    assert params["y"] == 4
    assert 0 <= on_line(params["x"]) <= 1
    pinned = parse_space({"y": {"type": "int", "low": 4, "high": 4}})
    assert ask(pinned, finished(20, pinned)) == {"y": 4}


def test_an_empty_space_is_refused() -> None:
    TPE.check(LINE, 10)
    with pytest.raises(SamplerError) as caught:
        TPE.check(parse_space({}), 10)
    assert (caught.value.code, caught.value.field) == ("empty_space", "search_space")


def test_asking_is_quiet(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(MIXED, finished(30))
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


REPOSITORY = Path(__file__).parents[3]
REPLAY = """
from search.samplers.tpe import TpeSampler
from tests.unit.search.test_tpe import MIXED, SuggestRequest, finished
print(TpeSampler().suggest(SuggestRequest(MIXED, ("minimize",), 7, 40, history=finished(40))))
"""


def test_another_process_suggests_the_same() -> None:
    here = TPE.suggest(SuggestRequest(MIXED, ("minimize",), 7, 40, history=finished(40)))
    for hash_seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", REPLAY],
            cwd=REPOSITORY,
            env={"PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=120,
        )
        assert there.stdout.strip() == str(here)

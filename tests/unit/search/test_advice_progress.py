"""Advice on how long to go on: studies that still improve, studies that have settled, and their twins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from search.advice import Advice, AdviceRequest, advise
from search.space import parse_space
from search.types import Direction, PastTrial

SPACE = parse_space({"a": {"type": "float", "low": 0, "high": 1}})
SETTLED = [*(1 / (i + 1) for i in range(20)), *(0.0501 + 0.0001 * (i % 7) for i in range(45))]


def of_kind(
    losses: Sequence[float], kind: str, direction: Direction = "minimize", n_trials: int | None = None
) -> Advice | None:
    """Return the advice of a kind on a study with these losses."""
    sign = 1 if direction == "minimize" else -1
    history = [PastTrial(i, "COMPLETE", {"a": 0.5}, (sign * loss,)) for i, loss in enumerate(losses)]
    found = advise(AdviceRequest(SPACE, (direction,), history, n_trials=n_trials))
    return next((one for one in found if one.kind == kind), None)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_late_improvements_want_a_larger_budget(direction: Direction) -> None:
    advice = of_kind([1 / (i + 1) ** 3 for i in range(24)], "larger_budget", direction, n_trials=24)
    assert advice is None, "each improves by less than is worth it"
    falling = [1 - i / 24 for i in range(24)]
    advice = of_kind(falling, "larger_budget", direction, n_trials=24)
    assert advice is not None
    assert advice.numbers == {"n_trials": 24, "n_improvements": 6, "last_improvement": 23}
    assert [(change.field, change.value) for change in advice.changes] == [("budget.n_trials", 48)]


def test_a_budget_that_is_not_used_up_is_large_enough() -> None:
    falling = [1 - i / 24 for i in range(24)]
    assert of_kind(falling, "larger_budget", n_trials=100) is None
    assert of_kind(falling, "larger_budget", n_trials=26) is not None
    without = of_kind(falling, "larger_budget")
    assert without is not None
    assert without.changes == ()


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_settled_search_has_converged(direction: Direction) -> None:
    advice = of_kind(SETTLED, "converged", direction)
    assert advice is not None
    assert advice.numbers["best_number"] == 19
    assert advice.numbers["n_since"] == 45
    assert of_kind(SETTLED[:39], "converged", direction) is None, "too few to say"
    assert of_kind([*SETTLED[:40], 0.01, *SETTLED[40:]], "converged", direction) is None, "it was improved"
    assert of_kind([*SETTLED[:45], *(0.3 for _ in range(15))], "converged", direction) is None, "it still looks around"


def test_random_search_hears_neither() -> None:
    rng = np.random.default_rng(0)
    heard = {"larger_budget": 0, "converged": 0}
    for _ in range(100):
        losses = rng.random(60).tolist()
        for kind in heard:
            heard[kind] += of_kind(losses, kind) is not None
    assert heard["larger_budget"] <= 6
    assert heard["converged"] == 0


@pytest.mark.parametrize("value", [1.0, math.nan, math.inf])
def test_without_differences_neither_is_said(value: float) -> None:
    for kind in ("larger_budget", "converged"):
        assert of_kind([value] * 60, kind) is None
        assert of_kind([value] * 30 + [0.5] * 30, kind) is None


def test_trials_that_break_a_constraint_are_no_improvement() -> None:
    falling = [PastTrial(i, "COMPLETE", {"a": 0.5}, (1 - i / 24,)) for i in range(24)]
    broken = [*falling[:18], *(replace(trial, constraints=(0.5,)) for trial in falling[18:])]
    for history, is_heard in ((falling, True), (broken, False)):
        kinds = {one.kind for one in advise(AdviceRequest(SPACE, ("minimize",), history))}
        assert ("larger_budget" in kinds) is is_heard


def test_several_objectives_hear_neither() -> None:
    history = [PastTrial(i, "COMPLETE", {"a": 0.5}, (1 - i / 60, 1.0)) for i in range(60)]
    kinds = {one.kind for one in advise(AdviceRequest(SPACE, ("minimize", "minimize"), history))}
    assert not kinds & {"larger_budget", "converged"}

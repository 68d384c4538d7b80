"""What an asker answers when a sampler cannot: a random draw that says why, or why there is none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from api.asks.asker import Asker, is_slow, shared_names
from api.asks.plans import Plan, _plan
from api.schemas.studies import StudyCreate
from api.services.specs import complete_spec
from search.errors import SamplerError
from search.samplers.random import RandomSampler
from search.types import PastTrial, Suggestion, SuggestRequest
from tests.servers.api import a_study


class Failing(RandomSampler):
    """Learns, says what its ask costs, and fails as it is told to."""

    learns = True  # type: ignore[misc]

    def __init__(self, error: Exception) -> None:
        self.error = error

    def suggest(self, request: SuggestRequest) -> Suggestion:
        raise self.error

    def suggest_batch(self, request: SuggestRequest, q: int, shared: Collection[str] = ()) -> list[Suggestion]:
        raise self.error


def plan_for(**changes: object) -> Plan:
    spec = complete_spec(StudyCreate.model_validate(a_study("s", **changes)))
    return _plan(spec.model_dump_json())


def request(plan: Plan, n_finished: int = 0) -> SuggestRequest:
    params = {"learning_rate": 0.01}
    history = [PastTrial(number=k, state="COMPLETE", params=params, values=(0.5,)) for k in range(n_finished)]
    return SuggestRequest(plan.space, plan.directions, seed=7, number=n_finished, cell=n_finished, history=history)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SamplerError("refused", "there is no way", "sampler"), "there is no way"),
        (ZeroDivisionError("by zero"), "the sampler failed: ZeroDivisionError: by zero"),
    ],
)
def test_a_sampler_that_fails_is_replaced_by_a_random_draw(error: Exception, reason: str, n: int) -> None:
    plan = plan_for()
    answer = Asker().ask(replace(plan, sampler=Failing(error)), 1, request(plan), n, 1.0)
    (drawn,) = answer.suggestions
    expected = RandomSampler().suggest(request(plan))
    assert drawn.params == expected.params
    assert drawn.note == f"random, because there was no answer of the sampler: {reason}"
    assert (answer.fallback, answer.failure, answer.is_batch) == (reason, "", False)


def test_a_sampler_that_works_is_not(caplog: pytest.LogCaptureFixture) -> None:
    plan = plan_for()
    answer = Asker().ask(plan, 1, request(plan), 1, 1.0)
    assert list(answer.suggestions) == [RandomSampler().suggest(request(plan))]
    assert answer.fallback == ""
    assert not caplog.records


def test_where_not_even_a_random_draw_fits_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_sampler: object, _request: SuggestRequest) -> Suggestion:
        raise SamplerError("constraints_too_tight", "nothing satisfies them", "constraints")

    monkeypatch.setattr(RandomSampler, "suggest", refuse)
    plan = plan_for()
    answer = Asker().ask(plan, 1, request(plan), 1, 1.0)
    assert (answer.suggestions, answer.failure) == ((), "nothing satisfies them")


def test_many_points_of_a_long_history_are_slow() -> None:
    plan = plan_for(sampler={"name": "tpe", "seed": 1})
    assert not is_slow(plan.sampler, request(plan, 100))
    assert not is_slow(plan.sampler, request(plan, 100), 10)
    assert is_slow(plan.sampler, request(plan, 101), 10)
    random = plan_for()
    assert not is_slow(random.sampler, request(random, 2000), 10)


def test_shared_names_are_those_that_decide_which_trials_train_together() -> None:
    space = {
        "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
        "dropout": {"type": "float", "low": 0.0, "high": 0.5},
        "activation": {"type": "categorical", "choices": ["relu", "tanh"]},
        "widths": {
            "type": "list",
            "length": {"low": 1, "high": 2},
            "each": {"type": "int", "low": 16, "high": 32, "step": 16},
        },
    }
    assert shared_names(plan_for(search_space=space)) == ("activation", "widths.1", "widths.2", "widths.length")
